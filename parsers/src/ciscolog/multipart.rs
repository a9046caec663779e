//! Long messages in several parts: `%[part=16.1/3]` (`CiscoLog` specification, "multi-part messages").
//!
//! The parts have the same host, time, facility, severity and name, and an increasing sequence number. The state is the caller's, and
//! it is bounded; a message that never becomes whole is pushed out by younger ones.

use crate::{bytes::number, ciscolog::Event};

/// Which part of which message a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The sequence number of the first part.
    pub first: u64,
    /// The part's number, from 1.
    pub index: u16,
    /// How many there are.
    pub count: u16,
}

impl Part {
    /// The part that an event says it is. An impossible one (`0/3`, `4/3`) is none.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        let value = event.param("part")?;
        let (first, rest) = number(&value, 10)?;
        let (index, rest) = number(rest.strip_prefix(b".")?, 4)?;
        let (count, rest) = number(rest.strip_prefix(b"/")?, 4)?;
        let (index, count) = (u16::try_from(index).ok()?, u16::try_from(count).ok()?);
        (rest.is_empty() && index >= 1 && index <= count).then_some(Self { first, index, count })
    }
}

/// How much a [`Reassembly`] may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblyLimits {
    /// Unfinished messages.
    pub messages: usize,
    /// Bytes of one message.
    pub bytes: usize,
    /// Parts of one message.
    pub parts: u16,
}

impl Default for ReassemblyLimits {
    fn default() -> Self {
        Self { messages: 32, bytes: 64 * 1024, parts: 64 }
    }
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reassembled {
    /// Others are missing still.
    Waiting,
    /// The texts of all parts, joined by LF as the specification splits at line breaks.
    Whole(Vec<u8>),
    /// The part, or its message, is beyond a limit, or the part came before.
    Refused,
}

/// Unfinished messages of one source.
#[derive(Clone, Debug, Default)]
pub struct Reassembly {
    limits: ReassemblyLimits,
    unfinished: Vec<Unfinished>,
}

#[derive(Clone, Debug)]
struct Unfinished {
    key: Vec<u8>,
    part: Part,
    texts: Vec<Option<Vec<u8>>>,
    bytes: usize,
}

impl Reassembly {
    /// An empty one.
    pub const fn new(limits: ReassemblyLimits) -> Self {
        Self { limits, unfinished: Vec::new() }
    }

    /// Adds a part. Parts may come in any order.
    pub fn add(&mut self, event: &Event<'_>, part: Part) -> Reassembled {
        if part.count > self.limits.parts {
            return Reassembled::Refused;
        }
        let key = key(event);
        let found = self.unfinished.iter().position(|message| {
            message.key == key && message.part.first == part.first && message.part.count == part.count
        });
        let at = found.unwrap_or_else(|| self.open(key, part));
        let Some(message) = self.unfinished.get_mut(at) else { return Reassembled::Refused };
        let text = event.explanation();
        let slot = &mut message.texts[usize::from(part.index - 1)];
        if slot.is_some() || message.bytes + text.len() > self.limits.bytes {
            return Reassembled::Refused;
        }
        message.bytes += text.len();
        *slot = Some(text.into_owned());
        if message.texts.iter().any(Option::is_none) {
            return Reassembled::Waiting;
        }
        let message = self.unfinished.remove(at);
        Reassembled::Whole(message.texts.into_iter().flatten().collect::<Vec<_>>().join(&b'\n'))
    }

    /// How many messages are unfinished.
    pub fn unfinished(&self) -> usize {
        self.unfinished.len()
    }

    fn open(&mut self, key: Vec<u8>, part: Part) -> usize {
        if self.unfinished.len() >= self.limits.messages.max(1) {
            self.unfinished.remove(0);
        }
        self.unfinished.push(Unfinished { key, part, texts: vec![None; usize::from(part.count)], bytes: 0 });
        self.unfinished.len() - 1
    }
}

/// What parts of one message have in common. Fields are told apart by a byte that none of them holds.
fn key(event: &Event<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    for field in [event.host.unwrap_or_default(), event.process.unwrap_or_default(), event.facility, event.mnemonic] {
        key.extend_from_slice(field);
        key.push(0);
    }
    key.push(event.severity.number());
    if let Some(stamp) = event.stamp {
        key.extend_from_slice(&stamp.nanosecond.to_be_bytes());
        key.extend_from_slice(&[stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second]);
    }
    key
}
