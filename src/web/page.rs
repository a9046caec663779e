//! The page: one table of clusters, the most urgent first.

use super::{
    Snapshot,
    central::{self, EndedRow, FiringRow},
    text::{Moment, printable},
};
use crate::store::{Delivery, DeliveryState, StoredNotification};
use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use ccxwatch_alerts::{
    notification::GroupMember,
    view::{ClusterView, NodeView},
};
use jiff::{Timestamp, tz::TimeZone};
use std::{borrow::Cow, net::SocketAddr};

/// So many clusters are on the page; the others, the least urgent ones, are in the API.
pub(super) const CLUSTERS_LIMIT: usize = 500;
/// So many notifications are on the page.
pub(super) const NOTIFICATIONS_LIMIT: usize = 50;
/// So many nodes of one cluster are on the page.
const NODES_LIMIT: usize = 16;
/// So many alerts of one group are on the page.
const MEMBERS_LIMIT: usize = 20;
/// So many characters of a name from outside.
pub(super) const NAME_LIMIT: usize = 80;
/// So many characters of a line from outside.
pub(super) const LINE_LIMIT: usize = 1000;

pub(super) fn answer(snapshot: &Snapshot, now: Timestamp) -> Response {
    match rendered(snapshot, now) {
        Ok(page) => Html(page).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be written.\n").into_response(),
    }
}

pub(super) fn rendered(snapshot: &Snapshot, now: Timestamp) -> askama::Result<String> {
    Page::new(snapshot, now).render()
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    now: Moment,
    urgent: usize,
    clusters: Vec<ClusterRow<'a>>,
    omitted: usize,
    nothing_heard: bool,
    test_command: Option<String>,
    firing: Vec<FiringRow<'a>>,
    more_firing: usize,
    ended: Vec<EndedRow<'a>>,
    notifications: Vec<NotificationRow<'a>>,
    receivers: Vec<ReceiverRow<'a>>,
    store_failing: bool,
    listening: Vec<Cow<'a, str>>,
    version: &'static str,
}

struct ClusterRow<'a> {
    name: Cow<'a, str>,
    release: Cow<'a, str>,
    mapped: bool,
    stage: &'static Stage,
    since: Option<Moment>,
    acknowledged_by: Option<Cow<'a, str>>,
    flags: Vec<Cow<'a, str>>,
    deadline: Option<Moment>,
    enforcement: Option<Moment>,
    heard: Option<Moment>,
    nodes: Vec<NodeRow<'a>>,
    more_nodes: usize,
}

struct NodeRow<'a> {
    id: Cow<'a, str>,
    role: &'a str,
    heard: Option<Moment>,
    engine: Option<&'static str>,
    daemon: Option<&'static str>,
}

struct NotificationRow<'a> {
    at: Moment,
    severity: &'static str,
    summary: Cow<'a, str>,
    raw: Option<Cow<'a, str>>,
    /// What the ledger is asked for; empty for a group and for what an older build stored.
    fingerprint: &'a str,
    members: Vec<MemberRow<'a>>,
    more_members: usize,
    deliveries: Vec<DeliveryRow<'a>>,
}

struct MemberRow<'a> {
    severity: &'static str,
    firing: bool,
    summary: Cow<'a, str>,
    fingerprint: &'a str,
}

struct DeliveryRow<'a> {
    receiver: Cow<'a, str>,
    recipient: Cow<'a, str>,
    state: &'static str,
    class: &'static str,
    attempts: u32,
    error: Option<Cow<'a, str>>,
}

struct ReceiverRow<'a> {
    name: Cow<'a, str>,
    failing: bool,
    error: Option<Cow<'a, str>>,
    next_try: Option<Moment>,
    queued: usize,
}

/// How a license stage is shown. The order of [`STAGES`] is that of urgency: what needs a hand soonest comes first.
struct Stage {
    name: &'static str,
    mark: &'static str,
    title: &'static str,
    meaning: &'static str,
    /// Somebody has to do something.
    urgent: bool,
}

