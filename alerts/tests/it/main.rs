//! The engine through its public interface.

mod feeds;
mod lines;
mod mapping;
mod scenarios;
mod service;
mod site;
mod stages;
mod time;
mod usage;
