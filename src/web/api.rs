//! `/api/v1/…`: the snapshot in JSON. Times are RFC 3339 in UTC.

use super::{NotificationView, Snapshot};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ccxwatch_alerts::{alert::AlertView, view::ClusterView};
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
struct Notifications<'a> {
    at: Timestamp,
    notifications: &'a [NotificationView],
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

pub(super) fn notifications(snapshot: &Snapshot) -> Response {
    Json(Notifications { at: snapshot.at, notifications: &snapshot.notifications }).into_response()
}

/// A refusal: JSON below `/api`, text elsewhere.
pub(super) fn fault(path: &str, status: StatusCode, error: &str) -> Response {
    if path == "/api" || path.starts_with("/api/") {
        (status, Json(Fault { status: status.as_u16(), error })).into_response()
    } else {
        (status, format!("{error}\n")).into_response()
    }
}
