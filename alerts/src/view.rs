//! What outsiders see of the engine: the page, the API, the metrics and `replay --final`.

use core::net::IpAddr;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// The soonest deadline of each clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// On the clock that never steps: compare with [`crate::now::Now::elapsed`].
    pub elapsed: Option<SignedDuration>,
    /// On the wall clock: what was more than 24 hours away when it was set.
    pub wall: Option<Timestamp>,
}

impl Deadlines {
    /// The sooner of each.
    pub(crate) fn sooner(self, other: Self) -> Self {
        Self {
            elapsed: self.elapsed.into_iter().chain(other.elapsed).min(),
            wall: self.wall.into_iter().chain(other.wall).min(),
        }
    }
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
    /// Whole days until then; negative once it has passed.
    pub days_left: Option<i64>,
    /// License use, where a report or the configuration says something of it.
    pub usage: Option<UsageView>,
    /// `registered`, `expired`, …: [`crate::license::authorization::Registration`].
    pub registration: &'static str,
    /// Since when, by the first line that said so.
    pub registration_since: Option<Timestamp>,
    /// `in_compliance`, `evaluation`, …: [`crate::license::authorization::Authorization`].
    pub authorization: &'static str,
    /// Since when, by the first line of the license manager that said so.
    pub authorization_since: Option<Timestamp>,
    /// When provisioning is restricted, where the license manager says that an overage period runs or is over.
    pub restriction_at: Option<Timestamp>,
    /// More than one node says that it is the master.
    pub island_mode: bool,
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

/// License use of a [`ClusterView`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UsageView {
    /// The time of the last report.
    pub at: Option<Timestamp>,
    /// Licenses in use, by the last report that said so.
    pub used: Option<u32>,
    /// Licenses bought.
    pub purchased: Option<u32>,
    /// The peak that is reported instead of the real use, while it is locked.
    pub locked: Option<u32>,
    /// Licenses to buy to be covered.
    pub deficit: Option<u32>,
    /// `compliant`, `over`, `out_of_compliance`.
    pub state: &'static str,
}

/// One way that the lines of a [`NodeView`] come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeedView {
    /// `udp 10.20.0.5`, `file /srv/uccx/pub/MCVD/Cisco001MCVD001.log`.
    pub name: String,
    /// When it was last heard.
    pub last_heard: Timestamp,
    /// It is silent for longer than is usual.
    pub silent: bool,
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
    /// The ways that its lines come.
    pub feeds: Vec<FeedView>,
}
