//! What a source counts. It counts locally and hands the sums over once per block.

use super::SourceName;
use ccxwatch_parsers::{defect::Defect, severity::Severity};
use jiff::SignedDuration;
use std::time::Duration;

/// How long sums gather before they are told, where a source is busy: telling costs as much as hundreds of lines do.
pub(super) const TELL_EVERY: Duration = Duration::from_millis(100);

/// Takes sums. Called now and then, so it may lock.
pub trait Observer: Send + Sync {
    /// Adds what `source` counted since its last call.
    fn observe(&self, source: &SourceName, observed: &Observed);

    /// Takes the receive buffer that the kernel granted to `source`, and the one that was asked for, in bytes.
    fn receive_buffer(&self, _source: &SourceName, _granted: usize, _asked: usize) {}
}

/// An observer that forgets: for commands without metrics, and for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&self, _source: &SourceName, _observed: &Observed) {}
}

/// Why something that arrived was not kept. A closed list: each name is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DropReason {
    /// A wanted line over its sender's budget.
    OverBudget,
    /// A fact: the pipeline did not keep up, and what a UDP source keeps aside is bounded.
    QueueFull,
    /// A datagram: the kernel's receive buffer was full.
    KernelBuffer,
    /// A datagram or a connection of a sender that may not speak.
    NotAllowed,
    /// The end of a line beyond the longest one.
    LineTooLong,
    /// A connection above the listener's limit.
    ConnectionLimit,
    /// A connection above its sender's limit.
    SenderConnectionLimit,
    /// A connection that spoke TLS or HTTP.
    NotSyslog,
    /// The rest of a connection whose framing made no sense.
    BadFraming,
    /// The beginning of a counted frame whose connection ended inside it.
    Incomplete,
    /// The rest of a connection whose record took too long.
    SlowSender,
    /// A connection that was silent for too long.
    IdleSender,
}

impl DropReason {
    /// All reasons.
    pub const ALL: [Self; 12] = [
        Self::OverBudget,
        Self::QueueFull,
        Self::KernelBuffer,
        Self::NotAllowed,
        Self::LineTooLong,
        Self::ConnectionLimit,
        Self::SenderConnectionLimit,
        Self::NotSyslog,
        Self::BadFraming,
        Self::Incomplete,
        Self::SlowSender,
        Self::IdleSender,
    ];

    /// Its name as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OverBudget => "over_budget",
            Self::QueueFull => "queue_full",
            Self::KernelBuffer => "kernel_buffer",
            Self::NotAllowed => "not_allowed",
            Self::LineTooLong => "line_too_long",
            Self::ConnectionLimit => "connection_limit",
            Self::SenderConnectionLimit => "sender_connection_limit",
            Self::NotSyslog => "not_syslog",
            Self::BadFraming => "bad_framing",
            Self::Incomplete => "incomplete",
            Self::SlowSender => "slow_sender",
            Self::IdleSender => "idle_sender",
        }
    }
}

/// How far a tail is behind its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Bytes that are there and were not read.
    pub bytes: u64,
    /// Since when it has not been at the end of all its files, on the clock that never steps.
    pub behind_since: Option<SignedDuration>,
}

/// The files of a tail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Those that are followed.
    pub followed: usize,
    /// Those that hold a descriptor.
    pub open: usize,
    /// Those that are not followed because there are too many.
    pub omitted: usize,
}

/// What one source counted since it last told.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Lines.
    pub lines: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// Datagrams or reads.
    pub blocks: u64,
    /// Lines in which no `%FACILITY-SEVERITY-MNEMONIC` was found.
    pub unrecognized: u64,
    /// Wanted lines, copies included.
    pub facts: u64,
    /// Connections that were accepted.
    pub opened: u64,
    /// Accepted connections that ended.
    pub closed: u64,
    /// Times that a connection had to wait because its sender was over its budget.
    pub slowed: u64,
    /// Events by facility, mnemonic and severity.
    pub events: Events,
    /// How far it is behind, where it is a tail.
    pub lag: Option<Lag>,
    /// Its files, where it is a tail.
    pub files: Option<Files>,
    drops: [u64; DropReason::ALL.len()],
    defects: Vec<(Defect, u64)>,
}

