//! What tests, benches and fuzz targets share (feature `testing`). Not part of the interface: it may change at any time.

pub mod checksum;
pub mod corpus;
pub mod dialect;
pub mod fuzz;
pub mod random;

pub use dialect::{Alarm, Dialect};
pub use random::Random;
