//! What the pipeline publishes for the page and the API after each step that changed something.

use ccxwatch_alerts::{
    alert::AlertView,
    notification::{Notification, Reason},
    view::ClusterView,
};
use ccxwatch_parsers::severity::Severity;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

/// Everything that the page and the API show.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// The clusters, in any order.
    pub clusters: Vec<ClusterView>,
    /// The zones of the clusters, by their names; a cluster without one is shown in UTC only.
    pub time_zones: Arc<BTreeMap<String, TimeZone>>,
    /// The alerts, firing and last resolved.
    pub alerts: Vec<AlertView>,
    /// The recent notifications, in any order.
    pub notifications: Vec<NotificationView>,
    /// The receivers, in the order of the configuration.
    pub receivers: Vec<ReceiverView>,
    /// Whether the store takes no transactions.
    pub store_failing: bool,
    /// What the sources listen on and read: `listening udp 127.0.0.1:5514`, `tailing /var/log/…`.
    pub listening: Vec<String>,
}

/// One notification and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NotificationView {
    /// When it was decided.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
    /// The alert's name.
    pub alertname: String,
    /// Whose; absent for ccxwatch's own alerts.
    pub cluster: Option<String>,
    /// The node that said it, where known.
    pub node: Option<String>,
    /// By stage, not by Cisco's number.
    pub severity: Severity,
    /// Until when.
    pub deadline: Option<Timestamp>,
    /// Days until enforcement.
    pub days_left: Option<u32>,
    /// One line for a person.
    pub summary: String,
    /// The last line of evidence. Hostile text.
    pub raw: Option<String>,
    /// One entry per receiver and recipient; empty where no receiver is configured.
    pub deliveries: Vec<DeliveryView>,
}

impl NotificationView {
    /// A notification, with what became of it so far.
    pub fn new(notification: &Notification, deliveries: Vec<DeliveryView>) -> Self {
        Self {
            at: notification.at,
            reason: notification.reason,
            alertname: notification.alertname.clone(),
            cluster: notification.cluster.clone(),
            node: notification.node.clone(),
            severity: notification.severity,
            deadline: notification.deadline,
            days_left: notification.days_left,
            summary: notification.summary.clone(),
            raw: notification.evidence.last_raw.clone(),
            deliveries,
        }
    }
}

/// One notification on its way to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryView {
    /// The receiver's name.
    pub receiver: String,
    /// The recipient; empty where the receiver is its own.
    pub recipient: String,
    /// How far it is.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// What went wrong at the last attempt, without secrets.
    pub last_error: Option<String>,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not tried yet, or being tried.
    Pending,
    /// It failed and will be tried again.
    Retrying,
    /// The receiver has taken it.
    Delivered,
    /// It failed and will not be tried again.
    GivenUp,
}

/// One receiver and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceiverView {
    /// Its name.
    pub name: String,
    /// Whether it cannot be reached.
    pub failing: bool,
    /// What went wrong last, without secrets.
    pub last_error: Option<String>,
    /// When it is tried again.
    pub next_try: Option<Timestamp>,
    /// Messages that wait for it.
    pub queued: usize,
}
