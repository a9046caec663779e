//! Continuation lines: everything in a trace file that is no head belongs to the head before it.

/// One record of a trace file: its head line, and the lines that follow it.
///
/// The head is complete the moment its own line is: nobody ever waits for a continuation, which may not come for hours. What is kept
/// of them is bounded.
///
/// ```
/// use ccxwatch_parsers::trace::{Continuation, TraceRecord};
/// let mut record = TraceRecord::new(1024);
/// record.begin(b"102: Mar 24 11:37:42.168 PST%MIVR-SS_TEL-7-EXCEPTION:");
/// assert_eq!(record.attach(b"com.cisco.jtapi.PlatformExceptionImpl:"), Continuation::Attached);
/// assert_eq!(record.lines(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct TraceRecord {
    text: Vec<u8>,
    limit: usize,
    lines: usize,
    dropped: usize,
}

/// What became of a continuation line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// It is part of the record.
    Attached,
    /// The record is full; the line was counted and dropped.
    Full,
    /// No head came before it: the file was opened in the middle of a record.
    Orphan,
}

impl TraceRecord {
    /// An empty record that will keep up to `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Self { text: Vec::new(), limit, lines: 0, dropped: 0 }
    }

    /// Starts a new record with its head line.
    pub fn begin(&mut self, head: &[u8]) {
        self.text.clear();
        self.text.extend_from_slice(&head[..head.len().min(self.limit)]);
        self.lines = 1;
        self.dropped = 0;
    }

    /// Adds a line that is no head ([`super::is_head`]).
    pub fn attach(&mut self, line: &[u8]) -> Continuation {
        if self.lines == 0 {
            return Continuation::Orphan;
        }
        if self.dropped > 0 || self.limit.saturating_sub(self.text.len()) <= line.len() {
            self.dropped = self.dropped.saturating_add(1);
            return Continuation::Full;
        }
        self.text.push(b'\n');
        self.text.extend_from_slice(line);
        self.lines += 1;
        Continuation::Attached
    }

    /// The whole record, its lines joined by LF. It can be parsed like a line.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// How many lines it has.
    pub const fn lines(&self) -> usize {
        self.lines
    }

    /// How many lines did not fit.
    pub const fn dropped(&self) -> usize {
        self.dropped
    }
}
