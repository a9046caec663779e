//! Checking `[[alert]]`, `[[rule]]` and `[[maintenance]]`.

use super::{Config, Rule, alert::Alert, check::Faults};
use crate::step::CONSOLE;
use ccxwatch_alerts::{
    fact::{Channel, Fact, Origin},
    rules::{Configurable, known_alerts, settings::Threshold, user::UserRules},
};
use ccxwatch_parsers::{parse, triage};
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;

/// The longest duration of an alert, and the longest time until one ends by itself.
const LONGEST: SignedDuration = SignedDuration::from_hours(400 * 24);
/// The most examples of a rule.
const EXAMPLES_MAX: usize = 100;

pub(super) fn check(config: &Config, faults: &mut Faults) {
    faults.unique("alert", config.alert.iter().map(|alert| &alert.name));
    faults.unique("rule", config.rule.iter().map(|rule| &rule.name));
    faults.unique("maintenance", config.maintenance.iter().map(|window| &window.name));
    for alert in &config.alert {
        check_alert(alert, config, faults);
    }
    check_rules(config, faults);
    for window in &config.maintenance {
        if window.when().is_none() {
            let what = "a maintenance window has from and to, from before to, or a schedule, and not both";
            faults.at(&window.name, what.to_owned());
        }
        if let Some(cluster) = &window.cluster
            && !config.cluster.iter().any(|known| known.name.get_ref() == cluster.get_ref())
        {
            faults.at(cluster, format!("there is no [[cluster]] {:?}; add it or correct the name", cluster.get_ref()));
        }
        if let Some(alert) = &window.alert {
            check_name(alert, config, faults);
        }
    }
}

fn check_alert(alert: &Alert, config: &Config, faults: &mut Faults) {
    check_name(&alert.name, config, faults);
    for receiver in alert.receivers.iter().flatten() {
        check_receiver(receiver, config, faults);
    }
    for time in [alert.duration, alert.resolve_after].into_iter().flatten() {
        check_time(time, &alert.name, faults);
    }
    let name = alert.name.get_ref();
    if config.rule.iter().any(|rule| rule.name.get_ref() == name) {
        faults.at(&alert.name, format!("{name:?} is a [[rule]]; write its settings there"));
    }
    let timed = alert.threshold.is_some()
        || alert.duration.is_some()
        || alert.frequency.is_some()
        || alert.resolve_after.is_some();
    let what = match known_alerts().into_iter().find(|(known, _)| known == name) {
        Some((_, Configurable::Fixed)) => {
            "is always told and cannot be configured; `ccxwatch alerts silence add` mutes those of licenses for a time"
        }
        Some((_, Configurable::OfState)) if timed => {
            "is told once when a state changes: it has enable, severity, schedule and receivers only"
        }
        _ => return,
    };
    faults.at(&alert.name, format!("{name:?} {what}"));
}

fn check_name(name: &Spanned<String>, config: &Config, faults: &mut Faults) {
    let wanted = name.get_ref();
    let rules = config.rule.iter().map(|rule| rule.name.get_ref().as_str());
    let known: Vec<&str> = known_alerts().into_iter().map(|(name, _)| name).chain(rules).collect();
    if known.contains(&wanted.as_str()) {
        return;
    }
    let nearest = known
        .iter()
        .map(|known| (strsim::jaro_winkler(&known.to_ascii_lowercase(), &wanted.to_ascii_lowercase()), *known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let next = match nearest {
        Some((_, nearest)) => format!("did you mean {nearest:?}?"),
        None => "`ccxwatch alerts names` prints all names".to_owned(),
    };
    faults.at(name, format!("no alert is named {wanted:?}; {next}"));
}

fn check_receiver(name: &Spanned<String>, config: &Config, faults: &mut Faults) {
    let known = config.receiver.iter().any(|receiver| receiver.name.get_ref() == name.get_ref());
    if !known && name.get_ref() != CONSOLE {
        faults.at(name, format!("there is no [[receiver]] {:?}; add it or correct the name", name.get_ref()));
    }
}

fn check_time<T>(time: SignedDuration, place: &Spanned<T>, faults: &mut Faults) {
    if time.is_negative() || time > LONGEST {
        faults.at(place, "a duration, resolve_after and clear_after are 0 to 400 days".to_owned());
    }
}

fn check_rules(config: &Config, faults: &mut Faults) {
    let before = faults.count();
    for rule in &config.rule {
        check_rule(rule, config, faults);
    }
    let settings: Vec<_> = config.rule.iter().map(Rule::settings).collect();
    let rules = match UserRules::compile(&settings) {
        Ok(rules) => rules,
        Err(errors) => {
            for error in errors {
                if let Some(rule) = config.rule.get(error.rule) {
                    faults.at(&rule.name, error.to_string());
                }
            }
            return;
        }
    };
    if faults.count() > before {
        return;
    }
    for (at, rule) in config.rule.iter().enumerate() {
        for example in &rule.examples {
            if let Some(miss) = missed(&rules, at, example.get_ref()) {
                faults.at(example, format!("rule {:?}: this line does not raise it: {miss}", rule.name.get_ref()));
            }
        }
    }
}

fn check_rule(rule: &Rule, config: &Config, faults: &mut Faults) {
    let name = rule.name.get_ref();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.len() > 100 || !name.chars().all(is_name) {
        faults.at(&rule.name, "the name of a rule has letters, digits, _, - and ., at most 100".to_owned());
    }
    if known_alerts().iter().any(|(known, _)| known == name) {
        faults.at(&rule.name, format!("{name:?} is the name of an alert that ccxwatch knows; choose another one"));
    }
    if let Some(Threshold::Over(_) | Threshold::Under(_)) = rule.threshold.map(|word| word.0) {
        faults
            .at(&rule.name, "a line of a rule has no value; its threshold is \"event\" or like \"3 in 5m\"".to_owned());
    }
    for (label, text) in &rule.labels {
        if ["alertname", "cluster", "node", "severity"].contains(&label.as_str()) || !super::check::is_label_name(label)
        {
            faults.at(text, format!("{label:?} cannot be a label of a rule; use letters, digits and _, and none of alertname, cluster, node, severity"));
        }
    }
    for time in [rule.duration, rule.clear_after].into_iter().flatten() {
        check_time(time, &rule.name, faults);
    }
    for receiver in &rule.receivers {
        check_receiver(receiver, config, faults);
    }
    if rule.examples.len() > EXAMPLES_MAX {
        faults.at(&rule.name, format!("a rule has at most {EXAMPLES_MAX} examples"));
    }
}

/// What a line lacks to raise a rule; nothing where it does.
fn missed(rules: &UserRules, rule: usize, line: &str) -> Option<String> {
    let bytes = line.trim_end().as_bytes();
    let origin = Origin { channel: Channel::Stdin, sender: None, source: "example".to_owned(), node: None };
    let facts = Fact::of_record(&parse(bytes), Timestamp::UNIX_EPOCH, origin, false);
    let misses: Vec<_> = facts.iter().map(|fact| rules.misses(rule, fact)).collect();
    if !misses.contains(&None) {
        let miss = misses.into_iter().flatten().next().map(|miss| miss.to_string());
        return Some(miss.unwrap_or_else(|| "it has no %FACILITY-SEVERITY-MNEMONIC".to_owned()));
    }
    let first = triage(bytes).is_some_and(|triage| rules.may_want(&triage, bytes));
    (!first).then(|| "the event is one that the line quotes; match the quoting line as well".to_owned())
}
