//! RTMT's own alerts: what it has configured of them, and what its `RTMT_ALERT` lines mean.

use super::{FAMILIES, Family, names, node, severity};
use crate::{
    fact::{Fact, RtmtAlert},
    limits::{Limits, cleaned},
    rules::{
        schedule::Schedule,
        settings::{AlertSettings, Frequency, Threshold},
    },
    signal::{About, Change, Signal},
};
use ccxwatch_parsers::severity::Severity;
use jiff::SignedDuration;
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// How long an alert of RTMT fires after it was last told: RTMT tells no end.
const ENDS_UNTOLD: SignedDuration = SignedDuration::from_hours(24);

/// One row of `data/rtmt.tsv`.
#[derive(Clone, Debug)]
struct Row {
    name: &'static str,
    enabled: bool,
    severity: Severity,
    threshold: Threshold,
    duration: SignedDuration,
    frequency: Frequency,
    /// Syslog carries no alarm for it.
    by_counters: bool,
}

static ROWS: LazyLock<HashMap<u64, Row>> =
    LazyLock::new(|| rows().into_iter().map(|row| (names::hash(row.name.as_bytes()), row)).collect());

/// The settings of an alert where the configuration says nothing: RTMT's own, else those of its family, else none.
///
/// A threshold on a value was applied by whoever raised the alarm or sent the alert, by a mark that may have been changed there. It
/// is not applied again, and neither is what RTMT counts before it tells an alert that only it can find.
pub fn defaults(alert: &str) -> AlertSettings {
    let family = FAMILIES.of_alert(alert);
    let mut settings = AlertSettings::default();
    if let Some(family) = family {
        settings.enabled = family.row.enabled;
        settings.severity = Some(family.row.severity);
        settings.resolve_after = family.row.resolves_after;
    }
    if let Some(row) = ROWS.get(&names::hash(alert.as_bytes())) {
        settings.enabled = row.enabled;
        settings.frequency = row.frequency;
        settings.schedule = Schedule::ALWAYS;
        if alert != severity::ALERT {
            settings.severity = Some(row.severity);
        }
        if !row.by_counters {
            settings.duration = row.duration;
            settings.threshold = match row.threshold {
                Threshold::Over(_) | Threshold::Under(_) => Threshold::Event,
                threshold => threshold,
            };
        }
    }
    settings
}

/// The alerts that RTMT finds by its counters and that no alarm tells: they are seen through `RTMT_ALERT` and the alert log only.
pub fn seen_through_rtmt_only() -> Vec<&'static str> {
    let mut names: Vec<_> = ROWS.values().filter(|row| row.by_counters).map(|row| row.name).collect();
    names.sort_unstable();
    names
}

/// What an alert of RTMT means that quotes no line: its name is that of an alert or of an alarm; else it is an alert of its own.
pub(super) fn signals(fact: &Fact, alert: &RtmtAlert) -> Vec<Signal> {
    let raised = FAMILIES.of_alert(&alert.name).map(|family| vec![family.signal_of_rtmt(fact)]);
    let found = raised.or_else(|| FAMILIES.by_alarm(&alert.name, fact, |pattern| pattern.is_met(fact)));
    let mut signals = found.unwrap_or_else(|| vec![unknown(fact, alert)]);
    if let Some(severity) = alert.severity {
        for signal in &mut signals {
            signal.severity = severity;
        }
    }
    // RTMT tells what it counts only once it has counted so many.
    let counted = match ROWS.get(&names::hash(alert.name.as_bytes())).map(|row| row.threshold) {
        Some(Threshold::Count { times, .. }) => usize::try_from(times).unwrap_or(1),
        _ => 1,
    };
    let count = signals.len() * counted;
    signals.into_iter().cycle().take(count).collect()
}

impl Family {
    /// An alert that does not say which instance it is about is not cleared by a line that does: it ends by itself.
    fn signal_of_rtmt(&'static self, fact: &Fact) -> Signal {
        let mut signal = self.signal(Change::Raise, fact);
        if signal.instance.len() < self.instance.len() && self.about.resolves_after.is_none() {
            signal.about = Arc::new(About { resolves_after: Some(ENDS_UNTOLD), ..(*self.about).clone() });
        }
        signal
    }
}

/// An alert that somebody configured in RTMT, or that a newer release has.
fn unknown(fact: &Fact, alert: &RtmtAlert) -> Signal {
    let name = cleaned(&alert.name, Limits::DEFAULT.alert_name_bytes);
    let about = About {
        title: format!("RTMT raised {name}"),
        meaning: "ccxwatch knows no alert of this name; what RTMT found is in its line.".to_owned(),
        runbook: vec!["Open RTMT > Alert Central and look at the alert.".to_owned()],
        resolves_after: Some(ENDS_UNTOLD),
    };
    Signal {
        alert: Cow::Owned(name),
        change: Change::Raise,
        severity: fact.severity,
        node: node(fact),
        instance: Vec::new(),
        value: None,
        about: Arc::new(about),
    }
}

fn rows() -> Vec<Row> {
    let lines = include_str!("data/rtmt.tsv").lines().filter(|line| !line.starts_with('#'));
    // The file is part of the program: what it holds is known when it is built, and a test reads all of it.
    lines.skip(1).map(|line| row(line).unwrap_or_else(|| panic!("a row of rtmt.tsv: {line}"))).collect()
}

fn row(line: &'static str) -> Option<Row> {
    let mut fields = line.split('\t');
    let mut next = || fields.next();
    let row = Row {
        name: next()?,
        enabled: next()? == "yes",
        severity: Severity::from_word(next()?.as_bytes())?,
        threshold: next()?.parse().ok()?,
        duration: next()?.parse().ok()?,
        frequency: next()?.parse().ok()?,
        // RTMT has every alert around the clock.
        by_counters: {
            (next()? == "always").then_some(())?;
            match next()? {
                "rtmt" => true,
                "alarm" => false,
                _ => return None,
            }
        },
    };
    fields.next().is_none().then_some(row)
}

/// The names and severities of all rows.
#[cfg(test)]
pub(super) fn names() -> Vec<(&'static str, Severity)> {
    rows().into_iter().map(|row| (row.name, row.severity)).collect()
}
