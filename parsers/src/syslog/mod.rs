//! Syslog envelopes: what stands around a message.

pub mod envelope;
pub mod pri;
pub(crate) mod rfc3164;
pub mod rfc5424;

pub use envelope::{DiskMark, Envelope, EnvelopeFormat};
pub use pri::Pri;
pub use rfc5424::StructuredData;
