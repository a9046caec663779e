//! What becomes of a notification: for each receiver it is sent, held, grouped or dropped.

use super::{
    group::{self, Group},
    ledger::{LedgerEntry, Rule, Verdict},
    plan::{Assignment, Plan, Way, severity_of},
    settings::GroupSettings,
    storm::{Counted, Recent},
    told::{Key, Memory, ReceiverState, Told},
};
use crate::{
    engine::Outbox,
    limits::Limits,
    notification::{Notification, Reason},
    now::Now,
    saved::{self, SavedRow},
    settings::Settings,
    texts,
    timer::{Moment, Timer},
    view::Deadlines,
};
use ccxwatch_parsers::severity::Severity;
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// All that routing knows between two steps.
#[derive(Debug, Default)]
pub(crate) struct Router {
    pub(super) plan: Plan,
    pub(super) memory: Memory,
    /// The soonest deadlines, and whether they must be found anew.
    pub(super) next: Deadlines,
    pub(super) stale: bool,
}

/// What one step of the router sees of the engine.
pub(crate) struct Step<'a> {
    pub(crate) moment: Moment,
    pub(crate) limits: Limits,
    /// The engine's counter of episodes: groups count along.
    pub(crate) ids: &'a mut u64,
    /// What is true of an episode now.
    pub(crate) present: &'a dyn Fn(&str) -> Present,
}

/// What is true of an episode now.
#[derive(Debug)]
pub(crate) enum Present {
    /// It lasts.
    Firing {
        /// What would be told of it, as [`Reason::Repeat`].
        fresh: Box<Notification>,
        /// Somebody has acknowledged it as it is, or something mutes it: it is not told again.
        quiet: bool,
    },
    /// It has ended, or another took its place.
    Ended,
    /// The engine no longer knows.
    Unknown,
}

impl Step<'_> {
    pub(super) fn now(&self) -> Now {
        self.moment.now
    }
}

impl Router {
    /// Takes a new configuration. What waits by a rule that is gone leaves with the next tick.
    pub(crate) fn configure(&mut self, settings: &Settings, now: Now) {
        self.plan = Plan::new(settings);
        let lost: Vec<String> = self
            .memory
            .groups
            .iter()
            .filter(|(_, group)| !self.plan.still_groups(&group.rule, &group.receiver, &group.settings))
            .map(|(id, _)| id.clone())
            .collect();
        for id in lost {
            if let Some(group) = self.memory.groups.get_mut(&id) {
                group.next = Some(Timer { wall: now.wall, elapsed: now.elapsed });
                group.held = false;
            }
            self.memory.touch_group(&id);
        }
        self.stale = true;
        self.refresh(now);
    }

    /// Routes what the engine has to tell. `news` are in the order of the engine.
    pub(crate) fn route(&mut self, news: Vec<Notification>, step: &mut Step<'_>, out: &mut Outbox) {
        if news.is_empty() {
            return;
        }
        for notification in news {
            self.one(notification, step, out);
        }
        self.make_room(step, out);
        self.memory.forget_quiet(step.limits.told_episodes, step.now());
        self.stale = true;
    }

    fn one(&mut self, mut notification: Notification, step: &mut Step<'_>, out: &mut Outbox) {
        for earlier in &notification.continues {
            self.carry_over(earlier, &notification, step, out);
        }
        let mut to: Vec<(String, Rule)> = Vec::new();
        let known = self.memory.episodes.contains_key(&notification.episode);
        if notification.reason.is_end() && known {
            self.end(&notification, step, &mut to, out);
        } else {
            self.start(&mut notification, step, &mut to, out);
        }
        send(&notification, to, self.plan.watchers(), &self.plan, step.now(), out);
    }

