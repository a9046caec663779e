//! Byte streams to frames.

pub(crate) mod auto;
pub mod error;
pub mod framer;
pub(crate) mod lf;
pub(crate) mod nul;
pub(crate) mod octet_counting;

pub use error::FramingError;
pub use framer::{Frame, Framer, Mode};
