//! When a line's event happened, and whether the line is live or late.

use crate::{fact::Fact, license::episode::Flag};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// How far a live stamp may be off, either way, before the receipt counts instead.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// The time of a line's event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// The event's time, or the receipt where that is better.
    pub(crate) at: Timestamp,
    /// `at` is no event time: a line of a backlog without a usable stamp.
    pub(crate) unknown: bool,
    /// The line waited somewhere: its transition may be old news.
    pub(crate) late: bool,
    /// What is odd about the stamp.
    pub(crate) flag: Option<Flag>,
}

impl Timing {
    /// `direct`: over UDP from the author itself, so that the line cannot have queued.
    pub(crate) fn of(fact: &Fact, direct: bool, zone: &TimeZone, late_after: SignedDuration) -> Self {
        let receipt = Self { at: fact.received_at, unknown: false, late: fact.catching_up, flag: None };
        let Some(resolved) = fact.stamp.and_then(|stamp| stamp.resolve(fact.received_at, zone)) else {
            let flag = fact.catching_up.then_some(Flag::TimeUnknown);
            return Self { unknown: fact.catching_up, flag, ..receipt };
        };
        let ahead = fact.received_at.duration_until(resolved.at);
        if ahead > CLOCK_SKEW || (direct && ahead < -CLOCK_SKEW) {
            return Self { flag: Some(Flag::ClockSkew), ..receipt };
        }
        Self {
            at: resolved.at,
            unknown: false,
            late: fact.catching_up || (!direct && ahead < -late_after),
            flag: resolved.ambiguous.then_some(Flag::TimeAmbiguous),
        }
    }
}
