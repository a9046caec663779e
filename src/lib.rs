//! The ccxwatch process: everything that touches the world.

pub mod clock;
pub mod config;
pub mod sources;
pub mod store;
