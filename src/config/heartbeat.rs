//! `[[heartbeat]]`: who is told that ccxwatch is alive, so that silence means something.

use jiff::{SignedDuration, civil::Time, fmt::serde::duration::friendly::compact};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// One heartbeat.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// The receiver's name: a webhook or mail.
    pub receiver: Spanned<String>,
    /// How often, by the clock: every "5m" is at :00, :05, … Exactly one of this and `at`.
    #[serde(default, serialize_with = "compact::optional")]
    pub interval: Option<SignedDuration>,
    /// Once a day, at this time.
    #[serde(default)]
    pub at: Option<Time>,
    /// The IANA zone of `at`.
    #[serde(default = "utc")]
    pub timezone: Spanned<String>,
}

fn utc() -> Spanned<String> {
    Spanned::new(0..0, "UTC".to_owned())
}
