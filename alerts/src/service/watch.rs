//! The alerts of a cluster's nodes: what is true of them against what was told.

use crate::{
    alert::{Alert, told_labels},
    cluster::Cluster,
    context::Context,
    engine::Outbox,
    fact::{Fact, Heard, Origin},
    hold::Hold,
    license::episode::{End, EndReason, Flag, source_name},
    notification::{EvidenceSummary, Reason},
    routing::ledger::LedgerEntry,
    rules::{
        inhibition,
        mute::{Muted, Subject},
        settings::AlertSettings,
    },
    service::{
        evidence::{Evidence, Service, ServiceState, Trouble},
        feed::Feed,
        node::Node,
    },
    texts::{self, Words},
    timer::{Look, Timer, plus},
    timing::Timing,
};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// An engine that went down this long before or after a license line makes the line one of a failover.
const FAILOVER_WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Trouble of which nothing more is heard ends after this: no line says that it is over.
const TROUBLE_EXPIRES: SignedDuration = SignedDuration::from_hours(24);

/// An alert that should fire.
struct Wanted {
    name: &'static str,
    node: String,
    severity: Severity,
    starts_at: Timestamp,
    words: Words,
    evidence: EvidenceSummary,
}

const MORE_THAN_ONE_MASTER: &str = "CcxMoreThanOneMaster";
const FEED_SILENT: &str = "LogFeedSilent";
const FEED_NEVER_HEARD: &str = "LogFeedNeverHeard";

impl Cluster {
    /// An origin was heard: feeds of configured nodes live on.
    pub(crate) fn feed_heard(
        &mut self,
        node: &str,
        origin: &Origin,
        daemon: bool,
        last: Timestamp,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) {
        let now = context.moment.now;
        let feeds = &context.settings.feeds;
        let Some(known) = self.nodes.get_mut(node) else { return };
        let name = source_name(origin);
        let room = known.feeds.len() < context.limits.feeds_per_node;
        let was_silent = if let Some(feed) = known.feeds.get_mut(&name) {
            feed.heard(last, now, feeds)
        } else {
            if room {
                known.feeds.insert(name.clone(), Feed::new(last, now, feeds));
                self.dirty = true;
            }
            false
        };
        if was_silent {
            self.end_alert(&format!("{FEED_SILENT}/{node}/{name}"), EndReason::ClearedByEvent, last);
        }
        let known = self.nodes.get_mut(node);
        let first = known.is_some_and(|known| daemon && !std::mem::replace(&mut known.daemon_heard, true));
        if first {
            if let Some(known) = self.nodes.get_mut(node) {
                known.never_at = None;
            }
            self.dirty = true;
            self.end_alert(&format!("{FEED_NEVER_HEARD}/{node}"), EndReason::ClearedByEvent, last);
        }
        if was_silent || first {
            self.tell_alerts(context, out);
        }
    }

    /// What a line says about the state of its node.
    pub(crate) fn service_fact(
        &mut self,
        said: &Evidence,
        fact: &Fact,
        timing: Timing,
        node: &str,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) {
        let Some(known) = self.nodes.get_mut(node) else { return };
        self.dirty = true;
        let (service, down) = match said {
            Evidence::Service(service, state) => {
                let status = known.service_mut(*service);
                if status.set(*state, timing.at) {
                    status.evidence.add(fact, &context.limits);
                }
                (Some(*service), matches!(state, ServiceState::OutOfService | ServiceState::ShutDown))
            }
            Evidence::Subsystem(service, name, state) => {
                let status = known.service_mut(*service);
                if status.set_subsystem(name, *state, timing.at, &context.limits) {
                    status.evidence.add(fact, &context.limits);
                }
                (None, false)
            }
            Evidence::Trouble(trouble) => {
                self.trouble(*trouble, fact, timing, node, context);
                (Some(Service::Engine), *trouble == Trouble::KeepAliveLost)
            }
        };
        if down && service == Some(Service::Engine) {
            self.engine_down_at = self.engine_down_at.max(Some(timing.at));
        }
        let flags: Vec<Flag> = self.correlated(timing.at);
        self.license.correlate(&flags);
        if !timing.late {
            self.hold = None;
        } else if let Some(hold) = &mut self.hold {
            hold.prolong(context.moment.now);
        } else {
            self.hold = Some(Hold::start(context.moment.now));
        }
        self.compare(context);
        self.tell_alerts(context, out);
    }

