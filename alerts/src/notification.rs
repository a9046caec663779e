//! A notification: the difference between what a cluster is and what was last told.

use crate::license::{
    episode::Told,
    state::{Level, State},
};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why somebody is told. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A countdown to out of compliance runs.
    CountdownStarted,
    /// Its last 15 minutes run.
    CountdownShortly,
    /// A later deadline: the countdown began anew.
    CountdownRestarted,
    /// The deadline passed and nothing was heard.
    CountdownUnconfirmed,
    /// Out of compliance.
    OutOfCompliance,
    /// Enforcement is `days_left` away.
    EnforcementReminder,
    /// The day of enforcement has come.
    EnforcementDue,
    /// An operator confirmed compliance.
    ConfirmedCompliant,
    /// Use is near or over the purchased quantity.
    UsageWarning,
    /// A license message that nobody has documented.
    LicenseEventUnclassified,
    /// Something expires soon.
    ExpiryReminder,
    /// Another alert fires.
    Firing,
    /// Another alert ended.
    Resolved,
    /// Another alert still fires.
    Repeat,
    /// Nobody acknowledged.
    Escalated,
    /// A feed went silent.
    FeedSilent,
    /// A silent feed speaks again.
    FeedRestored,
    /// A configured node was never heard.
    FeedNeverHeard,
    /// The store takes no transactions.
    StoreFailing,
    /// A receiver cannot be reached.
    NotificationFailing,
    /// A test that a person asked for.
    Test,
    /// ccxwatch is alive and says how the clusters are.
    Heartbeat,
}

impl Reason {
    /// Whether it tells of an end: that goes to whoever was told of the start.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::ConfirmedCompliant | Self::Resolved | Self::FeedRestored)
    }

    /// Whether it tells of a stage of the license: that is never gathered, and does not wait for a time window.
    pub const fn is_license_stage(self) -> bool {
        matches!(
            self,
            Self::CountdownStarted
                | Self::CountdownShortly
                | Self::CountdownRestarted
                | Self::CountdownUnconfirmed
                | Self::OutOfCompliance
                | Self::EnforcementReminder
                | Self::EnforcementDue
                | Self::ConfirmedCompliant
        )
    }

    /// All reasons, in the order of the design.
    pub const ALL: [Self; 22] = [
        Self::CountdownStarted,
        Self::CountdownShortly,
        Self::CountdownRestarted,
        Self::CountdownUnconfirmed,
        Self::OutOfCompliance,
        Self::EnforcementReminder,
        Self::EnforcementDue,
        Self::ConfirmedCompliant,
        Self::UsageWarning,
        Self::LicenseEventUnclassified,
        Self::ExpiryReminder,
        Self::Firing,
        Self::Resolved,
        Self::Repeat,
        Self::Escalated,
        Self::FeedSilent,
        Self::FeedRestored,
        Self::FeedNeverHeard,
        Self::StoreFailing,
        Self::NotificationFailing,
        Self::Test,
        Self::Heartbeat,
    ];

    /// The name as it is written in JSON and in metric labels: `countdown_started`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CountdownStarted => "countdown_started",
            Self::CountdownShortly => "countdown_shortly",
            Self::CountdownRestarted => "countdown_restarted",
            Self::CountdownUnconfirmed => "countdown_unconfirmed",
            Self::OutOfCompliance => "out_of_compliance",
            Self::EnforcementReminder => "enforcement_reminder",
            Self::EnforcementDue => "enforcement_due",
            Self::ConfirmedCompliant => "confirmed_compliant",
            Self::UsageWarning => "usage_warning",
            Self::LicenseEventUnclassified => "license_event_unclassified",
            Self::ExpiryReminder => "expiry_reminder",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Repeat => "repeat",
            Self::Escalated => "escalated",
            Self::FeedSilent => "feed_silent",
            Self::FeedRestored => "feed_restored",
            Self::FeedNeverHeard => "feed_never_heard",
            Self::StoreFailing => "store_failing",
            Self::NotificationFailing => "notification_failing",
            Self::Test => "test",
            Self::Heartbeat => "heartbeat",
        }
    }
}

