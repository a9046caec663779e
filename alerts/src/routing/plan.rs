//! The routes as they decide: who is told of a notification, by which rule, and how.

use super::{
    ledger::Rule,
    settings::{GroupSettings, RouteSettings, RoutingSettings, StormSettings},
};
use crate::{
    notification::{Notification, Reason},
    rules::schedule::Schedule,
    settings::Settings,
};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The configured routes.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// In the order of the configuration, watchers excluded.
    receivers: Vec<String>,
    routing: RoutingSettings,
}

/// One receiver who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) receiver: String,
    pub(crate) rule: Rule,
    pub(crate) way: Way,
}

/// How a receiver is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    /// What may be gathered is gathered like this.
    pub(crate) group: Option<GroupSettings>,
    pub(crate) repeat_interval: Option<SignedDuration>,
    /// Names of windows.
    pub(crate) windows: Vec<String>,
    pub(crate) hold_urgent: bool,
}

/// Who is told of a notification, and who would have been told twice.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    pub(crate) assignments: Vec<Assignment>,
    /// A later route names a receiver whom an earlier one tells already.
    pub(crate) again: Vec<(String, Rule)>,
    /// A route took it, and it names nobody.
    pub(crate) nobody: Option<Rule>,
}

impl Plan {
    pub(crate) fn new(settings: &Settings) -> Self {
        let routing = settings.routing.clone();
        let receivers = settings.receivers.iter().filter(|name| !routing.watchers.contains(name)).cloned().collect();
        Self { receivers, routing }
    }

    /// Who is told everything at once.
    pub(crate) fn watchers(&self) -> &[String] {
        &self.routing.watchers
    }

    pub(crate) fn knows(&self, receiver: &str) -> bool {
        self.receivers.iter().any(|known| known == receiver)
    }

    /// A receiver's place in the configuration.
    pub(crate) fn place(&self, receiver: &str) -> usize {
        self.receivers.iter().position(|known| known == receiver).unwrap_or(usize::MAX)
    }

    /// Who is told of it.
    pub(crate) fn decide(&self, notification: &Notification) -> Decision {
        if notification.reason == Reason::NotificationFailing {
            let about = notification.labels.get("receiver");
            let others = self.receivers.iter().filter(|receiver| Some(*receiver) != about);
            return Decision::all(others, &Rule::EveryOther);
        }
        if !notification.receivers.is_empty() {
            let known = notification.receivers.iter().filter(|receiver| self.knows(receiver));
            return Decision::all(known, &Rule::Alert);
        }
        let mut decision = Decision::default();
        let mut taken = None;
        for (index, route) in self.routing.routes.iter().enumerate() {
            if !takes(route, notification) {
                continue;
            }
            let rule = rule_of(index, route);
            for receiver in route.receivers.iter().filter(|receiver| self.knows(receiver)) {
                decision.add(receiver, &rule, Way::of(route));
            }
            taken = Some(rule);
            if !route.continues {
                break;
            }
        }
        match taken {
            None => Decision::all(self.receivers.iter(), &Rule::Default),
            Some(rule) => {
                decision.nobody = decision.assignments.is_empty().then_some(rule);
                decision
            }
        }
    }

    /// Until when a receiver is not told of what may wait: `None` where a window is open, or none is named.
    pub(crate) fn closed_until(&self, receiver: &str, windows: &[String], at: Timestamp) -> Option<Timestamp> {
        let zone = &self.zone(receiver);
        let mut soonest = None;
        for window in windows.iter().filter_map(|name| self.routing.time_windows.get(name)) {
            if window.is_open(at, zone) {
                return None;
            }
            soonest = earlier(soonest, opening(window, at, zone));
        }
        soonest
    }

    /// The zone of a receiver.
    pub(crate) fn zone(&self, receiver: &str) -> TimeZone {
        self.routing.time_zones.get(receiver).cloned().unwrap_or(TimeZone::UTC)
    }

    /// When the alerts of one node are a storm for this receiver.
    pub(crate) fn storm(&self, receiver: &str) -> Option<&StormSettings> {
        self.routing.storm.as_ref().filter(|storm| !storm.except.iter().any(|except| except == receiver))
    }

    /// Whether what gathered for this receiver by this rule still does.
    pub(crate) fn still_groups(&self, rule: &Rule, receiver: &str, group: &GroupSettings) -> bool {
        if *rule == Rule::Storm {
            return self.knows(receiver) && self.storm(receiver).is_some_and(|storm| storm.group() == *group);
        }
        let gathers = |(index, route): (usize, &RouteSettings)| {
            rule.is(&rule_of(index, route))
                && route.group.as_ref() == Some(group)
                && route.receivers.iter().any(|named| named == receiver)
        };
        self.knows(receiver) && self.routing.routes.iter().enumerate().any(gathers)
    }
}

