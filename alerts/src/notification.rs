//! A notification: the difference between what a cluster is and what was last told.

use ccxwatch_parsers::severity::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// By stage, not by Cisco's number.
    pub severity: Severity,
    /// The episode's id: one mail thread. Unique for ever, e.g. `<cluster>/<number>`.
    pub episode: String,
    /// What is told of the episode, once per receiver: `(episode, told_as, receiver)` is never told twice.
    pub told_as: String,
    /// Names of the receivers.
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
