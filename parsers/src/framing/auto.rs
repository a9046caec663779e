//! The decision at the start of a frame: a count, a line, or a client that speaks something else.
//!
//! RFC 6587 section 3.4 leaves the choice to the first byte: a digit means a count. That is wrong for UC nodes, whose lines begin with a
//! sequence number. So a count is believed only where one to six digits without a leading zero, a blank and `<` stand.

use super::{
    FramingError, Mode,
    octet_counting::{Count, Counted, verdict},
};

/// The first byte of a TLS record that carries a handshake (RFC 8446 section 5.1).
pub(crate) const TLS_HANDSHAKE: u8 = 0x16;

/// The first bytes of a frame, fed one by one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lead {
    stage: Stage,
    count: Count,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Nothing fed yet; whether the stream begins here.
    First(bool),
    /// So many bytes of a TLS record header were seen.
    Tls(usize),
    Count,
    /// The count is complete; in automatic mode its `<` must follow.
    Counted(usize),
}

/// What the bytes so far mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// One more byte, please; this one is part of the lead.
    More,
    /// This byte means nothing: a line end behind a counted frame, which some senders add.
    Skip,
    /// The lead and this byte are the start of a line.
    Line,
    /// A frame of so many octets begins; with this byte, or behind it.
    Octets { count: usize, with_this: bool },
    /// Not a frame at all.
    Refuse(FramingError),
}

impl Lead {
    pub(crate) fn new(stream_start: bool) -> Self {
        Self { stage: Stage::First(stream_start), count: Count::default() }
    }

    /// Whether no byte was fed yet.
    pub(crate) const fn is_fresh(&self) -> bool {
        matches!(self.stage, Stage::First(_))
    }

    pub(crate) fn feed(&mut self, byte: u8, mode: Mode, max_len: usize) -> Verdict {
        let no_frame = match mode {
            Mode::Octet => Verdict::Refuse(FramingError::CountMalformed),
            Mode::Lf | Mode::Nul | Mode::Auto => Verdict::Line,
        };
        match self.stage {
            // A TLS record of type handshake, version 3.x (RFC 8446 section 5.1).
            Stage::First(true) if byte == TLS_HANDSHAKE => {
                self.stage = Stage::Tls(1);
                Verdict::More
            }
            Stage::Tls(1) if byte == 3 => {
                self.stage = Stage::Tls(2);
                Verdict::More
            }
            Stage::Tls(2) if byte <= 4 => Verdict::Refuse(FramingError::TlsHello),
            Stage::Tls(_) => no_frame,
            Stage::First(_) if matches!(mode, Mode::Lf | Mode::Nul) => Verdict::Line,
            Stage::First(_) if mode == Mode::Octet && byte == b'\n' => Verdict::Skip,
            Stage::First(_) | Stage::Count => {
                self.stage = Stage::Count;
                self.count(byte, mode, max_len)
            }
            Stage::Counted(_) if byte != b'<' => no_frame,
            Stage::Counted(count) if count > max_len => Verdict::Refuse(FramingError::CountTooLarge),
            Stage::Counted(count) => Verdict::Octets { count, with_this: true },
        }
    }

    fn count(&mut self, byte: u8, mode: Mode, max_len: usize) -> Verdict {
        let counted = self.count.feed(byte);
        if mode == Mode::Auto {
            return match counted {
                Counted::More => Verdict::More,
                Counted::Complete(count) => {
                    self.stage = Stage::Counted(count);
                    Verdict::More
                }
                Counted::Malformed | Counted::TooManyDigits => Verdict::Line,
            };
        }
        match verdict(&counted, max_len) {
            Ok(None) => Verdict::More,
            Ok(Some(count)) => Verdict::Octets { count, with_this: false },
            Err(error) => Verdict::Refuse(error),
        }
    }
}
