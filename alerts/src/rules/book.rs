//! The alerts of one cluster that lines raise and clear: found by what identifies them, told when nothing mutes them, limited in
//! number.

use crate::{
    alert::{AlertView, fingerprint, told_labels},
    context::Context,
    engine::Outbox,
    fact::Fact,
    hold::Hold,
    limits::{Limits, bounded},
    notification::{Notification, Reason},
    now::Now,
    routing::{Present, ledger::LedgerEntry},
    rules::{
        inhibition,
        instance::{Identity, Instance, Phase},
        mute::{Gate, Muted, Subject, SuppressedBy, Suppression},
        settings::AlertSettings,
    },
    signal::{Change, Signal},
    texts,
    timer::{Look, Moment},
    timing::Timing,
};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
};

/// Where an alert is kept.
type Slot = usize;

/// What the label of an alert says that stands for all beyond the limit.
const OTHERS: (&str, &str) = ("instance", "others");
/// No line clears an alert that stands for others: it ends when there was none for so long.
const OTHERS_END_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The alerts of one cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    slots: Vec<Option<Box<Instance>>>,
    free: Vec<Slot>,
    hasher: RandomState,
    by_identity: HashMap<u64, Vec<Slot>>,
    by_name: HashMap<String, BTreeSet<Slot>>,
    by_elapsed: BTreeSet<(SignedDuration, Slot)>,
    by_wall: BTreeSet<(Timestamp, Slot)>,
    scheduled: Vec<Look>,
    /// Alerts of which something is still to be told.
    untold: BTreeSet<Slot>,
    /// Late lines are still coming in.
    hold: Option<Hold>,
    /// Differs from the saved row.
    pub(crate) dirty: bool,
    /// An alert that explains others started or ended.
    pub(crate) source_changed: bool,
    /// How often a limit was met.
    pub(crate) limited: u64,
}

impl PartialEq for Book {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Book {}

impl Serialize for Book {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().filter(|instance| !instance.is_empty()))
    }
}

impl<'de> Deserialize<'de> for Book {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut book = Self::default();
        for instance in Vec::<Instance>::deserialize(deserializer)? {
            book.insert(instance);
        }
        Ok(book)
    }
}

/// What else of its cluster fires: the alerts of services, and the license alert.
pub(crate) trait Firing {
    /// Whether an alert of this name and node fires.
    fn fires(&self, name: &str, node: Option<&str>) -> bool;
}

impl Book {
    fn iter(&self) -> impl Iterator<Item = &Instance> {
        self.slots.iter().flatten().map(|instance| &**instance)
    }

    /// Whether any alert fires.
    pub(crate) fn any_fires(&self) -> bool {
        self.iter().any(Instance::is_firing)
    }

    /// One raise or clear.
    pub(crate) fn signal(
        &mut self,
        signal: &Signal,
        fact: &Fact,
        timing: Timing,
        others: &dyn Firing,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) {
        let rules = context.rules;
        let settings = rules.of(&signal.alert);
        let now = context.moment.now;
        if !settings.enabled {
            return;
        }
        let crossed = settings.threshold.is_crossed(signal.value);
        let touched: Vec<Slot> = if signal.change == Change::Raise && crossed {
            self.raise(signal, fact, timing.at, settings, context).into_iter().collect()
        } else {
            let slots = self.cleared_by(signal, timing.at, now, &context.limits);
            slots
                .into_iter()
                .filter(|slot| self.slots[*slot].as_mut().is_some_and(|it| it.clear(timing.at, now)))
                .collect()
        };
        if touched.is_empty() {
            return;
        }
        self.dirty = true;
        let held = self.hold.is_some();
        if !timing.late {
            self.hold = None;
        } else if let Some(hold) = &mut self.hold {
            hold.prolong(now);
        } else {
            self.hold = Some(Hold::start(now));
        }
        for slot in &touched {
            self.changed(*slot, context, out);
        }
        let released = held && self.hold.is_none();
        let source = inhibition::is_source(&signal.alert);
        self.source_changed |= source;
        if released || source {
            self.tell_all(others, context, out);
        } else {
            for slot in touched {
                self.tell(slot, others, context, out);
            }
        }
    }

