//! Tests of the web listener, and the snapshot that they show.

mod served;
mod shown;

use super::Snapshot;
use crate::{
    notify::ReceiverHealth,
    store::{Delivery, DeliveryState, StoredNotification},
};
use ccxwatch_alerts::{
    alert::{AlertStatus, AlertView},
    notification::{EvidenceSummary, Notification, Reason},
    view::{ClusterView, NodeView},
};
use ccxwatch_parsers::severity::Severity;
use jiff::{Timestamp, tz::TimeZone};
use std::{collections::BTreeMap, sync::Arc};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cluster(name: &str, stage: &'static str) -> ClusterView {
    ClusterView {
        name: name.to_owned(),
        stage,
        since: Some(time("2026-11-24T10:00:00Z")),
        deadline: None,
        enforcement_at: None,
        evidence: 3,
        flags: Vec::new(),
        last_heard: Some(time("2026-11-24T10:29:00Z")),
        acknowledged_by: None,
        release: "12.5(1)SU2".to_owned(),
        mapped: true,
        days_left: None,
        usage: None,
        registration: "unknown",
        registration_since: None,
        authorization: "unknown",
        authorization_since: None,
        restriction_at: None,
        island_mode: false,
        nodes: vec![NodeView {
            feeds: Vec::new(),
            id: format!("{name}-pub"),
            addresses: Vec::new(),
            role: "publisher".to_owned(),
            last_heard: Some(time("2026-11-24T10:29:00Z")),
            engine: "in_service",
            cluster_view_daemon: "unknown",
        }],
    }
}

fn alert() -> AlertView {
    AlertView {
        labels: BTreeMap::from([("cluster".to_owned(), "berlin".to_owned())]),
        annotations: BTreeMap::new(),
        status: AlertStatus::Firing,
        severity: Severity::Critical,
        starts_at: time("2026-11-24T10:00:00Z"),
        ends_at: None,
        fingerprint: "0123456789abcdef".to_owned(),
        episode: "berlin/1".to_owned(),
        acknowledged: None,
        suppressed: None,
        evidence: EvidenceSummary::default(),
        end: None,
        flags: Vec::new(),
        deadline: Some(time("2026-11-24T10:45:00Z")),
    }
}

fn notification(summary: &str, raw: &str) -> StoredNotification {
    let notification = Notification {
        at: time("2026-11-24T10:00:01Z"),
        elapsed_s: 1.0,
        reason: Reason::CountdownStarted,
        alertname: "SmartLicenseEnteringOutOfCompliance".to_owned(),
        cluster: Some("berlin".to_owned()),
        node: None,
        labels: BTreeMap::new(),
        fingerprint: String::new(),
        severity: Severity::Critical,
        episode: "berlin/1".to_owned(),
        told_as: "countdown".to_owned(),
        continues: Vec::new(),
        grouped: None,
        receivers: vec!["uc-team".to_owned()],
        since: None,
        deadline: Some(time("2026-11-24T10:45:00Z")),
        days_left: None,
        time_zone: None,
        summary: summary.to_owned(),
        description: String::new(),
        runbook: Vec::new(),
        history: Vec::new(),
        flags: Vec::new(),
        evidence: EvidenceSummary { last_raw: Some(raw.to_owned()), ..EvidenceSummary::default() },
    };
    let delivery = Delivery {
        receiver: "uc-team".to_owned(),
        recipient: "oncall@example.com".to_owned(),
        state: DeliveryState::Pending,
        attempts: 3,
        last_error: Some("connection refused".to_owned()),
        finished_at: None,
    };
    StoredNotification { id: 7, notification, deliveries: vec![delivery] }
}

fn sample() -> Snapshot {
    let countdown = ClusterView { deadline: Some(time("2026-11-24T10:45:00Z")), ..cluster("berlin", "countdown") };
    let out =
        ClusterView { enforcement_at: Some(time("2027-02-22T10:00:00Z")), ..cluster("agra", "out_of_compliance") };
    let clusters = vec![cluster("quiet", "compliant"), out, countdown];
    Snapshot {
        at: time("2026-11-24T10:30:00Z"),
        alerts: vec![alert()],
        clusters,
        time_zones: Arc::new(BTreeMap::from([("berlin".to_owned(), TimeZone::get("Europe/Berlin").unwrap())])),
        notifications: vec![notification("berlin: license countdown", "%UC_LIB_LICENSE-1-X: y")],
        receivers: vec![ReceiverHealth {
            receiver: "uc-team".to_owned(),
            failing: true,
            failing_since: Some(time("2026-11-24T10:29:00Z")),
            gave_up: false,
            reason: Some(crate::store::FailureReason::Connect),
            last_error: Some("connection refused".to_owned()),
            next_try: Some(time("2026-11-24T10:31:00Z")),
            queued: 2,
        }],
        senders: Vec::new(),
        store_failing: false,
        listening: vec!["listening udp 127.0.0.1:5514".to_owned(), "page http://127.0.0.1:9914/".to_owned()],
        ..Snapshot::default()
    }
}
