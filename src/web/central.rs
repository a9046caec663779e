//! The alerts on the page, in the manner of RTMT's Alert Central: what fires, the worst first, and what ended last.

use super::{
    Snapshot,
    page::{LINE_LIMIT, NAME_LIMIT},
    text::{Moment, printable},
};
use crate::store::StoredAlert;
use ccxwatch_alerts::{
    alert::{AlertStatus, AlertView},
    rules::mute::Suppression,
};
use jiff::{Timestamp, tz::TimeZone};
use std::borrow::Cow;

/// So many alerts are on the page; the others, the least severe ones, are in the API.
const FIRING_LIMIT: usize = 200;

/// An alert that fires.
pub(super) struct FiringRow<'a> {
    pub(super) severity: &'static str,
    pub(super) name: Cow<'a, str>,
    pub(super) cluster: Cow<'a, str>,
    pub(super) node: Cow<'a, str>,
    pub(super) summary: Cow<'a, str>,
    pub(super) since: Moment,
    pub(super) count: u64,
    pub(super) fingerprint: &'a str,
    pub(super) flags: Vec<Cow<'a, str>>,
    pub(super) acknowledged: Option<String>,
    pub(super) suppressed: Option<String>,
    pub(super) raw: Option<Cow<'a, str>>,
}

/// An alert that ended.
pub(super) struct EndedRow<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) cluster: Cow<'a, str>,
    pub(super) summary: Cow<'a, str>,
    pub(super) ended: Option<Moment>,
    pub(super) lasted: String,
    pub(super) how: String,
}

/// What fires, the worst and the latest first, and how many are left out.
pub(super) fn firing(snapshot: &Snapshot, now: Timestamp) -> (Vec<FiringRow<'_>>, usize) {
    let mut alerts: Vec<&AlertView> =
        snapshot.alerts.iter().filter(|alert| alert.status == AlertStatus::Firing).collect();
    alerts.sort_by_key(|alert| (alert.suppressed.is_some(), alert.severity, std::cmp::Reverse(alert.starts_at)));
    let omitted = alerts.len().saturating_sub(FIRING_LIMIT);
    let rows = alerts.into_iter().take(FIRING_LIMIT).map(|alert| FiringRow::new(alert, snapshot, now));
    (rows.collect(), omitted)
}

/// What ended last, the latest first.
pub(super) fn ended(snapshot: &Snapshot, now: Timestamp) -> Vec<EndedRow<'_>> {
    snapshot.ended.iter().map(|alert| EndedRow::new(alert, snapshot, now)).collect()
}

fn zone<'a>(snapshot: &'a Snapshot, cluster: &str) -> Option<&'a TimeZone> {
    snapshot.time_zones.get(cluster)
}

fn name(text: &str) -> Cow<'_, str> {
    printable(text, NAME_LIMIT)
}

impl<'a> FiringRow<'a> {
    fn new(alert: &'a AlertView, snapshot: &'a Snapshot, now: Timestamp) -> Self {
        let label = |of: &str| alert.labels.get(of).map_or("", String::as_str);
        let at = |at: Timestamp| Moment::new(at, zone(snapshot, label("cluster")), now);
        let acknowledged = alert.acknowledged.as_ref().map(|seen| {
            let who = seen.who.as_deref().unwrap_or("an operator");
            said(format!("acknowledged by {}", name(who)), seen.comment.as_deref(), seen.until.map(at).as_ref())
        });
        Self {
            severity: alert.severity.name(),
            name: name(label("alertname")),
            cluster: name(label("cluster")),
            node: name(label("node")),
            summary: printable(alert.annotations.get("summary").map_or("", String::as_str), LINE_LIMIT),
            since: at(alert.starts_at),
            count: alert.evidence.count,
            fingerprint: &alert.fingerprint,
            flags: alert.flags.iter().map(|flag| name(flag)).collect(),
            acknowledged,
            suppressed: alert.suppressed.as_ref().map(|by| suppressed(by, by.until.map(at).as_ref())),
            raw: alert.evidence.last_raw.as_deref().map(|raw| printable(raw, LINE_LIMIT)),
        }
    }
}

fn suppressed(by: &Suppression, until: Option<&Moment>) -> String {
    let mut text = format!("suppressed by {}", by.by.name());
    for part in by.id.iter().chain(&by.who) {
        text.push(' ');
        text.push_str(&name(part));
    }
    said(text, by.comment.as_deref(), until)
}

fn said(mut text: String, comment: Option<&str>, until: Option<&Moment>) -> String {
    if let Some(until) = until {
        text.push_str(" until ");
        text.push_str(until.local.as_ref().unwrap_or(&until.utc));
    }
    if let Some(comment) = comment {
        text.push_str(": ");
        text.push_str(&printable(comment, LINE_LIMIT));
    }
    text
}

impl<'a> EndedRow<'a> {
    fn new(alert: &'a StoredAlert, snapshot: &'a Snapshot, now: Timestamp) -> Self {
        let label = |of: &str| alert.labels.get(of).map_or("", String::as_str);
        let zone = zone(snapshot, label("cluster"));
        let lasted = alert.ends_at.map_or(0, |ended| ended.as_second() - alert.starts_at.as_second());
        let how = alert.end.as_ref().map_or_else(String::new, |end| {
            let reason = match end.reason.as_str() {
                "cleared_by_event" => "cleared by a line",
                "inferred" => "inferred",
                "operator" => "ended by an operator",
                "expired" => "nothing more was heard",
                "superseded" => "superseded",
                _ => "",
            };
            end.who.as_ref().map_or_else(|| reason.to_owned(), |who| format!("{reason}, {}", name(who)))
        });
        Self {
            name: name(label("alertname")),
            cluster: name(label("cluster")),
            summary: printable(alert.annotations.get("summary").map_or("", String::as_str), LINE_LIMIT),
            ended: alert.ends_at.map(|ended| Moment::new(ended, zone, now)),
            lasted: super::text::span(lasted),
            how,
        }
    }
}
