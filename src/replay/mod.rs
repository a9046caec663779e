//! The whole engine over a timeline in virtual time: what `run` would have told.

mod log_file;
mod rows;
mod timeline;

pub use rows::{Reader, Row, read};
pub use timeline::Timeline;
