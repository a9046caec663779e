//! The body of an alert, which RTMT also sends as e-mail and writes into its alert log.
//!
//! Sources: bodies quoted in Cisco support documents 217518 and 200410, in Splunk Connect for Syslog and in Centreon's plug-in. Four
//! shapes are known; dates are Java's `Date.toString`.

use memchr::{memchr, memmem};

use crate::{
    Record,
    bytes::{skip_blanks, trim, word},
    parse,
    severity::Severity,
    stamp::{Stamp, scan},
};

/// Which of the known shapes a body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `At <date> on node <node>, the following <name> events generated:` and keys with values.
    Events,
    /// The same for `SyslogSeverityMatchFound`: it quotes whole syslog lines.
    SyslogMatch,
    /// A copy of an alarm: `<name>AlarmMessage : …` and `The alarm is generated on <date>.`
    AlarmCopy,
    /// A counter beyond its threshold: a sentence and `The alert is generated on <date> on node <node>.`
    Counter,
    /// None of these.
    Other,
}

/// A body. Everything is borrowed from its text.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    text: &'a [u8],
}

/// A syslog line that an alert quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedEvent<'a> {
    /// The severity that RTMT matched.
    pub severity: Option<Severity>,
    /// The line.
    pub line: &'a [u8],
}

impl<'a> MatchedEvent<'a> {
    /// The quoted line as a record of its own.
    pub fn record(&self) -> Record<'a> {
        parse(self.line)
    }
}

impl<'a> Body<'a> {
    /// A body with its line breaks restored ([`super::Alert::detail`]), or flattened as in the alert log and in mail subjects.
    pub fn read(text: &'a [u8]) -> Self {
        Self { text: skip_blanks(text) }
    }

    /// The text.
    pub const fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        let has = |needle: &[u8]| memmem::find(self.text, needle).is_some();
        if has(b"SeverityMatch : ") || has(b"SeverityMatch - ") || has(b"MatchedEvent : ") {
            Shape::SyslogMatch
        } else if self.text.starts_with(b"At ") && has(b" events generated") {
            Shape::Events
        } else if has(b"The alarm is generated on ") {
            Shape::AlarmCopy
        } else if has(b"The alert is generated on ") {
            Shape::Counter
        } else {
            Shape::Other
        }
    }

    /// When it happened, as the body says.
    pub fn stamp(&self) -> Option<Stamp> {
        let start = match self.text.strip_prefix(b"At ") {
            Some(rest) => rest,
            None => &self.text[memmem::rfind(self.text, b" is generated on ")? + b" is generated on ".len()..],
        };
        scan::java_date(skip_blanks(start)).map(|(stamp, _)| stamp)
    }

    /// The affected node: the one in the sentence, else the `NodeID` of the copied alarm.
    pub fn node(&self) -> Option<&'a [u8]> {
        let sentence = match self.text.strip_prefix(b"At ") {
            Some(rest) => memmem::find(rest, b" on node ").map(|at| &rest[at + 9..]),
            None => memmem::rfind(self.text, b" on node ").map(|at| &self.text[at + 9..]),
        };
        let named = sentence.map(|rest| {
            let (node, _) = word(rest);
            let end = memchr(b',', node).or_else(|| memchr(b'\n', node)).unwrap_or(node.len());
            node[..end].strip_suffix(b".").unwrap_or(&node[..end])
        });
        named.or_else(|| self.value(b"NodeID")).filter(|node| !node.is_empty())
    }

    /// `Key : Value` of each line, in order. In a flattened body the four keys that end a copied alarm are told apart by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.text;
        let flat = memchr(b'\n', self.text).is_none();
        core::iter::from_fn(move || {
            loop {
                if rest.is_empty() {
                    return None;
                }
                let end = if flat { next_flat_key(rest) } else { memchr(b'\n', rest) };
                let (line, behind) = match end {
                    Some(at) => (&rest[..at], &rest[at + 1..]),
                    None => (rest, &b""[..]),
                };
                rest = behind;
                if let Some(pair) = pair(line) {
                    return Some(pair);
                }
            }
        })
    }

    /// The first value of a key.
    pub fn value(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.pairs().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The quoted syslog lines, in order.
    pub fn matches(&self) -> Matches<'a> {
        Matches { rest: self.text }
    }
}

/// Where one of the last keys of a flattened body starts; the blank before it is the separator.
fn next_flat_key(text: &[u8]) -> Option<usize> {
    const KEYS: [&[u8]; 4] = [b" AppID :", b" ClusterID :", b" NodeID :", b" TimeStamp :"];
    KEYS.iter().filter_map(|key| memmem::find(text, key)).min()
}

fn pair(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, value) = match memmem::find(line, b" : ") {
        Some(at) => (&line[..at], &line[at + 3..]),
        None => (line.strip_suffix(b" :")?, &b""[..]),
    };
    let (key, value) = (trim(key), trim(value));
    (!key.is_empty()).then_some((key, value))
}

/// The quoted lines of a body.
#[derive(Clone, Debug)]
pub struct Matches<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Matches<'a> {
    type Item = MatchedEvent<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = memmem::find(self.rest, b"SeverityMatch ")?;
        let behind = &self.rest[at + b"SeverityMatch ".len()..];
        // 8.x: `SeverityMatch - Critical <line>`, the next one right behind it.
        if let Some(behind) = behind.strip_prefix(b"- ") {
            let (name, line) = word(behind);
            let end = memmem::find(line, b" SeverityMatch - ").unwrap_or(line.len());
            self.rest = &line[end..];
            return Some(MatchedEvent { severity: Severity::from_word(name), line: trim(&line[..end]) });
        }
        let behind = skip_blanks(behind.strip_prefix(b":").unwrap_or(behind));
        let (name, _) = word(&behind[..memchr(b'\n', behind).unwrap_or(behind.len())]);
        let severity = Severity::from_word(name);
        let start = memmem::find(behind, b"MatchedEvent : ").map(|at| at + b"MatchedEvent : ".len());
        let Some(start) = start else {
            self.rest = b"";
            return None;
        };
        let line = &behind[start..];
        let end =
            memchr(b'\n', line).or_else(|| memmem::find(line, b" AppID : Cisco Syslog Agent")).unwrap_or(line.len());
        self.rest = &line[end..];
        Some(MatchedEvent { severity, line: trim(&line[..end]) })
    }
}
