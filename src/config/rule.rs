//! `[[rule]]`: which lines raise an alert of your own, and which clear it.

use super::{alert::Schedule, word::Word};
use ccxwatch_alerts::rules::{
    settings::{AlertSettings, Frequency, Threshold},
    user::{ENDS_AFTER, PatternSettings, RuleSettings},
};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, fmt::serde::duration::friendly::compact};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Spanned;

/// One rule.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The name of its alert, unique.
    pub name: Spanned<String>,
    /// Which lines raise it.
    pub r#match: Pattern,
    /// Which lines clear it.
    #[serde(default)]
    pub clear: Option<Pattern>,
    /// When it ends by itself, after the last line that raised it; 24 hours where there is no `clear` either.
    #[serde(default, serialize_with = "compact::optional")]
    pub clear_after: Option<SignedDuration>,
    /// Its severity; that of the line where absent.
    #[serde(default)]
    pub severity: Option<Word<Severity>>,
    /// What must happen before it fires: `event`, `3 in 5m`.
    #[serde(default)]
    pub threshold: Option<Word<Threshold>>,
    /// For how long that must last.
    #[serde(default, serialize_with = "compact::optional")]
    pub duration: Option<SignedDuration>,
    /// How often it is told: `every`, `1 in 60m`.
    #[serde(default)]
    pub frequency: Option<Word<Frequency>>,
    /// When it is told, by the clocks of the cluster.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// Labels that tell instances apart, with `${capture}`s.
    #[serde(default)]
    pub labels: BTreeMap<String, Spanned<String>>,
    /// What is wrong, in a few words, with captures.
    #[serde(default)]
    pub summary: String,
    /// What it means, with captures.
    #[serde(default)]
    pub description: String,
    /// What to do, one step an entry, with captures.
    #[serde(default)]
    pub runbook: Vec<String>,
    /// Who is told; the routes decide where absent.
    #[serde(default)]
    pub receivers: Vec<Spanned<String>>,
    /// Lines that must raise it. `ccxwatch check` says which does not.
    #[serde(default)]
    pub examples: Vec<Spanned<String>>,
}

/// What a line must have. What is absent, every line has.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pattern {
    /// One of these facilities, with `*` and `?`.
    pub facility: Vec<String>,
    /// One of these mnemonics, with `*` and `?`.
    pub mnemonic: Vec<String>,
    /// At least this severity.
    pub severity: Option<Word<Severity>>,
    /// These parameters with these values, with `*` and `?`.
    pub params: BTreeMap<String, String>,
    /// An expression that is found in the line; `\w`, `\d`, `\s` and `\b` are ASCII unless it says `(?u)`.
    pub regex: Option<String>,
}

impl Pattern {
    fn settings(&self) -> PatternSettings {
        PatternSettings {
            facility: self.facility.clone(),
            mnemonic: self.mnemonic.clone(),
            severity: self.severity.map(|word| word.0),
            params: self.params.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            regex: self.regex.clone(),
        }
    }
}

impl Rule {
    pub(super) fn settings(&self) -> RuleSettings {
        RuleSettings {
            name: self.name.get_ref().clone(),
            raise: self.r#match.settings(),
            clear: self.clear.as_ref().map(Pattern::settings),
            labels: self.labels.iter().map(|(name, text)| (name.clone(), text.get_ref().clone())).collect(),
            summary: self.summary.clone(),
            description: self.description.clone(),
            runbook: self.runbook.clone(),
            alert: AlertSettings {
                enabled: true,
                severity: self.severity.map(|word| word.0),
                threshold: self.threshold.map(|word| word.0).unwrap_or_default(),
                duration: self.duration.unwrap_or(SignedDuration::ZERO),
                frequency: self.frequency.map(|word| word.0).unwrap_or_default(),
                schedule: self.schedule.as_ref().map_or(AlertSettings::default().schedule, Schedule::window),
                resolve_after: self.clear_after.or(self.clear.is_none().then_some(ENDS_AFTER)),
                receivers: self.receivers.iter().map(|name| name.get_ref().clone()).collect(),
            },
        }
    }
}