    /// What the state of the nodes adds to a license line of this time.
    pub(crate) fn correlated(&self, at: Timestamp) -> Vec<Flag> {
        let mut flags = Vec::new();
        if self.nodes.values().any(|node| node.daemon.is_down()) {
            flags.push(Flag::ClusterViewDaemonDown);
        }
        if self.engine_down_at.is_some_and(|down| down.duration_until(at).abs() <= FAILOVER_WINDOW) {
            flags.push(Flag::DuringFailover);
        }
        if self.has_more_than_one_master() {
            flags.push(Flag::IslandMode);
        }
        flags
    }

    /// Whether more than one node says that it is the master (island mode): all that a documented line says of mastership.
    pub(crate) fn has_more_than_one_master(&self) -> bool {
        self.alerts.values().any(|alert| alert.name == MORE_THAN_ONE_MASTER && alert.is_firing())
    }

    /// Whether a feed, or a daemon, is not heard as it should be.
    pub(crate) fn is_deaf(&self, context: &Context<'_>) -> bool {
        let now = context.moment.now;
        self.nodes.values().any(|node| node.daemon.is_down() || node.feeds.values().any(|feed| feed.missed(now)))
    }

    fn trouble(&mut self, trouble: Trouble, fact: &Fact, timing: Timing, node: &str, context: &mut Context<'_>) {
        let now = context.moment.now;
        let expires = Timer::at(now, plus(timing.at, TROUBLE_EXPIRES));
        if expires.elapsed <= now.elapsed {
            return;
        }
        let (name, key) = match trouble {
            Trouble::MoreThanOneMaster => (MORE_THAN_ONE_MASTER, MORE_THAN_ONE_MASTER.to_owned()),
            _ => ("CcxEngineFailure", format!("CcxEngineFailure/{node}/{}", trouble.name())),
        };
        if let Some(alert) = self.alerts.get_mut(&key).filter(|alert| alert.is_firing()) {
            alert.evidence.add(fact, &context.limits);
            if alert.expires.is_none_or(|known| known.wall < expires.wall) {
                alert.expires = Some(expires);
            }
            return;
        }
        let mut evidence = EvidenceSummary::default();
        evidence.add(fact, &context.limits);
        let alert = Alert {
            id: context.next_id(),
            name: name.to_owned(),
            node: Some(node.to_owned()),
            subject: Some(("cause".to_owned(), trouble.name().to_owned())),
            severity: Severity::Critical,
            starts_at: timing.at,
            words: texts::trouble(&context.cluster, node, trouble),
            evidence,
            expires: Some(expires),
            reason: Reason::Firing,
            told: false,
            end_told: false,
            end: None,
            acknowledged: None,
            muted: None,
            recorded: None,
        };
        self.alerts.insert(key, alert);
    }

    /// Starts and ends the alerts of services, so that they are what the nodes are.
    fn compare(&mut self, context: &mut Context<'_>) {
        let wanted = self.wanted(context);
        let ended: Vec<String> = self
            .alerts
            .iter()
            .filter(|(key, alert)| alert.is_firing() && key.starts_with(SERVICE) && !wanted.contains_key(*key))
            .map(|(key, _)| key.clone())
            .collect();
        for key in ended {
            let node = key.rsplit('/').next().unwrap_or_default();
            let service = key.split('/').nth(1).unwrap_or_default();
            let other = wanted
                .keys()
                .any(|other| other.rsplit('/').next() == Some(node) && other.split('/').nth(1) == Some(service));
            let reason = if other { EndReason::Superseded } else { EndReason::ClearedByEvent };
            self.end_alert(&key, reason, context.moment.now.wall);
        }
        for (key, wanted) in wanted {
            if let Some(alert) = self.alerts.get_mut(&key).filter(|alert| alert.is_firing()) {
                alert.evidence = wanted.evidence;
                continue;
            }
            let alert = Alert {
                id: context.next_id(),
                name: wanted.name.to_owned(),
                node: Some(wanted.node),
                subject: None,
                severity: wanted.severity,
                starts_at: wanted.starts_at,
                words: wanted.words,
                evidence: wanted.evidence,
                expires: None,
                reason: Reason::Firing,
                told: false,
                end_told: false,
                end: None,
                acknowledged: None,
                muted: None,
                recorded: None,
            };
            self.alerts.insert(key, alert);
        }
    }

    fn wanted(&self, context: &Context<'_>) -> BTreeMap<String, Wanted> {
        let mut wanted = BTreeMap::new();
        for (id, node) in &self.nodes {
            for service in Service::ALL {
                let status = node.service(service);
                let state = status.state();
                let Some((name, severity)) = alert_of(service, state) else { continue };
                let broken: Vec<&str> = status.broken().map(|(name, _)| name).collect();
                let alert = Wanted {
                    name,
                    node: id.clone(),
                    severity,
                    starts_at: status.since().unwrap_or(context.moment.now.wall),
                    words: texts::service(&context.cluster, id, service, state, &broken),
                    evidence: status.evidence.clone(),
                };
                wanted.insert(format!("{SERVICE}{}/{name}/{id}", service.title()), alert);
            }
        }
        wanted
    }

