//! The engine: the whole program's decisions on one screen.

pub use crate::{
    alert::{AlertStatus, AlertView},
    saved::{RestoreError, SavedRow},
    view::{ClusterView, Deadlines, FeedView, NodeView, UsageView},
};

use crate::{
    alert::{Alert, Owner},
    cluster::{Cluster, Standing},
    context::Context,
    input::{Answer, Input},
    license::profile::Profile,
    limits::Limits,
    mapping::{Mapping, SiteIndex},
    notification::Notification,
    now::Now,
    roster::{Roster, Slot},
    routing::{Present, Router, Step, ledger::LedgerEntry},
    rules::{
        Rules,
        mute::{Gate, Mutes, MutesView},
    },
    saved::{self, ENGINE_KEY, EngineRow, Saved},
    senders::{SenderView, Senders},
    settings::Settings,
    timer::Moment,
};
use jiff::{SignedDuration, tz::TimeZone};
use std::{collections::BTreeMap, sync::Arc};

/// Where the two clocks part by more than this between two steps, the wall clock was set. Less is its ordinary regulation.
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// What one step of the engine says to the world.
#[derive(Debug, Default)]
pub struct Outbox {
    /// To be told after the commit, in order.
    pub notifications: Vec<Notification>,
    /// Alerts that fired, were told, acknowledged or resolved: for the history.
    pub records: Vec<AlertView>,
    /// What came of the operator's command, where the input was one.
    pub answer: Option<Answer>,
    /// What became of each, and of what is not told, for whom and why.
    pub ledger: Vec<LedgerEntry>,
}

