//! `[license]` and `[feeds]`: the rules of the license stages, and when a feed counts as silent.

use jiff::{SignedDuration, fmt::serde::duration::friendly::compact};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rules of the license stages.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct License {
    /// Lines whose deadline is this near to the episode's are copies.
    #[serde(serialize_with = "compact::required")]
    pub merge_tolerance: SignedDuration,
    /// How long after its deadline an unheard countdown ends as unconfirmed.
    #[serde(serialize_with = "compact::required")]
    pub unconfirmed_grace: SignedDuration,
    /// How far a stamp may be behind its receipt before it counts as late.
    #[serde(serialize_with = "compact::required")]
    pub late_after: SignedDuration,
    /// Days from out of compliance to enforcement.
    pub enforcement_after_days: u32,
    /// Days before enforcement on which you are reminded.
    pub reminder_days: Vec<u32>,
    /// The share of the purchased licenses from which use warns.
    pub usage_warning_percent: u32,
    /// `[license.mnemonics]`: license messages that Cisco adds and you know.
    pub mnemonics: BTreeMap<String, Transition>,
}

/// What a mapped license message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// Starts a countdown.
    Countdown,
    /// The countdown's last minutes.
    CountdownShortly,
    /// Out of compliance.
    OutOfCompliance,
    /// In compliance again.
    Compliant,
    /// Harmless.
    Ignore,
}

/// When a feed counts as silent.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Feeds {
    /// A feed is never called silent earlier.
    #[serde(serialize_with = "compact::required")]
    pub silent_floor: SignedDuration,
    /// A feed is called silent at the latest then.
    #[serde(serialize_with = "compact::required")]
    pub silent_ceiling: SignedDuration,
    /// A configured node whose Cluster View Daemon was never heard is told then.
    #[serde(serialize_with = "compact::required")]
    pub never_heard_after: SignedDuration,
}

impl Default for License {
    fn default() -> Self {
        Self {
            merge_tolerance: SignedDuration::from_mins(5),
            unconfirmed_grace: SignedDuration::from_mins(5),
            late_after: SignedDuration::from_secs(60),
            enforcement_after_days: 90,
            reminder_days: vec![30, 7, 3, 2, 1],
            usage_warning_percent: 90,
            mnemonics: BTreeMap::new(),
        }
    }
}

impl Default for Feeds {
    fn default() -> Self {
        Self {
            silent_floor: SignedDuration::from_hours(1),
            silent_ceiling: SignedDuration::from_hours(24),
            never_heard_after: SignedDuration::from_hours(24),
        }
    }
}
