//! `CiscoLog` messages and what Cisco UC makes of them.

pub mod event;
pub(crate) mod free_text;
pub(crate) mod head;
pub mod multipart;
pub(crate) mod tags;
pub(crate) mod text;
pub(crate) mod triplet;

pub use event::{Event, Form, Params};