    /// Decides for each receiver by the routes.
    fn start(
        &mut self,
        notification: &mut Notification,
        step: &mut Step<'_>,
        to: &mut Vec<(String, Rule)>,
        out: &mut Outbox,
    ) {
        let now = step.now();
        let decision = self.plan.decide(notification);
        let blank = LedgerEntry::of(notification, now.wall, Verdict::Dropped);
        let entry = |verdict| LedgerEntry { verdict, ..blank.clone() };
        if let Some(rule) = &decision.nobody {
            out.ledger.push(entry(Verdict::Dropped).by(rule).because(texts::TOLD_TO_NOBODY));
        }
        for (receiver, rule) in &decision.again {
            out.ledger.push(entry(Verdict::Dropped).to(receiver).by(rule).because(texts::TOLD_ALREADY));
        }
        // Nothing follows an end whose start nobody remembers, nor what is over as soon as it is told.
        let ended = notification.reason.is_end() || is_passing(notification.reason);
        if !ended {
            let told = self.memory.episodes.entry(notification.episode.clone()).or_insert_with(|| Told::new(now.wall));
            told.last = now.wall;
            self.memory.touch_episode(&notification.episode);
        }
        for Assignment { receiver, rule, way } in decision.assignments {
            if ended {
                to.push((receiver, rule));
                continue;
            }
            let overtaken = self.settle(notification, &receiver, &rule, &way, step, out);
            notification.history.extend(overtaken.filter(|line| !notification.history.contains(line)));
            let gathering = self.gathering(notification, &receiver, &rule, &way, now);
            if gathering.is_none() {
                self.leave_group(&notification.episode, &receiver);
            }
            if let Some(gathering) = gathering {
                self.gather(notification, &receiver, &gathering, &rule, step, out);
            } else if let Some(until) = self.closed(notification, &receiver, &way, now) {
                let detail = texts::held(until, &self.plan.zone(&receiver), &way.windows);
                out.ledger.push(entry(Verdict::Held).to(&receiver).by(&rule).because(detail));
                self.wait(notification, &receiver);
            } else {
                if let Some(state) = self.memory.state_mut(&notification.episode, &receiver) {
                    state.told = true;
                    state.repeat = way.repeat_interval.map(|interval| Timer::within(now, interval));
                }
                to.push((receiver, rule));
            }
        }
    }

    /// The state of the receiver as this rule has it; what waited there is overtaken by the news.
    fn settle(
        &mut self,
        notification: &Notification,
        receiver: &str,
        rule: &Rule,
        way: &Way,
        step: &Step<'_>,
        out: &mut Outbox,
    ) -> Option<String> {
        let told = self.memory.episodes.get_mut(&notification.episode)?;
        let state =
            told.receivers.entry(receiver.to_owned()).or_insert_with(|| ReceiverState::new(rule.clone(), way.clone()));
        state.rule = rule.clone();
        state.way = way.clone();
        let overtaken = state.waiting.take()?;
        let dropped = LedgerEntry::of(&overtaken, step.now().wall, Verdict::Dropped);
        out.ledger.push(dropped.to(receiver).by(rule).because(texts::OVERTAKEN));
        Some(texts::overtaken(&overtaken.summary, overtaken.at, &self.plan.zone(receiver)))
    }

    /// A group no longer tells of it.
    fn leave_group(&mut self, episode: &str, receiver: &str) {
        let left = self.memory.state_mut(episode, receiver).and_then(|state| {
            state.member = None;
            state.group.take()
        });
        if let Some(id) = left {
            self.memory.leave_group(&id, episode);
        }
    }

    /// What gathers it: the storm of its node, or its route; nothing where it goes alone.
    fn gathering(
        &mut self,
        notification: &Notification,
        receiver: &str,
        rule: &Rule,
        way: &Way,
        now: Now,
    ) -> Option<Gathering> {
        if !may_be_grouped(notification) {
            return None;
        }
        let route = way.group.clone();
        let by_route = |settings| Gathering { rule: rule.clone(), way: way.clone(), settings };
        if route.as_ref().is_some_and(GroupSettings::gathers_nodes) {
            return route.map(by_route);
        }
        let gathered = self.memory.tells_in_storm(notification, receiver);
        let storm = self.plan.storm(receiver).zip(Counted::of(notification, receiver));
        let storm = storm.filter(|(storm, of)| {
            let storms = self.memory.count(of, &notification.fingerprint, storm, now);
            storms || gathered
        });
        match storm {
            // What differs between routes, such as time windows, stays: the storm only gathers.
            Some((storm, _)) => {
                let way = Way { group: None, ..way.clone() };
                Some(Gathering { rule: Rule::Storm, way, settings: storm.group() })
            }
            None => route.map(by_route),
        }
    }

