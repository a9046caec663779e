//! One open file, read to its end and then watched.

use super::{
    handle::Handle,
    head::{self, Head},
    identities::{Applied, Id, Identities},
};
use crate::sources::{
    Limits, Observed, Observer, SourceName,
    alert_log::AlertLog,
    block::{Block, Payment},
    facts::Facts,
    hearing::Ear,
};
use ccxwatch_alerts::{fact::Origin, interest::Interest, now::Now};
use ccxwatch_parsers::framing::{Frame, Framer, Mode};
use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// What tells that a file was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Device and inode.
    pub(super) node: (u64, u64),
    pub(super) size: u64,
    /// Last written, in seconds and nanoseconds.
    pub(super) modified: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            node: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Where the lines of a block go, and how.
pub(super) struct Sink<'a> {
    pub(super) interest: &'a Interest,
    pub(super) limits: &'a Limits,
    pub(super) observed: &'a mut Observed,
    pub(super) facts: &'a mut Facts,
    /// Who is told what was counted, where too much is.
    pub(super) observer: &'a dyn Observer,
    pub(super) name: &'a SourceName,
    /// Says when lines were received.
    pub(super) clock: &'a dyn Fn() -> Now,
}

/// An open file.
pub(super) struct Follow {
    /// Where it is, or was last.
    pub(super) path: PathBuf,
    pub(super) seen: Seen,
    pub(super) id: Option<Id>,
    pub(super) ear: Ear,
    /// A backlog is being read.
    pub(super) catching_up: bool,
    /// It has another name now, so its last line need not end any more.
    pub(super) rotated: bool,
    /// Looks without growth.
    pub(super) quiet: u32,
    file: Handle,
    /// Its beginning, up to [`Head::BYTES`].
    beginning: Vec<u8>,
    framer: Framer,
    /// The end of the last line that was applied from here.
    applied: u64,
    /// The hash of the bytes before that end: while they are there, the file only grew.
    anchor: Option<u64>,
    /// It became shorter than what was applied, and what that means is not known yet.
    shrunk: Option<Shrunk>,
    line_bytes: usize,
}

/// A file that became shorter. If it is being copied to its place once more, it will soon be as it was; else its end is gone.
#[derive(Clone, Copy, Debug)]
struct Shrunk {
    /// The least of it that was there.
    least: u64,
    /// How often it was seen to change since.
    looks: u32,
}

impl Follow {
    /// Bytes before the end of the last applied line that are compared.
    const ANCHOR: u64 = 1024;
    /// Looks without a change after which a file that became shorter stays so.
    const SHRUNK_QUIET: u32 = 4;
    /// Looks with a change after which the same is supposed.
    const SHRUNK_LOOKS: u32 = 40;

    /// Opens a file. Nothing is read but its beginning.
    pub(super) fn open(path: &Path, origin: Origin, limits: &Limits) -> io::Result<Self> {
        let (file, seen) = Handle::open(path)?;
        let mut follow = Self {
            path: path.to_owned(),
            seen,
            id: None,
            ear: Ear::new(origin, false, limits.hosts_per_origin),
            catching_up: false,
            rotated: false,
            quiet: 0,
            file,
            beginning: Vec::new(),
            framer: Framer::resume(Mode::Lf, limits.line_bytes, 0),
            applied: 0,
            anchor: None,
            shrunk: None,
            line_bytes: limits.line_bytes,
        };
        follow.beginning = follow.read_beginning()?;
        follow.ear.alert_log = AlertLog::beginning_with(&follow.beginning);
        Ok(follow)
    }

    /// Whether bytes are there that were not read.
    pub(super) fn has_more(&self) -> bool {
        self.seen.size > self.framer.offset()
    }

    /// Bytes that are there and were not read.
    pub(super) fn unread(&self) -> u64 {
        self.seen.size.saturating_sub(self.framer.offset())
    }

    /// Whether it became shorter, and time must tell why.
    pub(super) fn is_shrunk(&self) -> bool {
        self.shrunk.is_some()
    }

    /// Whether it has been silent for so many looks, and nothing is open about it.
    pub(super) fn is_done(&self, quiet: u32) -> bool {
        self.quiet >= quiet && !self.has_more() && self.shrunk.is_none()
    }

    /// Whether it holds a descriptor.
    pub(super) fn is_open(&self) -> bool {
        self.file.is_open()
    }

    /// Gives its descriptor back until it is read again. Not for a file that no path leads to any more.
    pub(super) fn close(&self) {
        self.file.close();
    }

    /// The size as the open file says it, for a file that no path leads to any more.
    pub(super) fn look(&self) -> io::Result<Seen> {
        self.file.look(&self.path)
    }

