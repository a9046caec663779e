//! What outsiders see of the engine: the page, the API, the metrics and `replay --final`.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::net::IpAddr;

/// The soonest deadline of each clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// On the clock that never steps: compare with [`crate::now::Now::elapsed`].
    pub elapsed: Option<SignedDuration>,
    /// On the wall clock: what was more than 24 hours away when it was set.
    pub wall: Option<Timestamp>,
}

/// What a cluster is, for the page, the API, the metrics and `replay --final`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterView {
    /// Its name.
    pub name: String,
    /// `unknown`, `compliant`, `countdown`, `countdown_shortly`, `unconfirmed`, `out_of_compliance`, `enforcement_due`.
    pub stage: &'static str,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The end of the countdown.
    pub deadline: Option<Timestamp>,
    /// The day of enforcement.
    pub enforcement_at: Option<Timestamp>,
    /// Lines of evidence of the current episode, copies included.
    pub evidence: u64,
    /// Oddities.
    pub flags: Vec<String>,
    /// When any line of the cluster was last heard.
    pub last_heard: Option<Timestamp>,
    /// Who acknowledged the current stage, if anybody.
    pub acknowledged_by: Option<String>,
    /// The configured release.
    pub release: String,
    /// Whether the configuration names it (`unmapped:…` clusters are not).
    pub mapped: bool,
    /// Its nodes and when each was last heard.
    pub nodes: Vec<NodeView>,
}

/// One node of a [`ClusterView`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeView {
    /// Its id.
    pub id: String,
    /// Its addresses: the configured ones, or the one that an unmapped node sends from.
    pub addresses: Vec<IpAddr>,
    /// `publisher`, `subscriber` or empty.
    pub role: String,
    /// When any of its lines was last heard.
    pub last_heard: Option<Timestamp>,
    /// State of the CCX Engine: `in_service`, `partial_service`, `out_of_service`, `shut_down`, `unknown`.
    pub engine: &'static str,
    /// State of the Cluster View Daemon, likewise.
    pub cluster_view_daemon: &'static str,
}