    /// Puts it into the group that its labels choose. `chosen` is the rule that named the receiver.
    fn gather(
        &mut self,
        notification: &Notification,
        receiver: &str,
        gathering: &Gathering,
        chosen: &Rule,
        step: &mut Step<'_>,
        out: &mut Outbox,
    ) {
        let now = step.now();
        let Gathering { rule, way, settings } = gathering;
        let labels = Group::key(&settings.by, &notification.labels);
        let same = |group: &Group| {
            group.receiver == receiver
                && group.rule.is(rule)
                && group.settings == *settings
                && group.labels == labels
                && (!group.is_storm() || group.way == *way)
        };
        let found = self.memory.groups.iter().find(|(_, group)| same(group)).map(|(id, _)| id.clone());
        let id = found.unwrap_or_else(|| {
            *step.ids += 1;
            let id = format!("group/{}", step.ids);
            let group = Group::new(receiver, rule.clone(), way.clone(), settings.clone(), labels, now);
            self.memory.groups.insert(id.clone(), group);
            id
        });
        let before = self.memory.state(&notification.episode, receiver).and_then(|state| state.group.clone());
        if let Some(other) = before.filter(|other| *other != id) {
            self.memory.leave_group(&other, &notification.episode);
        }
        if let Some(group) = self.memory.groups.get_mut(&id) {
            group.members.insert(notification.episode.clone());
            group.changed(group.way.hold_urgent || may_wait(notification), now);
            let detail = texts::grouped(&id, group.next.map(|next| next.wall), &self.plan.zone(receiver));
            let detail = if group.is_storm() { texts::stormy(&detail, chosen) } else { detail };
            out.ledger
                .push(LedgerEntry::of(notification, now.wall, Verdict::Grouped).to(receiver).by(rule).because(detail));
        }
        self.memory.touch_group(&id);
        self.wait(notification, receiver);
        if let Some(state) = self.memory.state_mut(&notification.episode, receiver) {
            state.group = Some(id);
            state.repeat = None;
        }
    }

    fn wait(&mut self, notification: &Notification, receiver: &str) {
        self.memory.touch_episode(&notification.episode);
        if let Some(state) = self.memory.state_mut(&notification.episode, receiver) {
            state.waiting = Some(Box::new(Notification { receivers: Vec::new(), ..notification.clone() }));
        }
    }

    /// An end goes to whoever was told of the start, whatever the routes say now.
    fn end(&mut self, notification: &Notification, step: &Step<'_>, to: &mut Vec<(String, Rule)>, out: &mut Outbox) {
        let now = step.now();
        let entry = |verdict| LedgerEntry::of(notification, now.wall, verdict).by(&Rule::End);
        let told = self.memory.episodes.get(&notification.episode);
        let receivers: Vec<(String, ReceiverState)> =
            told.into_iter().flat_map(|told| told.receivers.clone()).collect();
        if receivers.is_empty() {
            out.ledger.push(entry(Verdict::Dropped).because(texts::START_TOLD_TO_NOBODY));
            self.memory.episodes.remove(&notification.episode);
            self.memory.touch_episode(&notification.episode);
        }
        for (receiver, state) in receivers {
            if !self.plan.knows(&receiver) {
                out.ledger.push(entry(Verdict::Dropped).to(&receiver).because(texts::RECEIVER_GONE));
                self.memory.forget(&notification.episode, &receiver);
                continue;
            }
            if let Some(waiting) = &state.waiting {
                let overtaken = if state.told { texts::OVERTAKEN } else { texts::ENDED_BEFORE_IT_LEFT };
                let dropped = LedgerEntry::of(waiting, now.wall, Verdict::Dropped);
                out.ledger.push(dropped.to(&receiver).by(&state.rule).because(overtaken));
            }
            if !state.told {
                out.ledger.push(entry(Verdict::Dropped).to(&receiver).because(texts::START_NEVER_LEFT));
                self.memory.forget(&notification.episode, &receiver);
                continue;
            }
            let group = state.group.clone().filter(|id| self.memory.groups.contains_key(id));
            if let Some(id) = group {
                if let Some(group) = self.memory.groups.get_mut(&id) {
                    // The end of something urgent hurries no storm.
                    let storms = group.is_storm() && !group.held;
                    group.changed(storms || group.way.hold_urgent || may_wait(notification), now);
                    let detail = texts::grouped(&id, group.next.map(|next| next.wall), &self.plan.zone(&receiver));
                    out.ledger.push(entry(Verdict::Grouped).to(&receiver).because(detail));
                }
                self.memory.touch_group(&id);
                self.wait(notification, &receiver);
            } else if let Some(until) = self.closed(notification, &receiver, &state.way, now) {
                let detail = texts::held(until, &self.plan.zone(&receiver), &state.way.windows);
                out.ledger.push(entry(Verdict::Held).to(&receiver).because(detail));
                self.wait(notification, &receiver);
                if let Some(state) = self.memory.state_mut(&notification.episode, &receiver) {
                    state.repeat = None;
                    state.group = None;
                }
            } else {
                self.memory.forget(&notification.episode, &receiver);
                to.push((receiver, Rule::End));
            }
        }
    }

