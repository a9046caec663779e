//! What a message says, in parts; every text from outside is visible and bounded here already.

use super::{
    escape::{visible, visible_lines},
    texts,
};
use crate::{step::CONSOLE, store::Message};
use ccxwatch_alerts::notification::{GroupMember, Notification, Reason};
use ccxwatch_parsers::severity::Severity;
use jiff::{Timestamp, tz::TimeZone};
use std::fmt::Write;

/// Raw text in a body, in characters.
pub(super) const EVIDENCE_RAW: usize = 2_000;

/// Any other text from outside, in characters.
pub(super) const TEXT: usize = 1_000;

/// A name from outside, in characters.
pub(super) const NAME: usize = 100;

/// A cell of a table, in characters.
const CELL: usize = 160;

/// Entries of a list in a body.
const ENTRIES: usize = 50;

/// Who reads a message.
#[derive(Clone, Debug)]
pub(super) struct Audience {
    /// The receiver.
    pub(super) receiver: String,
    /// Who of the receiver's: an address, or empty.
    pub(super) recipient: String,
    /// The receiver's other recipients.
    pub(super) others: Vec<String>,
    /// The zone of the times.
    pub(super) zone: TimeZone,
    /// Where the page is, for those who can reach it.
    pub(super) external_url: Option<String>,
}

impl Audience {
    /// Who else is told of the notification.
    pub(super) fn also_told(&self, notification: &Notification) -> Vec<String> {
        let receivers = notification.receivers.iter().filter(|name| **name != self.receiver && *name != CONSOLE);
        self.others.iter().chain(receivers).take(ENTRIES).map(|name| visible(name, NAME)).collect()
    }
}

/// Whether the notification tells of an end.
pub(super) fn is_end(notification: &Notification) -> bool {
    matches!(notification.reason, Reason::Resolved | Reason::ConfirmedCompliant | Reason::FeedRestored)
}

/// The parts of a message, in the order of reading.
#[derive(Debug)]
pub(super) struct Content {
    /// Something is wrong with ccxwatch itself.
    pub(super) notice: Option<&'static str>,
    pub(super) tone: Tone,
    pub(super) headline: String,
    /// Where it says more than the headline.
    pub(super) summary: Option<String>,
    /// Name and value; an empty name goes on with the row before.
    pub(super) facts: Vec<(&'static str, String)>,
    /// The alerts that are told together.
    pub(super) alerts: Option<Table>,
    pub(super) sections: Vec<Section>,
    pub(super) evidence: Option<Evidence>,
    pub(super) footer: String,
}

/// How loud it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Act now.
    Urgent,
    /// Look at it.
    Normal,
    /// It is over.
    Good,
}

/// Several alerts, the worst first.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
    /// How many more there are.
    pub(super) more: usize,
}

/// One of several alerts.
#[derive(Debug)]
pub(super) struct Row {
    /// What stands in the columns [`Table::COLUMNS`].
    pub(super) cells: [String; 5],
    /// What it is, in a sentence.
    pub(super) summary: String,
}

impl Table {
    pub(super) const COLUMNS: [&'static str; 5] = ["Severity", "Alert", "Instance", "Since", "State"];
}

/// A list with a title.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) entries: Vec<String>,
    pub(super) kind: Kind,
}

/// How a list is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Running text.
    Text,
    /// Steps, in order.
    Steps,
    /// Points.
    Points,
}

/// The lines behind the alert.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) title: String,
    /// A name where there are two, and the lines.
    pub(super) raw: Vec<(&'static str, Vec<String>)>,
}

impl Content {
    /// What is said to this recipient at this time.
    pub(super) fn of(message: &Message, audience: &Audience, now: Timestamp) -> Self {
        let notification = &*message.notification;
        let whose = visible(texts::whose(notification), NAME);
        let flags: Vec<String> = notification.flags.iter().map(|flag| texts::flag(flag)).collect();
        let description = std::slice::from_ref(&notification.description);
        let sections = [
            section("What it means", description, Kind::Text),
            section("What to do", &notification.runbook, Kind::Steps),
            section(texts::history_title(notification.reason), &notification.history, Kind::Points),
            section("Please note", &flags, Kind::Points),
        ];
        let headline = texts::after_name(notification, &whose, &visible(&texts::headline(notification, now), TEXT));
        let summary = Some(visible(&notification.summary, TEXT)).filter(|summary| *summary != headline);
        Self {
            notice: message.id.is_none().then_some(texts::NOT_RECORDED),
            tone: tone(notification),
            headline,
            summary,
            facts: facts(notification, audience, now),
            alerts: alerts(notification, &audience.zone),
            sections: sections.into_iter().flatten().collect(),
            evidence: evidence(notification),
            footer: texts::footer(audience),
        }
    }
}

