//! The files that are known, by how they begin, and how far each was applied. Files that are gone stay known for a while: a
//! collection may bring them again under another name.

use super::{
    follow::Seen,
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
    /// The hash of the bytes before it.
    pub(super) anchor: Option<u64>,
    /// Its device and inode: a hint.
    pub(super) node: (u64, u64),
    used: u64,
}

/// How far a file was applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applied<'a> {
    /// Where it is.
    pub(super) path: &'a Path,
    /// Its device and inode.
    pub(super) node: (u64, u64),
    /// Its first bytes.
    pub(super) beginning: &'a [u8],
    /// The end of its last applied line.
    pub(super) offset: u64,
    /// The hash of the bytes before that.
    pub(super) anchor: Option<u64>,
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
    /// What the store holds would mislead the next process.
    urgent: bool,
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
            urgent: false,
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
                anchor: stored.anchor(),
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

    /// The known files that begin as this one does, as far as both are there. It is one, as a rule; a file that lost its end and
    /// an older copy of it are two.
    pub(super) fn find(&self, beginning: &[u8]) -> impl Iterator<Item = (Id, &Identity)> {
        let telling = Head::telling(beginning);
        Head::all_of(beginning)
            .take_while(move |head| head.length <= telling)
            .filter(|head| self.lengths.contains_key(&head.length))
            .filter_map(|head| Some((head.length, self.by_head.get(&head)?)))
            .flat_map(|(length, ids)| ids.iter().map(move |id| (length, *id)))
            .filter(move |(length, id)| *length == telling || self.longest(*id) == *length)
            .filter_map(|(_, id)| Some((id, self.known.get(&id)?)))
    }

    fn longest(&self, id: Id) -> u64 {
        self.known.get(&id).and_then(|identity| identity.heads.last()).map_or(0, |head| head.length)
    }

    pub(super) fn get(&self, id: Id) -> Option<&Identity> {
        self.known.get(&id)
    }

    /// A file whose first lines were applied for the first time.
    pub(super) fn add(&mut self, at: &Applied<'_>) -> Id {
        let Applied { path, node, beginning, offset, anchor } = *at;
        let heads = Head::ladder(beginning, offset);
        let first = heads.first().map_or(0, |head| head.hash);
        let id = self.insert(Identity {
            // The path and the first record together are unique, and neither a rename nor growth changes the key.
            key: self.free_key(format!("{}#{first:016x}", path.display())),
            pattern: self.pattern.clone(),
            path: path.to_owned(),
            heads,
            offset,
            anchor,
            node,
            used: self.next,
        });
        self.dirty.insert(id);
        id
    }

    /// A known file lost its end. What was known of it still holds for copies of it, so it is two from now on.
    pub(super) fn detach(&mut self, id: Id, node: (u64, u64)) {
        if let Some(whole) = self.known.get_mut(&id)
            && whole.node == node
        {
            whole.node = (0, 0);
            self.dirty.insert(id);
            self.urgent = true;
        }
    }

    fn free_key(&self, key: String) -> String {
        let is_taken = |key: &String| self.known.values().any(|identity| identity.key == *key);
        if is_taken(&key) { format!("{key}#{}", self.next) } else { key }
    }

    /// More of a file was applied. Of its copies, it is now this one.
    pub(super) fn applied(&mut self, id: Id, at: &Applied<'_>) {
        let Applied { path, node, beginning, offset, anchor } = *at;
        let Some(identity) = self.known.get_mut(&id) else { return };
        if identity.offset == offset {
            return;
        }
        if identity.path != path {
            path.clone_into(&mut identity.path);
        }
        identity.pattern.clone_from(&self.pattern);
        identity.node = node;
        identity.offset = offset;
        identity.anchor = anchor;
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

    /// A file is at this path now, unless this is a copy of it.
    pub(super) fn moved(&mut self, id: Id, path: &Path, node: (u64, u64)) {
        let Some(identity) = self.known.get_mut(&id) else { return };
        if identity.path == path && identity.node == node && identity.pattern == self.pattern {
            return;
        }
        let is_copy = identity.node != node
            && std::fs::metadata(&identity.path).is_ok_and(|metadata| Seen::of(&metadata).node == identity.node);
        if !is_copy {
            path.clone_into(&mut identity.path);
            identity.pattern.clone_from(&self.pattern);
            identity.node = node;
            self.dirty.insert(id);
        }
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || !self.forgotten.is_empty()
    }

    /// Whether the store should be written at once.
    pub(super) fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// What the store has to write. `is_followed` protects files that are being read from being forgotten.
    pub(super) fn take_positions(&mut self, is_followed: impl Fn(Id) -> bool) -> Vec<Position> {
        self.urgent = false;
        self.shrink(is_followed);
        let mut positions: Vec<Position> = self.forgotten.drain(..).map(|key| Position { key, json: None }).collect();
        for id in std::mem::take(&mut self.dirty) {
            if let Some(identity) = self.known.get(&id) {
                let path = identity.path.to_string_lossy();
                let place = (identity.offset, identity.anchor);
                let stored = Stored::new(&identity.pattern, &path, place, &identity.heads, identity.node);
                positions.push(stored.position(identity.key.clone()));
            }
        }
        positions
    }

    /// Forgets a file.
    pub(super) fn forget(&mut self, id: Id) {
        if let Some(identity) = self.known.remove(&id) {
            self.unindex(id, &identity.heads);
            self.dirty.remove(&id);
            self.forgotten.push(identity.key);
        }
    }

    /// Forgets the files that were used least recently, down to the limit.
    fn shrink(&mut self, is_followed: impl Fn(Id) -> bool) {
        let Some(excess) = self.known.len().checked_sub(self.limit).filter(|excess| *excess > 0) else { return };
        let mut candidates: Vec<(u64, Id)> =
            self.own().filter(|(id, _)| !is_followed(*id)).map(|(id, identity)| (identity.used, id)).collect();
        candidates.sort_unstable();
        for (_, id) in candidates.into_iter().take(excess) {
            self.forget(id);
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
