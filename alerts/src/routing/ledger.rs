//! The why-ledger: what became of each notification, for whom, by which rule of the configuration, and why.

use crate::{
    notification::{Notification, Reason},
    rules::mute::{SuppressedBy, Suppression},
    texts,
};
use core::fmt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of a notification for one receiver. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was handed to the receiver's queue; deliveries have entries of their own.
    Sent,
    /// It waits for a time window.
    Held,
    /// It waits in a group.
    Grouped,
    /// It will not be told.
    Dropped,
    /// Another alert says it already.
    Inhibited,
    /// Somebody silenced it.
    Silenced,
    /// A schedule, a suspension, maintenance, or its frequency mutes it.
    Muted,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Sent, Self::Held, Self::Grouped, Self::Dropped, Self::Inhibited, Self::Silenced, Self::Muted];

    /// The name as it is written in JSON and in the store: `held`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Held => "held",
            Self::Grouped => "grouped",
            Self::Dropped => "dropped",
            Self::Inhibited => "inhibited",
            Self::Silenced => "silenced",
            Self::Muted => "muted",
        }
    }
}

/// Which rule of the configuration decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A `[[route]]`.
    Route {
        /// Its place, from 1.
        number: usize,
        /// Its name, where it has one.
        name: Option<String>,
    },
    /// No `[[route]]` takes it, so every receiver is told.
    Default,
    /// The receivers that are configured of the alert itself.
    Alert,
    /// A receiver that fails is told of by all others.
    EveryOther,
    /// An end goes to whoever was told of the start.
    End,
    /// `[storm]`: many alerts of one node are told together.
    Storm,
}

impl Rule {
    /// Whether both are the same rule of the configuration, which a reload may have moved.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Route { name: Some(a), .. }, Self::Route { name: Some(b), .. }) => a == b,
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { number, name: Some(name) } => write!(f, "route {number} {name:?}"),
            Self::Route { number, name: None } => write!(f, "route {number}"),
            Self::Default => f.write_str("no route takes it: every receiver"),
            Self::Alert => f.write_str("receivers of the alert"),
            Self::EveryOther => f.write_str("every other receiver"),
            Self::End => f.write_str("whoever was told of the start"),
            Self::Storm => f.write_str("storm: many alerts of one node"),
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Wall time of the decision.
    pub at: Timestamp,
    /// Of which alert.
    pub fingerprint: String,
    /// Of which episode.
    pub episode: String,
    /// Why somebody would be told.
    pub reason: Reason,
    /// What of the episode would be told.
    pub told_as: String,
    /// Who would be told; none where it is nobody in particular.
    pub receiver: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// By which rule, in words: `route 2 "night"`.
    pub rule: Option<String>,
    /// Why or until when, in words.
    pub detail: Option<String>,
    /// The place of what was sent among the notifications of the same [`Outbox`](crate::engine::Outbox).
    #[serde(skip)]
    pub sent: Option<usize>,
}

impl LedgerEntry {
    /// What became of a notification.
    pub fn of(notification: &Notification, at: Timestamp, verdict: Verdict) -> Self {
        Self {
            at,
            fingerprint: notification.fingerprint.clone(),
            episode: notification.episode.clone(),
            reason: notification.reason,
            told_as: notification.told_as.clone(),
            receiver: None,
            verdict,
            rule: None,
            detail: None,
            sent: None,
        }
    }

    /// What a silence, a mute or another alert keeps from being told.
    pub(crate) fn muted(notification: &Notification, by: &Suppression, at: Timestamp) -> Self {
        let verdict = match by.by {
            SuppressedBy::Silence => Verdict::Silenced,
            SuppressedBy::Inhibition => Verdict::Inhibited,
            SuppressedBy::Disabled
            | SuppressedBy::Schedule
            | SuppressedBy::Suspension
            | SuppressedBy::Maintenance
            | SuppressedBy::Frequency => Verdict::Muted,
        };
        let rule = by.id.as_ref().map_or_else(|| by.by.name().to_owned(), |id| format!("{} {id}", by.by.name()));
        let detail = texts::muted(by);
        Self { rule: Some(rule), detail, ..Self::of(notification, at, verdict) }
    }

    /// For this receiver.
    #[must_use]
    pub fn to(mut self, receiver: &str) -> Self {
        self.receiver = Some(receiver.to_owned());
        self
    }

    /// By this rule.
    #[must_use]
    pub fn by(mut self, rule: &Rule) -> Self {
        self.rule = Some(rule.to_string());
        self
    }

    /// For this reason, or until then, in words.
    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// By the notification at this place of the outbox.
    #[must_use]
    pub(crate) fn sent_by(mut self, place: usize) -> Self {
        self.sent = Some(place);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_json_says() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_string(&verdict).ok(), Some(format!("{:?}", verdict.name())));
        }
    }
}
