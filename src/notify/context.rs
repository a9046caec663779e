//! What templates see of a message. Text from outside is visible and bounded here already: no template can forget that.

use super::{
    content::{Audience, EVIDENCE_RAW, NAME, TEXT, is_end},
    escape::{HeaderText, visible},
    texts,
};
use crate::store::Message;
use ccxwatch_alerts::notification::{Notification, Reason};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use std::collections::BTreeMap;

/// Entries of a list.
const ENTRIES: usize = 50;

/// The names that a template may use. `docs/templates.md` describes them; a test holds the two together.
#[derive(Debug, Serialize)]
pub(super) struct Context {
    /// `firing`, `resolved`, `test` or `alive`.
    status: &'static str,
    reason: &'static str,
    subject: String,
    headline: String,
    summary: String,
    description: String,
    runbook: Vec<String>,
    history: Vec<String>,
    flags: Vec<String>,
    alertname: String,
    /// The alerts that are told together; empty where it is one.
    alerts: Vec<Member>,
    cluster: Option<String>,
    node: Option<String>,
    /// `critical`, and its number of syslog.
    severity: String,
    severity_number: u8,
    labels: BTreeMap<String, String>,
    fingerprint: String,
    /// Unique for ever: one incident, one thread.
    episode: String,
    /// The same at every attempt.
    message_id: String,
    receiver: String,
    recipient: String,
    also_told: Vec<String>,
    at: Moment,
    since: Option<Moment>,
    deadline: Option<Moment>,
    time_left: Option<String>,
    days_left: Option<u32>,
    evidence: Evidence,
    /// Whether the store knows of it.
    recorded: bool,
    external_url: Option<String>,
    version: &'static str,
}

/// A time, for machines and for people.
#[derive(Debug, Serialize)]
struct Moment {
    /// RFC 3339.
    utc: String,
    unix: i64,
    local: String,
    zone: String,
}

/// One alert of a group.
#[derive(Debug, Serialize)]
struct Member {
    firing: bool,
    news: bool,
    alertname: String,
    cluster: Option<String>,
    node: Option<String>,
    severity: String,
    /// What tells it from others of its name.
    instance: String,
    since: Option<Moment>,
    summary: String,
    episode: String,
}

#[derive(Debug, Serialize)]
struct Evidence {
    count: u64,
    first_raw: Option<String>,
    last_raw: Option<String>,
    nodes: Vec<String>,
    sources: Vec<String>,
}

