//! `[[alert]]` and `[[maintenance]]`: what differs from the defaults of an alert, and when nobody is told.

use super::word::Word;
use ccxwatch_alerts::rules::{
    mute::{MaintenanceSettings, Scope, When},
    schedule::{Days, Schedule as Window},
    settings::{AlertOverride, Frequency, Threshold},
};
use ccxwatch_parsers::severity::Severity;
use jiff::{
    SignedDuration, Timestamp,
    civil::{Time, Weekday},
    fmt::serde::duration::friendly::compact,
};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// What differs from the defaults of one alert.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Its name, as RTMT and the page spell it.
    pub name: Spanned<String>,
    /// Whether it is raised at all.
    #[serde(default)]
    pub enable: Option<bool>,
    /// `emergency`, `alert`, `critical`, `error`, `warning`, `notice`, `informational`, `debug`.
    #[serde(default)]
    pub severity: Option<Word<Severity>>,
    /// What must happen before it fires: `event`, `3 in 5m`, `over 90`, `under 4`.
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
    /// When it ends by itself, after the last line that raised it.
    #[serde(default, serialize_with = "compact::optional")]
    pub resolve_after: Option<SignedDuration>,
    /// Who is told.
    #[serde(default)]
    pub receivers: Option<Vec<Spanned<String>>>,
}

/// A weekly window. It belongs to the day on which it opens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`; all where absent.
    #[serde(default)]
    pub days: Option<Vec<Word<Weekday>>>,
    /// When it opens; midnight where absent.
    #[serde(default = "midnight")]
    pub from: Time,
    /// When it closes; equal to `from`: 24 hours later.
    #[serde(default = "midnight")]
    pub to: Time,
}

/// A window in which nobody is told.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Its name, unique.
    pub name: Spanned<String>,
    /// The cluster; all where absent.
    #[serde(default)]
    pub cluster: Option<Spanned<String>>,
    /// The node; all where absent.
    #[serde(default)]
    pub node: Option<Spanned<String>>,
    /// The alert; all where absent.
    #[serde(default)]
    pub alert: Option<Spanned<String>>,
    /// Once, from then on.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Once, until then.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Every week, by the clocks of the cluster.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// Why.
    #[serde(default)]
    pub comment: Option<String>,
}

fn midnight() -> Time {
    Time::midnight()
}

impl Schedule {
    pub(super) fn window(&self) -> Window {
        let days = self.days.as_ref().map_or(Days::ALL, |days| Days::of(days.iter().map(|day| day.0)));
        Window { days, from: self.from, to: self.to }
    }
}

impl Alert {
    pub(super) fn settings(&self) -> AlertOverride {
        AlertOverride {
            name: self.name.get_ref().clone(),
            enabled: self.enable,
            severity: self.severity.map(|word| word.0),
            threshold: self.threshold.map(|word| word.0),
            duration: self.duration,
            frequency: self.frequency.map(|word| word.0),
            schedule: self.schedule.as_ref().map(Schedule::window),
            resolve_after: self.resolve_after,
            receivers: self.receivers.as_ref().map(|names| names.iter().map(|name| name.get_ref().clone()).collect()),
        }
    }
}

impl Maintenance {
    /// When it is open; nothing where that is not said, or said twice.
    pub(super) fn when(&self) -> Option<When> {
        match (self.from, self.to, &self.schedule) {
            (Some(from), Some(to), None) if from < to => Some(When::Once { from, to }),
            (None, None, Some(schedule)) => Some(When::Weekly(schedule.window())),
            _ => None,
        }
    }

    pub(super) fn settings(&self) -> Option<MaintenanceSettings> {
        let text = |value: &Option<Spanned<String>>| value.as_ref().map(|value| value.get_ref().clone());
        Some(MaintenanceSettings {
            name: self.name.get_ref().clone(),
            scope: Scope { cluster: text(&self.cluster), node: text(&self.node), alert: text(&self.alert) },
            when: self.when()?,
            comment: self.comment.clone(),
        })
    }
}
