//! Parsers for Cisco UC syslog, traces and RTMT alerts: bytes to frames to records.

#![forbid(unsafe_code)]

mod bytes;
pub mod ciscolog;
pub mod defect;
pub mod framing;
pub mod license;
pub mod record;
pub mod rtmt;
pub mod severity;
pub mod stamp;
mod swar;
pub mod syslog;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
pub mod trace;
pub mod triage;
#[cfg(feature = "json")]
pub mod vector_json;

pub use ciscolog::{Event, Form, Params};
pub use defect::{Defect, Defects};
pub use license::{LicenseEvent, LicenseEventKind};
pub use record::{Record, parse};
pub use severity::Severity;
pub use stamp::{Accuracy, Resolved, Stamp, Zone};
pub use syslog::{DiskMark, Envelope, EnvelopeFormat, Pri, StructuredData};
pub use triage::{Triage, triage};
