//! What the pipeline publishes for the page and the API after each step that changed something.

use crate::{
    notify::ReceiverHealth,
    store::{Reader, StoredAlert, StoredNotification},
};
use ccxwatch_alerts::{alert::AlertView, rules::mute::MutesView, senders::SenderView, view::ClusterView};
use jiff::{Timestamp, tz::TimeZone};
use std::{collections::BTreeMap, sync::Arc};

/// Everything that the page and the API show.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// The clusters, in any order.
    pub clusters: Vec<ClusterView>,
    /// Senders that are in no cluster.
    pub senders: Vec<SenderView>,
    /// The zones of the clusters, by their names; a cluster without one is shown in UTC only.
    pub time_zones: Arc<BTreeMap<String, TimeZone>>,
    /// The alerts, firing and last resolved.
    pub alerts: Vec<AlertView>,
    /// The alerts that ended last, the latest first.
    pub ended: Vec<StoredAlert>,
    /// What operators and the configuration mute.
    pub mutes: MutesView,
    /// Reads what is not in memory.
    pub history: Option<Reader>,
    /// The recent notifications, newest first, and what became of them.
    pub notifications: Vec<StoredNotification>,
    /// The receivers, in the order of the configuration.
    pub receivers: Vec<ReceiverHealth>,
    /// Whether the store takes no transactions.
    pub store_failing: bool,
    /// What the sources listen on and read: `listening udp 127.0.0.1:5514`, `tailing /var/log/…`.
    pub listening: Vec<String>,
}
