//! The engine: the whole program's decisions on one screen.

use crate::{input::Input, notification::Notification, now::Now, settings::Settings};
use jiff::Timestamp;
use serde::Serialize;

/// What one step of the engine says to the world.
#[derive(Debug, Default)]
pub struct Outbox {
    /// To be told after the commit, in order.
    pub notifications: Vec<Notification>,
}

/// One row of saved state. The store keeps it under its key and does not look inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedRow {
    /// `cluster/<name>`, `engine`, …
    pub key: String,
    /// Versioned JSON; `None` deletes the row.
    pub json: Option<String>,
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
    /// `publisher`, `subscriber` or empty.
    pub role: String,
    /// When any of its lines was last heard.
    pub last_heard: Option<Timestamp>,
    /// State of the CCX Engine: `in_service`, `partial_service`, `out_of_service`, `shut_down`, `unknown`.
    pub engine: &'static str,
    /// State of the Cluster View Daemon, likewise.
    pub cluster_view_daemon: &'static str,
}

/// All state and all decisions.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new(settings: Settings, now: Now) -> Self {
        let _ = now;
        Self { settings }
    }

    /// One step: the input, then every deadline that is due.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let _ = (now, input, out, &self.settings);
    }
}
