//! Whether the nodes of a cluster work, and whether their feeds are heard.

pub(crate) mod evidence;
pub(crate) mod feed;
pub(crate) mod node;
pub(crate) mod watch;
