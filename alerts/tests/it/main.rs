//! The engine through its public interface.

mod alarms;
mod feeds;
mod hostile;
mod labels;
mod life;
mod life_model;
mod lines;
mod mapping;
mod pairs;
mod properties;
mod reference;
mod rules;
mod scenarios;
mod service;
mod site;
mod stages;
mod time;
mod usage;