    /// Makes sure of who this is; it may have been read before, here or elsewhere. `starting`: by the last process.
    pub(super) fn recognize(&mut self, identities: &mut Identities, starting: bool) -> io::Result<()> {
        if self.id.is_none() {
            self.id = self.find(identities)?;
        }
        let Some((id, known)) = self.id.and_then(|id| Some((id, identities.get(id)?))) else { return Ok(()) };
        let (offset, anchor) = (known.offset, known.anchor);
        let is_own = known.node == self.seen.node;
        if offset > self.applied {
            self.seek(offset);
        }
        if starting && is_own && offset > self.seen.size {
            self.anchor = anchor;
            self.shrunk = Some(Shrunk { least: self.seen.size, looks: 0 });
        }
        if !self.rotated {
            identities.moved(id, &self.path, self.seen.node);
        }
        Ok(())
    }

    /// The known file that this is. It may be all of what was applied, or more, or a part of it; that the inode is the same tells
    /// as well.
    fn find(&self, identities: &Identities) -> io::Result<Option<Id>> {
        let mut best = None;
        for (id, known) in identities.find(&self.beginning) {
            let is_own = known.node == self.seen.node;
            let is_whole = known.offset <= self.seen.size;
            if is_whole && known.anchor.is_some() && self.read_anchor(known.offset)? != known.anchor {
                continue;
            }
            let is_short = self.beginning.len() < Head::BYTES;
            let rank = match (is_whole, is_own) {
                (true, true) => 3,
                // All of it was compared, and is known.
                (false, _) if is_short => 2,
                (true, false) => 1,
                (false, _) => 0,
            };
            best = best.max(Some((rank, is_own, known.offset, id)));
        }
        Ok(best.map(|(.., id)| id))
    }

    /// The file is as it was. `noticed`: another file's change caused the look, so it tells nothing of how long this one is quiet.
    pub(super) fn unchanged(&mut self, noticed: bool, identities: &mut Identities) -> io::Result<()> {
        self.quiet = self.quiet.saturating_add(u32::from(!noticed));
        match self.shrunk {
            Some(Shrunk { least, .. }) if self.quiet >= Self::SHRUNK_QUIET => self.cut_back(least, identities),
            _ => Ok(()),
        }
    }

    /// The file was written to, or changed otherwise. Finds out whether it grew.
    pub(super) fn changed(&mut self, seen: Seen, identities: &mut Identities, block_bytes: usize) -> io::Result<()> {
        self.quiet = 0;
        let beginning = self.read_beginning()?;
        let common = beginning.len().min(self.beginning.len());
        let same = beginning[..common] == self.beginning[..common];
        let old = std::mem::replace(&mut self.seen, seen);
        let begins_anew = !same || (beginning.is_empty() && !self.beginning.is_empty());
        self.beginning = beginning;
        if begins_anew {
            self.begin_anew(block_bytes);
        } else if let Some(shrunk) = self.shrunk {
            return self.judge(shrunk, identities);
        } else if old.size < self.framer.offset() {
            // A copy that is still shorter than what was applied of the file: is it one, now that there is more of it?
            self.id = None;
            self.seek(0);
        } else if seen.size < self.applied {
            self.shrunk = Some(Shrunk { least: seen.size, looks: 0 });
        } else if !self.is_anchored()? {
            // It was truncated and written anew between two looks, and begins as before: better its lines twice than never.
            if let Some(id) = self.id {
                identities.forget(id);
            }
            self.begin_anew(block_bytes);
        } else if seen.size < self.framer.offset() {
            // Only a half line lost some of its end.
            self.seek(self.applied);
        }
        Ok(())
    }

    /// Other content.
    fn begin_anew(&mut self, block_bytes: usize) {
        self.id = None;
        self.ear.alert_log = AlertLog::beginning_with(&self.beginning);
        self.seek(0);
        self.catching_up = self.seen.size > block_bytes as u64;
    }

    /// A file that became shorter has changed again.
    fn judge(&mut self, shrunk: Shrunk, identities: &mut Identities) -> io::Result<()> {
        let shrunk = Shrunk { least: shrunk.least.min(self.seen.size), looks: shrunk.looks + 1 };
        self.shrunk = Some(shrunk);
        let is_back = self.seen.size >= self.applied;
        if is_back && self.is_anchored()? {
            self.seek(self.applied);
        } else if is_back || shrunk.looks >= Self::SHRUNK_LOOKS {
            self.cut_back(shrunk.least, identities)?;
        }
        Ok(())
    }

    /// The file lost its end, and keeps lines that were applied: goes on behind the last of them.
    fn cut_back(&mut self, size: u64, identities: &mut Identities) -> io::Result<()> {
        let offset = self.last_line_end(size)?;
        self.seek(offset);
        if let Some(id) = self.id.take() {
            identities.detach(id, self.seen.node);
        }
        if offset > 0 {
            self.applied_to(offset, identities);
        }
        Ok(())
    }

