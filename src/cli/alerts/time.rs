//! Times and durations on the command line.

use crate::clock;
use jiff::{SignedDuration, Timestamp};
use std::str::FromStr;

/// A moment: RFC 3339, or a duration before now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since(pub(super) Timestamp);

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self(at));
        }
        let ago = length(text).map_err(|_| {
            format!("{text:?} is neither a time such as 2026-11-24T00:00:00Z nor a duration such as 24h")
        })?;
        Ok(Self(clock::wall().saturating_sub(ago).unwrap_or(Timestamp::MIN)))
    }
}

/// A moment: RFC 3339.
#[derive(Clone, Copy, Debug)]
pub(super) struct When(pub(super) Timestamp);

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text:?} is no time; write it like 2026-11-24T22:00:00Z"))
    }
}

/// A duration from now on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Long(SignedDuration);

impl Long {
    /// When it is over.
    pub(super) fn over(self) -> Timestamp {
        self.after(clock::wall())
    }

    /// The same after another start.
    pub(super) fn after(self, start: Timestamp) -> Timestamp {
        start.saturating_add(self.0).unwrap_or(Timestamp::MAX)
    }
}

impl FromStr for Long {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        length(text).map(Self)
    }
}

fn length(text: &str) -> Result<SignedDuration, String> {
    let fault = || format!("{text:?} is no duration; write it like 30m, 2h or 3d");
    // A day is 24 hours here: what lasts days is not meant to the hour.
    let length = match text.trim().strip_suffix('d').map(str::parse::<i64>) {
        Some(Ok(days)) => SignedDuration::try_from_hours(days.saturating_mul(24)),
        _ => text.trim().parse().ok(),
    };
    length.filter(|length| *length > SignedDuration::ZERO).ok_or_else(fault)
}
