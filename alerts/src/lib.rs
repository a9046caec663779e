//! Facts to state to alerts to who is told. No I/O, no clock, no tokio: time is an argument.

#![forbid(unsafe_code)]

pub mod engine;
pub mod fact;
pub mod input;
pub mod notification;
pub mod now;
pub mod settings;