    /// Reads and applies about so many bytes, fewer where their facts weigh as much as one block; the bytes read.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        budget: usize,
        sink: &mut Sink<'_>,
        identities: &mut Identities,
    ) -> io::Result<usize> {
        self.recognize(identities, false)?;
        let (mut taken, mut end) = (0, None);
        let read = loop {
            let length = match self.file.read_at(&self.path, buffer, self.framer.offset()) {
                Ok(length) => length,
                Err(error) => break Err(error),
            };
            taken += length;
            if length > 0 {
                end = self.apply(&buffer[..length], sink).or(end);
            }
            if self.framer.offset() >= self.seen.size || length == 0 {
                self.catching_up = false;
            }
            if length == 0 || !self.has_more() || taken >= budget || sink.facts.bytes() >= buffer.len() {
                break Ok(taken);
            }
        };
        // What was applied is known to be so, whatever came behind it.
        if let Some(end) = end {
            self.applied_to(end, identities);
        }
        read
    }

    /// Applies one block; the end of its last line.
    fn apply(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Option<u64> {
        sink.observed.bytes += bytes.len() as u64;
        sink.observed.blocks += 1;
        sink.facts.close_record();
        let mut end = None;
        let mut block = sink.block(&mut self.ear, self.catching_up);
        self.framer.push(bytes, &mut |frame: Frame<'_>| {
            block.line(frame.bytes, frame.cut);
            end = Some(frame.end);
        });
        if sink.observed.is_crowded() {
            sink.observed.tell(sink.observer, sink.name);
        }
        end
    }

    /// Applies a last line that has no end, where one is there: the file was rotated away.
    pub(super) fn finish(&mut self, sink: &mut Sink<'_>, identities: &mut Identities) {
        if self.framer.pending() == 0 {
            return;
        }
        let end = self.framer.offset();
        sink.facts.close_record();
        let mut block = sink.block(&mut self.ear, self.catching_up);
        self.framer.finish(&mut |frame: Frame<'_>| block.line(frame.bytes, frame.cut));
        self.seek(end);
        self.applied_to(end, identities);
    }

    fn applied_to(&mut self, end: u64, identities: &mut Identities) {
        self.applied = end;
        self.drop_anchor();
        let at = Applied {
            path: &self.path,
            node: self.seen.node,
            beginning: &self.beginning,
            offset: end,
            anchor: self.anchor,
        };
        match self.id {
            Some(id) => identities.applied(id, &at),
            None => self.id = Some(identities.add(&at)),
        }
    }

    fn seek(&mut self, offset: u64) {
        self.framer = Framer::resume(Mode::Lf, self.line_bytes, offset);
        self.applied = offset;
        self.shrunk = None;
        self.drop_anchor();
    }

    /// Remembers the bytes before the end of the last applied line. Where they cannot be read there is nothing to compare.
    fn drop_anchor(&mut self) {
        self.anchor = self.read_anchor(self.applied).unwrap_or(None);
    }

    fn is_anchored(&self) -> io::Result<bool> {
        Ok(self.anchor.is_none() || self.read_anchor(self.applied)? == self.anchor)
    }

    fn read_anchor(&self, offset: u64) -> io::Result<Option<u64>> {
        let start = offset.saturating_sub(Self::ANCHOR);
        let mut anchor = vec![0; usize::try_from(offset - start).unwrap_or_default()];
        let length = self.file.read_full(&self.path, &mut anchor, start)?;
        // Bytes that are not there yet tell nothing.
        Ok((length == anchor.len() && length > 0).then(|| head::hash(&anchor)))
    }

    fn read_beginning(&self) -> io::Result<Vec<u8>> {
        let mut beginning = vec![0; Head::BYTES];
        let length = self.file.read_full(&self.path, &mut beginning, 0)?;
        beginning.truncate(length);
        Ok(beginning)
    }

    /// The end of the last line within the first `size` bytes.
    fn last_line_end(&self, size: u64) -> io::Result<u64> {
        let mut buffer = [0; 8 * 1024];
        let mut end = size;
        while end > 0 {
            let start = end.saturating_sub(buffer.len() as u64);
            let wanted = usize::try_from(end - start).unwrap_or(buffer.len());
            let length = self.file.read_full(&self.path, &mut buffer[..wanted], start)?;
            if let Some(at) = memchr::memrchr(b'\n', &buffer[..length]) {
                return Ok(start + at as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }
}

impl Sink<'_> {
    fn block<'b>(&'b mut self, ear: &'b mut Ear, catching_up: bool) -> Block<'b> {
        Block {
            interest: self.interest,
            limits: self.limits,
            observed: self.observed,
            facts: self.facts,
            ear,
            received_at: (self.clock)().wall,
            catching_up,
            payment: Payment::Free,
        }
    }
}