impl Context {
    /// What a template sees of the message at this time.
    pub(super) fn of(message: &Message, audience: &Audience, now: Timestamp) -> Self {
        let notification = &*message.notification;
        let text = |text: &str| visible(text, TEXT);
        let name = |text: &str| visible(text, NAME);
        let list = |list: &[String]| list.iter().take(ENTRIES).map(|entry| visible(entry, TEXT)).collect();
        let names = |list: &[String]| list.iter().take(ENTRIES).map(|entry| visible(entry, NAME)).collect();
        let moment = |at: Timestamp| Moment::new(at, &audience.zone);
        Self {
            status: status(notification),
            reason: notification.reason.name(),
            subject: texts::subject(notification, now),
            headline: text(&texts::headline(notification, now)),
            summary: text(&notification.summary),
            description: text(&notification.description),
            runbook: list(&notification.runbook),
            history: list(&notification.history),
            flags: notification.flags.iter().take(ENTRIES).map(|flag| texts::flag(flag)).collect(),
            alertname: name(&notification.alertname),
            alerts: notification
                .grouped
                .iter()
                .flat_map(|grouped| &grouped.members)
                .take(ENTRIES)
                .map(|member| Member {
                    firing: member.firing,
                    news: member.news,
                    alertname: name(&member.alertname),
                    cluster: member.cluster.as_deref().map(name),
                    node: member.node.as_deref().map(name),
                    severity: member.severity.name().to_ascii_lowercase(),
                    instance: text(&texts::instance(member, notification)),
                    since: member.since.map(moment),
                    summary: text(&member.summary),
                    episode: HeaderText::new(&member.episode, 200).into_string(),
                })
                .collect(),
            cluster: notification.cluster.as_deref().map(name),
            node: notification.node.as_deref().map(name),
            severity: notification.severity.name().to_ascii_lowercase(),
            severity_number: notification.severity as u8,
            labels: labels(notification),
            fingerprint: notification.fingerprint.clone(),
            episode: HeaderText::new(&notification.episode, 200).into_string(),
            message_id: message.message_id.clone(),
            receiver: name(&audience.receiver),
            recipient: name(&audience.recipient),
            also_told: audience.also_told(notification),
            at: moment(notification.at),
            since: notification.since.map(moment),
            deadline: notification.deadline.map(moment),
            time_left: notification.deadline.map(|deadline| texts::time_left(deadline, now)),
            days_left: notification.days_left,
            evidence: Evidence {
                count: notification.evidence.count,
                first_raw: notification.evidence.first_raw.as_deref().map(|raw| visible(raw, EVIDENCE_RAW)),
                last_raw: notification.evidence.last_raw.as_deref().map(|raw| visible(raw, EVIDENCE_RAW)),
                nodes: names(&notification.evidence.nodes),
                sources: names(&notification.evidence.sources),
            },
            recorded: message.id.is_some(),
            external_url: audience.external_url.clone(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

impl Moment {
    fn new(at: Timestamp, zone: &TimeZone) -> Self {
        Self {
            utc: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            unix: at.as_second(),
            local: texts::time(at, zone),
            zone: zone.iana_name().unwrap_or("local time").to_owned(),
        }
    }
}

fn status(notification: &Notification) -> &'static str {
    match notification.reason {
        Reason::Test => "test",
        Reason::Heartbeat => "alive",
        _ if is_end(notification) => "resolved",
        _ => "firing",
    }
}

/// The labels, bounded and visible. Of a notification that an older build has stored, those that it implies.
pub(super) fn labels(notification: &Notification) -> BTreeMap<String, String> {
    if !notification.labels.is_empty() {
        let labels = notification.labels.iter().take(ENTRIES);
        return labels.map(|(name, value)| (visible(name, NAME), visible(value, TEXT))).collect();
    }
    let mut labels = BTreeMap::from([("alertname".to_owned(), visible(&notification.alertname, NAME))]);
    let cluster = notification.cluster.as_deref().filter(|cluster| !cluster.is_empty());
    labels.extend(cluster.map(|cluster| ("cluster".to_owned(), visible(cluster, NAME))));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_name_and_no_other() {
        let document = include_str!("../../docs/templates.md");
        let table = document.split("## Names").nth(1).unwrap();
        let rows = table.lines().filter(|line| line.starts_with("| `"));
        let documented: std::collections::BTreeSet<String> = rows
            .flat_map(|row| {
                row.split('|').nth(1).unwrap().split(',').map(|name| name.trim().trim_matches('`').to_owned())
            })
            .collect();
        let config = crate::config::Config::default();
        let notification = super::super::sample::sample(&config, Reason::Firing, Timestamp::UNIX_EPOCH);
        let message = Message {
            id: None,
            message_id: String::new(),
            receiver: String::new(),
            recipient: String::new(),
            created_at: notification.at,
            notification: std::sync::Arc::new(notification),
            attempts: 0,
        };
        let audience = Audience {
            receiver: String::new(),
            recipient: String::new(),
            others: Vec::new(),
            zone: TimeZone::UTC,
            external_url: None,
        };
        let context = serde_json::to_value(Context::of(&message, &audience, Timestamp::UNIX_EPOCH)).unwrap();
        let names = context.as_object().unwrap().keys().cloned().collect();
        assert_eq!(documented, names);
    }
}
