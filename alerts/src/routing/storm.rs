//! A storm: many different alerts of one node within a short time. The first go at once; what follows of that node is gathered
//! into one message for each receiver.

use super::{group::Group, settings::StormSettings, told::Memory};
use crate::{notification::Notification, now::Now, timer::Timer};
use serde::{Deserialize, Serialize};

/// Whose alerts are counted, and for whom. Ordered and saved by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Counted {
    receiver: String,
    cluster: String,
    node: String,
}

/// Which alerts of a node were new to a receiver of late. One row of saved state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recent {
    pub(crate) of: Counted,
    /// Fingerprints and until when each counts, the oldest first. One more than go at once: so one that is gathered and fires
    /// again is gathered again.
    alerts: Vec<(String, Timer)>,
}

impl Counted {
    /// None where the alert is of no node.
    pub(crate) fn of(notification: &Notification, receiver: &str) -> Option<Self> {
        Some(Self {
            receiver: receiver.to_owned(),
            cluster: notification.cluster.clone()?,
            node: notification.node.clone()?,
        })
    }
}

impl Memory {
    /// Counts an alert that is new to a receiver, and says whether enough others came before it.
    pub(crate) fn count(&mut self, of: &Counted, fingerprint: &str, settings: &StormSettings, now: Now) -> bool {
        self.touch_recent(of);
        let recent = self.recent.entry(of.clone()).or_insert_with(|| Recent { of: of.clone(), alerts: Vec::new() });
        recent.forget(now);
        recent.alerts.retain(|(known, _)| known != fingerprint);
        let storm = recent.alerts.len() >= settings.alerts;
        recent.alerts.push((fingerprint.to_owned(), Timer::within(now, settings.within)));
        if recent.alerts.len() > settings.alerts + 1 {
            recent.alerts.remove(0);
        }
        storm
    }

    /// Whether a storm still tells this receiver of the alert, be it of an episode before: then news must not overtake its end.
    pub(crate) fn tells_in_storm(&self, notification: &Notification, receiver: &str) -> bool {
        let same = |episode: &String| {
            let state = self.state(episode, receiver);
            let waiting = state.and_then(|state| state.waiting.as_ref()).map(|waiting| &waiting.fingerprint);
            let told = state.and_then(|state| state.member.as_ref()).map(|member| &member.fingerprint);
            waiting.or(told) == Some(&notification.fingerprint)
        };
        let of_node = |group: &&Group| {
            let mut labels = group.labels.iter();
            group.is_storm()
                && group.receiver == receiver
                && labels.all(|(name, value)| notification.labels.get(name) == Some(value))
        };
        self.groups.values().filter(of_node).any(|group| group.members.iter().any(same))
    }

    /// Forgets nodes that were quiet for long enough; beyond `limit` those that were quiet longest.
    pub(crate) fn forget_quiet(&mut self, limit: usize, now: Now) {
        let quiet = |recent: &Recent| recent.last().is_none_or(|last| last.elapsed <= now.elapsed);
        let mut gone: Vec<Counted> =
            self.recent.values().filter(|recent| quiet(recent)).map(|recent| recent.of.clone()).collect();
        let left = self.recent.len() - gone.len();
        if left > limit {
            let mut others: Vec<&Recent> = self.recent.values().filter(|recent| !quiet(recent)).collect();
            others.sort_by_key(|recent| recent.last().map(|last| last.elapsed));
            gone.extend(others.iter().take(left - limit).map(|recent| recent.of.clone()));
        }
        for of in gone {
            self.recent.remove(&of);
            self.touch_recent(&of);
        }
    }
}

impl Recent {
    fn forget(&mut self, now: Now) {
        self.alerts.retain(|(_, until)| until.elapsed > now.elapsed);
    }

    fn last(&self) -> Option<Timer> {
        self.alerts.last().map(|(_, until)| *until)
    }

    /// Its timers, for a load from the store and for a step of the wall clock.
    pub(crate) fn timers(&mut self) -> impl Iterator<Item = &mut Timer> {
        self.alerts.iter_mut().map(|(_, until)| until)
    }
}