/// What of an episode must be told now, and nothing when everything true was told. Pure.
///
/// `rung` is the lowest rung of the reminder ladder that has passed, in days before enforcement.
pub(crate) fn needs_notification(state: &State, told: &Told, rung: Option<u32>) -> Option<Reason> {
    match state {
        State::Countdown(running) => {
            let level = Some((running.restarts, running.level));
            let reason = match told.countdown {
                last if level <= last => None,
                Some((restarts, _)) if restarts < running.restarts => Some(Reason::CountdownRestarted),
                _ if running.level == Level::Shortly => Some(Reason::CountdownShortly),
                _ => Some(Reason::CountdownStarted),
            };
            reason.or_else(|| running.standing.and_then(|_| reminder(told, rung)))
        }
        State::Unconfirmed(ended) => {
            let news = told.unconfirmed.is_none_or(|restarts| restarts < ended.restarts);
            let reason = news.then_some(Reason::CountdownUnconfirmed);
            reason.or_else(|| ended.standing.and_then(|_| reminder(told, rung)))
        }
        State::OutOfCompliance(_) if !told.out_of_compliance => Some(Reason::OutOfCompliance),
        State::OutOfCompliance(_) | State::Unknown { standing: Some(_) } => reminder(told, rung),
        State::EnforcementDue(_) if !told.enforcement_due => Some(Reason::EnforcementDue),
        State::Compliant { .. } if told.anything() && !told.ended => Some(Reason::ConfirmedCompliant),
        State::EnforcementDue(_) | State::Unknown { standing: None } | State::Compliant { .. } => None,
    }
}

fn reminder(told: &Told, rung: Option<u32>) -> Option<Reason> {
    let rung = rung?;
    let news = !told.enforcement_due && told.rung.is_none_or(|lowest| rung < lowest);
    news.then_some(Reason::EnforcementReminder)
}

/// The lowest rung of the ladder that has passed.
pub(crate) fn rung_passed(
    enforcement_at: Timestamp,
    ladder: &[u32],
    passed: impl Fn(Timestamp) -> bool,
) -> Option<u32> {
    ladder.iter().copied().filter(|&days| passed(rung_at(enforcement_at, days))).min()
}

/// When a rung of the ladder is due.
pub(crate) fn rung_at(enforcement_at: Timestamp, days: u32) -> Timestamp {
    crate::timer::plus(enforcement_at, SignedDuration::from_hours(-24 * i64::from(days)))
}

/// One thing to tell. Serializable: the outbox keeps it until it is delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Wall time of the decision.
    pub at: Timestamp,
    /// Seconds on the engine's monotonic clock at the decision.
    pub elapsed_s: f64,
    /// Why.
    pub reason: Reason,
    /// The alert's name, as outside tools see it: `SmartLicenseOutOfCompliance`.
    pub alertname: String,
    /// Whose; absent for ccxwatch's own alerts.
    pub cluster: Option<String>,
    /// The node that said it, where known.
    pub node: Option<String>,
    /// What it is told of, for routes and outside tools: `alertname`, `cluster` and `node` where known, `severity` in lower case
    /// (the alert's, also where its end is told), the configured labels of the cluster, and what else identifies the alert. Empty
    /// where a build before this field stored it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// [`AlertView::fingerprint`](crate::alert::AlertView::fingerprint) of the alert. Empty where a build before this field
    /// stored it.
    #[serde(default)]
    pub fingerprint: String,
    /// By stage, not by Cisco's number.
    pub severity: Severity,
    /// The episode's id: one mail thread. Unique for ever, e.g. `<cluster>/<number>`.
    pub episode: String,
    /// What is told of the episode, once per receiver: `(episode, told_as, receiver)` is never told twice.
    pub told_as: String,
    /// Earlier episodes that this one goes on from: whoever was told of one of them is told of the end of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continues: Vec<String>,
    /// The alerts that are told together, where this tells of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grouped: Option<Grouped>,
    /// Names of the receivers. Before it is routed: those that are configured of the alert itself, and nobody where the routes
    /// decide.
    pub receivers: Vec<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Until when: the end of the countdown, or the day of enforcement.
    pub deadline: Option<Timestamp>,
    /// Days until enforcement, for the reminder ladder.
    pub days_left: Option<u32>,
    /// The zone of the cluster, IANA name where it has one.
    pub time_zone: Option<String>,
    /// One line for a person: what, where, until when. No line breaks, no control characters.
    pub summary: String,
    /// A few sentences: what it means.
    pub description: String,
    /// What to do, one step an entry.
    pub runbook: Vec<String>,
    /// What came before in this episode that its receiver may not have been told, oldest first.
    pub history: Vec<String>,
    /// Oddities of the episode: `clock_skew`, `node_mismatch`, `release_mismatch`, `feed_was_silent`, …
    pub flags: Vec<String>,
    /// What was seen.
    pub evidence: EvidenceSummary,
}

/// Several alerts that are told together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouped {
    /// How many they are, at least 2.
    pub size: usize,
    /// The first 100 of them: firing before ended, the worst first.
    pub members: Vec<GroupMember>,
}

/// One alert of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    /// Whether it has changed since the group was last told.
    pub news: bool,
    /// Whether it still fires.
    pub firing: bool,
    /// Why its last change is told.
    pub reason: Reason,
    /// The alert's name.
    pub alertname: String,
    /// Whose.
    pub cluster: Option<String>,
    /// The node, where known.
    pub node: Option<String>,
    /// The alert's severity.
    pub severity: Severity,
    /// Since when.
    pub since: Option<Timestamp>,
    /// One line for a person. No line breaks, no control characters.
    pub summary: String,
    /// As in [`Notification::labels`].
    pub labels: BTreeMap<String, String>,
    /// As in [`Notification::fingerprint`].
    pub fingerprint: String,
    /// As in [`Notification::episode`].
    pub episode: String,
}