fn tone(notification: &Notification) -> Tone {
    match notification.reason {
        Reason::Resolved | Reason::ConfirmedCompliant | Reason::FeedRestored | Reason::Test | Reason::Heartbeat => {
            Tone::Good
        }
        _ if notification.severity <= Severity::Critical => Tone::Urgent,
        _ => Tone::Normal,
    }
}

fn section(title: &'static str, texts: &[String], kind: Kind) -> Option<Section> {
    let mut entries: Vec<String> =
        texts.iter().filter(|text| !text.is_empty()).take(ENTRIES).map(|text| visible(text, TEXT)).collect();
    if entries.is_empty() {
        return None;
    }
    if texts.len() > ENTRIES {
        entries.push(format!("… ({} more)", texts.len() - ENTRIES));
    }
    Some(Section { title, entries, kind })
}

/// The alerts of a group, the worst first.
fn alerts(notification: &Notification, zone: &TimeZone) -> Option<Table> {
    let grouped = notification.grouped.as_ref()?;
    let row = |member: &GroupMember| Row {
        cells: [
            member.severity.name().to_owned(),
            visible(&member.alertname, NAME),
            visible(&texts::instance(member, notification), CELL),
            member.since.map_or_else(String::new, |since| texts::short_time(since, zone)),
            texts::state(member).to_owned(),
        ],
        summary: visible(texts::bare(&member.summary, member.cluster.as_deref()), TEXT),
    };
    let rows: Vec<Row> = grouped.members.iter().take(ENTRIES).map(row).collect();
    let title = format!("Alerts (times of {})", zone.iana_name().unwrap_or("this server"));
    Some(Table { title, more: grouped.size.saturating_sub(rows.len()), rows })
}

fn facts(notification: &Notification, audience: &Audience, now: Timestamp) -> Vec<(&'static str, String)> {
    let zone = &audience.zone;
    let mut facts = Vec::new();
    if let Some(cluster) = &notification.cluster {
        facts.push(("Cluster", visible(cluster, NAME)));
    }
    if let Some(node) = &notification.node {
        facts.push(("Node", visible(node, NAME)));
    }
    facts.push(("Alert", visible(&notification.alertname, NAME)));
    facts.push(("Severity", notification.severity.name().to_owned()));
    let mut times = |name: &'static str, at: Timestamp, rest: String| {
        facts.push((name, format!("{}{rest}", texts::time(at, zone))));
        if zone.iana_name() != Some("UTC") {
            facts.push(("", texts::time(at, &TimeZone::UTC)));
        }
    };
    if let Some(since) = notification.since {
        times("Since", since, String::new());
    }
    if let Some(deadline) = notification.deadline {
        let left = format!(", {}", texts::time_left(deadline, now));
        times(texts::deadline_name(notification.reason), deadline, left);
    }
    let also_told = audience.also_told(notification);
    if !also_told.is_empty() {
        facts.push(("Also told", also_told.join(", ")));
    }
    facts
}

fn evidence(notification: &Notification) -> Option<Evidence> {
    let evidence = &notification.evidence;
    if evidence.count == 0 && evidence.first_raw.is_none() && evidence.last_raw.is_none() {
        return None;
    }
    let joined = |names: &[String]| -> String {
        let names: Vec<String> = names.iter().take(ENTRIES).map(|name| visible(name, NAME)).collect();
        names.join(", ")
    };
    let mut title = format!("Evidence: {} line{}", evidence.count, if evidence.count == 1 { "" } else { "s" });
    // Writing to a string cannot fail.
    if !evidence.nodes.is_empty() {
        let _ = write!(title, ", said by {}", joined(&evidence.nodes));
    }
    if !evidence.sources.is_empty() {
        let _ = write!(title, ", heard by {}", joined(&evidence.sources));
    }
    let lines = |raw: &String| visible_lines(raw, EVIDENCE_RAW);
    let raw = match (&evidence.first_raw, &evidence.last_raw) {
        (Some(first), Some(last)) if first != last => vec![("first", lines(first)), ("last", lines(last))],
        (Some(only), _) | (None, Some(only)) => vec![("", lines(only))],
        (None, None) => Vec::new(),
    };
    Some(Evidence { title, raw })
}
