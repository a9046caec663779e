//! One cluster: its license, its nodes, its other alerts. One row of saved state.

use crate::{
    alert::{Alert, AlertStatus, AlertView, annotations, fingerprint},
    context::Context,
    copies::Copies,
    engine::{ClusterView, FeedView, NodeView, Outbox},
    fact::Fact,
    families,
    hold::Hold,
    license::{
        authorization::{Authorization, SmartLicense},
        profile::Profile,
        stage::Stage,
        tracker::License,
        usage_feed::UsageFeed,
    },
    mapping::{Mapping, SiteIndex},
    notification::Reason,
    routing::Present,
    rules::{
        Rules,
        book::{Book, Firing},
        inhibition,
        mute::Gate,
    },
    service::{
        evidence::{ServiceState, evidence},
        node::Node,
    },
    settings::ClusterSettings,
    signal::Signal,
    texts::{self, LicenseScene},
    timer::Look,
    timing::Timing,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// How much older than the truth the saved time of the last line may be: not every line is worth a transaction.
const HEARD_SAVED_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// Seconds of a day.
const DAY_SECONDS: i64 = 24 * 3600;

/// Who a cluster is to the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// The configuration names it.
    Mapped,
    /// It does not: keyed by origin and claimed name.
    Unmapped(UnmappedKey),
    /// It did once. Kept, silent.
    Archived,
}

/// What tells unmapped clusters apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct UnmappedKey {
    /// The sender's address, or the path of the file.
    pub(crate) origin: String,
    /// The cleaned node name that the lines claim.
    pub(crate) claim: String,
    /// The origin as it came, for the mapping of a later configuration.
    pub(crate) whole: crate::fact::Origin,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) standing: Standing,
    pub(crate) license: License,
    /// Registration and authorization, as the license manager says.
    #[serde(default)]
    pub(crate) smart: SmartLicense,
    #[serde(default)]
    pub(crate) last_heard: Option<Timestamp>,
    #[serde(default)]
    pub(crate) nodes: BTreeMap<String, Node>,
    #[serde(default)]
    pub(crate) alerts: BTreeMap<String, Alert>,
    /// When an unknown mnemonic was last told.
    #[serde(default)]
    pub(crate) mnemonics: BTreeMap<String, Timestamp>,
    /// Live reports of use.
    #[serde(default)]
    pub(crate) usage: UsageFeed,
    /// When the engine of a node last went down.
    #[serde(default)]
    pub(crate) engine_down_at: Option<Timestamp>,
    /// The alerts that lines raise. A row of its own.
    #[serde(skip)]
    pub(crate) book: Book,
    /// What was heard of late, to know its copies. Not saved: a restart is longer than they take.
    #[serde(skip)]
    pub(crate) copies: Copies,
    /// Late lines about services are still coming in. Not saved: a restart holds by itself.
    #[serde(skip)]
    pub(crate) hold: Option<Hold>,
    /// Several clusters have a node of the name that its lines claim.
    #[serde(default)]
    pub(crate) ambiguous: bool,
    /// Its place in the configuration.
    #[serde(skip)]
    pub(crate) site: Option<SiteIndex>,
    /// Differs from the saved row.
    #[serde(skip)]
    pub(crate) dirty: bool,
    #[serde(skip)]
    heard_saved: Option<Timestamp>,
    /// When to look again at the license alert and those beside it, where something keeps them from being told.
    #[serde(skip)]
    pub(crate) look: Look,
    /// What the history has of the license alert.
    #[serde(skip)]
    recorded: Option<(String, Option<&'static str>, bool, bool)>,
}

impl Cluster {
    pub(crate) fn new(name: String, standing: Standing) -> Self {
        Self {
            name,
            standing,
            license: License::default(),
            smart: SmartLicense::default(),
            last_heard: None,
            nodes: BTreeMap::new(),
            alerts: BTreeMap::new(),
            mnemonics: BTreeMap::new(),
            usage: UsageFeed::default(),
            engine_down_at: None,
            book: Book::default(),
            copies: Copies::default(),
            hold: None,
            ambiguous: false,
            site: None,
            dirty: true,
            heard_saved: None,
            look: Look::default(),
            recorded: None,
        }
    }

