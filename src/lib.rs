//! The ccxwatch process: everything that touches the world.

pub mod clock;
pub mod config;
pub mod metrics;
pub mod notify;
pub mod sources;
pub mod store;
pub mod web;