    fn raise(
        &mut self,
        signal: &Signal,
        fact: &Fact,
        at: Timestamp,
        settings: &AlertSettings,
        context: &mut Context<'_>,
    ) -> Option<Slot> {
        let now = context.moment.now;
        let identity = identity(signal, &context.limits);
        let (slot, others) = self.place(identity, context);
        let instance = self.slots[slot].as_mut()?;
        let after = settings.resolve_after.or(signal.about.resolves_after).or(others.then_some(OTHERS_END_AFTER));
        let was_firing = instance.is_firing();
        if !instance.raise(at, now, settings, after, || context.next_id()) {
            return None;
        }
        instance.severity = settings.severity.unwrap_or(signal.severity);
        instance.evidence.add_bounded(fact, &context.limits);
        if !was_firing || instance.words.summary.is_empty() {
            instance.words = texts::signal(&context.cluster, &instance.identity, &signal.about);
        }
        Some(slot)
    }

    /// The slots that a clear is for. One that clears nothing known is remembered: its raise may still be on the way.
    fn cleared_by(&mut self, signal: &Signal, at: Timestamp, now: Now, limits: &Limits) -> Vec<Slot> {
        let wanted = identity(signal, limits);
        let has = |instance: &Instance| {
            (wanted.node.is_none() || wanted.node == instance.identity.node)
                && wanted.labels.iter().all(|pair| instance.identity.labels.contains(pair))
        };
        let named = self.by_name.get(&*signal.alert).into_iter().flatten().copied();
        let found: Vec<Slot> = named.filter(|slot| self.slots[*slot].as_deref().is_some_and(&has)).collect();
        if !found.is_empty() || wanted.node.is_none() || !self.has_room(&wanted.name, limits) {
            return found;
        }
        let mut instance = Instance::new(wanted, signal.severity, now);
        instance.clear(at, now);
        let slot = self.insert(instance);
        self.schedule(slot);
        Vec::new()
    }

    /// The slot of an alert, a new one where it is new, that of all others where there is no room. And whether it is that one.
    fn place(&mut self, identity: Identity, context: &Context<'_>) -> (Slot, bool) {
        if let Some(slot) = self.find(&identity) {
            return (slot, false);
        }
        let now = context.moment.now;
        if self.has_room(&identity.name, &context.limits) || self.make_room(&identity.name, &context.limits) {
            return (self.insert(Instance::new(identity, Severity::Debug, now)), false);
        }
        self.limited = self.limited.saturating_add(1);
        let labels = vec![(OTHERS.0.to_owned(), OTHERS.1.to_owned())];
        let others = Identity { labels, node: None, name: identity.name };
        let slot = self.find(&others);
        (slot.unwrap_or_else(|| self.insert(Instance::new(others, Severity::Debug, now))), true)
    }

    fn has_room(&self, name: &str, limits: &Limits) -> bool {
        let of_name = self.by_name.get(name).map_or(0, BTreeSet::len);
        of_name < limits.instances_per_alert && self.slots.len() - self.free.len() < limits.instances_per_cluster
    }

    /// Forgets what matters least: of the same alert where that has too many, of all otherwise. What fires stays.
    fn make_room(&mut self, name: &str, limits: &Limits) -> bool {
        let of_name = self.by_name.get(name);
        let crowded = of_name.is_some_and(|slots| slots.len() >= limits.instances_per_alert);
        let least = |slots: &mut dyn Iterator<Item = Slot>| {
            let weighed =
                slots.filter_map(|slot| self.slots[slot].as_ref().map(|it| (it.weight(), it.changed_at, slot)));
            weighed.min().filter(|(weight, ..)| *weight < 3).map(|(.., slot)| slot)
        };
        let slot = match of_name {
            Some(slots) if crowded => least(&mut slots.iter().copied()),
            _ => least(&mut (0..self.slots.len())),
        };
        if let Some(slot) = slot {
            self.remove(slot);
        }
        slot.is_some()
    }

    fn find(&self, identity: &Identity) -> Option<Slot> {
        let slots = self.by_identity.get(&self.hasher.hash_one(identity))?;
        slots.iter().copied().find(|slot| self.slots[*slot].as_ref().is_some_and(|it| it.identity == *identity))
    }

