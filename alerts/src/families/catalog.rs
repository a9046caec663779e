//! Every alarm of the catalog of Unified CM 12.5 to 15, and what becomes of it: `data/catalog.tsv`, one row each. What no family claims
//! falls under one default rule: it raises `SyslogSeverityMatchFound` by its severity, or is an event that is only counted.

use super::names;
use crate::fact::Fact;
use ccxwatch_parsers::severity::Severity;
use std::{collections::HashMap, sync::LazyLock};

pub(super) const TEXT: &str = include_str!("data/catalog.tsv");

/// Severities by the hashes of facility and name. A name with several severities has the most severe one.
static SEVERITIES: LazyLock<HashMap<(u64, u64), Severity>> = LazyLock::new(|| {
    let mut severities = HashMap::new();
    for (facility, severity, mnemonic, _) in rows() {
        let key = (names::hash(names::plain_facility(facility.as_bytes())), names::hash(mnemonic.as_bytes()));
        let known = severities.entry(key).or_insert(severity);
        *known = severity.min(*known);
    }
    severities
});

/// Facility, severity, name, and what becomes of it.
pub(super) fn rows() -> impl Iterator<Item = (&'static str, Severity, &'static str, &'static str)> {
    // The file is part of the program: what it holds is known when it is built, and a test reads all of it.
    let read = |line: &'static str| row(line).unwrap_or_else(|| panic!("a row of catalog.tsv: {line}"));
    TEXT.lines().filter(|line| !line.starts_with('#')).skip(1).map(read)
}

fn row(line: &'static str) -> Option<(&'static str, Severity, &'static str, &'static str)> {
    let mut fields = line.split('\t');
    let (facility, severity, mnemonic, outcome) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some((facility, Severity::from_number(severity.parse().ok()?)?, mnemonic, outcome))
}

/// What a sender puts in the place of the name of a parameter that it does not know; the alarm then has severity 3, whatever its own is
/// (Unified CM 15 System Error Messages, introduction).
pub(crate) const UNKNOWN_PARAMETER: &str = "UNKNOWN_PARAMNAME";

/// The severity of an alarm: the one that its line prints, or that of the catalog where the sender printed another one.
pub(super) fn severity(fact: &Fact) -> Severity {
    let is_forced =
        fact.severity == Severity::Error && fact.params.iter().any(|(key, _)| key.starts_with(UNKNOWN_PARAMETER));
    let known = || {
        let facility = names::plain_facility(fact.facility.as_bytes());
        SEVERITIES.get(&(names::hash(facility), names::hash(fact.mnemonic.as_bytes()))).copied()
    };
    if is_forced { known().unwrap_or(fact.severity) } else { fact.severity }
}
