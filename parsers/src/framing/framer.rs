//! The state machine that cuts a byte stream into frames.
//!
//! However the stream is cut into blocks, the frames are the same. A frame that lies wholly in one block is handed on without a copy.

use memchr::{memchr, memchr_iter};

use super::{
    FramingError,
    auto::{Lead, TLS_HANDSHAKE, Verdict},
    lf, nul,
};

/// How frames are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Each ends with LF or CR LF.
    Lf,
    /// Each ends with NUL.
    Nul,
    /// Each is announced by its length (RFC 6587 section 3.4.1).
    Octet,
    /// Decided anew for each frame: a count that is followed by `<`, else a line.
    Auto,
}

/// One frame. Empty lines are not frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The bytes without their line end.
    pub bytes: &'a [u8],
    /// The frame was longer than allowed; these are its first bytes, and the others are gone.
    pub cut: bool,
    /// Where in the stream this frame ended: the offset just behind its terminator. A reader of a file that applied the frame may
    /// continue here.
    pub end: u64,
}

/// Cuts one stream into frames.
///
/// ```
/// use ccxwatch_parsers::framing::{Framer, Mode};
/// let mut framer = Framer::new(Mode::Auto, 64 * 1024);
/// let mut frames = Vec::new();
/// framer.push(b"16 <1>1 - - - - - -<189>8103: Oct 14 ", &mut |frame| frames.push(frame.bytes.to_vec()));
/// framer.push(b"05:50:19 : x\n", &mut |frame| frames.push(frame.bytes.to_vec()));
/// assert_eq!(frames, [&b"<1>1 - - - - - -"[..], b"<189>8103: Oct 14 05:50:19 : x"]);
/// ```
#[derive(Clone, Debug)]
pub struct Framer {
    mode: Mode,
    max_len: usize,
    state: State,
    /// The unfinished frame: at most one byte more than allowed, for the CR of a CR LF.
    buffer: Vec<u8>,
    /// Bytes of the stream that were pushed before the current block.
    offset: u64,
    error: Option<FramingError>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between frames, or in the first bytes of one (they are in the buffer).
    Lead(Lead),
    /// In a line; whether it already is longer than allowed, so that the rest of it is discarded up to its end.
    Line {
        discarding: bool,
    },
    /// In a counted frame, so many octets from its end.
    Octets {
        missing: usize,
    },
    Closed,
}

impl Framer {
    /// A framer at the start of a stream. A frame longer than `max_len` bytes is cut (lines) or refused (counted).
    pub fn new(mode: Mode, max_len: usize) -> Self {
        Self { mode, max_len, state: State::Lead(Lead::new(true)), buffer: Vec::new(), offset: 0, error: None }
    }

    /// The same for a stream of which `offset` bytes were read before: a file that is read on. No TLS client is looked for.
    pub fn resume(mode: Mode, max_len: usize, offset: u64) -> Self {
        Self { state: State::Lead(Lead::new(false)), offset, ..Self::new(mode, max_len) }
    }