    fn insert(&mut self, instance: Instance) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.scheduled.push(Look::default());
            self.slots.len() - 1
        });
        self.by_identity.entry(self.hasher.hash_one(&instance.identity)).or_default().push(slot);
        self.by_name.entry(instance.identity.name.clone()).or_default().insert(slot);
        self.slots[slot] = Some(Box::new(instance));
        slot
    }

    fn remove(&mut self, slot: Slot) {
        self.reschedule(slot, Look::default());
        self.untold.remove(&slot);
        let Some(instance) = self.slots[slot].take() else { return };
        let hash = self.hasher.hash_one(&instance.identity);
        if let Some(slots) = self.by_identity.get_mut(&hash) {
            slots.retain(|known| *known != slot);
            if slots.is_empty() {
                self.by_identity.remove(&hash);
            }
        }
        if let Some(slots) = self.by_name.get_mut(&instance.identity.name) {
            slots.remove(&slot);
            if slots.is_empty() {
                self.by_name.remove(&instance.identity.name);
            }
        }
        self.free.push(slot);
        self.dirty = true;
    }

    fn schedule(&mut self, slot: Slot) {
        if let Some(instance) = &self.slots[slot] {
            let next = instance.next();
            self.reschedule(slot, next);
        }
    }

    fn reschedule(&mut self, slot: Slot, next: Look) {
        let last = std::mem::replace(&mut self.scheduled[slot], next);
        if last == next {
            return;
        }
        last.elapsed.map(|at| self.by_elapsed.remove(&(at, slot)));
        last.wall.map(|at| self.by_wall.remove(&(at, slot)));
        self.by_elapsed.extend(next.elapsed.map(|at| (at, slot)));
        self.by_wall.extend(next.wall.map(|at| (at, slot)));
    }

    /// After a change of one alert: what is untold of it, and when it is due.
    fn changed(&mut self, slot: Slot, context: &Context<'_>, out: &mut Outbox) {
        let Some(instance) = self.slots[slot].as_deref_mut() else { return };
        if instance.is_untold() {
            self.untold.insert(slot);
        } else {
            self.untold.remove(&slot);
        }
        record(instance, context, out);
        self.schedule(slot);
    }

    fn held(&mut self, moment: Moment) -> bool {
        if self.hold.is_some_and(|hold| hold.lasts(moment)) {
            return true;
        }
        self.hold = None;
        false
    }

    /// Tells everything that is true, was not told and is not muted.
    pub(crate) fn tell_all(&mut self, others: &dyn Firing, context: &mut Context<'_>, out: &mut Outbox) {
        for slot in self.untold.clone() {
            self.tell(slot, others, context, out);
        }
    }

    fn tell(&mut self, slot: Slot, others: &dyn Firing, context: &Context<'_>, out: &mut Outbox) {
        if !self.untold.contains(&slot) || self.held(context.moment) {
            return;
        }
        let now = context.moment.now;
        let Some(instance) = self.slots[slot].as_deref() else { return };
        let rules = context.rules;
        let settings = rules.of(&instance.identity.name);
        let resolved = matches!(instance.phase, Phase::Resolved(_));
        let muted =
            if resolved { None } else { self.muted(instance, settings, others, &context.gate(), &context.cluster) };
        let muted = muted.or_else(|| {
            self.slots[slot].as_deref_mut().filter(|_| !resolved).and_then(|it| frequency(it, settings, now))
        });
        if let Some(muted) = muted {
            if let Some(instance) = self.slots[slot].as_deref_mut() {
                instance.look = muted.look;
                if instance.muted.replace(muted.what.by) != Some(muted.what.by) {
                    self.dirty = true;
                    let would = notification(instance, settings, context);
                    out.ledger.push(LedgerEntry::muted(&would, &muted.what, now.wall));
                }
            }
            self.schedule(slot);
            return;
        }
        let Some(instance) = self.slots[slot].as_deref_mut() else { return };
        instance.muted = None;
        out.notifications.push(notification(instance, settings, context));
        if let Phase::Resolved(resolved) = &mut instance.phase {
            resolved.owed = false;
        } else {
            instance.told(settings.frequency, now);
        }
        self.dirty = true;
        self.changed(slot, context, out);
    }

    fn muted(
        &self,
        instance: &Instance,
        settings: &AlertSettings,
        others: &dyn Firing,
        gate: &Gate<'_>,
        cluster: &str,
    ) -> Option<Muted> {
        let identity = &instance.identity;
        let subject = Subject { name: &identity.name, cluster, node: identity.node.as_deref() };
        gate.muted(&subject, settings, || told_labels(identity.labels(cluster), instance.severity, gate.labels))
            .or_else(|| {
                let fires = |name: &str, node: Option<&str>| self.fires(name, node) || others.fires(name, node);
                let source = inhibition::explained_by(&identity.name, identity.node.as_deref(), fires)?;
                Some(Muted::inhibited(source))
            })
    }

    /// Whether an alert of this name and node fires.
    pub(crate) fn fires(&self, name: &str, node: Option<&str>) -> bool {
        let exact = self.by_name.get(name).into_iter().flatten();
        exact.into_iter().any(|slot| {
            self.slots[*slot].as_deref().is_some_and(|it| it.is_firing() && it.identity.node.as_deref() == node)
        })
    }

    fn of_episode(&self, episode: &str) -> Option<&Instance> {
        self.iter().find(|instance| match &instance.phase {
            Phase::Firing(firing) => firing.episode == episode,
            Phase::Resolved(resolved) => resolved.episode == episode,
            Phase::Gathering { .. } | Phase::Pending { .. } => false,
        })
    }

    /// Whether an episode is one of these alerts.
    pub(crate) fn knows(&self, episode: &str) -> bool {
        self.of_episode(episode).is_some()
    }

    /// What is true of an episode now.
    pub(crate) fn present(&self, episode: &str, others: &dyn Firing, context: &Context<'_>) -> Present {
        let Some(instance) = self.of_episode(episode) else { return Present::Unknown };
        if !instance.is_firing() {
            return Present::Ended;
        }
        let settings = context.rules.of(&instance.identity.name);
        let muted = self.muted(instance, settings, others, &context.gate(), &context.cluster);
        let fresh = Notification { reason: Reason::Repeat, ..notification(instance, settings, context) };
        Present::Firing { fresh: Box::new(fresh), quiet: muted.is_some() || instance.acknowledged().is_some() }
    }

    /// Time passed.
    pub(crate) fn fire(&mut self, others: &dyn Firing, context: &mut Context<'_>, out: &mut Outbox) {
        let moment = context.moment;
        let mut source = false;
        let elapsed = self.by_elapsed.iter().take_while(|(at, _)| moment.elapsed_due(*at)).map(|(_, slot)| *slot);
        let wall = self.by_wall.iter().take_while(|(at, _)| moment.wall_due(*at)).map(|(_, slot)| *slot);
        let due: BTreeSet<Slot> = elapsed.chain(wall).collect();
        for slot in due {
            let Some(instance) = self.slots[slot].as_deref_mut() else { continue };
            let before = instance.is_firing();
            instance.look = Look::default();
            let kept = instance.fire(moment, || context.next_id());
            let empty = instance.is_empty();
            source |= before != instance.is_firing() && inhibition::is_source(&instance.identity.name);
            self.dirty |= !empty;
            if kept {
                self.changed(slot, context, out);
                self.tell(slot, others, context, out);
            } else {
                self.remove(slot);
            }
        }
        let hold_ends = self.hold.is_some_and(|hold| !hold.lasts(moment));
        self.source_changed |= source;
        if hold_ends || source {
            self.tell_all(others, context, out);
        }
        // What waits for the end of a hold that is over does not wait for ever.
        self.held(moment);
    }

    /// The next deadlines.
    pub(crate) fn next(&self) -> Look {
        let hold = self.hold.map(Hold::due).filter(|_| !self.untold.is_empty());
        let elapsed = self.by_elapsed.first().map(|(at, _)| *at).into_iter().chain(hold).min();
        Look { elapsed, wall: self.by_wall.first().map(|(at, _)| *at) }
    }

    /// The wall clock stepped. `true` where that changed anything.
    pub(crate) fn stepped(&mut self, step: SignedDuration) -> bool {
        for instance in self.slots.iter_mut().flatten() {
            instance.stepped(step);
        }
        let any = self.by_name.values().any(|slots| !slots.is_empty());
        self.dirty |= any;
        any
    }

    /// After a load from the store: what differs from what was told waits like late lines.
    pub(crate) fn restore(&mut self, now: Now) {
        for slot in 0..self.slots.len() {
            let Some(instance) = self.slots[slot].as_deref_mut() else { continue };
            instance.reanchor(now);
            if instance.is_untold() {
                self.untold.insert(slot);
            }
            self.schedule(slot);
        }
        if !self.untold.is_empty() {
            self.hold = Some(Hold::start(now));
        }
    }

    /// Takes over the alerts of a cluster that turned out to be a node of this one.
    pub(crate) fn adopt(&mut self, orphan: Self, limits: &Limits, now: Now) {
        for instance in orphan.slots.into_iter().flatten() {
            if self.find(&instance.identity).is_none() && self.has_room(&instance.identity.name, limits) {
                self.insert(*instance);
                self.dirty = true;
            }
        }
        self.restore_index(now);
    }

    fn restore_index(&mut self, now: Now) {
        for slot in 0..self.slots.len() {
            if self.slots[slot].as_deref().is_some_and(Instance::is_untold) {
                self.untold.insert(slot);
                self.hold = self.hold.or(Some(Hold::start(now)));
            }
            self.schedule(slot);
        }
    }

    /// The alert with this fingerprint that fires.
    pub(crate) fn firing_mut(&mut self, cluster: &str, wanted: &str) -> Option<(Slot, &mut Instance)> {
        let is_it = |it: &Instance| it.is_firing() && fingerprint(&it.identity.labels(cluster)) == wanted;
        let slot = self.slots.iter().position(|it| it.as_deref().is_some_and(is_it))?;
        self.slots[slot].as_deref_mut().map(|instance| (slot, instance))
    }

    /// After an operator changed an alert. What it explained is looked at again.
    pub(crate) fn touched(&mut self, slot: Slot, others: &dyn Firing, context: &mut Context<'_>, out: &mut Outbox) {
        self.dirty = true;
        self.source_changed = true;
        self.hold = None;
        self.changed(slot, context, out);
        self.tell_all(others, context, out);
    }

    /// What outsiders see: what fires, and what ended lately.
    pub(crate) fn views<'a>(
        &'a self,
        cluster: &'a str,
        others: &'a dyn Firing,
        rules: &'a crate::rules::Rules,
        gate: &'a Gate<'a>,
    ) -> impl Iterator<Item = AlertView> + 'a {
        self.iter().filter_map(move |instance| {
            let settings = rules.of(&instance.identity.name);
            let muted = || self.muted(instance, settings, others, gate, cluster).map(|muted| muted.what);
            instance.view(cluster, if instance.is_firing() { muted() } else { None })
        })
    }
}