const STAGES: [Stage; 7] = [
    Stage {
        name: "countdown_shortly",
        mark: "◆",
        title: "Countdown, last minutes",
        meaning: "Buy licenses or free some before the time is over.",
        urgent: true,
    },
    Stage {
        name: "countdown",
        mark: "▲",
        title: "Countdown",
        meaning: "Buy licenses or free some before the time is over.",
        urgent: true,
    },
    Stage {
        name: "enforcement_due",
        mark: "■",
        title: "Enforcement due",
        meaning: "The 90 days are over; the system may be locked.",
        urgent: true,
    },
    Stage {
        name: "out_of_compliance",
        mark: "●",
        title: "Out of compliance",
        meaning: "Buy licenses before the day of enforcement.",
        urgent: true,
    },
    Stage {
        name: "unconfirmed",
        mark: "?",
        title: "Unconfirmed",
        meaning: "The countdown ended and nothing was heard: look at License Management.",
        urgent: true,
    },
    Stage { name: "unknown", mark: "○", title: "Unknown", meaning: "No license event was heard.", urgent: false },
    Stage { name: "compliant", mark: "✓", title: "Compliant", meaning: "", urgent: false },
];

const UNKNOWN: usize = 5;

fn rank(stage: &str) -> usize {
    STAGES.iter().position(|known| known.name == stage).unwrap_or(UNKNOWN)
}

