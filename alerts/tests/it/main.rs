//! The engine through its public interface.

mod lines;
mod site;
mod stages;
