//! The configuration: one struct per section, every key with a default and a doc, unknown keys are errors.
//!
//! The embedded default file ([`DEFAULT`]) is the documentation; a test holds it against the structs.

mod check;
mod cluster;
mod license;
mod receiver;
mod sources;
mod store;
mod web;

pub use check::{ConfigError, load, parse};
pub use cluster::{Cluster, Node};
pub use license::{Feeds, License};
pub use receiver::{Receiver, ReceiverType, Secret, Tls};
pub use sources::{FileSource, Listener, Sources};
pub use store::Store;
pub use web::Web;

use serde::{Deserialize, Serialize};

/// The default configuration, documented.
pub const DEFAULT: &str = include_str!("default.toml");

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[license]`
    pub license: License,
    /// `[feeds]`
    pub feeds: Feeds,
    /// `[sources]`
    pub sources: Sources,
    /// `[web]`
    pub web: Web,
    /// `[store]`
    pub store: Store,
    /// `[[cluster]]`
    pub cluster: Vec<Cluster>,
    /// `[[receiver]]`
    pub receiver: Vec<Receiver>,
}