    pub(crate) fn end_alert(&mut self, key: &str, reason: EndReason, at: Timestamp) {
        if let Some(alert) = self.alerts.get_mut(key).filter(|alert| alert.is_firing()) {
            alert.end = Some(End { reason, at, who: None, comment: None });
            alert.expires = None;
            self.dirty = true;
        }
    }

    /// Tells what fires and what ended, unless late lines are still coming in. An end goes to whoever got the start; one that is
    /// superseded or expired is not told.
    pub(crate) fn tell_alerts(&mut self, context: &Context<'_>, out: &mut Outbox) {
        if self.hold.is_some_and(|hold| hold.lasts(context.moment)) {
            return;
        }
        self.hold = None;
        self.look = Look::default();
        let down: Vec<(String, Option<String>)> = self.explaining_alerts();
        let book = &self.book;
        for alert in self.alerts.values_mut() {
            let settings = context.rules.of(&alert.name);
            let reason = match &alert.end {
                None if !alert.told => {
                    let fires = |name: &str, node: Option<&str>| {
                        book.fires(name, node)
                            || down.iter().any(|(known, at)| inhibition::is_named(known, name) && at.as_deref() == node)
                    };
                    if let Some(muted) = muted(alert, settings, fires, context) {
                        self.look = self.look.or(muted.look);
                        if alert.muted.replace(muted.what.by) != Some(muted.what.by) {
                            self.dirty = true;
                            let would = alert.notification(alert.reason, context.owner(), context.moment.now);
                            out.ledger.push(LedgerEntry::muted(&would, &muted.what, context.moment.now.wall));
                        }
                        continue;
                    }
                    alert.muted = None;
                    alert.severity = settings.severity.unwrap_or(alert.severity);
                    alert.told = true;
                    alert.reason
                }
                Some(end) if alert.told && !alert.end_told => {
                    alert.end_told = true;
                    if matches!(end.reason, EndReason::Superseded | EndReason::Expired) {
                        continue;
                    }
                    match alert.reason {
                        Reason::FeedSilent | Reason::FeedNeverHeard => Reason::FeedRestored,
                        Reason::LicenseEventUnclassified | Reason::UsageWarning => continue,
                        _ => Reason::Resolved,
                    }
                }
                _ => continue,
            };
            self.dirty = true;
            let mut notification = alert.notification(reason, context.owner(), context.moment.now);
            notification.receivers.clone_from(&settings.receivers);
            if alert.end.is_some() {
                let words = texts::ended(&alert.words.summary, reason);
                notification.summary = words.summary;
                notification.description = words.description;
                notification.runbook = words.runbook;
            }
            out.notifications.push(notification);
        }
    }

    /// Whether something keeps an alert from being told.
    pub(crate) fn is_muted(&self, alert: &Alert, context: &Context<'_>) -> bool {
        let down = self.explaining_alerts();
        let fires = |name: &str, node: Option<&str>| {
            self.book.fires(name, node)
                || down.iter().any(|(known, at)| inhibition::is_named(known, name) && at.as_deref() == node)
        };
        muted(alert, context.rules.of(&alert.name), fires, context).is_some()
    }

    /// The alerts that explain others, and their nodes.
    fn explaining_alerts(&self) -> Vec<(String, Option<String>)> {
        let explains = |alert: &&Alert| alert.is_firing() && inhibition::is_source(&alert.name);
        self.alerts.values().filter(explains).map(|alert| (alert.name.clone(), alert.node.clone())).collect()
    }

