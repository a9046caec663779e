//! The tail: all files of one path or glob, looked at poll by poll.

use super::{
    follow::{Follow, Seen, Sink},
    identities::{Id, Identities},
    scan::{self, Scanner},
};
use crate::sources::{Batch, Files, Lag, Observed, SourceContext, SourceName, facts::Facts, observe::TELL_EVERY};
use ccxwatch_alerts::{
    fact::{Channel, Heard, Origin},
    now::Now,
};
use jiff::SignedDuration;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// A batch without facts leaves at most this often.
const QUIET_BATCH_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// What one poll brought.
#[derive(Debug)]
pub struct Poll {
    /// What is to be sent.
    pub batch: Option<Batch>,
    /// More is there already: poll again at once.
    pub more: bool,
}

/// All files of one path or glob.
pub struct Tail {
    name: SourceName,
    node: Option<String>,
    context: SourceContext,
    scanner: Scanner,
    identities: Identities,
    /// The files that the pattern finds.
    follows: BTreeMap<PathBuf, Follow>,
    /// Files that were renamed or deleted, until they are silent.
    leaving: Vec<Follow>,
    /// The first look is still to come.
    starting: bool,
    /// A file was not read to its end.
    backlog: bool,
    buffer: Vec<u8>,
    observed: Observed,
    facts: Facts,
    heard: Vec<Heard>,
    sent: Option<SignedDuration>,
    /// When what was counted was told.
    told: Option<SignedDuration>,
    /// Since when something was left unread.
    behind_since: Option<SignedDuration>,
    /// The present poll is one between two regular ones.
    noticed: bool,
    /// Files that are not followed because there are too many.
    omitted: usize,
}

impl Tail {
    pub(super) fn new(
        name: SourceName,
        node: Option<String>,
        scanner: Scanner,
        identities: Identities,
        context: SourceContext,
    ) -> Self {
        Self {
            buffer: vec![0; context.limits.block_bytes],
            name,
            node,
            context,
            scanner,
            identities,
            follows: BTreeMap::new(),
            leaving: Vec::new(),
            starting: true,
            backlog: false,
            observed: Observed::default(),
            facts: Facts::default(),
            heard: Vec::new(),
            sent: None,
            told: None,
            behind_since: None,
            noticed: false,
            omitted: 0,
        }
    }

    /// Looks at all files, unless a backlog is left from the last poll, and reads: one block,
    /// or more of them where few of their lines are wanted. The clock is asked behind each
    /// read: a mount that hangs must not make its lines seem to come from the future.
    pub fn poll_once(&mut self, clock: &dyn Fn() -> Now) -> Poll {
        if !self.backlog {
            self.look();
        }
        self.read(clock);
        let now = clock();
        self.settle(now);
        Poll { batch: self.batch(now, false), more: self.backlog }
    }

    /// A poll between two regular ones, because something changed in the directory.
    pub fn poll_noticed(&mut self, clock: &dyn Fn() -> Now) -> Poll {
        self.noticed = true;
        let poll = self.poll_once(clock);
        self.noticed = false;
        poll
    }

    /// Whether no file became shorter: what that means is told by regular polls only.
    pub fn is_steady(&self) -> bool {
        !self.follows.values().chain(&self.leaving).any(Follow::is_shrunk)
    }

    /// Whether nothing has happened for a while, and nothing is waited for.
    pub fn is_idle(&self) -> bool {
        let quiet = self.context.limits.quiet_polls;
        let is_quiet = |follow: &Follow| follow.is_done(quiet) && !follow.rotated;
        !self.backlog && self.leaving.is_empty() && self.follows.values().all(is_quiet)
    }

    /// What is left to send at shutdown.
    pub fn finish(&mut self, now: Now) -> Option<Batch> {
        // A tail that has ended is behind nothing, or its lag would grow for ever.
        self.observed.lag = Some(Lag { bytes: 0, behind_since: None });
        self.observed.files = Some(Files::default());
        self.observed.tell(self.context.observer.as_ref(), &self.name);
        self.batch(now, true)
    }