    /// A line of the node was heard.
    pub(crate) fn heard(&mut self, node: Option<&str>, at: Timestamp, context: &Context<'_>) {
        self.last_heard = self.last_heard.max(Some(at));
        if let Some(node) = node {
            let room = self.site.is_some() || self.nodes.len() < context.limits.unmapped_nodes;
            if let Some(known) = self.nodes.get_mut(node) {
                known.last_heard = known.last_heard.max(Some(at));
            } else if room {
                self.nodes.insert(node.to_owned(), Node { last_heard: Some(at), ..Node::default() });
                self.dirty = true;
            }
        }
        if self.heard_saved.is_none_or(|saved| saved.duration_until(at) >= HEARD_SAVED_EVERY) {
            self.heard_saved = Some(at);
            self.dirty = true;
        }
    }

    /// A line that says something.
    pub(crate) fn fact(
        &mut self,
        fact: &Fact,
        timing: Timing,
        node: Option<&str>,
        mismatch: bool,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) {
        let overage = SignedDuration::from_hours(24 * i64::from(context.settings.license.enforcement_after_days));
        self.dirty |= self.smart.hear(fact, timing.at, overage);
        let explaining = self.explaining();
        let copy = fact.license.is_none() && self.copies.is_copy(fact, node, context.moment.now, &context.limits);
        if let Some(event) = fact.license {
            self.license_event(fact, event, timing, node, mismatch, context, out);
        } else if let Some(said) = evidence(fact, context.limits.unmapped_name_bytes) {
            if let Some(node) = node {
                self.service_fact(&said, fact, timing, node, context, out);
            }
        } else if !copy {
            self.alarm(fact, timing, node, context, out);
        }
        if !copy && !context.rules.user.is_empty() {
            for signal in context.rules.user.signals(fact, node) {
                self.signal(&signal, fact, timing, context, out);
            }
        }
        if self.explaining() != explaining {
            self.tell_book(context, out);
        }
        self.tell_explained(context, out);
        self.record(context, out);
    }

    /// What the families, or its severity, make of a line.
    fn alarm(&mut self, fact: &Fact, timing: Timing, node: Option<&str>, context: &mut Context<'_>, out: &mut Outbox) {
        let now = context.moment.now;
        let printed = fact.stamp.and_then(|stamp| stamp.resolve(fact.received_at, context.zone));
        let happened = printed.map_or(timing.at, |resolved| resolved.at);
        for mut signal in families::signals(fact, context.settings.rules.syslog_severity.0) {
            if let (Some(named), Some(node)) = (&mut signal.node, node) {
                node.clone_into(named);
            }
            if !self.copies.is_told(&signal, fact, happened, now, &context.limits) {
                self.signal(&signal, fact, timing, context, out);
            }
        }
    }

    /// A line raises or clears an alert.
    pub(crate) fn signal(
        &mut self,
        signal: &Signal,
        fact: &Fact,
        timing: Timing,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) {
        let others = Others { alerts: &self.alerts, license: &self.license };
        self.book.signal(signal, fact, timing, &others, context, out);
    }

    /// How many alerts fire, beside those that lines raise, that explain others, and the license stage: where this changes, what
    /// waits is looked at again.
    fn explaining(&self) -> (usize, Option<&'static str>) {
        let explains = |alert: &&Alert| alert.is_firing() && inhibition::is_source(&alert.name);
        (self.alerts.values().filter(explains).count(), self.license.state.stage().alertname())
    }

    /// What explained the alerts beside those that lines raise may be over.
    fn tell_explained(&mut self, context: &mut Context<'_>, out: &mut Outbox) {
        if std::mem::take(&mut self.book.source_changed) {
            self.tell_alerts(context, out);
        }
    }

    /// What muted an alert may be over.
    pub(crate) fn tell_book(&mut self, context: &mut Context<'_>, out: &mut Outbox) {
        let others = Others { alerts: &self.alerts, license: &self.license };
        self.book.tell_all(&others, context, out);
    }

