//! The life of an alert: when it fires, when somebody is told, what mutes it, how it ends.

pub mod schedule;
pub mod settings;