    /// Time passed: feeds go silent, nodes were never heard, trouble expires.
    pub(crate) fn fire_service(&mut self, context: &mut Context<'_>, out: &mut Outbox) {
        let feeds = &context.settings.feeds;
        let moment = context.moment;
        let mut silent = Vec::new();
        let mut never = Vec::new();
        for (id, node) in &mut self.nodes {
            for (name, feed) in &mut node.feeds {
                if feed.fire(moment, feeds) {
                    silent.push((id.clone(), name.clone(), feed.last));
                }
            }
            if node.never_at.is_some_and(|at| moment.elapsed_due(at)) {
                node.never_at = None;
                never.push((id.clone(), node.known_since));
            }
        }
        for (node, feed, last) in silent {
            let words = texts::feed_silent(&texts::FeedScene {
                cluster: &context.cluster,
                node: &node,
                feed: &feed,
                last,
                now: moment.now.wall,
                zone: context.zone,
                stage: self.license.state.stage(),
            });
            let key = format!("{FEED_SILENT}/{node}/{feed}");
            self.feed_alert(key, FEED_SILENT, node, Some(feed), last, words, Reason::FeedSilent, context);
        }
        for (node, since) in never {
            let key = format!("{FEED_NEVER_HEARD}/{node}");
            if self.alerts.get(&key).is_some_and(Alert::is_firing) {
                continue;
            }
            let words = texts::feed_never_heard(&context.cluster, &node);
            let since = since.unwrap_or(moment.now.wall);
            self.feed_alert(key, FEED_NEVER_HEARD, node, None, since, words, Reason::FeedNeverHeard, context);
        }
        let expired: Vec<(String, Timestamp)> = self
            .alerts
            .iter()
            .filter_map(|(key, alert)| {
                let expires = alert.expires.filter(|expires| moment.elapsed_due(expires.elapsed))?;
                Some((key.clone(), expires.wall))
            })
            .collect();
        for (key, at) in expired {
            self.end_alert(&key, EndReason::Expired, at);
        }
        self.tell_alerts(context, out);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one alert")]
    fn feed_alert(
        &mut self,
        key: String,
        name: &str,
        node: String,
        feed: Option<String>,
        starts_at: Timestamp,
        words: Words,
        reason: Reason,
        context: &mut Context<'_>,
    ) {
        self.dirty = true;
        let alert = Alert {
            id: context.next_id(),
            name: name.to_owned(),
            node: Some(node),
            subject: feed.map(|feed| ("feed".to_owned(), feed)),
            severity: Severity::Warning,
            starts_at,
            words,
            evidence: EvidenceSummary::default(),
            expires: None,
            reason,
            told: false,
            end_told: false,
            end: None,
            acknowledged: None,
            muted: None,
            recorded: None,
        };
        self.alerts.insert(key, alert);
    }

    /// The next deadline of nodes and their alerts, of elapsed time.
    pub(crate) fn next_service(&self) -> Option<SignedDuration> {
        let nodes = self.nodes.values().filter_map(Node::next);
        let expiries = self.alerts.values().filter_map(|alert| alert.expires.map(|expires| expires.elapsed));
        nodes.chain(expiries).chain(self.hold.map(Hold::due)).min()
    }
}

/// What keeps an alert from being told.
fn muted(
    alert: &Alert,
    settings: &AlertSettings,
    fires: impl Fn(&str, Option<&str>) -> bool,
    context: &Context<'_>,
) -> Option<Muted> {
    let node = alert.node.as_deref();
    let subject = Subject { name: &alert.name, cluster: &context.cluster, node };
    let labels = || told_labels(alert.labels(Some(&context.cluster)), alert.severity, context.owner().labels);
    context
        .gate()
        .muted(&subject, settings, labels)
        .or_else(|| inhibition::explained_by(&alert.name, node, fires).map(Muted::inhibited))
}

/// What the keys of service alerts begin with.
const SERVICE: &str = "service/";

/// The alert of a service in a state.
fn alert_of(service: Service, state: ServiceState) -> Option<(&'static str, Severity)> {
    Some(match (service, state) {
        (_, ServiceState::Unknown | ServiceState::InService) => return None,
        (Service::Engine, ServiceState::PartialService) => ("CcxEnginePartialService", Severity::Error),
        (Service::Engine, ServiceState::OutOfService) => ("CcxEngineOutOfService", Severity::Critical),
        (Service::Engine, ServiceState::ShutDown) => ("CcxEngineOutOfService", Severity::Warning),
        (Service::ClusterViewDaemon, ServiceState::PartialService) => {
            ("ClusterViewDaemonPartialService", Severity::Error)
        }
        (Service::ClusterViewDaemon, ServiceState::OutOfService) => {
            ("ClusterViewDaemonOutOfService", Severity::Critical)
        }
        (Service::ClusterViewDaemon, ServiceState::ShutDown) => ("ClusterViewDaemonOutOfService", Severity::Warning),
    })
}

/// Whether a line shows that the Cluster View Daemon of its node reaches us.
pub(crate) fn is_of_daemon(fact: &Fact) -> bool {
    fact.process.as_deref() == Some("MCVD")
        || fact.app_id.as_deref().is_some_and(|id| id.contains(Service::ClusterViewDaemon.title()))
}

/// Whether an origin is a trace of the Cluster View Daemon.
pub(crate) fn is_daemon_trace(heard: &Heard) -> bool {
    heard.origin.sender.is_none() && heard.origin.source.contains("MCVD")
}
