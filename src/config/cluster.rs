//! `[[cluster]]`: which nodes belong together, on which release, in which zone.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr};
use toml::Spanned;

/// One UCCX cluster.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its name, unique: in alerts, mails, metrics.
    pub name: Spanned<String>,
    /// Earlier names whose state it takes over.
    #[serde(default)]
    pub former_names: Vec<String>,
    /// `12.5(1)`, `12.5(1)SU1`, `12.5(1)SU2`, `12.5(1)SU3` or `15.0`. Empty: not known.
    #[serde(default)]
    pub release: String,
    /// The IANA zone that its clocks show where a line does not say.
    #[serde(default = "utc")]
    pub timezone: Spanned<String>,
    /// Licenses bought, where known: use near it warns.
    #[serde(default)]
    pub purchased: Option<u32>,
    /// Labels of all its alerts, for routes and outside tools. At most 32.
    #[serde(default)]
    pub labels: BTreeMap<String, Spanned<String>>,
    /// `[[cluster.node]]`
    #[serde(default)]
    pub node: Vec<Node>,
}

/// One node of a cluster.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// `NodeID` as its lines print it.
    pub id: Spanned<String>,
    /// The addresses that its syslog comes from.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// `publisher` or `subscriber`; shown only.
    #[serde(default)]
    pub role: String,
}

fn utc() -> Spanned<String> {
    Spanned::new(0..0, "UTC".to_owned())
}