/// The evidence behind an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceSummary {
    /// Lines, copies included.
    pub count: u64,
    /// The first line. Hostile text: whoever prints it escapes it.
    pub first_raw: Option<String>,
    /// The last line. Hostile text.
    pub last_raw: Option<String>,
    /// Nodes that said it.
    pub nodes: Vec<String>,
    /// Sources that it came by, e.g. `udp 10.0.0.5`.
    pub sources: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        license::state::{Countdown, Overage, Unconfirmed},
        timer::Timer,
    };

    const AT: Timestamp = Timestamp::UNIX_EPOCH;
    const OVERAGE: Overage = Overage { since: AT, last_evidence: AT, enforcement_at: AT };

    fn timer() -> Timer {
        Timer::from(AT)
    }

    fn countdown(level: Level, restarts: u32, standing: Option<Overage>) -> State {
        State::Countdown(Countdown { level, since: AT, deadline: Some(AT), restarts, ends: timer(), standing })
    }

    fn unconfirmed(restarts: u32) -> State {
        State::Unconfirmed(Unconfirmed { since: AT, deadline: Some(AT), restarts, forget: timer(), standing: None })
    }

    #[test]
    fn what_is_true_and_was_not_told() {
        let nothing = Told::default;
        let counted = |restarts, level| Told { countdown: Some((restarts, level)), ..Told::default() };
        let ooc = |rung| Told { out_of_compliance: true, rung, ..Told::default() };
        let old = || Told { rung: Some(30), ..Told::default() };
        let (started, shortly) = (Level::Countdown, Level::Shortly);
        let rows: [(State, Told, Option<u32>, Option<Reason>); 25] = [
            (State::START, nothing(), None, None),
            (countdown(started, 0, None), nothing(), None, Some(Reason::CountdownStarted)),
            (countdown(started, 0, None), counted(0, started), None, None),
            (countdown(started, 0, None), counted(0, shortly), None, None),
            (countdown(shortly, 0, None), nothing(), None, Some(Reason::CountdownShortly)),
            (countdown(shortly, 0, None), counted(0, started), None, Some(Reason::CountdownShortly)),
            (countdown(shortly, 0, None), counted(0, shortly), None, None),
            (countdown(started, 1, None), nothing(), None, Some(Reason::CountdownStarted)),
            (countdown(started, 1, None), counted(0, shortly), None, Some(Reason::CountdownRestarted)),
            (countdown(shortly, 1, None), counted(0, started), None, Some(Reason::CountdownRestarted)),
            (countdown(shortly, 1, None), counted(1, started), None, Some(Reason::CountdownShortly)),
            (countdown(started, 0, Some(OVERAGE)), counted(0, started), Some(30), Some(Reason::EnforcementReminder)),
            (countdown(started, 0, None), counted(0, started), Some(30), None),
            (unconfirmed(0), counted(0, started), None, Some(Reason::CountdownUnconfirmed)),
            (unconfirmed(0), Told { unconfirmed: Some(0), ..nothing() }, None, None),
            (unconfirmed(1), Told { unconfirmed: Some(0), ..nothing() }, None, Some(Reason::CountdownUnconfirmed)),
            (State::OutOfCompliance(OVERAGE), counted(0, shortly), Some(7), Some(Reason::OutOfCompliance)),
            (State::OutOfCompliance(OVERAGE), ooc(None), None, None),
            (State::OutOfCompliance(OVERAGE), ooc(Some(7)), Some(7), None),
            (State::OutOfCompliance(OVERAGE), ooc(Some(7)), Some(3), Some(Reason::EnforcementReminder)),
            (State::Unknown { standing: Some(OVERAGE) }, old(), Some(7), Some(Reason::EnforcementReminder)),
            (State::EnforcementDue(OVERAGE), ooc(Some(1)), Some(1), Some(Reason::EnforcementDue)),
            (State::EnforcementDue(OVERAGE), Told { enforcement_due: true, ..nothing() }, Some(1), None),
            (State::Compliant { since: AT }, nothing(), None, None),
            (State::Compliant { since: AT }, ooc(None), None, Some(Reason::ConfirmedCompliant)),
        ];
        for (state, told, rung, expected) in rows {
            assert_eq!(needs_notification(&state, &told, rung), expected, "{state:?} {told:?} {rung:?}");
        }
    }

    #[test]
    fn names_are_what_json_says() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_string(&reason).ok(), Some(format!("{:?}", reason.name())));
        }
    }
}
