//! The ccxwatch process: everything that touches the world.

pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
mod demo;
pub mod metrics;
pub mod notify;
pub mod pipeline;
pub mod process;
pub mod replay;
mod service_manager;
pub mod sources;
pub mod step;
pub mod store;
pub mod terminal;
pub mod web;
