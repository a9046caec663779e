//! Copies: one event reaches us as the alarm, as the copy that the enterprise parameters send, and in RTMT's alerts about it, in any
//! order and with delays. What was seen of late is remembered, so that an event counts once.
//!
//! A line is known by its node, sequence number, printed time, facility and name, whoever quotes it. An alert of RTMT that quotes no
//! line is known by its text; it is a copy of the alarms that it is about, and they are copies of it, where they happened in the
//! two minutes before it: RTMT looks about every 30 seconds.

use crate::{
    fact::Fact,
    limits::{Limits, bounded},
    now::Now,
    signal::{Change, Signal},
};
use ccxwatch_parsers::stamp::Stamp;
use jiff::{SignedDuration, Timestamp};
use std::{
    borrow::Cow,
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
};

/// How long something is remembered. Elapsed time.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(15);
/// How long before an alert of RTMT its alarm happened at most.
const ALERT_AFTER: SignedDuration = SignedDuration::from_secs(120);
/// How far the clocks of two nodes may differ.
const CLOCKS: SignedDuration = SignedDuration::from_secs(5);
/// Bytes of the text of an alert that tell it from others.
const TEXT_BYTES: usize = 512;

/// What was seen of late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copies {
    /// Lines and alerts of RTMT.
    lines: Remembered<Line>,
    /// What alarms raised, which RTMT may tell again.
    by_alarms: Remembered<Raised>,
    /// What RTMT told, which its alarm may tell again.
    by_rtmt: Remembered<Raised>,
    /// How many were copies.
    pub(crate) folded: u64,
}

/// What was heard of late, the oldest first. Each line is compared with all of it, so that the hashes lie side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Remembered<T> {
    hashes: VecDeque<u64>,
    heard: VecDeque<(SignedDuration, T)>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { hashes: VecDeque::new(), heard: VecDeque::new() }
    }
}

impl<T> Remembered<T> {
    /// Those with this hash.
    fn of(&mut self, hash: u64) -> impl Iterator<Item = &mut T> {
        let (hashes, heard) = (&self.hashes, &mut self.heard);
        let any = hashes.contains(&hash);
        let pairs = hashes.iter().zip(heard).take(if any { usize::MAX } else { 0 });
        pairs.filter(move |(known, _)| **known == hash).map(|(_, (_, one))| one)
    }

    fn push(&mut self, hash: u64, one: T, now: Now) {
        self.hashes.push_back(hash);
        self.heard.push_back((now.elapsed, one));
    }

    /// Forgets what is old, and makes room for one.
    fn forget(&mut self, now: Now, limits: &Limits) {
        while let Some((heard, _)) = self.heard.front()
            && (now.elapsed.saturating_sub(*heard) > REMEMBERED || self.heard.len() >= limits.remembered_copies)
        {
            self.heard.pop_front();
            self.hashes.pop_front();
        }
    }
}

fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// What makes a line itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Line {
    Alarm { sequence: u64, stamp: Stamp, mnemonic: String, facility: String, node: String },
    Alert { name: String, node: String, text: String },
}

/// What was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Raised {
    alert: Cow<'static, str>,
    node: Option<String>,
    instance: Instance,
    at: Timestamp,
    met: bool,
}

type Instance = Vec<(Cow<'static, str>, String)>;

/// What raised an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// An alarm, or a line that quotes it.
    Alarm,
    /// An alert of RTMT that quotes no line.
    Rtmt,
}

impl By {
    fn of(fact: &Fact) -> Self {
        if fact.rtmt.as_ref().is_some_and(|alert| !alert.quotes) { Self::Rtmt } else { Self::Alarm }
    }
}

impl Copies {
    /// Whether a line was seen already. `node`: the configured node, where it is known.
    pub(crate) fn is_copy(&mut self, fact: &Fact, node: Option<&str>, now: Now, limits: &Limits) -> bool {
        let Some(line) = Line::of_fact(fact, node) else { return false };
        self.lines.forget(now, limits);
        let hash = hash_of(&line);
        if self.lines.of(hash).any(|seen| *seen == line) {
            self.folded += 1;
            return true;
        }
        self.lines.push(hash, line, now);
        false
    }

    /// Whether a raise tells what another raise told already: the alarm what RTMT told of it, or RTMT what the alarm told. Each
    /// raise stands for one other, so that what RTMT counted, and what was lost on its way here, adds up.
    pub(crate) fn is_told(&mut self, signal: &Signal, fact: &Fact, at: Timestamp, now: Now, limits: &Limits) -> bool {
        if signal.change != Change::Raise {
            return false;
        }
        let by = By::of(fact);
        let (same, others) = match by {
            By::Alarm => (&mut self.by_alarms, &mut self.by_rtmt),
            By::Rtmt => (&mut self.by_rtmt, &mut self.by_alarms),
        };
        same.forget(now, limits);
        others.forget(now, limits);
        let hash = hash_of(&(&signal.alert, &signal.node));
        if others.of(hash).any(|raised| raised.meets(signal, by, at)) {
            self.folded += 1;
            return true;
        }
        let raised = Raised {
            alert: signal.alert.clone(),
            node: signal.node.clone(),
            instance: signal.instance.clone(),
            at,
            met: false,
        };
        same.push(hash, raised, now);
        false
    }
}

impl Line {
    /// What makes a line itself; `None` where it has no sequence number or no time.
    fn of_fact(fact: &Fact, node: Option<&str>) -> Option<Self> {
        let node = node.or(fact.node_id.as_deref()).or(fact.host.as_deref()).unwrap_or_default().to_owned();
        match &fact.rtmt {
            Some(alert) if !alert.quotes => {
                let detail = fact.param("AlertDetail").or_else(|| fact.param("Detail"));
                let text = plain(detail.unwrap_or(&fact.raw));
                Some(Self::Alert { name: alert.name.clone(), node, text })
            }
            _ => Some(Self::Alarm {
                node,
                sequence: fact.sequence?,
                stamp: fact.stamp?,
                facility: fact.facility.clone(),
                mnemonic: fact.mnemonic.clone(),
            }),
        }
    }
}

impl Raised {
    /// Whether this raise told a signal `by` the other way already, and no other one before.
    fn meets(&mut self, signal: &Signal, by: By, at: Timestamp) -> bool {
        if self.met || self.alert != signal.alert || self.node != signal.node {
            return false;
        }
        let (rtmt, alarm, rtmt_at, alarm_at) = match by {
            By::Rtmt => (&signal.instance, &self.instance, at, self.at),
            By::Alarm => (&self.instance, &signal.instance, self.at, at),
        };
        let before = alarm_at.duration_until(rtmt_at);
        // RTMT may leave out what tells instances apart.
        self.met = rtmt.iter().all(|pair| alarm.contains(pair)) && before >= -CLOCKS && before <= ALERT_AFTER;
        self.met
    }
}

/// A text without the differences between its ways here: line breaks are blanks in the alert log.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    bounded(&words.join(" "), TEXT_BYTES).to_owned()
}
