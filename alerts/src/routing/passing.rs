//! What time does: windows open, groups are told, alerts that still fire are told again.

use super::{
    group::Group,
    ledger::{LedgerEntry, Rule, Verdict},
    router::{Present, Router, Step, may_wait, member, send},
};
use crate::{
    engine::Outbox,
    notification::{GroupMember, Notification, Reason},
    now::Now,
    texts,
    timer::Timer,
    view::Deadlines,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The flag of what has waited for a time window.
const HELD: &str = "held";

/// What leaves together: one content, and to whom by which rule.
type Leaving = (Notification, Vec<(String, Rule)>);

impl Router {
    /// Time passed.
    pub(crate) fn fire(&mut self, step: &mut Step<'_>, out: &mut Outbox) {
        self.refresh(step.now());
        let due = self.next.elapsed.is_some_and(|at| step.moment.elapsed_due(at))
            || self.next.wall.is_some_and(|at| step.moment.wall_due(at));
        if !due {
            return;
        }
        self.open_windows(step, out);
        self.flush_groups(step, out);
        self.repeat(step, out);
        self.stale = true;
    }

    /// What is held leaves where a window is open.
    fn open_windows(&mut self, step: &mut Step<'_>, out: &mut Outbox) {
        let now = step.now();
        let held: Vec<(String, String)> = self
            .memory
            .episodes
            .iter()
            .flat_map(|(episode, told)| {
                told.receivers
                    .iter()
                    .filter(|(_, state)| state.is_held())
                    .map(|(name, _)| (episode.clone(), name.clone()))
            })
            .collect();
        let mut leaving: Vec<Leaving> = Vec::new();
        for (episode, receiver) in held {
            let Some(state) = self.memory.state(&episode, &receiver) else { continue };
            let (rule, way) = (state.rule.clone(), state.way.clone());
            let Some(waiting) = state.waiting.clone() else { continue };
            let known = self.plan.knows(&receiver);
            if known && self.closed(&waiting, &receiver, &way, now).is_some() {
                continue;
            }
            let ended = waiting.reason.is_end();
            let dropped =
                |why: &str| LedgerEntry::of(&waiting, now.wall, Verdict::Dropped).to(&receiver).by(&rule).because(why);
            if !known {
                out.ledger.push(dropped(texts::RECEIVER_GONE));
                self.memory.forget(&episode, &receiver);
                continue;
            }
            if !ended && matches!((step.present)(&episode), Present::Ended) {
                out.ledger.push(dropped(texts::ENDED_BEFORE_IT_LEFT));
                self.drop_waiting(&episode, &receiver);
                continue;
            }
            if ended {
                self.memory.forget(&episode, &receiver);
            } else if let Some(state) = self.memory.state_mut(&episode, &receiver) {
                state.waiting = None;
                state.told = true;
                state.repeat = way.repeat_interval.map(|interval| Timer::within(now, interval));
                self.memory.touch_episode(&episode);
            }
            let same = |left: &&mut Leaving| left.0.episode == episode && left.0.told_as == waiting.told_as;
            if let Some((_, receivers)) = leaving.iter_mut().find(same) {
                receivers.push((receiver, rule));
            } else {
                leaving.push((released(*waiting, true, now), vec![(receiver, rule)]));
            }
        }
        leaving.sort_by_key(|(notification, _)| notification.since);
        for (notification, receivers) in leaving {
            send(&notification, receivers, &[], &self.plan, now, out);
        }
    }

    /// What waits will not leave; who was never told anything is forgotten.
    fn drop_waiting(&mut self, episode: &str, receiver: &str) {
        self.memory.touch_episode(episode);
        let told = self.memory.state_mut(episode, receiver).is_some_and(|state| {
            state.waiting = None;
            state.told
        });
        if !told {
            self.memory.forget(episode, receiver);
        }
    }

    fn flush_groups(&mut self, step: &mut Step<'_>, out: &mut Outbox) {
        let due: Vec<String> = self
            .memory
            .groups
            .iter()
            .filter(|(_, group)| group.held || group.next.is_some_and(|next| step.moment.elapsed_due(next.elapsed)))
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.flush(&id, step, out);
        }
    }

    /// One flush of one group.
    fn flush(&mut self, id: &str, step: &mut Step<'_>, out: &mut Outbox) {
        let now = step.now();
        let Some(mut group) = self.memory.groups.remove(id) else { return };
        self.memory.touch_group(id);
        let lasts = self.plan.still_groups(&group.rule, &group.receiver, &group.settings);
        let members = self.members(&mut group, step, out);
        let closed = self.plan.closed_until(&group.receiver, &group.way.windows, now.wall).is_some();
        let urgent = |member: &Member| {
            member.waiting.as_ref().is_some_and(|waiting| !group.way.hold_urgent && !may_wait(waiting))
        };
        let news = members.iter().any(|member| member.waiting.is_some());
        let repeats = !news && lasts && group.repeat.is_some_and(|repeat| repeat.elapsed <= now.elapsed);
        if lasts && closed && ((news && !members.iter().any(urgent)) || repeats) {
            group.held = true;
            group.next = None;
            self.memory.groups.insert(id.to_owned(), group);
            return;
        }
        let told = if news {
            self.tell_group(id, &group, lasts, members, step, out);
            true
        } else if repeats {
            repeat_group(id, &group, members, step, out)
        } else {
            false
        };
        group.members.retain(|episode| {
            self.memory.state(episode, &group.receiver).is_some_and(|state| state.group.as_deref() == Some(id))
        });
        if group.members.is_empty() || !lasts {
            for episode in &group.members {
                if let Some(state) = self.memory.state_mut(episode, &group.receiver) {
                    state.group = None;
                }
                self.memory.touch_episode(episode);
            }
            return;
        }
        group.flushed(told, now);
        self.memory.groups.insert(id.to_owned(), group);
    }

    /// The members as they are; those that ended without a word leave.
    fn members(&mut self, group: &mut Group, step: &Step<'_>, out: &mut Outbox) -> Vec<Member> {
        let mut members = Vec::new();
        for episode in std::mem::take(&mut group.members) {
            let Some(state) = self.memory.state(&episode, &group.receiver) else { continue };
            let waiting = state.waiting.clone();
            let was = state.member.clone();
            let present = (step.present)(&episode);
            let ends = waiting.as_ref().is_some_and(|waiting| waiting.reason.is_end());
            let gone = match &present {
                Present::Firing { .. } => false,
                Present::Ended => !ends,
                Present::Unknown => waiting.is_none(),
            };
            if gone {
                if let Some(waiting) = waiting {
                    out.ledger.push(
                        LedgerEntry::of(&waiting, step.now().wall, Verdict::Dropped)
                            .to(&group.receiver)
                            .by(&group.rule)
                            .because(texts::ENDED_BEFORE_IT_LEFT),
                    );
                }
                self.drop_waiting(&episode, &group.receiver);
                if let Some(state) = self.memory.state_mut(&episode, &group.receiver) {
                    state.group = None;
                }
                continue;
            }
            group.members.insert(episode);
            members.push(Member { waiting: waiting.map(|waiting| *waiting), was: was.map(|was| *was), present });
        }
        members
    }

    /// Tells what is new in a group: one alert as itself, more of them as a table.
    fn tell_group(
        &mut self,
        id: &str,
        group: &Group,
        lasts: bool,
        members: Vec<Member>,
        step: &Step<'_>,
        out: &mut Outbox,
    ) {
        let now = step.now();
        // A storm whose settings are gone leaves as the one table that it is.
        let alone = members.len() == 1 || (!lasts && !group.is_storm());
        let mut rows: Vec<GroupMember> = Vec::new();
        let mut news: Vec<Notification> = Vec::new();
        for told in members {
            match (told.waiting, told.was) {
                (Some(waiting), _) => {
                    rows.push(member(&waiting));
                    news.push(waiting);
                }
                (None, Some(was)) => rows.push(GroupMember { news: false, ..was }),
                (None, None) => {}
            }
        }
        if alone {
            let rule = &group.rule;
            for notification in &news {
                let released = released(notification.clone(), group.held, now);
                send(&released, vec![(group.receiver.clone(), rule.clone())], &[], &self.plan, now, out);
            }
        } else {
            let place = out.notifications.len();
            let size = rows.len();
            for notification in &news {
                out.ledger.push(
                    LedgerEntry::of(notification, now.wall, Verdict::Sent)
                        .to(&group.receiver)
                        .by(&group.rule)
                        .because(texts::in_a_group(id, size))
                        .sent_by(place),
                );
            }
            out.notifications.push(group.notification(id, rows, now));
        }
        for notification in news {
            if notification.reason.is_end() {
                self.memory.forget(&notification.episode, &group.receiver);
            } else if let Some(state) = self.memory.state_mut(&notification.episode, &group.receiver) {
                state.told = true;
                state.waiting = None;
                state.member = Some(Box::new(member(&notification)));
                self.memory.touch_episode(&notification.episode);
            }
        }
    }

    /// What still fires and is not acknowledged is told again.
    fn repeat(&mut self, step: &mut Step<'_>, out: &mut Outbox) {
        let now = step.now();
        let due: Vec<(String, String)> = self
            .memory
            .episodes
            .iter()
            .flat_map(|(episode, told)| {
                let due = told.receivers.iter().filter(|(_, state)| {
                    state.waiting.is_none()
                        && state.repeat.is_some_and(|repeat| step.moment.elapsed_due(repeat.elapsed))
                });
                due.map(|(receiver, _)| (episode.clone(), receiver.clone()))
            })
            .collect();
        // Receivers who have heard it equally often are told together.
        let mut leaving: BTreeMap<(String, u32), Leaving> = BTreeMap::new();
        for (episode, receiver) in due {
            self.memory.touch_episode(&episode);
            let present = (step.present)(&episode);
            let known = self.plan.knows(&receiver);
            let Some(state) = self.memory.state_mut(&episode, &receiver) else { continue };
            let Present::Firing { fresh, quiet } = present else {
                state.repeat = None;
                continue;
            };
            state.repeat = state.way.repeat_interval.filter(|_| known).map(|interval| Timer::within(now, interval));
            if quiet || !known {
                continue;
            }
            state.repeats += 1;
            let (repeats, rule, way) = (state.repeats, state.rule.clone(), state.way.clone());
            let told_as = format!("{}/{repeats}", Reason::Repeat.name());
            let notification = Notification { told_as, receivers: Vec::new(), ..*fresh };
            if let Some(until) = self.closed(&notification, &receiver, &way, now) {
                let detail = texts::held(until, &self.plan.zone(&receiver), &way.windows);
                let held = LedgerEntry::of(&notification, now.wall, Verdict::Held).to(&receiver).by(&rule);
                out.ledger.push(held.because(detail));
                if let Some(state) = self.memory.state_mut(&episode, &receiver) {
                    state.waiting = Some(Box::new(notification));
                    state.repeat = None;
                }
                continue;
            }
            leaving.entry((episode, repeats)).or_insert_with(|| (notification, Vec::new())).1.push((receiver, rule));
        }
        for (notification, receivers) in leaving.into_values() {
            send(&notification, receivers, &[], &self.plan, now, out);
        }
    }

    /// Finds the soonest deadlines anew where something has changed.
    pub(crate) fn refresh(&mut self, now: Now) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let mut elapsed: Option<SignedDuration> = None;
        let mut wall: Option<Timestamp> = None;
        let mut openings: BTreeMap<(&str, &[String]), Option<Timestamp>> = BTreeMap::new();
        let mut opening = |receiver, windows| {
            // Nothing waits for a receiver that is gone.
            let known = self.plan.knows(receiver);
            let closed = || self.plan.closed_until(receiver, windows, now.wall).filter(|_| known);
            openings.entry((receiver, windows)).or_insert_with(closed).unwrap_or(now.wall)
        };
        for group in self.memory.groups.values() {
            if group.held {
                let at = opening(&group.receiver, &group.way.windows);
                wall = Some(wall.map_or(at, |soonest| soonest.min(at)));
            }
            elapsed = soonest(elapsed, group.next.map(|next| next.elapsed));
        }
        for (receiver, state) in self.memory.episodes.values().flat_map(|told| &told.receivers) {
            if state.is_held() {
                let at = opening(receiver, &state.way.windows);
                wall = Some(wall.map_or(at, |soonest| soonest.min(at)));
            }
            let repeat = state.repeat.filter(|_| state.waiting.is_none());
            elapsed = soonest(elapsed, repeat.map(|repeat| repeat.elapsed));
        }
        self.next = Deadlines { elapsed, wall };
    }
}