/// All state and all decisions.
#[derive(Debug)]
pub struct Engine {
    pub(crate) settings: Arc<Settings>,
    pub(crate) mapping: Mapping,
    /// How the release of each configured cluster behaves.
    pub(crate) profiles: Vec<&'static Profile>,
    /// What is configured of each alert.
    pub(crate) rules: Arc<Rules>,
    /// What operators muted.
    pub(crate) mutes: Arc<Mutes>,
    pub(crate) limits: Limits,
    pub(crate) roster: Roster,
    /// The last episode number given.
    pub(crate) ids: u64,
    /// Who is told.
    pub(crate) router: Router,
    /// Alerts of no cluster.
    pub(crate) alerts: BTreeMap<String, Alert>,
    /// Senders in no cluster.
    pub(crate) senders: Senders,
    /// The engine's own row differs from the saved one.
    pub(crate) dirty: bool,
    /// Keys of rows to delete.
    pub(crate) removed: Vec<String>,
    /// The clocks of the last step.
    pub(crate) last: Now,
}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new(settings: Settings, now: Now) -> Self {
        let mut engine = Self {
            settings: Arc::new(Settings::default()),
            mapping: Mapping::default(),
            profiles: Vec::new(),
            rules: Arc::default(),
            mutes: Arc::default(),
            limits: Limits::DEFAULT,
            roster: Roster::default(),
            ids: 0,
            router: Router::default(),
            alerts: BTreeMap::new(),
            senders: Senders::default(),
            dirty: true,
            removed: Vec::new(),
            last: now,
        };
        engine.configure(settings, now);
        engine
    }

    /// An engine that goes on from saved rows. Elapsed time counts anew from here; what differs from what was told is told once
    /// no late line comes any more.
    pub fn restore(settings: Settings, now: Now, rows: Vec<SavedRow>) -> Result<Self, RestoreError> {
        let Saved { engine: own, clusters, told, groups, recent } = saved::read(rows)?;
        let mut engine = Self::new(Settings { clusters: Vec::new(), ..settings.clone() }, now);
        engine.ids = own.ids;
        engine.alerts = own.alerts;
        engine.mutes = Arc::new(own.mutes);
        Arc::make_mut(&mut engine.mutes).reanchor(now);
        engine.router.restore(told, groups, recent, now);
        let slots: Vec<Slot> = clusters.into_iter().map(|cluster| engine.roster.insert(cluster)).collect();
        engine.configure(settings, now);
        for slot in slots {
            engine.step(slot, Moment { now, inclusive: false }, |cluster, context| cluster.restore(context));
            let told = engine.roster.get_mut(slot).and_then(Cluster::take_told_receivers);
            if let Some((episode, receivers)) = told {
                engine.router.remember(&episode, receivers, now);
            }
        }
        Ok(engine)
    }

    /// One step. What was due before `now` comes first, then the input; what is due at `now` waits for a tick, so that at equal
    /// time inputs go before deadlines.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let now = Now { wall: now.wall, elapsed: now.elapsed.max(self.last.elapsed) };
        self.follow_clock(now);
        let inclusive = matches!(input, Input::Tick);
        let moment = Moment { now, inclusive };
        let told = out.notifications.len();
        self.fire(moment, out);
        self.route(told, moment, out, true);
        let told = out.notifications.len();
        match input {
            Input::Tick => {}
            Input::Fact(fact) => self.fact(&fact, moment, out),
            Input::Heard(heard) => self.heard(&heard, moment, out),
            Input::Operator(command) => self.operate(&command, moment, out),
            Input::Usage(report) => self.usage(&report, moment, out),
            Input::Store(health) => self.store(health, now, out),
            Input::Sender { sender, over_budget } => self.sender(sender, over_budget, now, out),
            Input::Receiver { receiver, failing } => self.receiver(&receiver, failing, now, out),
            Input::Reload(settings) => self.configure(*settings, now),
        }
        self.route(told, moment, out, false);
    }

    /// Decides who is told of what the step has to tell: of what is in the outbox from `told` on. `time` lets deadlines fire.
    fn route(&mut self, told: usize, moment: Moment, out: &mut Outbox, time: bool) {
        let news = out.notifications.split_off(told);
        let mut router = std::mem::take(&mut self.router);
        let mut ids = self.ids;
        let present = |episode: &str| self.present(episode, moment);
        let mut step = Step { moment, limits: self.limits, ids: &mut ids, present: &present };
        router.route(news, &mut step, out);
        if time {
            router.fire(&mut step, out);
        }
        router.refresh(moment.now);
        self.router = router;
        self.dirty |= ids != self.ids;
        self.ids = ids;
    }

    /// What is true of an episode now.
    fn present(&self, episode: &str, moment: Moment) -> Present {
        if let Some(alert) = self.alerts.values().find(|alert| alert.id == episode) {
            return alert.present(Owner::CCXWATCH, false, moment.now);
        }
        let of_name = episode.rsplit_once('/').and_then(|(cluster, _)| self.roster.named(cluster));
        let named = of_name.and_then(|slot| self.roster.get(slot));
        let renamed = || self.roster.iter().find(|(_, cluster)| cluster.knows(episode)).map(|(_, cluster)| cluster);
        let Some(cluster) = named.filter(|cluster| cluster.knows(episode)).or_else(renamed) else {
            return Present::Unknown;
        };
        let site = cluster.site.and_then(|site| self.settings.clusters.get(site));
        let utc = TimeZone::UTC;
        let context = Context {
            moment,
            settings: &self.settings,
            site,
            limits: self.limits,
            cluster: cluster.name.clone(),
            zone: site.map_or(&utc, |site| &site.time_zone),
            mutes: &self.mutes,
            rules: &self.rules,
            profile: self.profile(cluster.site),
            ids: &mut 0,
        };
        cluster.present(episode, &context)
    }

    /// When [`Engine::handle`] should be called at the latest, with [`Input::Tick`] if nothing else comes.
    pub fn next_deadline(&self) -> Deadlines {
        self.roster.next().sooner(self.router.next())
    }

    /// A step of the wall clock moves what is saved of the near deadlines, and none of the deadlines.
    fn follow_clock(&mut self, now: Now) {
        let passed = now.elapsed.saturating_sub(self.last.elapsed);
        let step = self.last.wall.duration_until(now.wall).saturating_sub(passed);
        self.last = now;
        if step.abs() > STEP {
            self.dirty |= Arc::make_mut(&mut self.mutes).stepped(step);
            self.roster.stepped(step);
            self.router.stepped(step);
        }
    }

    fn fire(&mut self, moment: Moment, out: &mut Outbox) {
        for slot in self.roster.due(|at| moment.elapsed_due(at), |at| moment.wall_due(at)) {
            self.step(slot, moment, |cluster, context| cluster.fire(context, out));
        }
    }

    /// One step of one cluster, with everything around it; afterwards it is due anew.
    pub(crate) fn step<R: Default>(
        &mut self,
        slot: Slot,
        moment: Moment,
        step: impl FnOnce(&mut Cluster, &mut Context<'_>) -> R,
    ) -> R {
        let Some(mut cluster) = self.roster.take(slot) else { return R::default() };
        let settings = Arc::clone(&self.settings);
        let rules = Arc::clone(&self.rules);
        let mutes = Arc::clone(&self.mutes);
        let site = cluster.site.and_then(|site| settings.clusters.get(site));
        let ids = self.ids;
        let utc = TimeZone::UTC;
        let mut context = Context {
            moment,
            settings: &settings,
            site,
            limits: self.limits,
            cluster: cluster.name.clone(),
            zone: site.map_or(&utc, |site| &site.time_zone),
            mutes: &mutes,
            rules: &rules,
            profile: self.profile(cluster.site),
            ids: &mut self.ids,
        };
        let result = step(&mut cluster, &mut context);
        let next = cluster.deadlines(&context);
        self.dirty |= ids != self.ids;
        self.roster.put(slot, cluster, next);
        result
    }

    /// Whether [`Engine::take_saved`] has something to return. Cheap, to be asked after each step.
    pub fn has_changed(&self) -> bool {
        self.dirty || !self.removed.is_empty() || self.roster.is_dirty() || self.router.has_changed()
    }

    /// Rows that changed since the last call: one per cluster, and the engine's own.
    pub fn take_saved(&mut self) -> Vec<SavedRow> {
        let mut rows: Vec<SavedRow> = self.removed.drain(..).map(|key| SavedRow { key, json: None }).collect();
        for slot in self.roster.take_dirty() {
            if let Some(cluster) = self.roster.get_mut(slot)
                && cluster.dirty
            {
                cluster.dirty = false;
                rows.push(saved::row(saved::cluster_key(&cluster.name), cluster));
            }
            if let Some(cluster) = self.roster.get_mut(slot)
                && std::mem::take(&mut cluster.book.dirty)
            {
                rows.push(saved::row(saved::book_key(&cluster.name), &cluster.book));
            }
        }
        rows.extend(self.router.take_saved());
        if std::mem::take(&mut self.dirty) {
            let own = EngineRow { ids: self.ids, alerts: self.alerts.clone(), mutes: (*self.mutes).clone() };
            rows.push(saved::row(ENGINE_KEY.to_owned(), &own));
        }
        rows
    }

    /// What the clusters are: configured ones in their order, then unmapped ones by name.
    pub fn clusters(&self) -> Vec<ClusterView> {
        self.visible()
            .map(|cluster| {
                let site = cluster.site.and_then(|site| self.settings.clusters.get(site));
                cluster.view(site, &self.mapping, self.last.wall)
            })
            .collect()
    }

    /// Senders that are in no cluster, as far as their address, file and host name say.
    pub fn unmapped_senders(&self) -> Vec<SenderView> {
        self.senders.views()
    }

    /// What operators and the configuration mute.
    pub fn mutes(&self) -> MutesView {
        self.mutes.view(&self.settings.rules.maintenance, Moment { now: self.last, inclusive: true })
    }

    /// How often since the start an alert beyond the limits was raised, so that another one stands for it.
    pub fn alerts_limited(&self) -> u64 {
        self.roster.iter().map(|(_, cluster)| cluster.book.limited).sum()
    }

    /// How many lines and raises since the start told what another one had told: the alarm, its copy, or RTMT's alert about it.
    pub fn copies_folded(&self) -> u64 {
        self.roster.iter().map(|(_, cluster)| cluster.copies.folded).sum()
    }

    /// All alerts, firing and last resolved.
    pub fn alerts(&self) -> Vec<AlertView> {
        let of_clusters = self.visible().flat_map(|cluster| {
            let site = cluster.site.and_then(|site| self.settings.clusters.get(site));
            let zone = site.map_or(TimeZone::UTC, |site| site.time_zone.clone());
            let moment = Moment { now: self.last, inclusive: false };
            let labels = site.map(|site| &site.labels);
            let gate = Gate { moment, zone: &zone, settings: &self.settings, mutes: &self.mutes, labels };
            cluster.alert_views(self.profile(cluster.site), &self.rules, &gate)
        });
        of_clusters.chain(self.alerts.values().map(|alert| alert.view(None))).collect()
    }

    fn profile(&self, site: Option<SiteIndex>) -> &'static Profile {
        site.and_then(|site| self.profiles.get(site).copied()).unwrap_or(&Profile::UNKNOWN)
    }

    fn visible(&self) -> impl Iterator<Item = &Cluster> {
        let mut clusters: Vec<&Cluster> = self
            .roster
            .iter()
            .map(|(_, cluster)| cluster)
            .filter(|cluster| cluster.standing != Standing::Archived)
            .collect();
        clusters.sort_by(|a, b| (a.site.is_none(), a.site, &a.name).cmp(&(b.site.is_none(), b.site, &b.name)));
        clusters.into_iter()
    }

    /// The clock of elapsed time at the last step.
    pub fn elapsed(&self) -> SignedDuration {
        self.last.elapsed
    }
}
