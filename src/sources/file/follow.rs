//! One open file, read to its end and then watched.

use super::{
    head::Head,
    identities::{Id, Identities},
};
use crate::sources::{
    Limits, Observed,
    block::{Block, Facts},
    hearing::Ear,
};
use ccxwatch_alerts::{fact::Origin, interest::Interest};
use ccxwatch_parsers::framing::{Frame, Framer, Mode};
use jiff::Timestamp;
use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
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
    pub(super) received_at: Timestamp,
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
    file: File,
    /// Its beginning, up to [`Head::BYTES`].
    beginning: Vec<u8>,
    framer: Framer,
    /// The end of the last line that was applied from here.
    applied: u64,
    line_bytes: usize,
}

impl Follow {
    /// Opens a file. Nothing is read but its beginning.
    pub(super) fn open(path: &Path, origin: Origin, limits: &Limits) -> io::Result<Self> {
        let file = File::open(path)?;
        let seen = Seen::of(&file.metadata()?);
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
            line_bytes: limits.line_bytes,
        };
        follow.beginning = follow.read_beginning()?;
        Ok(follow)
    }

    /// Whether bytes are there that were not read.
    pub(super) fn has_more(&self) -> bool {
        self.seen.size > self.framer.offset()
    }

    /// The size as the open file says it, for a file that no path leads to any more.
    pub(super) fn look(&self) -> io::Result<Seen> {
        Ok(Seen::of(&self.file.metadata()?))
    }

    /// Makes sure of who this is; it may have been read before, here or elsewhere. `starting`: by the last process.
    pub(super) fn recognize(&mut self, identities: &mut Identities, starting: bool) -> io::Result<()> {
        if self.id.is_none() {
            self.id = identities.find(&self.beginning);
        }
        let Some((id, known)) = self.id.and_then(|id| Some((id, identities.get(id)?))) else { return Ok(()) };
        let offset = known.offset;
        if offset > self.seen.size && starting && known.node == self.seen.node {
            // Truncated while nobody looked: what is left was applied.
            return self.cut_back(identities);
        }
        if offset > self.applied {
            self.seek(offset);
        }
        if !self.rotated {
            identities.moved(id, &self.path, self.seen.node);
        }
        Ok(())
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
            self.id = None;
            self.seek(0);
            self.catching_up = seen.size > block_bytes as u64;
        } else if old.size < self.framer.offset() {
            // A copy that is still shorter than what was applied of the file: is it one, now that there is more of it?
            self.id = None;
            self.seek(0);
        } else if seen.size < self.framer.offset() {
            if seen.size < self.applied {
                return self.cut_back(identities);
            }
            // Only a half line lost some of its end.
            self.seek(self.applied);
        }
        Ok(())
    }

    /// The file lost its end, and keeps lines that were applied: goes on behind the last of them.
    fn cut_back(&mut self, identities: &mut Identities) -> io::Result<()> {
        let offset = self.last_line_end(self.seen.size)?;
        self.seek(offset);
        match self.id {
            Some(id) if offset > 0 => identities.applied(id, &self.beginning, offset),
            _ => self.id = None,
        }
        Ok(())
    }

    /// Reads and applies one block; the bytes read.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        sink: &mut Sink<'_>,
        identities: &mut Identities,
    ) -> io::Result<usize> {
        self.recognize(identities, false)?;
        let length = loop {
            match self.file.read_at(buffer, self.framer.offset()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if length == 0 {
            self.catching_up = false;
            return Ok(0);
        }
        sink.observed.bytes += length as u64;
        sink.observed.blocks += 1;
        sink.facts.close_record();
        let mut end = None;
        let mut block = sink.block(&mut self.ear, self.catching_up);
        self.framer.push(&buffer[..length], &mut |frame: Frame<'_>| {
            block.line(frame.bytes, frame.cut);
            end = Some(frame.end);
        });
        if self.framer.offset() >= self.seen.size {
            self.catching_up = false;
        }
        if let Some(end) = end {
            self.applied_to(end, identities);
        }
        Ok(length)
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
        match self.id {
            Some(id) => identities.applied(id, &self.beginning, end),
            None => self.id = Some(identities.add(&self.path, self.seen.node, &self.beginning, end)),
        }
    }

    fn seek(&mut self, offset: u64) {
        self.framer = Framer::resume(Mode::Lf, self.line_bytes, offset);
        self.applied = offset;
    }

    fn read_beginning(&self) -> io::Result<Vec<u8>> {
        let mut beginning = vec![0; Head::BYTES];
        let length = read_full(&self.file, &mut beginning, 0)?;
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
            let length = read_full(&self.file, &mut buffer[..wanted], start)?;
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
            received_at: self.received_at,
            catching_up,
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn read_full(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read_at(&mut buffer[length..], from + length as u64) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
