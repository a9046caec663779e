//! The families as a person or a program asks for them.

use super::{FAMILIES, defaults, rtmt, severity, table::Pattern};
use ccxwatch_parsers::severity::Severity;
use core::fmt;
use serde::Serialize;

/// One alert that lines or RTMT raise, with its defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Its name, under which the configuration overrides the defaults.
    pub alert: &'static str,
    /// Whether it is raised.
    pub enabled: bool,
    /// Its severity; `None`: that of the line.
    pub severity: Option<Severity>,
    /// What must happen before it fires: `event`, `2 in 1m`.
    pub threshold: String,
    /// How often it is told: `every`, `1 in 1h`.
    pub frequency: String,
    /// The alarms that raise it.
    pub raise: Vec<String>,
    /// The alarms that clear it.
    pub clear: Vec<String>,
    /// The labels that tell its instances on one node apart.
    pub instance: Vec<&'static str>,
    /// No alarm tells it: it is seen through RTMT's own alerts only.
    pub seen_through_rtmt_only: bool,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub runbook: &'static [String],
}

/// All alerts of the families, by name.
pub fn known() -> Vec<Known> {
    let by_counters = rtmt::seen_through_rtmt_only();
    let mut known: Vec<Known> = FAMILIES
        .list
        .iter()
        .map(|family| {
            let row = &family.row;
            let settings = defaults(&row.alert);
            Known {
                alert: &row.alert,
                enabled: settings.enabled,
                severity: settings.severity,
                threshold: settings.threshold.to_string(),
                frequency: settings.frequency.to_string(),
                raise: row.raise.iter().map(ToString::to_string).collect(),
                clear: row.clear.iter().map(ToString::to_string).collect(),
                instance: family.instance.iter().map(|(_, label)| label.as_str()).collect(),
                seen_through_rtmt_only: by_counters.contains(&row.alert.as_str()) || row.raise.is_empty(),
                title: &row.title,
                meaning: &row.meaning,
                runbook: &row.runbook,
            }
        })
        .chain([severity::known()])
        .collect();
    known.sort_by_key(|known| known.alert.to_ascii_lowercase());
    known
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.facility.as_deref().unwrap_or("*"), self.mnemonic)?;
        for (key, value) in &self.parameters {
            match value.strip_prefix('=') {
                Some(value) => write!(f, " {key}={value}")?,
                None => write!(f, " {key} with {value:?}")?,
            }
        }
        if self.at_least < Severity::Debug {
            write!(f, " at least {}", self.at_least.name())?;
        }
        Ok(())
    }
}
