//! The step that every source shares: a line is triaged and counted, and if it is wanted, parsed into a fact.
//!
//! This is the hot path. A line that nobody wants costs a search for its triplet and a count: no lock, no allocation, no channel.

use super::{DropReason, Limits, Observed, hearing::Ear};
use ccxwatch_alerts::{
    fact::{Channel, Fact, Origin},
    interest::Interest,
};
use ccxwatch_parsers::{parse, triage};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

/// The facts of a batch that is being gathered. Equal lines fold into one.
#[derive(Debug, Default)]
pub(super) struct Facts {
    list: Vec<Fact>,
    /// Where the fact of a line is, by the line's hash. It is keyed and 64 bits wide: nobody makes two lines meet.
    folds: HashMap<u64, usize>,
    keys: RandomState,
    bytes: usize,
    /// The trace record to which the next continuation lines belong.
    open: Option<usize>,
}

impl Facts {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Fact> {
        self.folds.clear();
        self.open = None;
        self.bytes = 0;
        std::mem::take(&mut self.list)
    }

    /// Lines of another stream follow: what comes next continues nothing.
    pub(super) fn close_record(&mut self) {
        self.open = None;
    }

    /// Drops down to so many facts and bytes: license facts stay longest, older ones longer than newer ones. The number dropped,
    /// copies included.
    pub(super) fn shed(&mut self, facts: usize, bytes: usize) -> u64 {
        let mut dropped = self.shed_to(facts);
        while self.bytes > bytes && !self.list.is_empty() {
            dropped += self.shed_to(self.list.len() / 2);
        }
        dropped
    }

    fn shed_to(&mut self, limit: usize) -> u64 {
        let Some(excess) = self.list.len().checked_sub(limit).filter(|excess| *excess > 0) else { return 0 };
        let others = self.list.iter().filter(|fact| fact.license.is_none()).count();
        let mut keep_others = others.saturating_sub(excess);
        let mut keep_license = limit - keep_others;
        let mut dropped = 0;
        self.list.retain(|fact| {
            let left = if fact.license.is_some() { &mut keep_license } else { &mut keep_others };
            let keep = *left > 0;
            *left = left.saturating_sub(1);
            if !keep {
                dropped += u64::from(fact.copies);
            }
            keep
        });
        self.folds.clear();
        self.open = None;
        self.bytes = self.list.iter().map(weight).sum();
        dropped
    }

    fn push(&mut self, fact: Fact, key: u64) -> usize {
        let index = self.list.len();
        self.bytes += weight(&fact);
        self.list.push(fact);
        self.folds.insert(key, index);
        index
    }
}

/// About how many bytes a fact takes.
fn weight(fact: &Fact) -> usize {
    let params: usize = fact.params.iter().map(|(key, value)| key.len() + value.len() + 48).sum();
    size_of::<Fact>() + fact.raw.len() + params
}

/// Where the lines of a block come from, and where they go.
pub(super) struct Block<'a> {
    pub(super) interest: &'a Interest,
    pub(super) limits: &'a Limits,
    pub(super) observed: &'a mut Observed,
    pub(super) facts: &'a mut Facts,
    pub(super) ear: &'a mut Ear,
    pub(super) received_at: Timestamp,
    pub(super) catching_up: bool,
}

impl Block<'_> {
    /// One line, without its terminator. `cut` says that its end was beyond the longest line.
    #[inline]
    pub(super) fn line(&mut self, line: &[u8], cut: bool) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return;
        }
        self.observed.lines += 1;
        if cut {
            self.observed.dropped(DropReason::LineTooLong, 1);
        }
        if self.ear.wants_host() {
            self.learn_host(line);
        } else {
            self.ear.note(None, 1, self.received_at);
        }
        let Some(triage) = triage(line) else {
            self.without_triplet(line);
            return;
        };
        self.observed.events.count(triage.facility, triage.severity);
        self.facts.open = None;
        if self.interest.wants(&triage, line) {
            let is_trace = triage.process.is_some();
            self.wanted(line, is_trace);
        }
    }

    /// The host that this line names, for the liveness of its feed.
    fn learn_host(&mut self, line: &[u8]) {
        let record = parse(line);
        let host = record.event.and_then(|event| event.host).or(record.envelope.hostname);
        self.ear.note(host.and_then(|host| str::from_utf8(host).ok()), 1, self.received_at);
    }

    /// A line without a triplet: the continuation of a trace record, or nothing that is known.
    fn without_triplet(&mut self, line: &[u8]) {
        self.observed.unrecognized += 1;
        let Some(fact) = self.facts.open.and_then(|index| self.facts.list.get_mut(index)) else { return };
        let text = String::from_utf8_lossy(line);
        if text.len() < self.limits.continuation_bytes.saturating_sub(fact.raw.len()) {
            fact.raw.push('\n');
            fact.raw.push_str(&text);
        } else {
            self.facts.open = None;
        }
    }

    #[inline(never)]
    fn wanted(&mut self, line: &[u8], is_trace: bool) {
        self.observed.facts += 1;
        let origin: &Arc<Origin> = &self.ear.origin;
        let key = self.facts.keys.hash_one(line);
        let known = self.facts.folds.get(&key).copied();
        if let Some(fact) = known.and_then(|index| self.facts.list.get_mut(index))
            && fact.origin == **origin
        {
            fact.copies = fact.copies.saturating_add(1);
            return;
        }
        let record = parse(line);
        for defect in record.defects.iter() {
            self.observed.defective(defect);
        }
        let Some(fact) = Fact::from_record(&record, self.received_at, (**origin).clone(), self.catching_up) else {
            return;
        };
        let continues = is_trace && matches!(fact.origin.channel, Channel::File | Channel::Stdin);
        let index = self.facts.push(fact, key);
        self.facts.open = continues.then_some(index);
    }
}
