//! Alerts of the Real-Time Monitoring Tool.

pub mod alert;
pub mod alert_log;
pub mod body;

pub use alert::Alert;
pub use alert_log::{Layout, Row};
pub use body::{Body, MatchedEvent, Shape};
