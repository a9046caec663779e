//! `[sources]`: listeners, files, and who may speak.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use toml::Spanned;

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sources {
    /// Networks whose syslog is taken. Loopback always is. Required for a listener beyond loopback.
    pub allowed_senders: Vec<IpNet>,
    /// Addresses that forward other nodes' lines.
    pub relays: Vec<IpAddr>,
    /// Lines a second that one sender may bring in the long run, of those that matter; license lines are free. 0: no limit.
    pub sender_budget: u32,
    /// `[[sources.udp]]`
    pub udp: Vec<Listener>,
    /// `[[sources.tcp]]`
    pub tcp: Vec<Listener>,
    /// `[[sources.file]]`
    pub file: Vec<FileSource>,
    /// Read standard input as well.
    pub stdin: bool,
}

/// A socket to listen on.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Address and port; port 0 takes a free one and says which.
    pub listen: Spanned<SocketAddr>,
}

/// Files to tail.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FileSource {
    /// A path or a glob.
    pub path: Spanned<String>,
    /// The node whose files these are: `NodeID` of a configured node.
    #[serde(default)]
    pub node: Option<Spanned<String>>,
}

impl Default for Sources {
    fn default() -> Self {
        let syslog = || Listener { listen: Spanned::new(0..0, SocketAddr::from(([127, 0, 0, 1], 5514))) };
        Self {
            allowed_senders: Vec::new(),
            relays: Vec::new(),
            sender_budget: 2_000,
            udp: vec![syslog()],
            tcp: vec![syslog()],
            file: Vec::new(),
            stdin: false,
        }
    }
}
