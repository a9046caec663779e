//! The engine through its public interface.

mod site;
mod stages;
