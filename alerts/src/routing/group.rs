//! Groups: what is told together, and when. Alertmanager's `group_wait`, `group_interval` and `repeat_interval`.
//!
//! Source: Prometheus Alertmanager 0.28, "Configuration: route" and `dispatch.go`: the first flush comes `group_wait` after the
//! first alert, then one every `group_interval`; a flush that has nothing new tells again once `repeat_interval` has passed since
//! something was told.

use super::{
    ledger::Rule,
    plan::{Way, severity_of},
    settings::{GroupBy, GroupSettings},
};
use crate::{
    alert::fingerprint,
    notification::{EvidenceSummary, GroupMember, Grouped, Notification, Reason},
    now::Now,
    texts,
    timer::Timer,
};
use ccxwatch_parsers::severity::Severity;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Members that a notification lists.
const LISTED: usize = 100;

/// One group of one receiver. One row of saved state; its members are in the rows of their episodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) receiver: String,
    pub(crate) rule: Rule,
    pub(crate) way: Way,
    pub(crate) settings: GroupSettings,
    /// What its members have in common: the labels that it gathers by.
    pub(crate) labels: BTreeMap<String, String>,
    /// The first flush; the later ones come so many intervals after it.
    pub(crate) first: Option<Timer>,
    /// When something may be told next; none where nothing is new and nothing repeats.
    pub(crate) next: Option<Timer>,
    /// From when on it is told again although nothing is new.
    pub(crate) repeat: Option<Timer>,
    /// It is due, and waits for a time window.
    pub(crate) held: bool,
    /// How often it was told.
    pub(crate) told: u32,
    /// Episodes.
    #[serde(skip)]
    pub(crate) members: BTreeSet<String>,
}

impl Group {
    /// A group whose first alert has just come.
    pub(crate) fn new(
        receiver: &str,
        rule: Rule,
        way: Way,
        settings: GroupSettings,
        labels: BTreeMap<String, String>,
        now: Now,
    ) -> Self {
        let next = Some(Timer::within(now, settings.wait));
        Self {
            receiver: receiver.to_owned(),
            rule,
            way,
            settings,
            labels,
            first: None,
            next,
            repeat: None,
            held: false,
            told: 0,
            members: BTreeSet::new(),
        }
    }

    /// Whether it gathers the storm of a node.
    pub(crate) fn is_storm(&self) -> bool {
        self.rule == Rule::Storm
    }

