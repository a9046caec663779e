//! The alerts of the past: each as it was last, found by time, cluster and state.

use super::{StoreError, checksum};
use ccxwatch_alerts::alert::{AlertStatus, AlertView};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The most alerts that are kept, those that ended first go first, however long the history is.
pub(super) const ROWS_MAX: u32 = 1_000_000;
/// The most alerts of one answer.
const ANSWER_MAX: u32 = 10_000;

/// Which alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertQuery {
    /// Those that had not ended before this.
    pub since: Option<Timestamp>,
    /// Those of this cluster.
    pub cluster: Option<String>,
    /// Those in this state.
    pub state: Option<AlertState>,
    /// At most so many, the latest; 1,000 where absent, never more than 10,000.
    pub limit: Option<u32>,
}

/// A state of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It fires.
    Firing,
    /// It fires, and somebody has seen it.
    Acknowledged,
    /// It fires, and something keeps it from being told.
    Suppressed,
    /// It ended.
    Resolved,
}

impl AlertState {
    /// Whether an alert is in this state.
    pub fn is_of(self, alert: &AlertView) -> bool {
        let fires = alert.status == AlertStatus::Firing;
        match self {
            Self::Firing => fires,
            Self::Acknowledged => fires && alert.acknowledged.is_some(),
            Self::Suppressed => fires && alert.suppressed.is_some(),
            Self::Resolved => !fires,
        }
    }
}

impl AlertQuery {
    /// Whether it asks for anything beyond what fires or ended last.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an alert is among those asked for.
    pub fn matches(&self, alert: &AlertView) -> bool {
        let cluster = alert.labels.get("cluster");
        self.since.is_none_or(|since| alert.ends_at.is_none_or(|ended| ended >= since))
            && self.cluster.as_ref().is_none_or(|wanted| cluster == Some(wanted))
            && self.state.is_none_or(|state| state.is_of(alert))
    }
}

/// What the page shows of an alert of the past.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StoredAlert {
    /// What identifies it.
    pub labels: BTreeMap<String, String>,
    /// What describes it.
    pub annotations: BTreeMap<String, String>,
    /// When it began.
    pub starts_at: Timestamp,
    /// When it ended.
    pub ends_at: Option<Timestamp>,
    /// How it ended.
    pub end: Option<StoredEnd>,
}

/// How an alert ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StoredEnd {
    /// `cleared_by_event`, `operator`, …
    pub reason: String,
    /// Who.
    pub who: Option<String>,
}

/// Keeps an alert as it is now.
pub(super) fn keep(writing: &Connection, alert: &AlertView) -> Result<(), StoreError> {
    let json = serde_json::to_string(alert)?;
    let sum = checksum::of(&[&alert.episode, &json]);
    writing
        .prepare_cached(
            "INSERT INTO alerts (episode, cluster, alertname, resolved, starts_at, ends_at, json, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (episode) DO UPDATE SET alertname = excluded.alertname, resolved = excluded.resolved,
             starts_at = excluded.starts_at, ends_at = excluded.ends_at, json = excluded.json, checksum = excluded.checksum",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                alert.episode,
                alert.labels.get("cluster"),
                alert.labels.get("alertname").map_or("", String::as_str),
                alert.status == AlertStatus::Resolved,
                alert.starts_at.as_millisecond(),
                alert.ends_at.map(Timestamp::as_millisecond),
                json,
                sum
            ])
        })
        .map_err(StoreError::sqlite("keeping an alert"))?;
    Ok(())
}

/// How many rows were forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pruned {
    /// They ended long enough ago.
    pub(super) old: usize,
    /// They were too many.
    pub(super) surplus: usize,
}

/// Forgets what ended before a moment, and what is more than `most` rows; at most `limit` rows of each.
pub(super) fn prune(writing: &Connection, before: Timestamp, most: u32, limit: u32) -> Result<Pruned, StoreError> {
    let failed = StoreError::sqlite("pruning the history of alerts");
    let old = writing
        .execute(
            "DELETE FROM alerts WHERE episode IN (SELECT episode FROM alerts WHERE ends_at < ?1 LIMIT ?2)",
            params![before.as_millisecond(), limit],
        )
        .map_err(&failed)?;
    let rows: u32 = writing.query_row("SELECT count(*) FROM alerts", [], |row| row.get(0)).map_err(&failed)?;
    let surplus = rows.saturating_sub(most).min(limit);
    if surplus == 0 {
        return Ok(Pruned { old, surplus: 0 });
    }
    tracing::warn!(rows, limit = most, "the history of alerts is full; those that ended first are forgotten");
    let surplus = writing
        .execute(
            "DELETE FROM alerts WHERE episode IN
             (SELECT episode FROM alerts ORDER BY ends_at IS NULL, ends_at LIMIT ?1)",
            [surplus],
        )
        .map_err(&failed)?;
    Ok(Pruned { old, surplus })
}

/// The alerts that a query asks for, the latest first. The state is that of the last record: whoever knows which alerts fire now
/// knows better.
pub(super) fn read(connection: &Connection, query: &AlertQuery) -> Result<Vec<Value>, StoreError> {
    let failed = StoreError::sqlite("reading the history of alerts");
    let resolved = query.state.map(|state| state == AlertState::Resolved);
    let mut select = connection
        .prepare_cached(
            "SELECT json FROM alerts WHERE (?1 IS NULL OR ends_at IS NULL OR ends_at >= ?1)
             AND (?2 IS NULL OR cluster = ?2) AND (?3 IS NULL OR resolved = ?3)
             ORDER BY starts_at DESC, episode DESC LIMIT ?4",
        )
        .map_err(&failed)?;
    let limit = query.limit.unwrap_or(1000).min(ANSWER_MAX);
    let since = query.since.map(Timestamp::as_millisecond);
    let mut rows = select.query(params![since, query.cluster, resolved, limit]).map_err(&failed)?;
    let mut alerts = Vec::new();
    while let Some(row) = rows.next().map_err(&failed)? {
        let json: String = row.get(0).map_err(&failed)?;
        alerts.push(serde_json::from_str(&json)?);
    }
    Ok(alerts)
}
