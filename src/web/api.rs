//! `/api/v1/…`: the snapshot in JSON. Times are RFC 3339 in UTC.

use super::Snapshot;
use crate::{
    notify::ReceiverHealth,
    store::{AlertQuery, AlertState, Delivery, StoredNotification},
};
use axum::{
    Json,
    extract::rejection::QueryRejection,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ccxwatch_alerts::{
    alert::AlertView,
    notification::{Grouped, Reason},
    senders::SenderView,
    view::ClusterView,
};
use ccxwatch_parsers::severity::Severity;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

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
    fingerprint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grouped: Option<&'a Grouped>,
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
            fingerprint: &told.fingerprint,
            grouped: told.grouped.as_ref(),
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

/// What fires and ended last; with a query, from the history too.
pub(super) async fn alerts(snapshot: &Snapshot, query: &AlertQuery) -> Response {
    if query.is_empty() {
        return Json(Alerts { at: snapshot.at, alerts: &snapshot.alerts }).into_response();
    }
    match found(snapshot, query).await {
        Ok(alerts) => Json(serde_json::json!({"at": snapshot.at, "alerts": alerts})).into_response(),
        Err(error) => {
            tracing::warn!(%error, "the history of alerts cannot be read");
            fault("/api/v1/alerts", StatusCode::SERVICE_UNAVAILABLE, "The history cannot be read now; try again.")
        }
    }
}

/// The alerts that a query asks for, the latest first. What is known of now is better than what is stored: of what fires in the
/// history and is not known any more, nobody saw the end.
pub(crate) async fn found(snapshot: &Snapshot, query: &AlertQuery) -> Result<Vec<Value>, String> {
    let mut found: Vec<(String, Value)> = Vec::new();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for alert in &snapshot.alerts {
        known.insert(&alert.episode);
        if query.matches(alert) {
            found.push((alert.episode.clone(), serde_json::to_value(alert).map_err(|error| error.to_string())?));
        }
    }
    let of_now_only = query.state.is_some_and(|state| state != AlertState::Resolved);
    if let Some(history) = snapshot.history.clone().filter(|_| !of_now_only) {
        let wanted = query.clone();
        let read = tokio::task::spawn_blocking(move || history.alerts(&wanted)).await;
        let stored = read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        for mut alert in stored {
            let episode = alert.get("episode").and_then(Value::as_str).unwrap_or_default().to_owned();
            if known.contains(&*episode) {
                continue;
            }
            if alert.get("status").and_then(Value::as_str) == Some("firing") {
                alert["status"] = Value::from("unknown");
            }
            found.push((episode, alert));
        }
    }
    let began = |alert: &Value| alert.get("starts_at").and_then(Value::as_str).map(ToOwned::to_owned);
    found.sort_by_cached_key(|(episode, alert)| std::cmp::Reverse((began(alert), episode.clone())));
    found.truncate(usize::try_from(query.limit.unwrap_or(1000)).unwrap_or(usize::MAX));
    Ok(found.into_iter().map(|(_, alert)| alert).collect())
}

/// What is wrong with a query, and what may be asked.
pub(crate) fn wrong_query(rejection: &QueryRejection) -> String {
    format!(
        "{}; ask with since (RFC 3339, such as 2026-11-24T00:00:00Z), cluster, state (firing, acknowledged, suppressed, resolved) and limit",
        rejection.body_text()
    )
}

/// Silences, maintenance windows and suspensions.
pub(super) fn mutes(snapshot: &Snapshot) -> Response {
    Json(&snapshot.mutes).into_response()
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