    /// The alert beside those that lines raise that has this fingerprint and fires.
    pub(crate) fn alert_mut(&mut self, wanted: &str) -> Option<&mut Alert> {
        let name = &self.name;
        self.alerts.values_mut().find(|alert| alert.is_firing() && fingerprint(&alert.labels(Some(name))) == wanted)
    }

    /// After an operator changed an alert that a line raised.
    pub(crate) fn book_touched(&mut self, slot: usize, context: &mut Context<'_>, out: &mut Outbox) {
        let others = Others { alerts: &self.alerts, license: &self.license };
        self.book.touched(slot, &others, context, out);
        self.tell_explained(context, out);
    }

    /// Hands the history what it does not have of the license alert and of those beside it.
    pub(crate) fn record(&mut self, context: &Context<'_>, out: &mut Outbox) {
        for alert in self.alerts.values_mut() {
            let recorded = (alert.told, alert.end.is_some(), alert.acknowledged.is_some());
            if alert.recorded.as_ref() != Some(&recorded) {
                alert.recorded = Some(recorded);
                out.records.push(alert.view(Some(&self.name)));
            }
        }
        let stage = self.license.state.stage().alertname();
        let acknowledged = self.license.acknowledged().is_some();
        let recorded = self.license.episode.as_ref().map(|it| (it.id.clone(), stage, it.end.is_some(), acknowledged));
        if self.recorded != recorded {
            self.recorded = recorded;
            out.records.extend(self.license_view(context.profile, context.zone, context.moment.now.wall));
        }
    }

    /// Time passed.
    pub(crate) fn fire(&mut self, context: &mut Context<'_>, out: &mut Outbox) {
        self.license.mark_deaf(context.moment, self.is_deaf(context));
        if self.license.fire(context, out) {
            self.dirty = true;
        }
        self.fire_service(context, out);
        let others = Others { alerts: &self.alerts, license: &self.license };
        self.book.fire(&others, context, out);
        self.tell_explained(context, out);
        self.record(context, out);
    }

    /// The next deadlines: of elapsed and of wall time.
    pub(crate) fn deadlines(&self, context: &Context<'_>) -> (Option<SignedDuration>, Option<Timestamp>) {
        if self.standing == Standing::Archived {
            return (None, None);
        }
        let (license, wall) = self.license.deadlines(context);
        let silenced = self.license.silenced_look(context);
        let book = self.book.next().or(self.look).or(silenced);
        let elapsed = license.into_iter().chain(self.next_service()).chain(book.elapsed).min();
        (elapsed, wall.into_iter().chain(book.wall).min())
    }

    /// The configuration names its nodes.
    pub(crate) fn configure(&mut self, context: &Context<'_>) {
        let Some(site) = context.site else { return };
        for configured in &site.nodes {
            let node = self.nodes.entry(configured.id.clone()).or_default();
            self.dirty |= node.configure(context.moment.now, &context.settings.feeds);
        }
        self.nodes.retain(|id, _| site.nodes.iter().any(|configured| configured.id == *id));
        let nodes = &self.nodes;
        self.alerts.retain(|_, alert| alert.node.as_ref().is_none_or(|node| nodes.contains_key(node)));
    }

    /// Takes over what was known and told of one of its nodes while the configuration did not name it.
    pub(crate) fn adopt(&mut self, orphan: Self, context: &Context<'_>) {
        self.dirty = true;
        self.last_heard = self.last_heard.max(orphan.last_heard);
        self.license.adopt(orphan.license, context);
        for (mnemonic, told) in orphan.mnemonics {
            let known = self.mnemonics.entry(mnemonic).or_insert(told);
            *known = (*known).max(told);
        }
        for (key, alert) in orphan.alerts {
            self.alerts.entry(key).or_insert(alert);
        }
        self.book.adopt(orphan.book, &context.limits, context.moment.now);
    }

    /// Whether an episode is one of this cluster.
    pub(crate) fn knows(&self, episode: &str) -> bool {
        self.license.episode.as_ref().is_some_and(|known| known.id == episode)
            || self.alerts.values().any(|alert| alert.id == episode)
            || self.book.knows(episode)
    }

