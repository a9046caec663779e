//! What is configured of one alert, as RTMT has it: enable, severity, threshold, duration, frequency, schedule, receivers.
//!
//! Source of the terms: Cisco Unified RTMT Administration Guide 15, "Alerts" (alert properties).

use super::schedule::Schedule;
use ccxwatch_parsers::severity::Severity;
use core::{fmt, str::FromStr};
use jiff::SignedDuration;

/// The settings of one alert by its name. The default fires at once, every time, around the clock.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertSettings {
    /// Whether it is raised at all.
    pub enabled: bool,
    /// Its severity; `None`: that of the line or of its family.
    pub severity: Option<Severity>,
    /// What must happen before it fires.
    pub threshold: Threshold,
    /// For how long that must last before it fires; zero: it fires at once.
    pub duration: SignedDuration,
    /// How often it is told.
    pub frequency: Frequency,
    /// When it is told, in the zone of its cluster.
    pub schedule: Schedule,
    /// When it ends by itself, after the last line that raised it. `None`: only an event or an operator ends it.
    pub resolve_after: Option<SignedDuration>,
    /// Names of the receivers who are told; empty: the routes decide.
    pub receivers: Vec<String>,
}

impl AlertSettings {
    /// These settings, where an override does not say otherwise.
    #[must_use]
    pub fn overridden(mut self, by: &AlertOverride) -> Self {
        self.enabled = by.enabled.unwrap_or(self.enabled);
        self.severity = by.severity.or(self.severity);
        self.threshold = by.threshold.unwrap_or(self.threshold);
        self.duration = by.duration.unwrap_or(self.duration);
        self.frequency = by.frequency.unwrap_or(self.frequency);
        self.schedule = by.schedule.unwrap_or(self.schedule);
        self.resolve_after = by.resolve_after.or(self.resolve_after);
        if let Some(receivers) = &by.receivers {
            self.receivers.clone_from(receivers);
        }
        self
    }
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            severity: None,
            threshold: Threshold::Event,
            duration: SignedDuration::ZERO,
            frequency: Frequency::Every,
            schedule: Schedule::ALWAYS,
            resolve_after: None,
            receivers: Vec::new(),
        }
    }
}

/// What the configuration says of one alert by its name. What is absent stays as the default has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertOverride {
    /// The alert's name.
    pub name: String,
    /// [`AlertSettings::enabled`]
    pub enabled: Option<bool>,
    /// [`AlertSettings::severity`]
    pub severity: Option<Severity>,
    /// [`AlertSettings::threshold`]
    pub threshold: Option<Threshold>,
    /// [`AlertSettings::duration`]
    pub duration: Option<SignedDuration>,
    /// [`AlertSettings::frequency`]
    pub frequency: Option<Frequency>,
    /// [`AlertSettings::schedule`]
    pub schedule: Option<Schedule>,
    /// [`AlertSettings::resolve_after`]
    pub resolve_after: Option<SignedDuration>,
    /// [`AlertSettings::receivers`]
    pub receivers: Option<Vec<String>>,
}

/// What must happen before an alert fires.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Threshold {
    /// One event.
    #[default]
    Event,
    /// So many events in so long. Written `3 in 5m`.
    Count {
        /// At least so many, 1 to [`Threshold::MOST`].
        times: u32,
        /// In so long, by the times of the events.
        within: SignedDuration,
    },
    /// A value above this one. Written `over 90`. An event without a value counts: whoever sent it has compared.
    Over(f64),
    /// A value below this one. Written `under 4`.
    Under(f64),
}

impl Threshold {
    /// The most events that a threshold counts.
    pub const MOST: u32 = 1000;

    /// Whether a value is beyond the safe range. What carries none is.
    pub fn is_crossed(self, value: Option<f64>) -> bool {
        match (self, value) {
            (Self::Over(limit), Some(value)) => value > limit,
            (Self::Under(limit), Some(value)) => value < limit,
            _ => true,
        }
    }
}

/// How often an alert is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frequency {
    /// Each time that it fires. Written `every`. (RTMT: "on every poll".)
    #[default]
    Every,
    /// At most so many times in so long; what fires beyond that waits, and is told if it still fires then. Written `1 in 60m`.
    UpTo {
        /// At most so often, 1 to [`Frequency::MOST`].
        times: u32,
        /// In so long.
        within: SignedDuration,
    },
}

