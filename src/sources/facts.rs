//! The facts of a batch that is being gathered: equal lines fold into one, and where there are too many, every sender keeps its
//! share.

use ccxwatch_alerts::fact::{Fact, Origin};
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

/// The facts of a batch that is being gathered.
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

/// The hash of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key(u64);

impl Facts {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn take(&mut self) -> Vec<Fact> {
        self.folds.clear();
        self.open = None;
        self.bytes = 0;
        std::mem::take(&mut self.list)
    }

    pub(super) fn key(&self, line: &[u8]) -> Key {
        Key(self.keys.hash_one(line))
    }

    /// Counts a copy of a line that is already there from this origin.
    pub(super) fn fold(&mut self, key: Key, origin: &Origin) -> bool {
        let known = self.folds.get(&key.0).and_then(|index| self.list.get_mut(*index));
        match known.filter(|fact| fact.origin == *origin) {
            Some(fact) => {
                fact.copies = fact.copies.saturating_add(1);
                true
            }
            None => false,
        }
    }

    /// Adds a fact. `continues`: the next lines may belong to it.
    pub(super) fn push(&mut self, fact: Fact, key: Key, continues: bool) {
        let index = self.list.len();
        self.bytes += weight(&fact);
        self.list.push(fact);
        self.folds.insert(key.0, index);
        self.open = continues.then_some(index);
    }

    /// What comes next continues nothing.
    #[inline]
    pub(super) fn close_record(&mut self) {
        self.open = None;
    }

    /// Adds a continuation line to the open record, where there is one, up to so many bytes of the record.
    pub(super) fn continue_record(&mut self, line: &[u8], limit: usize) {
        let Some(fact) = self.open.and_then(|index| self.list.get_mut(index)) else { return };
        let text = String::from_utf8_lossy(line);
        if text.len() < limit.saturating_sub(fact.raw.len()) {
            self.bytes += text.len() + 1;
            fact.raw.push('\n');
            fact.raw.push_str(&text);
        } else {
            self.open = None;
        }
    }

    /// Drops down to so many facts and bytes: license facts stay longest, no sender takes the place of another, and older ones stay
    /// longer than newer ones. The number dropped, copies included.
    pub(super) fn shed(&mut self, facts: usize, bytes: usize) -> u64 {
        let mut dropped = self.shed_to(facts);
        while self.bytes > bytes && !self.list.is_empty() {
            dropped += self.shed_to(self.list.len() / 2);
        }
        dropped
    }