    /// Until when the window of the receiver is closed to this notification.
    pub(super) fn closed(
        &self,
        notification: &Notification,
        receiver: &str,
        way: &Way,
        now: Now,
    ) -> Option<jiff::Timestamp> {
        (way.hold_urgent || may_wait(notification)).then(|| self.plan.closed_until(receiver, &way.windows, now.wall))?
    }

    /// Whoever was told of the earlier episode counts as told of this one.
    fn carry_over(&mut self, earlier: &str, notification: &Notification, step: &Step<'_>, out: &mut Outbox) {
        let Some(old) = self.memory.episodes.remove(earlier) else { return };
        self.memory.touch_episode(earlier);
        self.memory.touch_episode(&notification.episode);
        let now = step.now().wall;
        for (receiver, mut state) in old.receivers {
            if let Some(overtaken) = state.waiting.take() {
                let dropped = LedgerEntry::of(&overtaken, now, Verdict::Dropped);
                out.ledger.push(dropped.to(&receiver).by(&state.rule).because(texts::OVERTAKEN));
            }
            if let Some(id) = state.group.take() {
                self.memory.leave_group(&id, earlier);
            }
            if !state.told {
                continue;
            }
            let told = self.memory.episodes.entry(notification.episode.clone()).or_insert_with(|| Told::new(now));
            told.receivers.entry(receiver).or_insert(state).told = true;
        }
    }

    /// Takes over who was told of an episode by a build that remembered it elsewhere.
    pub(crate) fn remember(&mut self, episode: &str, receivers: BTreeSet<String>, now: Now) {
        if receivers.is_empty() || self.memory.episodes.contains_key(episode) {
            return;
        }
        let mut told = Told::new(now.wall);
        for receiver in receivers.into_iter().filter(|receiver| !self.plan.watchers().contains(receiver)) {
            let state = ReceiverState { told: true, ..ReceiverState::new(Rule::Default, Way::default()) };
            told.receivers.insert(receiver, state);
        }
        self.memory.episodes.insert(episode.to_owned(), told);
        self.memory.touch_episode(episode);
    }

    /// Forgets the oldest: first what is over, then what nobody waits for; where all of it waits, the oldest leaves at once.
    fn make_room(&mut self, step: &Step<'_>, out: &mut Outbox) {
        let limit = step.limits.told_episodes;
        if self.memory.episodes.len() <= limit {
            return;
        }
        let mut oldest: Vec<_> =
            self.memory.episodes.iter().map(|(episode, told)| (told.last, episode.clone())).collect();
        oldest.sort();
        // More than one at once, so that a storm does not pay for every alert.
        let room = limit - limit / 8;
        let waits = |told: &Told| told.receivers.values().any(|state| state.waiting.is_some());
        let lasts = |episode: &str| matches!((step.present)(episode), Present::Firing { .. });
        for pass in [Pass::Over, Pass::Told, Pass::All] {
            let may_go = |told: &Told, episode: &str| match pass {
                Pass::Over => !waits(told) && !lasts(episode),
                Pass::Told => !waits(told),
                Pass::All => true,
            };
            for (_, episode) in &oldest {
                if self.memory.episodes.len() <= room {
                    return;
                }
                if self.memory.episodes.get(episode).is_some_and(|told| may_go(told, episode)) {
                    self.evict(episode, step, out);
                }
            }
        }
    }

    fn evict(&mut self, episode: &str, step: &Step<'_>, out: &mut Outbox) {
        let Some(told) = self.memory.episodes.remove(episode) else { return };
        self.memory.touch_episode(episode);
        for (receiver, state) in told.receivers {
            if let Some(id) = &state.group {
                self.memory.leave_group(id, episode);
            }
            if let Some(waiting) = state.waiting {
                send(&waiting, vec![(receiver, state.rule)], &[], &self.plan, step.now(), out);
            }
        }
    }

    /// When the router must be asked next.
    pub(crate) fn next(&self) -> Deadlines {
        self.next
    }

    /// The wall clock stepped: what is left of the timers stays.
    pub(crate) fn stepped(&mut self, step: SignedDuration) {
        let Memory { episodes, groups, recent, .. } = &mut self.memory;
        let mut moved: Vec<Key> = Vec::new();
        for (id, group) in groups {
            group.stepped(step);
            moved.push(Key::Group(id.clone()));
        }
        for (episode, told) in episodes {
            for repeat in told.receivers.values_mut().filter_map(|state| state.repeat.as_mut()) {
                repeat.stepped(step);
                moved.push(Key::Episode(episode.clone()));
            }
        }
        for recent in recent.values_mut() {
            recent.timers().for_each(|timer| timer.stepped(step));
            moved.push(Key::Recent(recent.of.clone()));
        }
        self.memory.touch(moved);
        // Windows go by the wall clock.
        self.stale = true;
    }

