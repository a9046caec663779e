//! `/api/v1/…`: the snapshot in JSON. Times are RFC 3339 in UTC.

use super::Snapshot;
use crate::{
    notify::ReceiverHealth,
    store::{Delivery, StoredNotification},
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ccxwatch_alerts::{alert::AlertView, notification::Reason, senders::SenderView, view::ClusterView};
use ccxwatch_parsers::severity::Severity;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct Clusters<'a> {
    at: Timestamp,
    clusters: &'a [ClusterView],
}

#[derive(Serialize)]
struct Alerts<'a> {
    at: Timestamp,
    alerts: &'a [AlertView],
}

#[derive(Serialize)]
struct Senders<'a> {
    at: Timestamp,
    senders: &'a [SenderView],
}

#[derive(Serialize)]
struct Recent<'a> {
    at: Timestamp,
    notifications: Vec<Told<'a>>,
    receivers: &'a [ReceiverHealth],
    store_failing: bool,
}

/// A notification with the fields that `replay` prints, and what became of it.
#[derive(Serialize)]
struct Told<'a> {
    id: i64,
    at: Timestamp,
    reason: Reason,
    alertname: &'a str,
    cluster: Option<&'a str>,
    node: Option<&'a str>,
    severity: Severity,
    deadline: Option<Timestamp>,
    days_left: Option<u32>,
    summary: &'a str,
    deliveries: &'a [Delivery],
}

impl<'a> Told<'a> {
    fn new(stored: &'a StoredNotification) -> Self {
        let told = &stored.notification;
        Self {
            id: stored.id,
            at: told.at,
            reason: told.reason,
            alertname: &told.alertname,
            cluster: told.cluster.as_deref(),
            node: told.node.as_deref(),
            severity: told.severity,
            deadline: told.deadline,
            days_left: told.days_left,
            summary: &told.summary,
            deliveries: &stored.deliveries,
        }
    }
}

#[derive(Serialize)]
struct Fault<'a> {
    status: u16,
    error: &'a str,
}

pub(super) fn clusters(snapshot: &Snapshot) -> Response {
    Json(Clusters { at: snapshot.at, clusters: &snapshot.clusters }).into_response()
}

pub(super) fn alerts(snapshot: &Snapshot) -> Response {
    Json(Alerts { at: snapshot.at, alerts: &snapshot.alerts }).into_response()
}

/// Senders that are in no cluster.
pub(super) fn senders(snapshot: &Snapshot) -> Response {
    Json(Senders { at: snapshot.at, senders: &snapshot.senders }).into_response()
}

pub(super) fn notifications(snapshot: &Snapshot) -> Response {
    Json(Recent {
        at: snapshot.at,
        notifications: snapshot.notifications.iter().map(Told::new).collect(),
        receivers: &snapshot.receivers,
        store_failing: snapshot.store_failing,
    })
    .into_response()
}

/// A refusal: JSON below `/api`, text elsewhere.
pub(super) fn fault(path: &str, status: StatusCode, error: &str) -> Response {
    if path == "/api" || path.starts_with("/api/") {
        (status, Json(Fault { status: status.as_u16(), error })).into_response()
    } else {
        (status, format!("{error}\n")).into_response()
    }
}
