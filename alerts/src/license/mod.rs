//! Smart Licensing of one cluster: the stages, what releases differ in, and the usage model.

pub mod authorization;
pub mod episode;
pub(crate) mod lines;
pub(crate) mod machine;
pub mod profile;
pub mod stage;
pub(crate) mod state;
pub(crate) mod telling;
pub(crate) mod tracker;
pub mod usage;
pub(crate) mod usage_feed;