    /// Whether rows changed since the last call of [`Router::take_saved`].
    pub(crate) fn has_changed(&self) -> bool {
        self.memory.has_changed()
    }

    /// Rows that changed since the last call.
    pub(crate) fn take_saved(&mut self) -> Vec<SavedRow> {
        let changed = self.memory.take_changed();
        let row = |key: Key| match key {
            Key::Episode(episode) => {
                let key = saved::told_key(&episode);
                match self.memory.episodes.get(&episode) {
                    Some(told) => saved::row(key, told),
                    None => SavedRow { key, json: None },
                }
            }
            Key::Group(id) => match self.memory.groups.get(&id) {
                Some(group) => saved::row(id, group),
                None => SavedRow { key: id, json: None },
            },
            Key::Recent(of) => {
                let key = saved::recent_key(&of);
                match self.memory.recent.get(&of) {
                    Some(recent) => saved::row(key, recent),
                    None => SavedRow { key, json: None },
                }
            }
        };
        changed.into_iter().map(row).collect()
    }

    /// Goes on from saved rows.
    pub(crate) fn restore(
        &mut self,
        told: Vec<(String, Told)>,
        groups: Vec<(String, Group)>,
        recent: Vec<Recent>,
        now: Now,
    ) {
        self.memory.episodes = told.into_iter().collect();
        self.memory.groups = groups.into_iter().collect();
        self.memory.recent = recent.into_iter().map(|recent| (recent.of.clone(), recent)).collect();
        for timer in self.memory.recent.values_mut().flat_map(Recent::timers) {
            timer.reanchor(now);
        }
        for group in self.memory.groups.values_mut() {
            group.reanchor(now);
        }
        for (episode, told) in &mut self.memory.episodes {
            for state in told.receivers.values_mut() {
                if let Some(repeat) = &mut state.repeat {
                    repeat.reanchor(now);
                }
                let group = state.group.as_ref().and_then(|id| self.memory.groups.get_mut(id));
                match group {
                    Some(group) => {
                        group.members.insert(episode.clone());
                    }
                    // Its row is lost: what waited for it waits for nothing but a window.
                    None => state.group = None,
                }
            }
        }
        let empty: Vec<String> =
            self.memory.groups.iter().filter(|(_, group)| group.members.is_empty()).map(|(id, _)| id.clone()).collect();
        for id in empty {
            self.memory.groups.remove(&id);
            self.memory.touch_group(&id);
        }
        self.stale = true;
    }
}

/// What gathers a notification.
struct Gathering {
    rule: Rule,
    way: Way,
    settings: GroupSettings,
}

/// What is forgotten, in this order, where there is no room.
#[derive(Clone, Copy)]
enum Pass {
    /// What is over.
    Over,
    /// What nobody waits for.
    Told,
    /// Anything: what waits leaves at once.
    All,
}

/// Whether it is over as soon as it is told.
fn is_passing(reason: Reason) -> bool {
    matches!(reason, Reason::Test | Reason::Heartbeat)
}

/// Whether it may be gathered: never what tells of the license, or of ccxwatch's own failing.
fn may_be_grouped(notification: &Notification) -> bool {
    let reason = notification.reason;
    let own = matches!(reason, Reason::StoreFailing | Reason::NotificationFailing | Reason::Escalated);
    !own && !is_passing(reason) && !reason.is_license_stage()
}

/// Whether it may wait for a window.
pub(super) fn may_wait(notification: &Notification) -> bool {
    may_be_grouped(notification) && severity_of(notification) > Severity::Alert
}

/// Hands it to these receivers, and to the watchers; enters it in the ledger.
pub(super) fn send(
    notification: &Notification,
    mut to: Vec<(String, Rule)>,
    watchers: &[String],
    plan: &Plan,
    now: Now,
    out: &mut Outbox,
) {
    if to.is_empty() && watchers.is_empty() {
        return;
    }
    to.sort_by_key(|(receiver, _)| plan.place(receiver));
    let place = out.notifications.len();
    for (receiver, rule) in &to {
        out.ledger.push(LedgerEntry::of(notification, now.wall, Verdict::Sent).to(receiver).by(rule).sent_by(place));
    }
    let receivers = to.into_iter().map(|(receiver, _)| receiver).chain(watchers.iter().cloned()).collect();
    out.notifications.push(Notification { receivers, ..notification.clone() });
}

pub(super) use group::member;