impl<'a> Page<'a> {
    fn new(snapshot: &'a Snapshot, now: Timestamp) -> Self {
        let mut clusters: Vec<&ClusterView> = snapshot.clusters.iter().collect();
        clusters.sort_by(|left, right| urgency(left).cmp(&urgency(right)));
        let nothing_heard = clusters.iter().all(|cluster| cluster.last_heard.is_none());
        let zone = |cluster: &str| snapshot.time_zones.get(cluster);
        let (firing, more_firing) = central::firing(snapshot, now);
        Self {
            firing,
            more_firing,
            ended: central::ended(snapshot, now),
            now: Moment::new(now, None, now),
            urgent: clusters.iter().filter(|cluster| STAGES[rank(cluster.stage)].urgent).count(),
            omitted: clusters.len().saturating_sub(CLUSTERS_LIMIT),
            clusters: clusters
                .into_iter()
                .take(CLUSTERS_LIMIT)
                .map(|cluster| ClusterRow::new(cluster, zone(&cluster.name), now))
                .collect(),
            nothing_heard,
            test_command: snapshot.listening.iter().find_map(|source| test_command_of(source)),
            notifications: snapshot
                .notifications
                .iter()
                .take(NOTIFICATIONS_LIMIT)
                .map(|stored| {
                    let zone = stored.notification.cluster.as_deref().and_then(zone);
                    NotificationRow::new(stored, zone, now)
                })
                .collect(),
            receivers: snapshot
                .receivers
                .iter()
                .map(|receiver| ReceiverRow {
                    name: name(&receiver.receiver),
                    failing: receiver.failing,
                    error: receiver.last_error.as_deref().map(line),
                    next_try: receiver.next_try.map(|at| Moment::new(at, None, now)),
                    queued: receiver.queued,
                })
                .collect(),
            store_failing: snapshot.store_failing,
            listening: snapshot
                .listening
                .iter()
                .filter(|source| !source.starts_with("page "))
                .map(|source| line(source))
                .collect(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// What sorts the table: the stage, then how soon something happens, then the name.
fn urgency(cluster: &ClusterView) -> (usize, Option<Timestamp>, &str) {
    let soon = cluster.deadline.or(cluster.enforcement_at).or(Some(Timestamp::MAX));
    (rank(cluster.stage), soon, &cluster.name)
}

impl<'a> ClusterRow<'a> {
    fn new(view: &'a ClusterView, zone: Option<&TimeZone>, now: Timestamp) -> Self {
        let moment = |at| Moment::new(at, zone, now);
        Self {
            name: name(&view.name),
            release: name(&view.release),
            mapped: view.mapped,
            stage: &STAGES[rank(view.stage)],
            since: view.since.map(moment),
            acknowledged_by: view.acknowledged_by.as_deref().map(name),
            flags: view.flags.iter().map(|flag| printable(flag, NAME_LIMIT)).collect(),
            deadline: view.deadline.map(moment),
            enforcement: view.enforcement_at.map(moment),
            heard: view.last_heard.map(moment),
            nodes: view.nodes.iter().take(NODES_LIMIT).map(|node| NodeRow::new(node, zone, now)).collect(),
            more_nodes: view.nodes.len().saturating_sub(NODES_LIMIT),
        }
    }

    /// What the time left counts to, and its name.
    fn ahead(&self) -> Option<(&Moment, &'static str)> {
        let (moment, note, past) = match self.stage.name {
            "countdown" | "countdown_shortly" => (&self.deadline, "until out of compliance", "the deadline passed"),
            "out_of_compliance" | "enforcement_due" => (&self.enforcement, "until enforcement", "enforcement was due"),
            _ => return None,
        };
        moment.as_ref().map(|at| (at, if at.past { past } else { note }))
    }
}

impl<'a> NodeRow<'a> {
    fn new(view: &'a NodeView, zone: Option<&TimeZone>, now: Timestamp) -> Self {
        let known = |state: &'static str| (state != "unknown").then_some(state);
        Self {
            id: name(&view.id),
            role: &view.role,
            heard: view.last_heard.map(|at| Moment::new(at, zone, now)),
            engine: known(view.engine),
            daemon: known(view.cluster_view_daemon),
        }
    }
}

impl<'a> NotificationRow<'a> {
    fn new(stored: &'a StoredNotification, zone: Option<&TimeZone>, now: Timestamp) -> Self {
        let told = &stored.notification;
        let members = told.grouped.as_ref().map(|grouped| grouped.members.as_slice()).unwrap_or_default();
        Self {
            at: Moment::new(told.at, zone, now),
            severity: told.severity.name(),
            summary: line(&told.summary),
            raw: told.evidence.last_raw.as_deref().map(line),
            fingerprint: if told.grouped.is_some() { "" } else { &told.fingerprint },
            members: members.iter().take(MEMBERS_LIMIT).map(MemberRow::new).collect(),
            more_members: told.grouped.as_ref().map_or(0, |grouped| grouped.size.saturating_sub(MEMBERS_LIMIT)),
            deliveries: stored.deliveries.iter().map(DeliveryRow::new).collect(),
        }
    }
}

impl<'a> MemberRow<'a> {
    fn new(member: &'a GroupMember) -> Self {
        Self {
            severity: member.severity.name(),
            firing: member.firing,
            summary: line(&member.summary),
            fingerprint: &member.fingerprint,
        }
    }
}

impl<'a> DeliveryRow<'a> {
    fn new(delivery: &'a Delivery) -> Self {
        let (state, class) = match delivery.state {
            DeliveryState::Pending if delivery.last_error.is_some() => ("failed, will be tried again", "fails"),
            DeliveryState::Pending => ("on its way", "waits"),
            DeliveryState::Delivered => ("delivered", "fine"),
            DeliveryState::GivenUp => ("given up", "fails"),
        };
        Self {
            receiver: name(&delivery.receiver),
            recipient: name(&delivery.recipient),
            state,
            class,
            attempts: delivery.attempts,
            error: delivery.last_error.as_deref().map(line),
        }
    }
}

fn name(text: &str) -> Cow<'_, str> {
    printable(text, NAME_LIMIT)
}

fn line(text: &str) -> Cow<'_, str> {
    printable(text, LINE_LIMIT)
}

/// The test event for a source of the snapshot, where it is a listener for UDP.
pub(super) fn test_command_of(source: &str) -> Option<String> {
    source.strip_prefix("listening udp ")?.parse().ok().map(test_command)
}

/// What to paste into bash on this machine to send a test event to a listener for UDP.
pub fn test_command(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip.to_string(),
        ip if ip.is_ipv4() => "127.0.0.1".to_owned(),
        _ => "::1".to_owned(),
    };
    format!(
        "printf '<184>1: test: %s : %%UC_LIB_LICENSE-0-SYSTEM_TO_ENTER_OOC_STATE_SHORTLY: %%[The time remaining to \
         enter OOC state=15 minutes][AppID=Cisco Unified CCX Cluster View Daemon][ClusterID=][NodeID=test]: This is a \
         test.\\n' \"$(LC_ALL=C date -u '+%b %d %Y %H:%M:%S.000 UTC')\" > /dev/udp/{host}/{}",
        address.port()
    )
}
