//! The parameters `%[key=value][key=value]:`.
//!
//! Sources: `CiscoLog` specification for the shape and for the escapes `\[`, `\]`, `\\`. RTMT nests whole messages into a value without
//! escaping them, so brackets are counted; keys hold blanks, dots, slashes and colons; blanks stand around keys and between elements.

use memchr::{memchr, memchr2, memchr3, memmem};

use crate::{
    bytes::{skip_blanks, trim},
    defect::{Defect, Defects},
};

/// A key is never longer than this; limits how far a bracket is followed to tell a key from text.
const LONGEST_KEY: usize = 128;

/// The parameters of a message as they stand on the line. Keys may repeat; values are as printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tags<'a> {
    /// From the first bracket to the end of the line: where a bracket is missing, only the end of the line tells.
    input: &'a [u8],
}

/// What the tags of a message are, and what is behind them.
pub(crate) struct Block<'a> {
    pub(crate) tags: Tags<'a>,
    pub(crate) truncated: Option<(&'a [u8], &'a [u8])>,
    pub(crate) defects: Defects,
    pub(crate) text: &'a [u8],
}

/// Reads the tags at the start of `input`, which is the first `[`.
pub(crate) fn read(input: &[u8]) -> Block<'_> {
    let mut scanner = Scanner::new(input);
    let mut defects = Defects::NONE;
    let mut truncated = None;
    loop {
        match scanner.step() {
            Step::Tag(..) => {}
            Step::Malformed => defects.insert(Defect::TagMalformed),
            Step::Truncated(key, value) => {
                defects.insert(Defect::TagsTruncated);
                truncated = Some((key, value));
                break;
            }
            Step::End => break,
        }
    }
    if scanner.unbalanced {
        defects.insert(Defect::TagsUnbalanced);
    }
    let rest = skip_blanks(scanner.rest);
    let text = skip_blanks(rest.strip_prefix(b":").unwrap_or(rest));
    Block { tags: Tags { input }, truncated, defects, text }
}

/// Whether `input` begins with tags although no `%` introduces them: every element up to the colon has a key and a value.
pub(crate) fn is_bare_block(input: &[u8]) -> bool {
    if input.first() != Some(&b'[') || !starts_with_tag(input) {
        return false;
    }
    let mut scanner = Scanner::new(input);
    loop {
        match scanner.step() {
            Step::Tag(..) => {}
            Step::Malformed | Step::Truncated(..) => return false,
            Step::End => return !scanner.unbalanced && skip_blanks(scanner.rest).first() == Some(&b':'),
        }
    }
}

impl<'a> Tags<'a> {
    /// Keys, trimmed, and values as printed, in their order. A value that the end of the line cuts off is not among them.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut scanner = Scanner::new(self.input);
        core::iter::from_fn(move || scanner.next_tag())
    }

    pub(crate) const fn input(&self) -> &'a [u8] {
        self.input
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.input.is_empty()
    }
}

/// Walks over the elements. It never goes back behind an element, and stops counting brackets for good after they once did not
/// balance, so that no input costs more than a few passes over it.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    rest: &'a [u8],
    unbalanced: bool,
    finished: bool,
}

pub(crate) enum Step<'a> {
    Tag(&'a [u8], &'a [u8]),
    Malformed,
    Truncated(&'a [u8], &'a [u8]),
    End,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self { rest: input, unbalanced: false, finished: false }
    }

    pub(crate) fn step(&mut self) -> Step<'a> {
        let [b'[', inner @ ..] = skip_blanks(self.rest) else { return Step::End };
        if self.finished {
            return Step::End;
        }
        let Some(mark) = memchr2(b'=', b']', inner) else { return self.truncated(inner, b"") };
        if inner[mark] == b']' {
            self.rest = &inner[mark + 1..];
            return Step::Malformed;
        }
        let key = trim(&inner[..mark]);
        let value = &inner[mark + 1..];
        match self.end_of(value) {
            Some(end) => {
                self.rest = &value[end + 1..];
                Step::Tag(key, &value[..end])
            }
            None => self.truncated(key, value),
        }
    }

    /// The next whole tag.
    pub(crate) fn next_tag(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        loop {
            match self.step() {
                Step::Tag(key, value) => return Some((key, value)),
                Step::Malformed => {}
                Step::Truncated(..) | Step::End => return None,
            }
        }
    }

    fn truncated(&mut self, key: &'a [u8], value: &'a [u8]) -> Step<'a> {
        self.rest = b"";
        self.finished = true;
        Step::Truncated(key, value)
    }

    /// Where the closing bracket of a value is.
    fn end_of(&mut self, value: &[u8]) -> Option<usize> {
        if !self.unbalanced {
            match balanced(value) {
                Balance::Closed(end) => return Some(end),
                Balance::ClosedBeforeText(end) => {
                    self.finished = true;
                    return Some(end);
                }
                // A whole nested message was cut: its own tags must not be taken for those of the outer one.
                Balance::Open if memmem::find(value, b"%[").is_some() => return None,
                Balance::Open => self.unbalanced = true,
            }
        }
        next_end(value)
    }
}

enum Balance {
    Closed(usize),
    /// Closed, but neither a tag nor the colon follows anywhere.
    ClosedBeforeText(usize),
    Open,
}

/// Counts brackets. The one that closes the value must have a tag, the colon or the end behind it; else it belongs to the value.
fn balanced(value: &[u8]) -> Balance {
    let mut depth = 1_usize;
    let mut candidate = None;
    let mut at = 0;
    while let Some(found) = memchr3(b'[', b']', b'\\', &value[at..]) {
        let here = at + found;
        at = here + 1;
        match value[here] {
            b'[' => depth += 1,
            b']' if depth > 1 => depth -= 1,
            b']' => {
                if matches!(skip_blanks(&value[at..]), [] | [b'[' | b':', ..]) {
                    return Balance::Closed(here);
                }
                candidate = candidate.or(Some(here));
            }
            _ if matches!(value.get(at), Some(b'[' | b']' | b'\\')) => at += 1,
            _ => {}
        }
    }
    candidate.map_or(Balance::Open, Balance::ClosedBeforeText)
}

/// Without balance: the first bracket behind which a tag with a key, the colon or the end of the line stands.
fn next_end(value: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = memchr(b']', &value[at..]) {
        let here = at + found;
        at = here + 1;
        match skip_blanks(&value[at..]) {
            [] | [b':'] | [b':', b' ', ..] => return Some(here),
            rest if starts_with_tag(rest) => return Some(here),
            _ => {}
        }
    }
    None
}

fn starts_with_tag(input: &[u8]) -> bool {
    let [b'[', inner @ ..] = input else { return false };
    let window = &inner[..inner.len().min(LONGEST_KEY)];
    memchr3(b'=', b'[', b']', window).is_some_and(|mark| mark > 0 && window[mark] == b'=')
}