impl Frequency {
    /// The most tellings that a frequency counts.
    pub const MOST: u32 = 100;
}

/// The longest window of a threshold or a frequency: RTMT's longest is a day, a week leaves room.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Why a text is no threshold or no frequency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Unreadable {}

/// `3 in 5m`
fn n_in_m(text: &str, most: u32) -> Result<(u32, SignedDuration), String> {
    let (times, within) = text.split_once(" in ").ok_or_else(|| format!("{text:?} is not like \"3 in 5m\""))?;
    let times = times.trim().parse().ok().filter(|times| (1..=most).contains(times));
    let times = times.ok_or_else(|| format!("{text:?} does not begin with a number from 1 to {most}"))?;
    let within: SignedDuration = within.trim().parse().map_err(|error| format!("{text:?}: {error}"))?;
    if within <= SignedDuration::ZERO || within > LONGEST {
        return Err(format!("{text:?}: the time is above 0 and at most 7 days"));
    }
    Ok((times, within))
}

impl FromStr for Threshold {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let text = text.trim();
        let number =
            |limit: &str| limit.trim().trim_end_matches('%').parse().ok().filter(|limit: &f64| limit.is_finite());
        let fault = || {
            Unreadable(format!("{text:?} is no threshold; write \"event\", \"3 in 5m\", \"over 90\" or \"under 4\""))
        };
        if text == "event" {
            Ok(Self::Event)
        } else if let Some(limit) = text.strip_prefix("over ") {
            number(limit).map(Self::Over).ok_or_else(fault)
        } else if let Some(limit) = text.strip_prefix("under ") {
            number(limit).map(Self::Under).ok_or_else(fault)
        } else if text.contains(" in ") {
            let (times, within) = n_in_m(text, Self::MOST).map_err(Unreadable)?;
            Ok(Self::Count { times, within })
        } else {
            Err(fault())
        }
    }
}

impl FromStr for Frequency {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let text = text.trim();
        if text == "every" {
            return Ok(Self::Every);
        }
        if !text.contains(" in ") {
            return Err(Unreadable(format!("{text:?} is no frequency; write \"every\" or \"1 in 60m\"")));
        }
        let (times, within) = n_in_m(text, Self::MOST).map_err(Unreadable)?;
        Ok(Self::UpTo { times, within })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event => f.write_str("event"),
            Self::Count { times, within } => write!(f, "{times} in {within:#}"),
            Self::Over(limit) => write!(f, "over {limit}"),
            Self::Under(limit) => write!(f, "under {limit}"),
        }
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("every"),
            Self::UpTo { times, within } => write!(f, "{times} in {within:#}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let check = |text: &str, threshold: Option<Threshold>, frequency: Option<Frequency>| {
            assert_eq!(text.parse::<Threshold>().ok(), threshold, "{text}");
            assert_eq!(text.parse::<Frequency>().ok(), frequency, "{text}");
            if let Some(threshold) = threshold {
                assert_eq!(threshold.to_string().parse(), Ok(threshold));
            }
            if let Some(frequency) = frequency {
                assert_eq!(frequency.to_string().parse(), Ok(frequency));
            }
        };
        let count = |times, minutes| Some(Threshold::Count { times, within: SignedDuration::from_mins(minutes) });
        let up_to = |times, minutes| Some(Frequency::UpTo { times, within: SignedDuration::from_mins(minutes) });
        check("event", Some(Threshold::Event), None);
        check("every", None, Some(Frequency::Every));
        check("over 99.5", Some(Threshold::Over(99.5)), None);
        check("under 4%", Some(Threshold::Under(4.0)), None);
        check("3 in 5m", count(3, 5), up_to(3, 5));
        check("100 in 7d", None, None);
        check("100 in 168h", count(100, 7 * 24 * 60), up_to(100, 7 * 24 * 60));
        check("101 in 24h", count(101, 24 * 60), None);
        check("1001 in 5m", None, None);
        for text in ["0 in 5m", "3 in 0m", "3 in -5m", "3 in 169h", "over NaN", "over", "x in 5m", "3 in", ""] {
            check(text, None, None);
        }
    }
}