/// What an alert's frequency says.
fn frequency(instance: &mut Instance, settings: &AlertSettings, now: Now) -> Option<Muted> {
    let until = instance.held_until(settings.frequency, now)?;
    let what = Suppression { until: Some(until.wall), ..Muted::new(SuppressedBy::Frequency).what };
    Some(Muted { what, look: Look::elapsed(until.elapsed) })
}

/// What a signal identifies, cleaned and bounded.
fn identity(signal: &Signal, limits: &Limits) -> Identity {
    let text = |value: &str| -> String {
        bounded(value.trim(), limits.label_bytes).chars().map(|c| if c.is_control() { '_' } else { c }).collect()
    };
    let mut labels: Vec<(String, String)> = signal
        .instance
        .iter()
        .take(limits.labels)
        .filter(|(name, _)| !matches!(&**name, "alertname" | "cluster" | "node" | "severity"))
        .map(|(name, value)| (text(name), text(value)))
        // As Prometheus has it, a label without a value is none.
        .filter(|(_, value)| !value.is_empty())
        .collect();
    labels.sort();
    Identity { name: signal.alert.clone().into_owned(), node: signal.node.as_deref().map(text), labels }
}

/// Hands the history what it does not have.
fn record(instance: &mut Instance, context: &Context<'_>, out: &mut Outbox) {
    let (episode, told, ended) = match &instance.phase {
        Phase::Firing(firing) => (&firing.episode, firing.told, false),
        Phase::Resolved(resolved) => (&resolved.episode, !resolved.owed, true),
        _ => return,
    };
    let recorded = (episode.clone(), told, ended, instance.acknowledged().is_some());
    if instance.recorded.as_ref() == Some(&recorded) {
        return;
    }
    instance.recorded = Some(recorded);
    out.records.extend(instance.view(&context.cluster, None));
}