    /// Brings the open files up to date with the directory.
    fn look(&mut self) {
        let first_start = self.starting && !self.identities.knows_own();
        let files = self.scanner.scan();
        if self.starting {
            self.find_renamed(&files);
        }
        let mut loose = self.sort_out(&files);
        let mut open: BTreeSet<(u64, u64)> = self.follows.values().map(|follow| follow.seen.node).collect();
        let mut descriptors = self.descriptors();
        let mut omitted = 0;
        for (path, seen) in files {
            // A second name of an open file brings nothing new.
            if self.follows.contains_key(&path) || open.contains(&seen.node) {
                continue;
            }
            let found = take(&mut loose, seen.node).or_else(|| take(&mut self.leaving, seen.node));
            if let Some(mut follow) = found {
                follow.path.clone_from(&path);
                follow.rotated = true;
                self.see(&mut follow, seen);
                if let Some(id) = follow.id {
                    self.identities.moved(id, &path, seen.node);
                }
                open.insert(seen.node);
                self.follows.insert(path, follow);
            } else if self.follows.len() >= self.context.limits.files {
                omitted += 1;
            } else if let Some(follow) = self.open(&path, first_start) {
                open.insert(follow.seen.node);
                descriptors += 1;
                if descriptors > self.context.limits.open_files {
                    follow.close();
                }
                self.follows.insert(path, follow);
            }
        }
        self.omit(omitted);
        for mut follow in loose {
            follow.rotated = true;
            self.leaving.push(follow);
        }
        self.starting = false;
        self.look_at_leaving();
    }

    /// Says how many files are not followed because there are too many.
    fn omit(&mut self, omitted: usize) {
        if omitted > 0 && self.omitted == 0 {
            tracing::warn!(
                source = %self.name,
                omitted,
                limit = self.context.limits.files,
                "too many files: those beyond the limit are not read; make the pattern narrower, or move old files away"
            );
        }
        self.omitted = omitted;
    }

    fn descriptors(&self) -> usize {
        self.follows.values().chain(&self.leaving).filter(|follow| follow.is_open()).count()
    }

    /// Gives descriptors back, of those first that have not changed for the longest time. What has no name any more keeps its own.
    fn close_idle(&mut self) {
        let excess = self.descriptors().saturating_sub(self.context.limits.open_files);
        if excess == 0 {
            return;
        }
        let mut open: Vec<&Follow> = self.follows.values().filter(|follow| follow.is_open()).collect();
        open.sort_by_key(|follow| (follow.has_more(), follow.seen.modified));
        for follow in open.into_iter().take(excess) {
            follow.close();
        }
    }

    /// Keeps the files that are where they were, and returns those that are not.
    fn sort_out(&mut self, files: &BTreeMap<PathBuf, Seen>) -> Vec<Follow> {
        let mut loose = Vec::new();
        for (path, mut follow) in std::mem::take(&mut self.follows) {
            match files.get(&path) {
                Some(seen) if seen.node == follow.seen.node => {
                    self.see(&mut follow, *seen);
                    self.follows.insert(path, follow);
                }
                // Out of sight is not gone: a directory may have lost its permission for a while.
                None if is_hidden(&path) => {
                    self.follows.insert(path, follow);
                }
                _ => loose.push(follow),
            }
        }
        loose
    }

    fn see(&mut self, follow: &mut Follow, seen: Seen) {
        if follow.seen == seen {
            let looked = follow.unchanged(self.noticed, &mut self.identities);
            self.note(follow, looked);
            return;
        }
        let block_bytes = self.context.limits.block_bytes;
        let looked = follow.changed(seen, &mut self.identities, block_bytes);
        self.note(follow, looked);
    }

    fn note(&mut self, follow: &Follow, looked: io::Result<()>) {
        if let Err(error) = looked {
            self.scanner.complain(&follow.path, &error);
        }
    }

    fn look_at_leaving(&mut self) {
        for mut follow in std::mem::take(&mut self.leaving) {
            match follow.look() {
                Ok(seen) => {
                    self.see(&mut follow, seen);
                    self.leaving.push(follow);
                }
                // A file on a network mount that was deleted elsewhere.
                Err(error) => self.scanner.complain(&follow.path, &error),
            }
        }
    }

    fn open(&mut self, path: &Path, first_start: bool) -> Option<Follow> {
        let origin = Origin {
            channel: Channel::File,
            sender: None,
            source: path.to_string_lossy().into_owned(),
            node: self.node.clone(),
        };
        let starting = self.starting;
        let opened = Follow::open(path, origin, &self.context.limits).and_then(|mut follow| {
            follow.recognize(&mut self.identities, starting)?;
            Ok(follow)
        });
        match opened {
            Ok(mut follow) => {
                self.scanner.regained(path);
                let applied = follow.id.and_then(|id| self.identities.get(id)).map_or(0, |known| known.offset);
                let backlog = follow.seen.size.saturating_sub(applied);
                follow.catching_up = backlog > 0 && (first_start || backlog > self.context.limits.block_bytes as u64);
                Some(follow)
            }
            Err(error) => {
                self.scanner.complain(path, &error);
                None
            }
        }
    }

