//! The files that are known, by how they begin, and how far each was applied. Files that are gone stay known for a while: a
//! collection may bring them again under another name.

use super::{
    head::Head,
    position::{PositionError, Stored},
};
use crate::sources::Position;
use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

/// Which known file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(u64);

/// One known file.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    key: String,
    pattern: String,
    /// Where it was last.
    pub(super) path: PathBuf,
    /// How it begins: as much as was applied, up to the longest head, with a head at each line's end.
    heads: Vec<Head>,
    /// The end of its last applied line.
    pub(super) offset: u64,
    /// Its device and inode: a hint.
    pub(super) node: (u64, u64),
    used: u64,
}

/// All known files of one source.
#[derive(Debug)]
pub(super) struct Identities {
    pattern: String,
    known: HashMap<Id, Identity>,
    by_head: HashMap<Head, BTreeSet<Id>>,
    /// How many heads there are of each length.
    lengths: HashMap<u64, usize>,
    /// Those whose stored position is old.
    dirty: BTreeSet<Id>,
    /// Stored positions to forget.
    forgotten: Vec<String>,
    next: u64,
    limit: usize,
}

impl Identities {
    /// The files that were known when the store was last written.
    pub(super) fn new(pattern: &str, positions: &[Position], limit: usize) -> Result<Self, PositionError> {
        let mut identities = Self {
            pattern: pattern.to_owned(),
            known: HashMap::new(),
            by_head: HashMap::new(),
            lengths: HashMap::new(),
            dirty: BTreeSet::new(),
            forgotten: Vec::new(),
            next: 0,
            limit,
        };
        for position in positions {
            let Some(stored) = Stored::read(position)? else { continue };
            identities.insert(Identity {
                key: position.key.clone(),
                path: PathBuf::from(&stored.path),
                heads: stored.heads(),
                offset: stored.offset,
                node: (stored.device, stored.inode),
                pattern: stored.pattern,
                used: 0,
            });
        }
        Ok(identities)
    }

    /// Whether this source has stored a position before.
    pub(super) fn knows_own(&self) -> bool {
        self.known.values().any(|identity| identity.pattern == self.pattern)
    }

    /// The own files, for the search of renamed ones.
    pub(super) fn own(&self) -> impl Iterator<Item = (Id, &Identity)> {
        self.known.iter().filter(|(_, identity)| identity.pattern == self.pattern).map(|(id, identity)| (*id, identity))
    }

    /// The known file that begins as this one does, as far as both are there; the one with the longest head, where there are more.
    pub(super) fn find(&self, beginning: &[u8]) -> Option<Id> {
        let telling = Head::telling(beginning);
        Head::all_of(beginning)
            .take_while(|head| head.length <= telling)
            .filter(|head| self.lengths.contains_key(&head.length))
            .filter_map(|head| {
                let mut known = self.by_head.get(&head)?.iter();
                known.find(|id| head.length == telling || self.longest(**id) == head.length)
            })
            .last()
            .copied()
    }

    fn longest(&self, id: Id) -> u64 {
        self.known.get(&id).and_then(|identity| identity.heads.last()).map_or(0, |head| head.length)
    }

    pub(super) fn get(&self, id: Id) -> Option<&Identity> {
        self.known.get(&id)
    }

    /// A file whose first lines were applied for the first time.
    pub(super) fn add(&mut self, path: &Path, node: (u64, u64), beginning: &[u8], offset: u64) -> Id {
        let heads = Head::ladder(beginning, offset);
        let first = heads.first().map_or(0, |head| head.hash);
        let id = self.insert(Identity {
            // The path and the first record together are unique, and neither a rename nor growth changes the key.
            key: format!("{}#{first:016x}", path.display()),
            pattern: self.pattern.clone(),
            path: path.to_owned(),
            heads,
            offset,
            node,
            used: self.next,
        });
        self.dirty.insert(id);
        id
    }

    /// A file was applied up to `offset`, or, where it was truncated, only that much of it is still there.
    pub(super) fn applied(&mut self, id: Id, beginning: &[u8], offset: u64) {
        let Some(identity) = self.known.get_mut(&id) else { return };
        if identity.offset == offset {
            return;
        }
        identity.offset = offset;
        identity.used = self.next;
        self.next += 1;
        self.dirty.insert(id);
        let longest = identity.heads.last().map_or(0, |head| head.length);
        if longest != offset.min(Head::BYTES as u64) {
            let heads = Head::ladder(beginning, offset);
            let old = std::mem::replace(&mut identity.heads, heads.clone());
            self.unindex(id, &old);
            self.index(id, &heads);
        }
    }

    /// A file is at this path now.
    pub(super) fn moved(&mut self, id: Id, path: &Path, node: (u64, u64)) {
        let Some(identity) = self.known.get_mut(&id) else { return };
        if identity.path != path || identity.node != node || identity.pattern != self.pattern {
            path.clone_into(&mut identity.path);
            identity.pattern.clone_from(&self.pattern);
            identity.node = node;
            self.dirty.insert(id);
        }
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || !self.forgotten.is_empty()
    }

    /// What the store has to write. `is_followed` protects files that are being read from being forgotten.
    pub(super) fn take_positions(&mut self, is_followed: impl Fn(Id) -> bool) -> Vec<Position> {
        self.shrink(is_followed);
        let mut positions: Vec<Position> = self.forgotten.drain(..).map(|key| Position { key, json: None }).collect();
        for id in std::mem::take(&mut self.dirty) {
            if let Some(identity) = self.known.get(&id) {
                let path = identity.path.to_string_lossy();
                let stored = Stored::new(&identity.pattern, &path, identity.offset, &identity.heads, identity.node);
                positions.push(stored.position(identity.key.clone()));
            }
        }
        positions
    }

    /// Forgets the files that were used least recently, down to the limit.
    fn shrink(&mut self, is_followed: impl Fn(Id) -> bool) {
        let Some(excess) = self.known.len().checked_sub(self.limit).filter(|excess| *excess > 0) else { return };
        let mut candidates: Vec<(u64, Id)> =
            self.own().filter(|(id, _)| !is_followed(*id)).map(|(id, identity)| (identity.used, id)).collect();
        candidates.sort_unstable();
        for (_, id) in candidates.into_iter().take(excess) {
            if let Some(identity) = self.known.remove(&id) {
                self.unindex(id, &identity.heads);
                self.dirty.remove(&id);
                self.forgotten.push(identity.key);
            }
        }
    }

    fn insert(&mut self, identity: Identity) -> Id {
        let id = Id(self.next);
        self.next += 1;
        self.index(id, &identity.heads);
        self.known.insert(id, identity);
        id
    }

    fn index(&mut self, id: Id, heads: &[Head]) {
        for head in heads {
            self.by_head.entry(*head).or_default().insert(id);
            *self.lengths.entry(head.length).or_default() += 1;
        }
    }

    fn unindex(&mut self, id: Id, heads: &[Head]) {
        for head in heads {
            if let Some(ids) = self.by_head.get_mut(head) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_head.remove(head);
                }
            }
            if let Some(count) = self.lengths.get_mut(&head.length) {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&head.length);
                }
            }
        }
    }
}
