//! Where a cluster stands: types that cannot say the impossible, and what can be read off them.

use crate::{now::Now, timer::Timer};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How near a countdown says the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// `SYSTEM_TO_ENTER_OOC_STATE`.
    Countdown,
    /// `SYSTEM_TO_ENTER_OOC_STATE_SHORTLY`.
    Shortly,
}

/// What a line says about compliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Countdown or state.
    pub(crate) kind: StatementKind,
    /// The event's own time.
    pub(crate) at: Timestamp,
}

/// The three documented statements, and the one that only a user's own mapping can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatementKind {
    /// A countdown runs.
    Countdown {
        /// How near.
        level: Level,
        /// Its end; absent where neither the line nor the release's profile says.
        deadline: Option<Timestamp>,
    },
    /// Out of compliance.
    OutOfCompliance,
    /// In compliance again.
    Compliant,
}

/// Where a cluster stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Nothing heard.
    Unknown {
        /// An older out of compliance that nobody confirmed.
        standing: Option<Overage>,
    },
    /// Confirmed.
    Compliant {
        /// By whom is in the episode.
        since: Timestamp,
    },
    /// A countdown runs.
    Countdown(Countdown),
    /// A countdown ended unheard.
    Unconfirmed(Unconfirmed),
    /// Out of compliance.
    OutOfCompliance(Overage),
    /// Out of compliance for longer than the overage allows.
    EnforcementDue(Overage),
}

/// A running countdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Countdown {
    /// How near.
    pub(crate) level: Level,
    /// The earliest event time among the copies of the present level.
    pub(crate) since: Timestamp,
    /// The anchor: the first applied deadline since the last restart.
    pub(crate) deadline: Option<Timestamp>,
    /// How often a later deadline came.
    pub(crate) restarts: u32,
    /// When it ends as unconfirmed.
    pub(crate) ends: Timer,
    /// An older out of compliance that nobody confirmed.
    pub(crate) standing: Option<Overage>,
}

/// A countdown that ended unheard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unconfirmed {
    /// When it ended: deadline and grace.
    pub(crate) since: Timestamp,
    /// The countdown's deadline.
    pub(crate) deadline: Option<Timestamp>,
    /// Restarts of the countdown before.
    pub(crate) restarts: u32,
    /// When it is forgotten.
    pub(crate) forget: Timer,
    /// An older out of compliance that nobody confirmed.
    pub(crate) standing: Option<Overage>,
}

/// Out of compliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Overage {
    /// The earliest event time among all lines that say so.
    pub(crate) since: Timestamp,
    /// The latest.
    pub(crate) last_evidence: Timestamp,
    /// The day of enforcement.
    pub(crate) enforcement_at: Timestamp,
}

/// What a statement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A copy of what is known.
    Evidence,
    /// The state changed within the episode.
    Changed,
    /// A new episode began.
    NewEpisode {
        /// The one before was out of compliance and nobody confirmed its end.
        previous_unconfirmed: bool,
    },
    /// The episode ended.
    Ended,
}

impl State {
    /// The state of a cluster of which nothing was heard.
    pub(crate) const START: Self = Self::Unknown { standing: None };

    /// The next deadline on elapsed time.
    pub(crate) fn next_elapsed(&self) -> Option<SignedDuration> {
        match self {
            Self::Countdown(running) => Some(running.ends.elapsed),
            Self::Unconfirmed(ended) => Some(ended.forget.elapsed),
            _ => None,
        }
    }

    /// The overage that counts towards enforcement: the present one, or an older one that nobody confirmed.
    pub(crate) fn overage(&self) -> Option<&Overage> {
        match self {
            Self::OutOfCompliance(overage) | Self::EnforcementDue(overage) => Some(overage),
            Self::Unknown { standing } => standing.as_ref(),
            Self::Countdown(running) => running.standing.as_ref(),
            Self::Unconfirmed(ended) => ended.standing.as_ref(),
            Self::Compliant { .. } => None,
        }
    }

    /// The end of the countdown.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Countdown(running) => running.deadline,
            Self::Unconfirmed(ended) => ended.deadline,
            _ => None,
        }
    }

    /// Since when the stage holds.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Unknown { .. } => None,
            Self::Compliant { since } => Some(*since),
            Self::Countdown(running) => Some(running.since),
            Self::Unconfirmed(ended) => Some(ended.since),
            Self::OutOfCompliance(overage) => Some(overage.since),
            Self::EnforcementDue(overage) => Some(overage.enforcement_at),
        }
    }

    /// Restarts of the countdown.
    pub(crate) fn restarts(&self) -> u32 {
        match self {
            Self::Countdown(running) => running.restarts,
            Self::Unconfirmed(ended) => ended.restarts,
            _ => 0,
        }
    }

    /// The wall clock stepped.
    pub(crate) fn stepped(&mut self, step: SignedDuration) -> bool {
        match self {
            Self::Countdown(running) => running.ends.stepped(step),
            Self::Unconfirmed(ended) => ended.forget.stepped(step),
            _ => return false,
        }
        true
    }

    /// After a load from the store.
    pub(crate) fn reanchor(&mut self, now: Now) {
        match self {
            Self::Countdown(running) => running.ends.reanchor(now),
            Self::Unconfirmed(ended) => ended.forget.reanchor(now),
            _ => {}
        }
    }
}