    /// What is true of one of its episodes now.
    pub(crate) fn present(&self, episode: &str, context: &Context<'_>) -> Present {
        if self.standing == Standing::Archived {
            return Present::Ended;
        }
        if self.license.episode.as_ref().is_some_and(|known| known.id == episode) {
            return self.license.present(context);
        }
        if let Some(alert) = self.alerts.values().find(|alert| alert.id == episode) {
            let muted = alert.is_firing() && self.is_muted(alert, context);
            return alert.present(context.owner(), muted, context.moment.now);
        }
        let others = Others { alerts: &self.alerts, license: &self.license };
        self.book.present(episode, &others, context)
    }

    /// Who was told of the license episode, where a build that kept it there saved the row.
    pub(crate) fn take_told_receivers(&mut self) -> Option<(String, BTreeSet<String>)> {
        let episode = self.license.episode.as_mut()?;
        let receivers = std::mem::take(&mut episode.told.receivers);
        (!receivers.is_empty()).then(|| {
            self.dirty = true;
            (episode.id.clone(), receivers)
        })
    }

    /// Nothing is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.license.open().is_none()
    }

    /// Whether an alert beside its license alert fires.
    pub(crate) fn fires(&self) -> bool {
        self.alerts.values().any(Alert::is_firing) || self.book.any_fires()
    }

    /// The wall clock stepped. Saved deadlines are wall times, so they move with it: a restart then counts on from what is left.
    pub(crate) fn stepped(&mut self, step: SignedDuration) -> bool {
        let mut moved = self.license.state.stepped(step);
        for expires in self.alerts.values_mut().filter_map(|alert| alert.expires.as_mut()) {
            expires.stepped(step);
            moved = true;
        }
        self.dirty |= moved;
        self.book.stepped(step) || moved
    }

    /// After a load from the store.
    pub(crate) fn restore(&mut self, context: &Context<'_>) {
        let now = context.moment.now;
        self.heard_saved = self.last_heard;
        self.license.restore(context);
        self.book.restore(now);
        for alert in self.alerts.values_mut() {
            if let Some(expires) = &mut alert.expires {
                expires.reanchor(now);
            }
        }
        for feed in self.nodes.values_mut().flat_map(|node| node.feeds.values_mut()) {
            feed.restore(now, &context.settings.feeds);
        }
        if self.alerts.values().any(|alert| !alert.told || (alert.end.is_some() && !alert.end_told)) {
            self.hold = Some(Hold::start(now));
        }
    }

    /// What outsiders see.
    pub(crate) fn view(&self, site: Option<&ClusterSettings>, mapping: &Mapping, now: Timestamp) -> ClusterView {
        let state = &self.license.state;
        let open = self.license.open();
        let enforcement_at = state.overage().map(|overage| overage.enforcement_at);
        let feeds = |id: &str| {
            let feeds = self.nodes.get(id).into_iter().flat_map(|node| &node.feeds);
            feeds
                .map(|(name, feed)| FeedView { name: name.clone(), last_heard: feed.last, silent: feed.silent })
                .collect()
        };
        let node = |id: &str, role: &str, addresses: Vec<IpAddr>| NodeView {
            id: id.to_owned(),
            addresses,
            role: role.to_owned(),
            last_heard: self.nodes.get(id).and_then(|node| node.last_heard),
            engine: self.nodes.get(id).map_or(ServiceState::Unknown, |node| node.engine.state()).name(),
            cluster_view_daemon: self.nodes.get(id).map_or(ServiceState::Unknown, |node| node.daemon.state()).name(),
            feeds: feeds(id),
        };
        ClusterView {
            name: self.name.clone(),
            stage: state.stage().name(),
            since: state.since(),
            deadline: state.deadline(),
            enforcement_at,
            days_left: enforcement_at.map(|at| at.duration_since(now).as_secs().div_euclid(DAY_SECONDS)),
            usage: self.usage.view(site.and_then(|site| site.purchased)),
            registration: self.smart.registration.name(),
            registration_since: self.smart.registration_since,
            authorization: self.authorization().name(),
            authorization_since: self.smart.authorization_since,
            restriction_at: self.smart.restriction_at,
            island_mode: self.has_more_than_one_master(),
            evidence: open.map_or(0, |episode| episode.evidence.count),
            flags: open.map(crate::license::episode::Episode::flag_names).unwrap_or_default(),
            last_heard: self.last_heard,
            acknowledged_by: self
                .license
                .acknowledged()
                .map(|acknowledged| acknowledged.who.clone().unwrap_or_else(|| "operator".to_owned())),
            release: site.map(|site| site.release.clone()).unwrap_or_default(),
            mapped: site.is_some(),
            nodes: match site {
                Some(site) => site
                    .nodes
                    .iter()
                    .map(|configured| node(&configured.id, &configured.role, configured.addresses.clone()))
                    .collect(),
                None => self.nodes.keys().map(|id| node(id, "", self.sender(mapping).into_iter().collect())).collect(),
            },
        }
    }

    /// Whom an unmapped cluster's lines come from, where that tells who speaks.
    fn sender(&self, mapping: &Mapping) -> Option<IpAddr> {
        let Standing::Unmapped(key) = &self.standing else { return None };
        key.whole.sender.map(|sender| sender.to_canonical()).filter(|&sender| !mapping.is_relay(sender))
    }

    /// What the product may do: the stage of its license says it where no line of the license manager does.
    fn authorization(&self) -> Authorization {
        match self.license.state.stage() {
            Stage::OutOfCompliance | Stage::EnforcementDue => Authorization::OutOfCompliance,
            Stage::Compliant if self.smart.authorization == Authorization::Unknown => Authorization::InCompliance,
            _ => self.smart.authorization,
        }
    }

    /// Its alerts, the license alert first.
    pub(crate) fn alert_views(&self, profile: &Profile, rules: &Rules, gate: &Gate<'_>) -> Vec<AlertView> {
        let now = gate.moment.now.wall;
        let mut views: Vec<AlertView> = self.license_view(profile, gate.zone, now).into_iter().collect();
        views.extend(self.alerts.values().map(|alert| alert.view(Some(&self.name))));
        let others = Others { alerts: &self.alerts, license: &self.license };
        views.extend(self.book.views(&self.name, &others, rules, gate));
        views
    }

    fn license_view(&self, profile: &Profile, zone: &TimeZone, now: Timestamp) -> Option<AlertView> {
        let episode = self.license.episode.as_ref()?;
        let state = &self.license.state;
        let shown = if episode.end.is_some() { episode.stage } else { state.stage() };
        let labels = BTreeMap::from([
            ("alertname".to_owned(), shown.alertname().or(episode.stage.alertname())?.to_owned()),
            ("cluster".to_owned(), self.name.clone()),
        ]);
        let words = texts::license(&LicenseScene {
            cluster: &self.name,
            zone,
            profile,
            state,
            flags: &episode.flags,
            now,
            reason: if episode.end.is_some() { Reason::ConfirmedCompliant } else { Reason::Repeat },
            days_left: None,
            ended_by: episode.end.as_ref().and_then(|end| end.who.as_deref()),
        });
        Some(AlertView {
            fingerprint: fingerprint(&labels),
            labels,
            annotations: annotations(&words),
            status: if episode.end.is_some() { AlertStatus::Resolved } else { AlertStatus::Firing },
            severity: shown.severity(),
            starts_at: episode.started,
            ends_at: episode.end.as_ref().map(|end| end.at),
            episode: episode.id.clone(),
            acknowledged: self.license.acknowledged().cloned(),
            suppressed: None,
            evidence: episode.evidence.clone(),
            end: episode.end.clone(),
            flags: episode.flag_names(),
            deadline: state.deadline().or(state.overage().map(|overage| overage.enforcement_at)),
        })
    }
}

/// What else of a cluster fires, beside what lines raise.
struct Others<'a> {
    alerts: &'a BTreeMap<String, Alert>,
    license: &'a License,
}

impl Firing for Others<'_> {
    fn fires(&self, name: &str, node: Option<&str>) -> bool {
        let of_license = || self.license.open().is_some() && self.license.state.stage().alertname() == Some(name);
        let same = |alert: &Alert| {
            alert.is_firing() && inhibition::is_named(&alert.name, name) && alert.node.as_deref() == node
        };
        (node.is_none() && of_license()) || self.alerts.values().any(same)
    }
}
