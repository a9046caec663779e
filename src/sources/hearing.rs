//! Who was heard, and when: per origin (and per host behind a relay) at most one report a second.

use super::{Budget, Limits, alert_log::AlertLog, budget::Account};
use ccxwatch_alerts::{
    fact::{Heard, Origin},
    now::Now,
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

const REPORT_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// The origins of one source, by what tells them apart.
#[derive(Debug)]
pub(super) struct Hearing<K> {
    ears: HashMap<K, Ear>,
    origins: usize,
    hosts: usize,
}

/// One origin, and what was heard of it since its last report.
#[derive(Debug)]
pub(super) struct Ear {
    /// Who it is.
    pub(super) origin: Arc<Origin>,
    /// Whether its lines name different hosts, so that each line is asked for its host.
    pub(super) relay: bool,
    /// Hosts, the unnamed one among them.
    hosts: Vec<Host>,
    reported: Option<SignedDuration>,
    limit: usize,
    /// What it reads is RTMT's alert log.
    pub(super) alert_log: Option<AlertLog>,
    /// Which host spoke last; none where there are too many.
    speaker: Option<usize>,
    /// The account of hosts above the limit.
    others: Account,
    /// Lines that are not paid for yet.
    pub(super) unpaid: u32,
    /// A line was dropped because it was not paid for.
    over_budget: bool,
}

#[derive(Debug)]
struct Host {
    name: Option<String>,
    last: Timestamp,
    lines: u64,
    account: Account,
}

impl<K: Clone + Eq + Hash> Hearing<K> {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { ears: HashMap::new(), origins: limits.origins, hosts: limits.hosts_per_origin }
    }

    /// The ear of an origin. Where there are too many, silent ones make room.
    pub(super) fn ear(&mut self, key: &K, make: impl FnOnce() -> (Origin, bool)) -> &mut Ear {
        if self.ears.len() >= self.origins && !self.ears.contains_key(key) {
            self.ears.retain(|_, ear| ear.has_news());
            if self.ears.len() >= self.origins {
                // All of them speak. Their lines count, only their liveness is late: they come back with their next line.
                self.ears.clear();
            }
        }
        let limit = self.hosts;
        self.ears.entry(key.clone()).or_insert_with(|| {
            let (origin, relay) = make();
            Ear::new(origin, relay, limit)
        })
    }

    /// The reports that are due.
    pub(super) fn due(&mut self, now: Now, reports: &mut Vec<Heard>) {
        for ear in self.ears.values_mut() {
            ear.due(now, reports);
        }
    }

    /// All outstanding reports, due or not.
    pub(super) fn rest(&mut self, now: Now, reports: &mut Vec<Heard>) {
        for ear in self.ears.values_mut() {
            ear.report(now, reports);
        }
    }
}

impl Ear {
    pub(super) fn new(origin: Origin, relay: bool, limit: usize) -> Self {
        Self {
            origin: Arc::new(origin),
            relay,
            hosts: Vec::new(),
            reported: None,
            limit,
            alert_log: None,
            speaker: None,
            others: Account::default(),
            unpaid: 0,
            over_budget: false,
        }
    }

    /// Whether the host of the next line should be looked up: on every line of a relay, else once a report.
    pub(super) fn wants_host(&self) -> bool {
        self.relay || self.hosts.first().is_none_or(|host| host.lines == 0)
    }

    /// Lines were heard. Behind a relay each host counts for itself, elsewhere the last name stands for all.
    pub(super) fn note(&mut self, name: Option<&str>, lines: u64, at: Timestamp) {
        let found = if self.relay {
            self.hosts.iter().position(|host| host.name.as_deref() == name)
        } else {
            (!self.hosts.is_empty()).then_some(0)
        };
        let at_index = match found {
            Some(index) => index,
            None if self.hosts.len() < self.limit => {
                let account = Account::default();
                self.hosts.push(Host { name: name.map(str::to_owned), last: at, lines: 0, account });
                self.hosts.len() - 1
            }
            None => {
                let Some(index) = self.hosts.iter().position(|host| host.lines == 0) else {
                    self.speaker = None;
                    return;
                };
                // The account stays with the place: a new name does not fill it up.
                self.hosts[index].name = name.map(str::to_owned);
                index
            }
        };
        self.speaker = Some(at_index);
        let host = &mut self.hosts[at_index];
        if let Some(name) = name
            && host.name.as_deref() != Some(name)
        {
            host.name = Some(name.to_owned());
        }
        host.last = at;
        host.lines += lines;
    }