    /// After a start: files that were renamed out of the pattern's sight before they were read to their end.
    fn find_renamed(&mut self, files: &BTreeMap<PathBuf, Seen>) {
        let in_sight: BTreeSet<(u64, u64)> = files.values().map(|seen| seen.node).collect();
        let missing: Vec<(Id, (u64, u64), PathBuf)> = self
            .identities
            .own()
            .filter(|(_, identity)| !in_sight.contains(&identity.node))
            .map(|(id, identity)| (id, identity.node, identity.path.clone()))
            .collect();
        let siblings = scan::siblings(missing.iter().map(|(_, _, path)| path.as_path()));
        for (id, node, _) in missing {
            if let Some(path) = siblings.get(&node)
                && let Some(mut follow) = self.open(path, false)
                && follow.id == Some(id)
                && follow.has_more()
            {
                follow.rotated = true;
                self.leaving.push(follow);
            }
        }
    }

    /// Reads what is new; of backlogs the oldest first.
    fn read(&mut self, clock: &dyn Fn() -> Now) {
        let interest = self.context.interest.load();
        let mut sink = Sink {
            interest: &interest,
            limits: &self.context.limits,
            observed: &mut self.observed,
            facts: &mut self.facts,
            observer: self.context.observer.as_ref(),
            name: &self.name,
            clock,
        };
        let mut waiting: Vec<&mut Follow> =
            self.follows.values_mut().chain(&mut self.leaving).filter(|follow| follow.has_more()).collect();
        waiting.sort_by_key(|follow| (follow.catching_up, follow.seen.modified));
        let block = self.buffer.len();
        let mut budget = block * self.context.limits.blocks_of_files;
        self.backlog = false;
        for follow in waiting {
            if budget == 0 || sink.facts.bytes() >= block {
                self.backlog = true;
                break;
            }
            match follow.read(&mut self.buffer, budget, &mut sink, &mut self.identities) {
                Ok(length) => {
                    budget = budget.saturating_sub(length);
                    self.backlog |= length > 0 && follow.has_more();
                }
                Err(error) => self.scanner.complain(&follow.path, &error),
            }
        }
    }

    /// Applies the half last lines of rotated files that are silent, and lets go of those that are gone.
    fn settle(&mut self, now: Now) {
        let interest = self.context.interest.load();
        let limits = &self.context.limits;
        let mut sink = Sink {
            interest: &interest,
            limits,
            observed: &mut self.observed,
            facts: &mut self.facts,
            observer: self.context.observer.as_ref(),
            name: &self.name,
            clock: &|| now,
        };
        let is_done = |follow: &Follow| follow.is_done(limits.quiet_polls);
        for follow in self.follows.values_mut().filter(|follow| follow.rotated && is_done(follow)) {
            follow.finish(&mut sink, &mut self.identities);
            follow.rotated = false;
        }
        for follow in &mut self.leaving {
            if is_done(follow) {
                follow.finish(&mut sink, &mut self.identities);
            }
            follow.ear.due(now, &mut self.heard);
        }
        self.leaving.retain(|follow| !is_done(follow));
        for follow in self.follows.values_mut() {
            follow.ear.due(now, &mut self.heard);
        }
        let bytes = self.follows.values().chain(&self.leaving).map(Follow::unread).sum();
        self.behind_since = (bytes > 0).then(|| self.behind_since.unwrap_or(now.elapsed));
        self.close_idle();
        self.observed.lag = Some(Lag { bytes, behind_since: self.behind_since });
        self.observed.files =
            Some(Files { followed: self.follows.len(), open: self.descriptors(), omitted: self.omitted });
        let since = |told| Duration::try_from(now.elapsed - told).unwrap_or_default();
        let is_due = self.told.is_none_or(|told| since(told) >= TELL_EVERY);
        if !self.backlog || is_due {
            self.observed.tell(self.context.observer.as_ref(), &self.name);
            self.told = Some(now.elapsed);
        }
    }

    fn batch(&mut self, now: Now, all: bool) -> Option<Batch> {
        let is_due =
            all || self.identities.is_urgent() || self.sent.is_none_or(|sent| now.elapsed - sent >= QUIET_BATCH_EVERY);
        if self.facts.is_empty() && !is_due {
            return None;
        }
        let positions = if self.identities.is_dirty() {
            let followed = self.followed();
            self.identities.take_positions(|id| followed.contains(&id))
        } else {
            Vec::new()
        };
        let batch =
            Batch { facts: self.facts.take(), positions, heard: std::mem::take(&mut self.heard), ..Batch::default() };
        if batch.is_empty() {
            return None;
        }
        self.sent = Some(now.elapsed);
        Some(batch)
    }

    fn followed(&self) -> BTreeSet<Id> {
        self.follows.values().chain(&self.leaving).filter_map(|follow| follow.id).collect()
    }
}

/// Whether a path may still lead to a file that cannot be seen at the moment.
fn is_hidden(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(metadata) => metadata.is_file(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn take(follows: &mut Vec<Follow>, node: (u64, u64)) -> Option<Follow> {
    let at = follows.iter().position(|follow| follow.seen.node == node)?;
    Some(follows.swap_remove(at))
}