impl Observed {
    /// Counts drops.
    pub fn dropped(&mut self, reason: DropReason, count: u64) {
        self.drops[reason as usize] += count;
    }

    /// The drops for one reason.
    pub const fn drops(&self, reason: DropReason) -> u64 {
        self.drops[reason as usize]
    }

    /// Counts a defect.
    pub fn defective(&mut self, defect: Defect) {
        match self.defects.iter_mut().find(|(known, _)| *known == defect) {
            Some((_, count)) => *count += 1,
            None => self.defects.push((defect, 1)),
        }
    }

    /// The defects of wanted lines.
    pub fn defects(&self) -> &[(Defect, u64)] {
        &self.defects
    }

    /// Whether the next block might bring more names than are left: then all is to be told before it.
    pub fn is_crowded(&self) -> bool {
        self.events.used.len() > Events::NAMES - Events::NAMES_OF_BLOCK
    }

    /// Hands everything to the observer and starts again at zero.
    pub fn tell(&mut self, observer: &dyn Observer, source: &SourceName) {
        observer.observe(source, self);
        self.lines = 0;
        self.bytes = 0;
        self.blocks = 0;
        self.unrecognized = 0;
        self.facts = 0;
        self.opened = 0;
        self.closed = 0;
        self.slowed = 0;
        self.drops = [0; DropReason::ALL.len()];
        self.defects.clear();
        self.events.clear();
        self.lag = None;
        self.files = None;
    }
}

/// Events by facility, mnemonic and severity: a small table without allocation per line. What is beyond its bounds counts as
/// `other`.
#[derive(Clone, Debug)]
pub struct Events {
    slots: Vec<Slot>,
    used: Vec<u16>,
    other: [u64; 8],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    facility: u8,
    mnemonic: u8,
    name: [u8; 2 * Events::NAME_BYTES],
    counts: [u64; 8],
}

impl Slot {
    fn key(&self) -> (&[u8], &[u8]) {
        let (facility, rest) = self.name.split_at(usize::from(self.facility));
        (facility, &rest[..usize::from(self.mnemonic)])
    }
}

impl Events {
    /// The longest facility or mnemonic that is told by its name.
    pub const NAME_BYTES: usize = 47;
    /// The most events that are told by name at once.
    pub const NAMES: usize = 256;
    /// Those of them that one block may bring.
    pub const NAMES_OF_BLOCK: usize = 192;
    /// The facility and the mnemonic that stand for all others.
    pub const OTHER: &'static str = "other";
    const SLOTS: usize = 512;
    const EMPTY: Slot = Slot { facility: 0, mnemonic: 0, name: [0; 2 * Self::NAME_BYTES], counts: [0; 8] };

    /// Counts one event.
    pub fn count(&mut self, facility: &[u8], mnemonic: &[u8], severity: Severity) {
        let severity = usize::from(severity.number());
        match self.slot(facility, mnemonic) {
            Some(slot) => slot.counts[severity] += 1,
            None => self.other[severity] += 1,
        }
    }

    /// Every count that is not zero, with facility and mnemonic.
    pub fn iter(&self) -> impl Iterator<Item = ((&str, &str), Severity, u64)> {
        let named = self.used.iter().map(|&at| {
            let slot = &self.slots[usize::from(at)];
            let (facility, mnemonic) = slot.key();
            let name = |bytes| str::from_utf8(bytes).unwrap_or(Self::OTHER);
            ((name(facility), name(mnemonic)), &slot.counts)
        });
        named.chain([((Self::OTHER, Self::OTHER), &self.other)]).flat_map(|(name, counts)| {
            Severity::ALL
                .into_iter()
                .zip(counts.iter().copied())
                .filter(|(_, count)| *count > 0)
                .map(move |(severity, count)| (name, severity, count))
        })
    }