fn notification(instance: &Instance, settings: &AlertSettings, context: &Context<'_>) -> Notification {
    let now = context.moment.now;
    let identity = instance.identity.labels(&context.cluster);
    let (episode, since, reason) = match &instance.phase {
        Phase::Firing(firing) => (firing.episode.clone(), Some(firing.since), Reason::Firing),
        Phase::Resolved(resolved) => (resolved.episode.clone(), Some(resolved.since), Reason::Resolved),
        _ => (String::new(), None, Reason::Firing),
    };
    let words = match reason {
        Reason::Resolved => texts::ended(&instance.words.summary, reason),
        _ => instance.words.clone(),
    };
    Notification {
        at: now.wall,
        elapsed_s: now.elapsed.as_secs_f64(),
        reason,
        alertname: instance.identity.name.clone(),
        cluster: Some(context.cluster.clone()),
        node: instance.identity.node.clone(),
        fingerprint: fingerprint(&identity),
        labels: told_labels(identity, instance.severity, context.owner().labels),
        severity: if reason == Reason::Resolved { Severity::Informational } else { instance.severity },
        episode,
        told_as: reason.name().to_owned(),
        continues: Vec::new(),
        grouped: None,
        receivers: settings.receivers.clone(),
        since,
        deadline: None,
        days_left: None,
        time_zone: context.zone.iana_name().map(ToOwned::to_owned),
        summary: words.summary,
        description: words.description,
        runbook: words.runbook,
        history: Vec::new(),
        flags: instance.flags(),
        evidence: instance.evidence.clone(),
    }
}
