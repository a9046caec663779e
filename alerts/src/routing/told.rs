//! What is remembered of an episode: who was told of it, and what waits to be told.

use super::{
    group::Group,
    ledger::Rule,
    plan::Way,
    storm::{Counted, Recent},
};
use crate::{
    notification::{GroupMember, Notification},
    timer::Timer,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One episode. One row of saved state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Everybody who was told, or will be when the wait is over.
    pub(crate) receivers: BTreeMap<String, ReceiverState>,
    /// When something was last decided of it. Where there is no room, the oldest is forgotten.
    pub(crate) last: Timestamp,
}

impl Told {
    pub(crate) fn new(last: Timestamp) -> Self {
        Self { receivers: BTreeMap::new(), last }
    }
}

/// An episode as one receiver knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReceiverState {
    /// Which rule named the receiver.
    pub(crate) rule: Rule,
    pub(crate) way: Way,
    /// Something of the episode has left.
    pub(crate) told: bool,
    /// The newest that has not left.
    pub(crate) waiting: Option<Box<Notification>>,
    /// The group that tells of it.
    #[serde(default)]
    pub(crate) group: Option<String>,
    /// How it was last told within its group.
    #[serde(default)]
    pub(crate) member: Option<Box<GroupMember>>,
    /// When it is told again, if it still fires then. A group has a time of its own.
    #[serde(default)]
    pub(crate) repeat: Option<Timer>,
    /// How often it was told again.
    #[serde(default)]
    pub(crate) repeats: u32,
}

impl ReceiverState {
    pub(crate) fn new(rule: Rule, way: Way) -> Self {
        Self { rule, way, told: false, waiting: None, group: None, member: None, repeat: None, repeats: 0 }
    }

    /// Waits for a window, not in a group.
    pub(crate) fn is_held(&self) -> bool {
        self.waiting.is_some() && self.group.is_none()
    }
}

/// All that is remembered, and which rows have changed.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) episodes: BTreeMap<String, Told>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Which alerts of a node were new to a receiver of late.
    pub(crate) recent: BTreeMap<Counted, Recent>,
    changed: BTreeSet<Key>,
}

/// A row of saved state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Episode(String),
    Group(String),
    Recent(Counted),
}

impl Memory {
    /// Notes that a row has changed, or is gone.
    pub(crate) fn touch_episode(&mut self, episode: &str) {
        self.changed.insert(Key::Episode(episode.to_owned()));
    }

    pub(crate) fn touch_group(&mut self, id: &str) {
        self.changed.insert(Key::Group(id.to_owned()));
    }

    pub(crate) fn touch_recent(&mut self, of: &Counted) {
        self.changed.insert(Key::Recent(of.clone()));
    }

    pub(crate) fn touch(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.changed.extend(keys);
    }

    pub(crate) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    pub(crate) fn take_changed(&mut self) -> BTreeSet<Key> {
        std::mem::take(&mut self.changed)
    }

    /// The state of one receiver of one episode.
    pub(crate) fn state_mut(&mut self, episode: &str, receiver: &str) -> Option<&mut ReceiverState> {
        self.episodes.get_mut(episode)?.receivers.get_mut(receiver)
    }

    pub(crate) fn state(&self, episode: &str, receiver: &str) -> Option<&ReceiverState> {
        self.episodes.get(episode)?.receivers.get(receiver)
    }

    /// The receiver knows the end: nothing is left to remember.
    pub(crate) fn forget(&mut self, episode: &str, receiver: &str) {
        self.touch_episode(episode);
        let Some(told) = self.episodes.get_mut(episode) else { return };
        if let Some(state) = told.receivers.remove(receiver)
            && let Some(id) = state.group
        {
            self.leave_group(&id, episode);
        }
        if self.episodes.get(episode).is_some_and(|told| told.receivers.is_empty()) {
            self.episodes.remove(episode);
        }
    }

    /// A group without members is gone.
    pub(crate) fn leave_group(&mut self, id: &str, episode: &str) {
        let Some(group) = self.groups.get_mut(id) else { return };
        group.members.remove(episode);
        if group.members.is_empty() {
            self.groups.remove(id);
            self.touch_group(id);
        }
    }
}
