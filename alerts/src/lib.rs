//! Facts to state to alerts to who is told. No I/O, no clock, no tokio: time is an argument.

#![forbid(unsafe_code)]

pub mod alert;
mod cluster;
mod context;
mod copies;

pub mod engine;
pub mod fact;
pub mod families;
mod hold;
pub mod input;
mod intake;
pub mod interest;
pub mod license;
pub mod limits;
mod mapping;
pub mod matcher;
pub mod notification;
pub mod now;
mod reload;
mod roster;
pub mod routing;
pub mod rules;
pub mod saved;
pub mod senders;
mod service;
pub mod settings;
pub mod signal;
mod texts;
mod timer;
mod timing;
pub mod view;