    fn shed_to(&mut self, limit: usize) -> u64 {
        if self.list.len() <= limit {
            return 0;
        }
        let mut counts: [HashMap<Option<IpAddr>, usize>; 2] = Default::default();
        for fact in &self.list {
            *counts[rank(fact)].entry(fact.origin.sender).or_default() += 1;
        }
        let license_facts: usize = counts[0].values().sum();
        let limits = [license_facts.min(limit), limit - license_facts.min(limit)];
        let mut shares = [Shares::new(&counts[0], limits[0]), Shares::new(&counts[1], limits[1])];
        let mut dropped = 0;
        self.list.retain(|fact| {
            let keep = shares[rank(fact)].takes(fact.origin.sender);
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
}

/// License facts come first.
fn rank(fact: &Fact) -> usize {
    usize::from(fact.license.is_none())
}

/// About how many bytes a fact takes.
fn weight(fact: &Fact) -> usize {
    let params: usize = fact.params.iter().map(|(key, value)| key.len() + value.len() + 48).sum();
    size_of::<Fact>() + fact.raw.len() + params
}

/// A limit that senders share: what one of them does not need is for the others.
struct Shares {
    share: usize,
    /// What is left over when all have their share.
    extra: usize,
    taken: HashMap<Option<IpAddr>, usize>,
}

impl Shares {
    fn new(counts: &HashMap<Option<IpAddr>, usize>, limit: usize) -> Self {
        let mut ascending: Vec<usize> = counts.values().copied().collect();
        ascending.sort_unstable();
        let mut left = limit;
        let mut share = limit;
        for (at, count) in ascending.iter().enumerate() {
            share = left / (ascending.len() - at);
            if *count > share {
                break;
            }
            left -= count;
            share = limit;
        }
        let used: usize = ascending.iter().map(|count| (*count).min(share)).sum();
        Self { share, extra: limit.saturating_sub(used), taken: HashMap::new() }
    }

    fn takes(&mut self, sender: Option<IpAddr>) -> bool {
        let taken = self.taken.entry(sender).or_default();
        *taken += 1;
        if *taken <= self.share {
            return true;
        }
        let is_extra = self.extra > 0;
        self.extra = self.extra.saturating_sub(1);
        is_extra
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ccxwatch_alerts::fact::Channel;
    use ccxwatch_parsers::parse;
    use jiff::Timestamp;

    const LICENSE: &str = "UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE";
    const OTHER: &str = "MIVR-SS_TEL-3-UNABLE_REGISTER_CTIPORT";

    fn add(facts: &mut Facts, sender: u8, what: &str, count: usize) {
        for number in 0..count {
            let line = format!("{number}: ucx{sender}: Nov 24 2026 10:45:00.000 UTC : %{what}: %[NodeID=ucx1]: text");
            let origin = Origin {
                channel: Channel::Udp,
                sender: Some([10, 0, 0, sender].into()),
                source: "udp".into(),
                node: None,
            };
            let key = facts.key(line.as_bytes());
            if !facts.fold(key, &origin) {
                let record = parse(line.as_bytes());
                for fact in Fact::of_record(&record, Timestamp::UNIX_EPOCH, origin, false) {
                    facts.push(fact, key, false);
                }
            }
        }
    }

    /// Facts and copies by sender, license facts and others.
    fn kept(facts: &Facts, sender: u8) -> [usize; 2] {
        let mut kept = [0; 2];
        for fact in facts.list.iter().filter(|fact| fact.origin.sender == Some([10, 0, 0, sender].into())) {
            kept[rank(fact)] += fact.copies as usize;
        }
        kept
    }

    #[test]
    fn license_facts_stay_and_senders_share_the_rest() {
        let mut facts = Facts::default();
        add(&mut facts, 1, OTHER, 100);
        add(&mut facts, 2, OTHER, 3);
        add(&mut facts, 3, LICENSE, 5);
        add(&mut facts, 4, OTHER, 40);
        assert_eq!(facts.shed(1000, usize::MAX), 0);
        assert_eq!(facts.shed(28, usize::MAX), 148 - 28);
        assert_eq!([1, 2, 3, 4].map(|sender| kept(&facts, sender)), [[0, 10], [0, 3], [5, 0], [0, 10]]);
        assert_eq!(facts.list[0].sequence, Some(0), "older ones stay");
    }

    #[test]
    fn of_license_facts_too_each_sender_keeps_its_share() {
        let mut facts = Facts::default();
        add(&mut facts, 1, LICENSE, 50);
        add(&mut facts, 2, LICENSE, 2);
        add(&mut facts, 3, OTHER, 2);
        assert_eq!(facts.shed(10, usize::MAX), 44);
        assert_eq!([1, 2, 3].map(|sender| kept(&facts, sender)), [[8, 0], [2, 0], [0, 0]]);
    }

    #[test]
    fn copies_fold_and_bytes_are_bounded() {
        let mut facts = Facts::default();
        add(&mut facts, 1, LICENSE, 1);
        add(&mut facts, 1, LICENSE, 1);
        add(&mut facts, 2, LICENSE, 1);
        assert_eq!((facts.list.len(), kept(&facts, 1)), (2, [2, 0]));
        add(&mut facts, 3, OTHER, 200);
        let before = facts.bytes;
        assert!(facts.shed(1000, before / 2) >= 100);
        assert!(facts.bytes <= before / 2);
        assert_eq!((kept(&facts, 1), kept(&facts, 2)), ([2, 0], [1, 0]));
    }
}
