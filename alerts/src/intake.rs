//! From an input to the cluster that it belongs to, and the alerts of ccxwatch itself.

use crate::{
    alert::{Alert, Owner},
    cluster::{Cluster, Standing, UnmappedKey},
    engine::{Engine, Outbox},
    fact::{Fact, Heard, Origin},
    families,
    input::{StoreHealth, UsageReport},
    license::episode::{End, EndReason},
    limits::cleaned,
    mapping::Place,
    notification::{EvidenceSummary, Reason},
    now::Now,
    roster::Slot,
    saved::{book_key, cluster_key},
    service::{
        evidence::evidence,
        watch::{is_daemon_trace, is_of_daemon},
    },
    signal::Change,
    texts::{self, Words},
    timer::Moment,
    timing::Timing,
};
use ccxwatch_parsers::severity::Severity;
use core::net::IpAddr;

impl Engine {
    /// A wanted line.
    pub(crate) fn fact(&mut self, fact: &Fact, moment: Moment, out: &mut Outbox) {
        let place = self.mapping.place(&fact.origin, fact.node_id.as_deref(), fact.host.as_deref());
        let direct = self.mapping.is_direct(&fact.origin);
        let late_after = self.settings.license.late_after;
        let (slot, node, mismatch) = match place {
            Place::Site { site, node, mismatch } => {
                let Some(slot) = self.roster.site(site) else { return };
                (slot, node, mismatch)
            }
            Place::Unmapped { ambiguous } => {
                let Some(slot) = self.unmapped(fact, ambiguous, moment, out) else { return };
                (slot, None, false)
            }
        };
        self.step(slot, moment, |cluster, context| {
            let timing = Timing::of(fact, direct, context.zone, late_after);
            let name = match (context.site, node) {
                (Some(site), Some(node)) => site.nodes.get(node).map(|node| node.id.clone()),
                (Some(_), None) => None,
                (None, _) => fact
                    .node_id
                    .as_deref()
                    .or(fact.host.as_deref())
                    .map(|name| cleaned(name, context.limits.unmapped_name_bytes)),
            };
            cluster.heard(name.as_deref(), fact.received_at, context);
            if let Some(name) = name.as_deref().filter(|_| context.site.is_some()) {
                cluster.feed_heard(name, &fact.origin, is_of_daemon(fact), fact.received_at, context, out);
            }
            cluster.fact(fact, timing, name.as_deref(), mismatch, context, out);
        });
    }

    /// An origin was heard. An unmapped one is no cluster before it says something that alerts.
    pub(crate) fn heard(&mut self, heard: &Heard, moment: Moment, out: &mut Outbox) {
        let place = self.mapping.place(&heard.origin, None, heard.host.as_deref());
        let Place::Site { site, node, .. } = place else {
            let relay = heard.origin.sender.is_some_and(|sender| self.mapping.is_relay(sender));
            return self.senders.heard(heard, relay, &self.limits);
        };
        let Some(slot) = self.roster.site(site) else { return };
        self.step(slot, moment, |cluster, context| {
            let name = context.site.and_then(|site| site.nodes.get(node?)).map(|node| node.id.as_str());
            cluster.heard(name, heard.last, context);
            if let Some(name) = name {
                cluster.feed_heard(name, &heard.origin, is_daemon_trace(heard), heard.last, context, out);
            }
        });
    }