    /// The labels that tell the groups of a route apart.
    pub(crate) fn key(by: &GroupBy, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        match by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => {
                names.iter().map(|name| (name.clone(), labels.get(name).cloned().unwrap_or_default())).collect()
            }
        }
    }

    /// Something is new: it is told at the next flush, or, where the group waits for a window, when that opens, unless it is
    /// something that may not wait.
    pub(crate) fn changed(&mut self, may_wait: bool, now: Now) {
        if self.held {
            if !may_wait {
                self.next = Some(Timer::within(now, self.settings.wait));
            }
        } else if self.first.is_some() {
            let beat = self.flush_from(now.elapsed, now);
            let storm = self.is_storm();
            // Nobody has chosen that something urgent waits longer because of a storm.
            let soon = (storm && !may_wait).then(|| Timer::within(now, self.settings.wait));
            let due = [Some(beat), soon, self.next.filter(|_| storm)];
            self.next = due.into_iter().flatten().min_by_key(|timer| timer.elapsed);
        }
    }

    /// It was flushed; `told` where somebody was told.
    pub(crate) fn flushed(&mut self, told: bool, now: Now) {
        let here = Timer { wall: now.wall, elapsed: now.elapsed };
        self.first.get_or_insert(here);
        self.held = false;
        self.told += u32::from(told);
        // What is acknowledged is looked at again as often as it would be told.
        if told || self.repeat.is_some_and(|repeat| repeat.elapsed <= now.elapsed) {
            self.repeat = self.way.repeat_interval.map(|interval| Timer::within(now, interval));
        }
        let just_after = now.elapsed.saturating_add(SignedDuration::from_nanos(1));
        self.next = self.repeat.map(|repeat| self.flush_from(repeat.elapsed.max(just_after), now));
    }

    /// The first flush at or after a moment.
    fn flush_from(&self, at: SignedDuration, now: Now) -> Timer {
        let first = self.first.unwrap_or(Timer { wall: now.wall, elapsed: now.elapsed });
        let interval = self.settings.interval.as_nanos().max(1);
        let passed = at.saturating_sub(first.elapsed).as_nanos();
        let flushes = (passed.div_euclid(interval) + i128::from(passed.rem_euclid(interval) != 0)).max(1);
        let later = i64::try_from(flushes * interval).map_or(SignedDuration::MAX, SignedDuration::from_nanos);
        first.later(later)
    }

    /// After a load from the store.
    pub(crate) fn reanchor(&mut self, now: Now) {
        for timer in [&mut self.first, &mut self.next, &mut self.repeat].into_iter().flatten() {
            timer.reanchor(now);
        }
    }

    /// The wall clock stepped.
    pub(crate) fn stepped(&mut self, step: SignedDuration) {
        for timer in [&mut self.first, &mut self.next, &mut self.repeat].into_iter().flatten() {
            timer.stepped(step);
        }
    }

    /// What is told of these members, more than one.
    pub(crate) fn notification(&self, id: &str, mut members: Vec<GroupMember>, now: Now) -> Notification {
        members.sort_by(|a, b| {
            (!a.firing, a.severity, &a.alertname, &a.cluster, &a.node, &a.episode).cmp(&(
                !b.firing,
                b.severity,
                &b.alertname,
                &b.cluster,
                &b.node,
                &b.episode,
            ))
        });
        let firing = members.iter().filter(|member| member.firing);
        let reason = if firing.clone().any(|member| member.news) {
            Reason::Firing
        } else if firing.clone().next().is_some() {
            Reason::Repeat
        } else {
            Reason::Resolved
        };
        let worst = members.iter().map(|member| member.severity).min().unwrap_or(Severity::Informational);
        let severity = firing.clone().map(|member| member.severity).min().unwrap_or(Severity::Informational);
        let mut labels = common_labels(&members);
        labels.extend(self.labels.clone());
        labels.insert("severity".to_owned(), worst.name().to_ascii_lowercase());
        let words =
            if self.is_storm() { texts::storm(&members, &self.labels) } else { texts::group(&members, &self.labels) };
        let size = members.len();
        let since = members.iter().filter_map(|member| member.since).min();
        let alertname = common(members.iter().map(|member| &member.alertname)).filter(|_| !self.is_storm());
        let several = if self.is_storm() { "AlertStorm" } else { "AlertGroup" };
        let cluster = common(members.iter().map(|member| &member.cluster)).flatten();
        let node = common(members.iter().map(|member| &member.node)).flatten();
        members.truncate(LISTED);
        Notification {
            at: now.wall,
            elapsed_s: now.elapsed.as_secs_f64(),
            reason,
            alertname: alertname.unwrap_or_else(|| several.to_owned()),
            cluster,
            node,
            fingerprint: fingerprint(&self.labels),
            labels,
            severity,
            episode: id.to_owned(),
            told_as: format!("{id}/{}", self.told + 1),
            continues: Vec::new(),
            grouped: Some(Grouped { size, members }),
            receivers: vec![self.receiver.clone()],
            since,
            deadline: None,
            days_left: None,
            time_zone: None,
            summary: words.summary,
            description: words.description,
            runbook: words.runbook,
            history: Vec::new(),
            flags: Vec::new(),
            evidence: EvidenceSummary::default(),
        }
    }
}

/// A notification as a row of a group.
pub(crate) fn member(notification: &Notification) -> GroupMember {
    GroupMember {
        news: true,
        firing: !notification.reason.is_end(),
        reason: notification.reason,
        alertname: notification.alertname.clone(),
        cluster: notification.cluster.clone(),
        node: notification.node.clone(),
        severity: severity_of(notification),
        since: notification.since,
        summary: notification.summary.clone(),
        labels: notification.labels.clone(),
        fingerprint: notification.fingerprint.clone(),
        episode: notification.episode.clone(),
    }
}

/// What all of them are.
fn common<'a, T: PartialEq + Clone + 'a>(mut all: impl Iterator<Item = &'a T>) -> Option<T> {
    let first = all.next()?;
    all.all(|other| other == first).then(|| first.clone())
}

fn common_labels(members: &[GroupMember]) -> BTreeMap<String, String> {
    let Some((first, others)) = members.split_first() else { return BTreeMap::new() };
    let shared = |name: &String, value: &String| others.iter().all(|member| member.labels.get(name) == Some(value));
    first.labels.iter().filter(|(name, value)| shared(name, value)).map(|(n, v)| (n.clone(), v.clone())).collect()
}
