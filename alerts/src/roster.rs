//! All clusters: found by their place in the configuration, by name, or, unmapped, by their origin. And when each is due next.

use crate::cluster::{Cluster, Standing, UnmappedKey};
use crate::mapping::SiteIndex;
use crate::view::Deadlines;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// Where a cluster is kept.
pub(crate) type Slot = usize;

/// The clusters of an engine.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    slots: Vec<Option<Box<Cluster>>>,
    free: Vec<Slot>,
    by_name: HashMap<String, Slot>,
    sites: Vec<Slot>,
    unmapped: HashMap<(String, String), Slot>,
    elapsed: BTreeSet<(SignedDuration, Slot)>,
    wall: BTreeSet<(Timestamp, Slot)>,
    scheduled: Vec<(Option<SignedDuration>, Option<Timestamp>)>,
    dirty: BTreeSet<Slot>,
}

impl Roster {
    pub(crate) fn insert(&mut self, cluster: Cluster) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.scheduled.push((None, None));
            self.slots.len() - 1
        });
        self.by_name.insert(cluster.name.clone(), slot);
        if let Standing::Unmapped(key) = &cluster.standing {
            self.unmapped.insert((key.origin.clone(), key.claim.clone()), slot);
        }
        self.dirty.insert(slot);
        self.slots[slot] = Some(Box::new(cluster));
        slot
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Cluster> {
        let cluster = *self.slots.get_mut(slot)?.take()?;
        self.schedule(slot, (None, None));
        self.by_name.remove(&cluster.name);
        if let Standing::Unmapped(key) = &cluster.standing {
            self.unmapped.remove(&(key.origin.clone(), key.claim.clone()));
        }
        self.free.push(slot);
        Some(cluster)
    }

    /// Takes a cluster out for one step; [`Roster::put`] brings it back.
    pub(crate) fn take(&mut self, slot: Slot) -> Option<Box<Cluster>> {
        self.slots.get_mut(slot)?.take()
    }

    pub(crate) fn put(&mut self, slot: Slot, cluster: Box<Cluster>, next: (Option<SignedDuration>, Option<Timestamp>)) {
        if cluster.dirty || cluster.book.dirty {
            self.dirty.insert(slot);
        }
        self.slots[slot] = Some(cluster);
        self.schedule(slot, next);
    }

    fn schedule(&mut self, slot: Slot, next: (Option<SignedDuration>, Option<Timestamp>)) {
        let last = std::mem::replace(&mut self.scheduled[slot], next);
        if last == next {
            return;
        }
        if let Some(at) = last.0 {
            self.elapsed.remove(&(at, slot));
        }
        if let Some(at) = last.1 {
            self.wall.remove(&(at, slot));
        }
        self.elapsed.extend(next.0.map(|at| (at, slot)));
        self.wall.extend(next.1.map(|at| (at, slot)));
    }

    pub(crate) fn next(&self) -> Deadlines {
        Deadlines { elapsed: self.elapsed.first().map(|(at, _)| *at), wall: self.wall.first().map(|(at, _)| *at) }
    }

    /// Who is due, soonest first: elapsed time before wall time.
    pub(crate) fn due(
        &self,
        elapsed_due: impl Fn(SignedDuration) -> bool,
        wall_due: impl Fn(Timestamp) -> bool,
    ) -> Vec<Slot> {
        let mut due: Vec<Slot> =
            self.elapsed.iter().take_while(|(at, _)| elapsed_due(*at)).map(|(_, slot)| *slot).collect();
        for (_, slot) in self.wall.iter().take_while(|(at, _)| wall_due(*at)) {
            if !due.contains(slot) {
                due.push(*slot);
            }
        }
        due
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Cluster> {
        self.slots.get(slot)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Cluster> {
        self.slots.get_mut(slot)?.as_deref_mut()
    }

    pub(crate) fn named(&self, name: &str) -> Option<Slot> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn site(&self, site: SiteIndex) -> Option<Slot> {
        self.sites.get(site).copied()
    }

    pub(crate) fn set_sites(&mut self, sites: Vec<Slot>) {
        self.sites = sites;
    }

    pub(crate) fn unmapped(&self, origin: &str, claim: &str) -> Option<Slot> {
        self.unmapped.get(&(origin.to_owned(), claim.to_owned())).copied()
    }

    pub(crate) fn unmapped_count(&self) -> usize {
        self.unmapped.len()
    }

    /// All unmapped clusters, in a fixed order.
    pub(crate) fn unmapped_slots(&self) -> Vec<(Slot, UnmappedKey)> {
        let mut slots: Vec<_> = self
            .iter()
            .filter_map(|(slot, cluster)| match &cluster.standing {
                Standing::Unmapped(key) => Some((slot, key.clone())),
                Standing::Mapped | Standing::Archived => None,
            })
            .collect();
        slots.sort();
        slots
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Cluster)> {
        self.slots.iter().enumerate().filter_map(|(slot, cluster)| Some((slot, cluster.as_deref()?)))
    }

    /// The wall clock stepped.
    pub(crate) fn stepped(&mut self, step: SignedDuration) {
        for (slot, cluster) in self.slots.iter_mut().enumerate() {
            if cluster.as_mut().is_some_and(|cluster| cluster.stepped(step)) {
                self.dirty.insert(slot);
            }
        }
    }

    /// Whether any slot changed since the last call of [`Roster::take_dirty`].
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Slots that changed since the last call.
    pub(crate) fn take_dirty(&mut self) -> BTreeSet<Slot> {
        std::mem::take(&mut self.dirty)
    }

    /// Notes that a cluster changed outside of [`Roster::put`].
    pub(crate) fn touch(&mut self, slot: Slot) {
        self.dirty.insert(slot);
    }
}