    /// The unmapped cluster of a line that maps nowhere: by origin and claimed name, limited in number.
    fn unmapped(&mut self, fact: &Fact, ambiguous: bool, moment: Moment, out: &mut Outbox) -> Option<Slot> {
        let limit = self.limits.unmapped_name_bytes;
        let origin = origin_key(&fact.origin);
        let named =
            [&fact.origin.node, &fact.node_id, &fact.host].into_iter().flatten().map(|name| cleaned(name, limit));
        let claim = named.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| cleaned(&origin, limit));
        if let Some(slot) = self.roster.unmapped(&origin, &claim) {
            return Some(slot);
        }
        let of_license = fact.license.is_some();
        if !of_license && !self.raises(fact) {
            return None;
        }
        // Only a license line makes others go: a flood of names must not push out what was told, and tell anew for ever.
        let is_full = self.roster.unmapped_count() >= self.limits.unmapped_clusters;
        if is_full && !(of_license && self.forget_idle_unmapped()) {
            self.over_limit(fact, moment.now, out);
            return None;
        }
        let plain = format!("unmapped:{claim}");
        let name =
            if self.roster.named(&plain).is_none() { plain } else { format!("{plain}@{}", cleaned(&origin, limit)) };
        if self.roster.named(&name).is_some() {
            // Two files whose long paths begin alike.
            return self.roster.named(&name);
        }
        let key = UnmappedKey { origin, claim, whole: fact.origin.clone() };
        let mut cluster = Cluster::new(name, Standing::Unmapped(key));
        cluster.ambiguous = ambiguous;
        Some(self.roster.insert(cluster))
    }

    /// Whether a line that maps nowhere raises an alert.
    fn raises(&self, fact: &Fact) -> bool {
        if let Some(said) = evidence(fact, self.limits.unmapped_name_bytes) {
            return said.is_trouble();
        }
        let of_families = families::signals(fact, self.settings.rules.syslog_severity.0);
        let of_rules = self.settings.rules.user.signals(fact, fact.node_id.as_deref());
        let mut signals = of_families.iter().chain(&of_rules);
        signals.any(|signal| signal.change == Change::Raise && self.rules.of(&signal.alert).enabled)
    }

    /// Makes room: of the unmapped clusters without an open license episode the one that was heard longest ago, those without a
    /// firing alert first.
    fn forget_idle_unmapped(&mut self) -> bool {
        let idle = self
            .roster
            .iter()
            .filter(|(_, cluster)| matches!(cluster.standing, Standing::Unmapped(_)) && cluster.is_idle())
            .min_by_key(|(slot, cluster)| (cluster.fires(), cluster.last_heard, *slot))
            .map(|(slot, _)| slot);
        let Some(cluster) = idle.and_then(|slot| self.roster.remove(slot)) else { return false };
        self.removed.extend([cluster_key(&cluster.name), book_key(&cluster.name)]);
        true
    }

    /// One alert for all that is above the limit.
    fn over_limit(&mut self, fact: &Fact, now: Now, out: &mut Outbox) {
        self.dirty = true;
        if let Some(alert) = self.alerts.get_mut(UNMAPPED_LIMIT).filter(|alert| alert.is_firing()) {
            alert.evidence.add(fact, &self.limits);
            return;
        }
        let mut evidence = EvidenceSummary::default();
        evidence.add(fact, &self.limits);
        let words = texts::unmapped_limit(self.limits.unmapped_clusters);
        self.raise(UNMAPPED_LIMIT, None, Severity::Warning, words, evidence, Reason::Firing, now, out);
    }

    /// One report of license use.
    pub(crate) fn usage(&mut self, report: &UsageReport, moment: Moment, out: &mut Outbox) {
        if let Some(slot) = self.roster.named(&report.cluster) {
            self.step(slot, moment, |cluster, context| cluster.usage_report(report, context, out));
        }
    }

    /// The store failed, or works again.
    pub(crate) fn store(&mut self, health: StoreHealth, now: Now, out: &mut Outbox) {
        let failing = self.alerts.get(STORE_FAILING).is_some_and(Alert::is_firing);
        match health {
            StoreHealth::Failing(reason) if !failing => {
                let words = texts::store_failing(&reason);
                let none = EvidenceSummary::default();
                self.raise(STORE_FAILING, None, Severity::Critical, words, none, Reason::StoreFailing, now, out);
            }
            StoreHealth::Working if failing => self.resolve(STORE_FAILING, now),
            StoreHealth::Failing(_) | StoreHealth::Working => {}
        }
    }

    /// A receiver fails, or works again. The other receivers are told.
    pub(crate) fn receiver(&mut self, receiver: &str, failing: bool, now: Now, out: &mut Outbox) {
        let key = format!("NotificationFailing/{receiver}");
        let fails = self.alerts.get(&key).is_some_and(Alert::is_firing);
        if failing && !fails && self.settings.receivers.iter().any(|known| known == receiver) {
            let words = texts::notification_failing(receiver);
            let subject = Some(("receiver".to_owned(), receiver.to_owned()));
            let none = EvidenceSummary::default();
            let reason = Reason::NotificationFailing;
            self.raise(&key, subject, Severity::Error, words, none, reason, now, out);
        } else if !failing && fails {
            self.resolve(&key, now);
        }
    }

    /// A sender brings more than its budget, or no longer does.
    pub(crate) fn sender(&mut self, sender: IpAddr, over_budget: bool, now: Now, out: &mut Outbox) {
        let key = format!("{SENDER_OVER_BUDGET}/{sender}");
        let fires = self.alerts.get(&key).is_some_and(Alert::is_firing);
        if over_budget && !fires {
            let words = texts::sender_over_budget(sender);
            let subject = Some(("sender".to_owned(), sender.to_string()));
            let none = EvidenceSummary::default();
            self.raise(&key, subject, Severity::Warning, words, none, Reason::Firing, now, out);
        } else if !over_budget && fires {
            // Addresses are forged easily: none stays behind.
            self.dirty = true;
            self.alerts.remove(&key);
        }
    }

    /// The senders of which it is told that they bring more than their budget.
    pub fn senders_over_budget(&self) -> impl Iterator<Item = IpAddr> {
        self.alerts
            .iter()
            .filter(|(_, alert)| alert.is_firing())
            .filter_map(|(key, _)| key.strip_prefix(SENDER_OVER_BUDGET)?.strip_prefix('/')?.parse().ok())
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one alert")]
    fn raise(
        &mut self,
        key: &str,
        subject: Option<(String, String)>,
        severity: Severity,
        words: Words,
        evidence: EvidenceSummary,
        reason: Reason,
        now: Now,
        out: &mut Outbox,
    ) {
        self.ids += 1;
        self.dirty = true;
        let name = key.split('/').next().unwrap_or(key);
        let alert = Alert {
            id: format!("ccxwatch/{}", self.ids),
            name: name.to_owned(),
            node: None,
            subject,
            severity,
            starts_at: now.wall,
            words,
            evidence,
            expires: None,
            reason,
            told: true,
            end_told: true,
            end: None,
            acknowledged: None,
            muted: None,
            recorded: None,
        };
        out.notifications.push(alert.notification(reason, Owner::CCXWATCH, now));
        self.alerts.insert(key.to_owned(), alert);
    }

    fn resolve(&mut self, key: &str, now: Now) {
        self.dirty = true;
        if let Some(alert) = self.alerts.get_mut(key) {
            alert.end = Some(End { reason: EndReason::ClearedByEvent, at: now.wall, who: None, comment: None });
        }
    }
}

/// The alert of unmapped nodes above the limit.
const UNMAPPED_LIMIT: &str = "UnmappedNodesOverLimit";
/// The alert of a sender that brings more than its budget.
const SENDER_OVER_BUDGET: &str = "SenderOverBudget";
/// The alert of a store that takes no transactions.
const STORE_FAILING: &str = "StoreFailing";

/// What tells origins apart: the sender, or the file.
fn origin_key(origin: &Origin) -> String {
    match origin.sender {
        Some(sender) => sender.to_canonical().to_string(),
        None => origin.source.clone(),
    }
}
