//! What the ledger and a table of several alerts say.

use super::{Words, clock};
use crate::{notification::GroupMember, routing::ledger::Rule, rules::mute::Suppression};
use jiff::{Timestamp, tz::TimeZone};
use std::collections::BTreeMap;

/// A route took it, and names nobody.
pub(crate) const TOLD_TO_NOBODY: &str = "nobody is told: no receiver is left";
/// Two routes name one receiver.
pub(crate) const TOLD_ALREADY: &str = "an earlier route tells this receiver already";
/// Newer news of the same episode came while it waited.
pub(crate) const OVERTAKEN: &str = "newer news of the same episode came while it waited";
/// The alert ended while its start waited.
pub(crate) const ENDED_BEFORE_IT_LEFT: &str = "the alert ended before it left";
/// The end of what was never told.
pub(crate) const START_NEVER_LEFT: &str = "the start had not left, so its end is not told either";
/// The end of what nobody was to be told.
pub(crate) const START_TOLD_TO_NOBODY: &str = "nobody was told of the start";
/// Whoever was to be told is no longer in the configuration.
pub(crate) const RECEIVER_GONE: &str = "the receiver is no longer in the configuration";

/// It waits for a window.
pub(crate) fn held(until: Timestamp, zone: &TimeZone, windows: &[String]) -> String {
    let local = until.to_zoned_datetime(zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z");
    format!("until {local}, when a window opens: {}", windows.join(", "))
}

/// It waits in a group.
pub(crate) fn grouped(group: &str, until: Option<Timestamp>, zone: &TimeZone) -> String {
    match until {
        Some(until) => {
            let local = until.to_zoned_datetime(zone.clone()).strftime("%H:%M:%S %Z");
            format!("{group}, told at {local}")
        }
        None => format!("{group}, told when a window opens"),
    }
}

/// Until when something is muted, by whom and why.
pub(crate) fn muted(by: &Suppression) -> Option<String> {
    let until = by.until.map(|until| format!("until {until:.0}"));
    let who = by.who.as_ref().map(|who| format!("by {who}"));
    let parts: Vec<String> = until.into_iter().chain(who).chain(by.comment.clone()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// It waits as one of many alerts of its node. `rule` is why this receiver is told at all.
pub(crate) fn stormy(waits: &str, rule: &Rule) -> String {
    format!("{waits}; chosen by {rule}")
}

/// It left as one of several.
pub(crate) fn in_a_group(group: &str, size: usize) -> String {
    format!("as one of {size} in {group}")
}

/// What a receiver was not told in time, as one line of what came before.
pub(crate) fn overtaken(summary: &str, at: Timestamp, zone: &TimeZone) -> String {
    format!("{}: {summary}", clock(at, at, zone))
}

/// Names of alerts in the summary of a group.
const NAMES: usize = 3;
/// Steps of a group's runbook.
const STEPS: usize = 8;

/// Several alerts that are told together, as a route says.
pub(crate) fn group(members: &[GroupMember], gathered_by: &BTreeMap<String, String>) -> Words {
    let (count, names) = counted(members);
    let by: Vec<String> = gathered_by
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    let description = match by.as_slice() {
        [] => "These alerts are told together, as the route says.".to_owned(),
        by => format!("These alerts are told together because they have in common: {}.", by.join(", ")),
    };
    Words { summary: format!("{}{count}: {names}", whose(gathered_by)), description, runbook: steps(members) }
}

/// The alerts of one node that came in a storm.
pub(crate) fn storm(members: &[GroupMember], gathered_by: &BTreeMap<String, String>) -> Words {
    let (count, names) = counted(members);
    let node = gathered_by.get("node").map_or("", String::as_str);
    Words {
        summary: format!("{}storm, {count} on {node}: {names}", whose(gathered_by)),
        description: format!(
            "Many different alerts of {node} came within a short time. The first were told one by one; these, and what \
             follows until they end, are told together."
        ),
        runbook: steps(members),
    }
}

/// Whose they are, before what is said of them.
fn whose(gathered_by: &BTreeMap<String, String>) -> String {
    let cluster = gathered_by.get("cluster").filter(|cluster| !cluster.is_empty());
    cluster.map(|cluster| format!("{cluster}: ")).unwrap_or_default()
}

/// How many they are, and the names of the first.
fn counted(members: &[GroupMember]) -> (String, String) {
    let firing = members.iter().filter(|member| member.firing).count();
    let ended = members.len() - firing;
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for member in members.iter().filter(|member| member.firing == (firing > 0)) {
        *names.entry(&member.alertname).or_default() += 1;
    }
    let mut shown: Vec<String> = names
        .iter()
        .take(NAMES)
        .map(|(name, count)| if *count > 1 { format!("{name} ({count})") } else { (*name).to_owned() })
        .collect();
    if names.len() > NAMES {
        shown.push(format!("{} more kinds", names.len() - NAMES));
    }
    let count = match (firing, ended) {
        (0, ended) => format!("{ended} alerts ended"),
        (1, 0) => "1 alert fires".to_owned(),
        (firing, 0) => format!("{firing} alerts fire"),
        (1, ended) => format!("1 alert fires, {ended} ended"),
        (firing, ended) => format!("{firing} alerts fire, {ended} ended"),
    };
    (count, shown.join(", "))
}

/// What to do about them: ask of each.
fn steps(members: &[GroupMember]) -> Vec<String> {
    let firing = members.iter().filter(|member| member.firing).take(STEPS);
    firing.map(|member| format!("{}: ccxwatch alerts explain {}", member.alertname, member.fingerprint)).collect()
}
