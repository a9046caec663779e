//! `[web]`: the page, the API and the metrics.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use toml::Spanned;

/// The page, the API and the metrics.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Address and port; port 0 takes a free one and says which.
    pub listen: Spanned<SocketAddr>,
    /// Host names beside addresses and `localhost` under which the page may be asked for.
    pub hosts: Vec<String>,
    /// Where people reach the page, for links in messages; empty where they cannot.
    pub external_url: Spanned<String>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: Spanned::new(0..0, SocketAddr::from(([127, 0, 0, 1], 9914))),
            hosts: Vec::new(),
            external_url: Spanned::new(0..0, String::new()),
        }
    }
}