fn rule_of(index: usize, route: &RouteSettings) -> Rule {
    Rule::Route { number: index + 1, name: route.name.clone() }
}

/// A window that is closed opens then.
fn opening(window: &Schedule, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    window.next_change(at, zone)
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Way {
    fn of(route: &RouteSettings) -> Self {
        Self {
            group: route.group.clone(),
            repeat_interval: route.repeat_interval,
            windows: route.time_windows.clone(),
            hold_urgent: route.hold_urgent,
        }
    }
}

impl Decision {
    fn all<'a>(receivers: impl Iterator<Item = &'a String>, rule: &Rule) -> Self {
        let mut decision = Self::default();
        for receiver in receivers {
            decision.add(receiver, rule, Way::default());
        }
        decision.nobody = decision.assignments.is_empty().then(|| rule.clone());
        decision
    }

    fn add(&mut self, receiver: &str, rule: &Rule, way: Way) {
        if self.assignments.iter().any(|told| told.receiver == receiver) {
            self.again.push((receiver.to_owned(), rule.clone()));
        } else {
            self.assignments.push(Assignment { receiver: receiver.to_owned(), rule: rule.clone(), way });
        }
    }
}

/// The severity of the alert itself, which an end keeps in its labels.
pub(crate) fn severity_of(notification: &Notification) -> Severity {
    let label = notification.labels.get("severity");
    label.and_then(|name| Severity::from_word(name.as_bytes())).unwrap_or(notification.severity)
}

fn takes(route: &RouteSettings, notification: &Notification) -> bool {
    let cluster = notification.cluster.as_deref();
    let of_cluster = route.clusters.is_empty()
        || cluster.is_some_and(|cluster| route.clusters.iter().any(|pattern| pattern.matches(cluster)));
    of_cluster
        && route.severity.is_none_or(|least| severity_of(notification) <= least)
        && (route.reasons.is_empty() || route.reasons.contains(&notification.reason))
        && route.matchers.matches(&notification.labels)
}

/// A severity of a cluster of which some alerts, or all, are told to nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unheard {
    /// The severity.
    pub severity: Severity,
    /// Whether that is so for every alert of it; else it depends on labels or reasons.
    pub always: bool,
    /// The route that takes them, from 1; none where no route does and there is no receiver.
    pub route: Option<usize>,
}

/// What of a cluster with these labels, or of ccxwatch itself where it has no label `cluster`, ends at nobody.
pub fn unheard(settings: &Settings, labels: &BTreeMap<String, String>) -> Vec<Unheard> {
    let plan = Plan::new(settings);
    Severity::ALL.into_iter().filter_map(|severity| plan.ends_at_nobody(severity, labels)).collect()
}

impl Plan {
    fn ends_at_nobody(&self, severity: Severity, labels: &BTreeMap<String, String>) -> Option<Unheard> {
        let mut labels = labels.clone();
        labels.insert("severity".to_owned(), severity.name().to_ascii_lowercase());
        // Whether what comes this far depends on what is not known here: other labels, the reason.
        let mut certain = true;
        for (index, route) in self.routing.routes.iter().enumerate() {
            let Some(sure) = may_take(route, severity, &labels) else { continue };
            let tells = route.receivers.iter().any(|receiver| self.knows(receiver));
            if !tells && !route.continues {
                return Some(Unheard { severity, always: certain && sure, route: Some(index + 1) });
            }
            if tells && sure {
                return None;
            }
            if tells {
                certain = false;
            }
        }
        self.receivers.is_empty().then_some(Unheard { severity, always: certain, route: None })
    }
}

/// Whether the route takes all of them (`Some(true)`), some (`Some(false)`), or none.
fn may_take(route: &RouteSettings, severity: Severity, labels: &BTreeMap<String, String>) -> Option<bool> {
    let cluster = labels.get("cluster");
    let of_cluster = route.clusters.is_empty()
        || cluster.is_some_and(|cluster| route.clusters.iter().any(|pattern| pattern.matches(cluster)));
    if !of_cluster || route.severity.is_some_and(|least| severity > least) {
        return None;
    }
    let matchers = route.matchers.holds_for(labels)?;
    Some(matchers && route.reasons.is_empty())
}