    fn slot(&mut self, facility: &[u8], mnemonic: &[u8]) -> Option<&mut Slot> {
        if facility.is_empty() || facility.len() > Self::NAME_BYTES || mnemonic.len() > Self::NAME_BYTES {
            return None;
        }
        if self.slots.is_empty() {
            self.slots = vec![Self::EMPTY; Self::SLOTS];
        }
        let mut at = hash(facility, mnemonic) % Self::SLOTS;
        loop {
            let slot = &self.slots[at];
            if slot.facility == 0 {
                break;
            }
            if slot.key() == (facility, mnemonic) {
                return Some(&mut self.slots[at]);
            }
            at = (at + 1) % Self::SLOTS;
        }
        if self.used.len() == Self::NAMES || !facility.iter().chain(mnemonic).all(u8::is_ascii_graphic) {
            return None;
        }
        let lengths = (u8::try_from(facility.len()), u8::try_from(mnemonic.len()));
        let ((Ok(of_facility), Ok(of_mnemonic)), Ok(place)) = (lengths, u16::try_from(at)) else { return None };
        self.used.push(place);
        let slot = &mut self.slots[at];
        (slot.facility, slot.mnemonic) = (of_facility, of_mnemonic);
        slot.name[..facility.len()].copy_from_slice(facility);
        slot.name[facility.len()..][..mnemonic.len()].copy_from_slice(mnemonic);
        Some(slot)
    }

    fn clear(&mut self) {
        for at in self.used.drain(..) {
            self.slots[usize::from(at)] = Self::EMPTY;
        }
        self.other = [0; 8];
    }
}

impl Default for Events {
    fn default() -> Self {
        Self { slots: Vec::new(), used: Vec::with_capacity(Self::NAMES), other: [0; 8] }
    }
}

/// A cheap spread of names over the slots: their lengths, and how each begins and ends.
#[inline]
fn hash(facility: &[u8], mnemonic: &[u8]) -> usize {
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    let lengths = ((facility.len() << 8) | mnemonic.len()) as u64;
    let mixed = (ends(facility) ^ ends(mnemonic).rotate_left(31) ^ lengths).wrapping_mul(SPREAD);
    usize::try_from((mixed ^ (mixed >> 29)).wrapping_mul(SPREAD) >> 48).unwrap_or(0)
}

/// The first and the last bytes of a name in one word: whole words where it is long enough.
#[inline]
fn ends(name: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29)
    } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) | (u64::from(u32::from_le_bytes(*last)) << 32)
    } else {
        name.iter().fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_name_within_bounds() {
        let mut events = Events::default();
        for number in 0..300 {
            events.count(format!("FACILITY_{number}").as_bytes(), b"M", Severity::Error);
        }
        events.count(b"FACILITY_3", b"M", Severity::Error);
        events.count(b"FACILITY_3", b"M", Severity::Alert);
        events.count(b"FACILITY_3M", b"", Severity::Notice);
        events.count(&[b'X'; 48], b"M", Severity::Alert);
        events.count(b"X", &[b'M'; 48], Severity::Alert);
        events.count(b"", b"M", Severity::Alert);
        events.count("FÄCILITY".as_bytes(), b"M", Severity::Alert);
        let of = |name: &str, severity: Severity| {
            events.iter().find(|(known, at, _)| known.0 == name && *at == severity).map(|(_, _, count)| count)
        };
        assert_eq!(of("FACILITY_3", Severity::Error), Some(2));
        assert_eq!(of("FACILITY_3", Severity::Alert), Some(1));
        assert_eq!(of("FACILITY_255", Severity::Error), Some(1));
        assert_eq!(of("FACILITY_256", Severity::Error), None);
        assert_eq!(of("FACILITY_3M", Severity::Notice), None, "the table is full");
        assert_eq!(of(Events::OTHER, Severity::Error), Some(44));
        assert_eq!(of(Events::OTHER, Severity::Alert), Some(4));
        events.clear();
        assert_eq!(events.iter().count(), 0);
    }

    #[test]
    fn drop_reasons_are_indexed_in_order() {
        for (at, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
        }
    }
}
