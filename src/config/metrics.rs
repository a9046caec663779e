//! `[metrics]`: what `/metrics` shows of the clusters.

use serde::{Deserialize, Serialize};

/// What `/metrics` shows of the clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Which clusters have series of their own.
    pub detail: Detail,
}

/// Which clusters have series of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// All of them.
    #[default]
    All,
    /// Those that need a look; of the others only that they are there, and when they were last heard.
    NotQuiet,
}