/// Tells a group again, as it is now, unless all of it is acknowledged.
fn repeat_group(id: &str, group: &Group, members: Vec<Member>, step: &Step<'_>, out: &mut Outbox) -> bool {
    let now = step.now();
    let mut fresh: Vec<Notification> = Vec::new();
    let mut open = false;
    for member in members {
        if let Present::Firing { fresh: present, quiet } = member.present {
            open |= !quiet;
            fresh.push(*present);
        }
    }
    if !open {
        return false;
    }
    let place = out.notifications.len();
    // One episode can be in several groups of a receiver, one after the other.
    let told_as = format!("{id}/{}", group.told + 1);
    let notification = match fresh.as_slice() {
        [only] => Notification { told_as: told_as.clone(), receivers: vec![group.receiver.clone()], ..only.clone() },
        several => {
            let rows = several.iter().map(|fresh| GroupMember { news: false, ..member(fresh) }).collect();
            group.notification(id, rows, now)
        }
    };
    for told in &fresh {
        let entry = LedgerEntry::of(told, now.wall, Verdict::Sent).to(&group.receiver).by(&group.rule);
        let entry = if fresh.len() > 1 { entry.because(texts::in_a_group(id, fresh.len())) } else { entry };
        out.ledger.push(LedgerEntry { told_as: told_as.clone(), ..entry.sent_by(place) });
    }
    out.notifications.push(notification);
    true
}

/// One member of a group at a flush.
struct Member {
    waiting: Option<Notification>,
    was: Option<GroupMember>,
    present: Present,
}

fn soonest(a: Option<SignedDuration>, b: Option<SignedDuration>) -> Option<SignedDuration> {
    a.into_iter().chain(b).min()
}

/// It has waited, for a window where it was `held`, and is told now.
fn released(mut notification: Notification, held: bool, now: Now) -> Notification {
    notification.at = now.wall;
    notification.elapsed_s = now.elapsed.as_secs_f64();
    notification.flags.extend(held.then(|| HELD.to_owned()));
    notification
}
