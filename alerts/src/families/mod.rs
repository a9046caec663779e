//! Families: which alarm raises and which one clears which alert. Pure classification: a fact goes in, signals come out.
//!
//! The families themselves are data: `data/*.toml` (one row per family), `data/rtmt.tsv` (what RTMT has configured of its alerts) and
//! `data/catalog.tsv` (every alarm of the catalog of Unified CM 15, and what becomes of it).
//!
//! A line of licenses is `license/`'s, and one that tells the state of the engine or of the Cluster View Daemon is `service/`'s;
//! neither comes here. What comes here and belongs to no family falls under the severity rule.

mod catalog;
mod known;
mod names;
mod rtmt;
mod severity;
mod table;

pub(crate) use catalog::UNKNOWN_PARAMETER;
pub use known::{Known, known};
pub use rtmt::{defaults, seen_through_rtmt_only};
pub(crate) use severity::may_be_alarm;

use crate::{
    fact::Fact,
    limits::{Limits, bounded},
    signal::{About, Change, Signal},
};
use ccxwatch_parsers::severity::Severity;
use names::Names;
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, LazyLock},
};
use table::{Pattern, Row};

/// The table, read once.
static FAMILIES: LazyLock<Families> = LazyLock::new(Families::read);

/// All families, by what their lines and alerts are called.
#[derive(Debug)]
struct Families {
    list: Vec<Family>,
    /// By the hash of an alarm's name: the families that it raises or clears, in the order of the table.
    alarms: HashMap<u64, Vec<Claim>>,
    /// By the hash of an alert's name.
    alerts: HashMap<u64, usize>,
}

/// One family.
#[derive(Debug)]
struct Family {
    row: Row,
    /// Its instance parameters, and the labels that they become.
    instance: Vec<(String, String)>,
    about: Arc<About>,
}

/// That an alarm of some name may raise or clear a family.
#[derive(Debug)]
struct Claim {
    family: usize,
    change: Change,
    pattern: Pattern,
}

/// What a fact means for the alerts of its cluster: what it raises comes before what it clears.
///
/// `syslog_severity`: what no family claims raises `SyslogSeverityMatchFound` where it is at least so severe; `None`: it never does.
pub fn signals(fact: &Fact, syslog_severity: Option<Severity>) -> Vec<Signal> {
    match &fact.rtmt {
        Some(alert) if !alert.quotes => rtmt::signals(fact, alert),
        _ => {
            let claimed = FAMILIES.claimed(fact);
            let by_severity = || severity::signal(fact, syslog_severity?);
            claimed.unwrap_or_else(|| by_severity().into_iter().collect())
        }
    }
}

/// The names of all alerts that families raise, and of those of RTMT.
pub fn alerts() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = FAMILIES.list.iter().map(|family| family.row.alert.as_str()).collect();
    names.push(severity::ALERT);
    names
}

/// The names of the alarms that any family wants, those of alerts that `is_wanted` refuses left out, and further ones.
pub(crate) fn wanted_names(
    is_wanted: impl Fn(&str) -> bool,
    further: impl Iterator<Item = &'static str>,
) -> WantedNames {
    let families = &*FAMILIES;
    let wanted = |claim: &&Claim| {
        let family = &families.list[claim.family];
        is_wanted(&family.row.alert)
    };
    let of_families = families.alarms.iter().filter(|(_, claims)| claims.iter().any(|claim| wanted(&claim)));
    let matched = names::hash(severity::ALERT.as_bytes());
    let hashes = of_families.map(|(hash, _)| *hash).chain(is_wanted(severity::ALERT).then_some(matched));
    let hashes = hashes.chain(further.map(|name| names::hash(name.as_bytes())));
    WantedNames(Arc::new(Names::new(hashes)))
}

/// The names of the alarms that any family wants. Asked of every line: no allocation, no lock.
#[derive(Clone, Debug)]
pub(crate) struct WantedNames(Arc<Names>);

impl WantedNames {
    /// Whether an alarm of this name may mean something.
    pub(crate) fn contains(&self, mnemonic: &[u8]) -> bool {
        self.0.contains(mnemonic)
    }
}

/// Whether a line is one of Unified Communications at all, by its facility and process: routers, switches and other products are not.
pub(crate) fn is_of_unified_communications(facility: &[u8], process: Option<&[u8]>) -> bool {
    const PREFIXES: [&[u8]; 3] = [b"UC_", b"CCM_", b"CCBU_"];
    const PROCESSES: [&[u8]; 4] = [b"MIVR", b"MCVD", b"MADM", b"MCLI"];
    match process {
        None => PREFIXES.iter().any(|prefix| facility.starts_with(prefix)),
        Some(process) => PROCESSES.contains(&process) || process.starts_with(b"CCM_"),
    }
}

impl Families {
    fn read() -> Self {
        let list: Vec<Family> = table::rows().into_iter().map(Family::new).collect();
        let mut alarms: HashMap<u64, Vec<Claim>> = HashMap::new();
        let mut alerts = HashMap::new();
        for (at, family) in list.iter().enumerate() {
            let raises = family.row.raise.iter().map(|pattern| (Change::Raise, pattern));
            let clears = family.row.clear.iter().map(|pattern| (Change::Clear, pattern));
            for (change, pattern) in raises.chain(clears) {
                let claim = Claim { family: at, change, pattern: pattern.clone() };
                alarms.entry(names::hash(pattern.mnemonic.as_bytes())).or_default().push(claim);
            }
            for name in family.row.also_called.iter().chain([&family.row.alert]) {
                alerts.entry(names::hash(name.as_bytes())).or_insert(at);
            }
        }
        Self { list, alarms, alerts }
    }

