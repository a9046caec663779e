//! The severity rule: what is serious and belongs to no family is told all the same, so that nothing unknown is lost.

use super::{Known, catalog, defaults, is_of_unified_communications, names, node};
use crate::{
    fact::Fact,
    limits::{Limits, bounded},
    signal::{About, Change, Signal},
};
use ccxwatch_parsers::severity::Severity;
use jiff::SignedDuration;
use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

/// RTMT's name for it.
pub(super) const ALERT: &str = "SyslogSeverityMatchFound";

static ABOUT: LazyLock<Arc<About>> = LazyLock::new(|| {
    Arc::new(About {
        title: "A serious line that no family of alerts knows".to_owned(),
        meaning: "Its severity alone makes it worth a look.".to_owned(),
        runbook: vec![
            "Read the line, and look up its name in the system error messages of the product.".to_owned(),
            "Where it is harmless, say so with a rule; where it is not, give it an alert of its own.".to_owned(),
        ],
        resolves_after: Some(SignedDuration::from_hours(24)),
    })
});

/// The severity rule, as families are listed.
pub(super) fn known() -> Known {
    let settings = defaults(ALERT);
    Known {
        alert: ALERT,
        enabled: settings.enabled,
        severity: settings.severity,
        threshold: settings.threshold.to_string(),
        frequency: settings.frequency.to_string(),
        raise: vec!["every alarm of no family, by its severity".to_owned()],
        clear: Vec::new(),
        instance: vec!["facility", "mnemonic"],
        seen_through_rtmt_only: false,
        title: &ABOUT.title,
        meaning: &ABOUT.meaning,
        runbook: &ABOUT.runbook,
    }
}

/// The alert of a line that no family claims, where it is at least so severe. What RTMT matched is serious by RTMT's own setting.
pub(super) fn signal(fact: &Fact, at_least: Severity) -> Option<Signal> {
    let matched = fact.rtmt.is_some();
    let severity = catalog::severity(fact);
    let serious = matched || (severity <= at_least && is_alarm(fact));
    if !serious {
        return None;
    }
    let named = |value: &str| bounded(value.trim(), Limits::DEFAULT.instance_bytes).to_owned();
    let mut instance = Vec::new();
    if fact.mnemonic.is_empty() {
        // A line of the operating system that RTMT quotes.
        instance.extend(fact.param("program").map(|program| (Cow::Borrowed("program"), named(program))));
    } else {
        instance.push((Cow::Borrowed("facility"), named(&fact.facility)));
        instance.push((Cow::Borrowed("mnemonic"), named(&fact.mnemonic)));
    }
    Some(Signal {
        alert: Cow::Borrowed(ALERT),
        change: Change::Raise,
        severity,
        node: node(fact),
        instance,
        value: None,
        about: Arc::clone(&ABOUT),
    })
}

/// Whether a line is an alarm of Unified Communications, and no audit event and no mere log line.
fn is_alarm(fact: &Fact) -> bool {
    let process = fact.process.as_deref().map(str::as_bytes);
    is_of_unified_communications(fact.facility.as_bytes(), process)
        && may_be_alarm(fact.facility.as_bytes(), fact.mnemonic.as_bytes())
}

/// Names that are levels of a log, and no names of alarms.
const LEVELS: [&[u8]; 9] = [b"UNK", b"EXCEPTION", b"DEBUG", b"INFO", b"WARN", b"WARNING", b"ERROR", b"FATAL", b"TRACE"];

/// Whether a facility and a name can be those of an alarm: audit events are none, and a name that is a level of a log is none.
pub(crate) fn may_be_alarm(facility: &[u8], mnemonic: &[u8]) -> bool {
    !names::same(names::plain_facility(facility), b"AUDITLOG") && !LEVELS.contains(&mnemonic)
}