    /// The host that spoke last pays for a line, where it can.
    pub(super) fn pay(&mut self, now: SignedDuration, budget: Budget) -> bool {
        let account = match self.speaker.and_then(|at| self.hosts.get_mut(at)) {
            Some(host) => &mut host.account,
            None => &mut self.others,
        };
        let paid = account.pay(now, budget);
        self.over_budget |= !paid;
        paid
    }

    /// The sender pays for all that is not paid for. How long it has to wait now.
    pub(super) fn charge(&mut self, lines: u32, now: SignedDuration, budget: Budget) -> Option<Duration> {
        let wait = self.others.charge(lines, now, budget);
        self.over_budget |= wait.is_some();
        wait
    }

    /// Whether more came than the budget allows, since the last call.
    pub(super) fn take_over_budget(&mut self) -> bool {
        std::mem::take(&mut self.over_budget)
    }

    /// Hands what was heard on to the ear that reports it.
    pub(super) fn hand_over(&mut self, reporter: &mut Self) {
        for host in self.hosts.iter_mut().filter(|host| host.lines > 0) {
            reporter.note(host.name.as_deref(), std::mem::take(&mut host.lines), host.last);
        }
    }

    fn has_news(&self) -> bool {
        self.hosts.iter().any(|host| host.lines > 0)
    }

    /// The reports, where the last ones are a second old.
    pub(super) fn due(&mut self, now: Now, reports: &mut Vec<Heard>) {
        if self.reported.is_none_or(|at| now.elapsed - at >= REPORT_EVERY) {
            self.report(now, reports);
        }
    }

    /// The reports, due or not.
    pub(super) fn report(&mut self, now: Now, reports: &mut Vec<Heard>) {
        for host in self.hosts.iter_mut().filter(|host| host.lines > 0) {
            self.reported = Some(now.elapsed);
            reports.push(Heard {
                origin: (*self.origin).clone(),
                host: host.name.clone(),
                last: host.last,
                lines: std::mem::take(&mut host.lines),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ccxwatch_alerts::fact::Channel;

    fn at(seconds: i64) -> Now {
        Now { wall: Timestamp::from_second(1_000_000 + seconds).unwrap(), elapsed: SignedDuration::from_secs(seconds) }
    }

    fn origin(key: u32) -> Origin {
        Origin { channel: Channel::Udp, sender: None, source: key.to_string(), node: None }
    }

    fn reports(hearing: &mut Hearing<u32>, now: Now) -> Vec<(String, Option<String>, u64)> {
        let mut reports = Vec::new();
        hearing.due(now, &mut reports);
        let mut reports: Vec<_> =
            reports.into_iter().map(|heard| (heard.origin.source, heard.host, heard.lines)).collect();
        reports.sort();
        reports
    }

    #[test]
    fn an_origin_reports_at_once_and_then_once_a_second() {
        let mut hearing = Hearing::new(&Limits::default());
        let note = |hearing: &mut Hearing<u32>, host, second| {
            hearing.ear(&1, || (origin(1), false)).note(host, 1, at(second).wall);
        };
        note(&mut hearing, None, 0);
        assert_eq!(reports(&mut hearing, at(0)), [("1".into(), None, 1)]);
        note(&mut hearing, Some("node"), 0);
        note(&mut hearing, None, 0);
        assert_eq!(reports(&mut hearing, at(0)), []);
        assert_eq!(reports(&mut hearing, at(1)), [("1".into(), Some("node".into()), 2)]);
        assert_eq!(reports(&mut hearing, at(2)), []);
    }

    #[test]
    fn hosts_behind_a_relay_are_told_apart_within_bounds() {
        let mut hearing = Hearing::new(&Limits { hosts_per_origin: 2, ..Limits::default() });
        let ear = hearing.ear(&1, || (origin(1), true));
        for host in ["a", "b", "a", "c"] {
            ear.note(Some(host), 1, at(0).wall);
        }
        assert_eq!(
            reports(&mut hearing, at(0)),
            [("1".into(), Some("a".into()), 2), ("1".into(), Some("b".into()), 1)]
        );
        hearing.ear(&1, || (origin(1), true)).note(Some("c"), 1, at(1).wall);
        assert_eq!(reports(&mut hearing, at(1)), [("1".into(), Some("c".into()), 1)]);
    }

    #[test]
    fn origins_are_bounded() {
        let mut hearing = Hearing::new(&Limits { origins: 3, ..Limits::default() });
        for key in 0..100 {
            hearing.ear(&key, || (origin(key), false)).note(None, 1, at(0).wall);
            assert!(hearing.ears.len() <= 3);
        }
    }
}