    /// The family of an alert of RTMT.
    fn of_alert(&'static self, name: &str) -> Option<&'static Family> {
        let family = self.list.get(*self.alerts.get(&names::hash(name.as_bytes()))?)?;
        let is_its_name = |known: &String| names::same(known.as_bytes(), name.as_bytes());
        family.row.also_called.iter().chain([&family.row.alert]).any(is_its_name).then_some(family)
    }

    /// What the families make of an alarm; `None` where none claims it.
    fn claimed(&'static self, fact: &Fact) -> Option<Vec<Signal>> {
        self.by_alarm(&fact.mnemonic, fact, |pattern| pattern.is_of(fact))
    }

    /// The first family that the alarm raises, and all that it clears.
    fn by_alarm(&'static self, mnemonic: &str, fact: &Fact, is_met: impl Fn(&Pattern) -> bool) -> Option<Vec<Signal>> {
        let claims = self.alarms.get(&names::hash(mnemonic.as_bytes()))?;
        let met = |change: Change| {
            claims.iter().filter(move |claim| claim.change == change).filter(|claim| {
                names::same(claim.pattern.mnemonic.as_bytes(), mnemonic.as_bytes()) && is_met(&claim.pattern)
            })
        };
        let claims: Vec<&Claim> = met(Change::Raise).take(1).chain(met(Change::Clear)).collect();
        let signals = claims.iter().map(|claim| self.list[claim.family].signal(claim.change, fact));
        (!claims.is_empty()).then(|| signals.collect())
    }
}

impl Pattern {
    /// Whether an alarm of the right name meets the rest.
    fn is_of(&self, fact: &Fact) -> bool {
        let facility = names::plain_facility(fact.facility.as_bytes());
        self.facility.as_ref().is_none_or(|wanted| names::same(wanted.as_bytes(), facility)) && self.is_met(fact)
    }

    /// Whether severity and parameters are as they must be.
    fn is_met(&self, fact: &Fact) -> bool {
        catalog::severity(fact) <= self.at_least
            && self.parameters.iter().all(|(key, wanted)| {
                let value = if key == "AppID" { application(fact) } else { fact.param(key) };
                value.is_some_and(|value| match wanted.strip_prefix('=') {
                    Some(wanted) => value.trim() == wanted,
                    None => value.contains(wanted.as_str()),
                })
            })
    }
}

/// The application of a line; a trace names its process instead.
fn application(fact: &Fact) -> Option<&str> {
    fact.app_id.as_deref().or_else(|| match fact.process.as_deref()? {
        "MIVR" => Some("Cisco Unified CCX Engine"),
        "MCVD" => Some("Cisco Unified CCX Cluster View Daemon"),
        "MADM" => Some("Cisco Unified CCX Administration"),
        _ => None,
    })
}

impl Family {
    fn new(row: Row) -> Self {
        let about = About {
            title: row.title.clone(),
            meaning: row.meaning.clone(),
            runbook: row.runbook.clone(),
            resolves_after: row.resolves_after,
        };
        let instance = row.instance.iter().map(|key| (key.clone(), names::label(key))).collect();
        Self { row, instance, about: Arc::new(about) }
    }

    fn signal(&'static self, change: Change, fact: &Fact) -> Signal {
        let value = self.row.value.as_ref().and_then(|key| number(fact.param(key)?));
        Signal {
            alert: Cow::Borrowed(&self.row.alert),
            change,
            severity: self.row.severity,
            node: node(fact).filter(|_| !self.row.of_cluster),
            instance: self.instance_of(fact),
            value,
            about: Arc::clone(&self.about),
        }
    }

    /// What tells the instance apart: the parameters that the line has.
    fn instance_of(&'static self, fact: &Fact) -> Vec<(Cow<'static, str>, String)> {
        let value = |key: &str| match key {
            "@facility" => {
                Some(names::plain_facility(fact.facility.as_bytes())).and_then(|name| str::from_utf8(name).ok())
            }
            "@mnemonic" => Some(fact.mnemonic.as_str()),
            _ => fact.param(key),
        };
        self.instance
            .iter()
            .filter_map(|(key, label)| {
                let value = bounded(value(key)?.trim(), Limits::DEFAULT.instance_bytes);
                (!value.is_empty()).then(|| (Cow::Borrowed(label.as_str()), value.to_owned()))
            })
            .collect()
    }
}

/// The node that a line is about, as it names it.
fn node(fact: &Fact) -> Option<String> {
    fact.node_id.clone().or_else(|| fact.host.clone()).filter(|node| !node.trim().is_empty())
}

/// The number that a value begins with: `96`, `96%`, `1234 MB`.
fn number(value: &str) -> Option<f64> {
    let value = value.trim();
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    value[..end].parse().ok()
}

#[cfg(test)]
mod tests;
