//! An EXCEPTION record belongs to the record before it (CUCM Troubleshooting Guide: sequence 101 and 102, 1683 and 1684).

use crate::ciscolog::Event;

/// How many heads back a predecessor is looked for.
const REMEMBERED: usize = 16;

/// Remembers the last heads of one file and finds the predecessor of an EXCEPTION: the record with the sequence number before, of the
/// same process and facility. `T` is whatever the caller knows a record by.
#[derive(Clone, Debug)]
pub struct ExceptionLinker<T> {
    heads: [Option<Seen<T>>; REMEMBERED],
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Seen<T> {
    sequence: u64,
    facility: u64,
    record: T,
}

impl<T: Copy> Default for ExceptionLinker<T> {
    fn default() -> Self {
        Self { heads: [const { None }; REMEMBERED], next: 0 }
    }
}

impl<T: Copy> ExceptionLinker<T> {
    /// Notes a head. For an EXCEPTION the answer is the record that it belongs to, or `None` where that is not among the last heads.
    pub fn note(&mut self, event: &Event<'_>, record: T) -> Option<T> {
        let sequence = event.sequence?;
        let facility = fingerprint(event);
        let predecessor = if event.mnemonic == b"EXCEPTION" { sequence.checked_sub(1) } else { None };
        let linked = predecessor.and_then(|before| {
            let seen = self.heads.iter().flatten().find(|seen| seen.sequence == before && seen.facility == facility)?;
            Some(seen.record)
        });
        self.heads[self.next] = Some(Seen { sequence, facility, record });
        self.next = (self.next + 1) % REMEMBERED;
        linked
    }
}

/// FNV-1a over process and facility: enough to tell the facilities of one file apart without keeping their names.
fn fingerprint(event: &Event<'_>) -> u64 {
    let process = event.process.unwrap_or_default();
    process
        .iter()
        .chain(b"-")
        .chain(event.facility)
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