    /// Takes the next block and hands each frame that is now complete to `sink`. Does nothing once the stream is closed.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(Frame<'_>)) {
        let end = self.offset + bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Lead(lead) if self.whole_lines(&lead, rest) => self.lines(rest, end, sink),
                State::Lead(lead) => self.lead(lead, rest),
                State::Line { discarding } => self.line(discarding, rest, end, sink),
                State::Octets { missing } => self.octets(missing, rest, end, sink),
                State::Closed => break,
            };
        }
        self.offset = end;
    }

    /// The stream has ended: delivers a last line that has no terminator. An unfinished counted frame is an error instead, since part
    /// of a message must not pass for a whole one.
    pub fn finish(&mut self, sink: &mut impl FnMut(Frame<'_>)) {
        match self.state {
            State::Lead(lead) if lead.is_fresh() => {}
            State::Lead(_) if self.mode == Mode::Octet => self.complain(FramingError::Incomplete),
            State::Octets { .. } => self.complain(FramingError::Incomplete),
            State::Lead(_) => self.deliver_line(false, self.offset, sink),
            State::Line { discarding } => self.deliver_line(discarding, self.offset, sink),
            State::Closed => {}
        }
        self.buffer.clear();
        self.state = State::Closed;
    }

    /// The complaint about this stream, if there is one: the gravest so far. It is one per connection, however much is wrong.
    pub const fn error(&self) -> Option<FramingError> {
        self.error
    }

    /// Whether nothing more will be read from this stream: the connection should be closed.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// How many bytes of an unfinished frame are held.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// How many bytes were pushed, including those before [`Framer::resume`].
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether a line begins here for certain, as it does nearly always.
    fn whole_lines(&self, lead: &Lead, block: &[u8]) -> bool {
        match self.mode {
            _ if !lead.is_fresh() => false,
            Mode::Lf | Mode::Nul => block[0] != TLS_HANDSHAKE,
            Mode::Auto => !matches!(block[0], b'1'..=b'9' | TLS_HANDSHAKE),
            Mode::Octet => false,
        }
    }

    /// Takes all whole lines of a block in one search.
    fn lines<'a>(&mut self, block: &'a [u8], block_end: u64, sink: &mut impl FnMut(Frame<'_>)) -> &'a [u8] {
        let mut start = 0;
        for at in memchr_iter(self.delimiter(), block) {
            if self.mode == Mode::Auto && matches!(block[start], b'1'..=b'9') {
                break;
            }
            let end = block_end - (block.len() - at - 1) as u64;
            self.deliver(&block[start..at], false, end, sink);
            start = at + 1;
        }
        if start == 0 {
            // No line ends here.
            self.state = State::Line { discarding: false };
            return block;
        }
        self.state = State::Lead(Lead::new(false));
        &block[start..]
    }

    const fn delimiter(&self) -> u8 {
        match self.mode {
            Mode::Nul => nul::DELIMITER,
            Mode::Lf | Mode::Auto | Mode::Octet => lf::DELIMITER,
        }
    }

    fn lead<'a>(&mut self, mut lead: Lead, block: &'a [u8]) -> &'a [u8] {
        for (at, &byte) in block.iter().enumerate() {
            match lead.feed(byte, self.mode, self.max_len) {
                Verdict::More => {}
                Verdict::Skip => {
                    self.state = State::Lead(Lead::new(false));
                    return &block[at + 1..];
                }
                Verdict::Line => {
                    self.state = State::Line { discarding: false };
                    return block;
                }
                Verdict::Octets { count, with_this } => {
                    self.buffer.clear();
                    self.state = State::Octets { missing: count };
                    return &block[at + usize::from(!with_this)..];
                }
                Verdict::Refuse(error) => {
                    self.complain(error);
                    return b"";
                }
            }
        }
        self.buffer.extend_from_slice(block);
        self.state = State::Lead(lead);
        b""
    }

    fn line<'a>(
        &mut self,
        discarding: bool,
        block: &'a [u8],
        block_end: u64,
        sink: &mut impl FnMut(Frame<'_>),
    ) -> &'a [u8] {
        let Some(at) = memchr(self.delimiter(), block) else {
            let discarding = self.keep(discarding, block);
            self.state = State::Line { discarding };
            return b"";
        };
        let rest = &block[at + 1..];
        let end = block_end - rest.len() as u64;
        if self.buffer.is_empty() && !discarding {
            self.deliver(&block[..at], false, end, sink);
        } else {
            let discarding = self.keep(discarding, &block[..at]);
            self.deliver_line(discarding, end, sink);
        }
        self.state = State::Lead(Lead::new(false));
        rest
    }

    /// Adds to the buffer what fits; whether the rest of the line is to be discarded.
    fn keep(&mut self, discarding: bool, bytes: &[u8]) -> bool {
        if discarding {
            return true;
        }
        let room = self.max_len.saturating_add(1).saturating_sub(self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let discarding = bytes.len() > room;
        if discarding {
            self.complain(FramingError::LineTooLong);
        }
        discarding
    }

    fn deliver_line(&mut self, cut: bool, end: u64, sink: &mut impl FnMut(Frame<'_>)) {
        let buffer = core::mem::take(&mut self.buffer);
        self.deliver(&buffer, cut, end, sink);
        // The allocation is kept for the next frame.
        self.buffer = buffer;
        self.buffer.clear();
    }

    fn deliver(&mut self, line: &[u8], discarded: bool, end: u64, sink: &mut impl FnMut(Frame<'_>)) {
        let content = match self.mode {
            _ if discarded => line,
            Mode::Nul => nul::content(line),
            Mode::Lf | Mode::Auto | Mode::Octet => lf::content(line),
        };
        let cut = discarded || content.len() > self.max_len;
        if cut {
            self.complain(FramingError::LineTooLong);
        }
        let bytes = &content[..content.len().min(self.max_len)];
        if !bytes.is_empty() {
            sink(Frame { bytes, cut, end });
        }
    }

    fn octets<'a>(
        &mut self,
        missing: usize,
        block: &'a [u8],
        block_end: u64,
        sink: &mut impl FnMut(Frame<'_>),
    ) -> &'a [u8] {
        let Some((frame, rest)) = block.split_at_checked(missing) else {
            self.buffer.extend_from_slice(block);
            self.state = State::Octets { missing: missing - block.len() };
            return b"";
        };
        let end = block_end - rest.len() as u64;
        if self.buffer.is_empty() {
            sink(Frame { bytes: frame, cut: false, end });
        } else {
            self.buffer.extend_from_slice(frame);
            sink(Frame { bytes: &self.buffer, cut: false, end });
            self.buffer.clear();
        }
        self.state = State::Lead(Lead::new(false));
        rest
    }

    fn complain(&mut self, error: FramingError) {
        self.error = self.error.max(Some(error));
        if error.is_fatal() {
            self.buffer = Vec::new();
            self.state = State::Closed;
        }
    }
}
