//! `[store]`: where state is kept.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::Spanned;

/// Where state is kept.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The data directory. It is made, readable by this user only, where it does not exist.
    pub path: Spanned<PathBuf>,
    /// Days that the history is kept.
    pub history_days: u32,
}

impl Default for Store {
    fn default() -> Self {
        Self { path: Spanned::new(0..0, PathBuf::from("ccxwatch-data")), history_days: 400 }
    }
}
