//! The parameters `%[key=value][key=value]:`.
//!
//! Sources: `CiscoLog` specification for the shape and for the escapes `\[`, `\]`, `\\`. RTMT nests whole messages into a value without
//! escaping them, so brackets are counted; keys hold blanks, dots, slashes and colons; blanks stand around keys and between elements.

use memchr::{memchr, memchr3, memmem};

use crate::{
    bytes::{is_blank, skip_blanks, trim},
    defect::{Defect, Defects},
    simd,
};

/// A key is never longer than this; limits how far a bracket is followed to tell a key from text.
const LONGEST_KEY: usize = 128;

/// Where so many tags stand is noted while the end of the block is looked for; of the others it is found out again when asked for.
const NOTED: usize = 16;

/// The parameters of a message as they stand on the line. Keys may repeat; values are as printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tags<'a> {
    /// From the first bracket to the end of the line: where a bracket is missing, only the end of the line tells.
    input: &'a [u8],
    notes: [Note; NOTED],
    noted: u8,
    /// There are more than could be noted.
    more: bool,
    /// Which of the noted values may hold an escape: one bit each, the lowest for the first.
    escaped: u16,
}

/// Offsets of one tag. Short ones are enough: what lies further is not noted.
#[derive(Clone, Copy, Debug)]
struct Note {
    key: u16,
    key_end: u16,
    value: u16,
    end: u16,
}

/// One tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    /// The value holds a character that may begin an escape.
    pub(crate) escaped: bool,
}

/// What is behind the tags of a message.
pub(crate) struct Behind<'a> {
    /// The tag that the end of the line cuts off.
    pub(crate) truncated: Option<(&'a [u8], &'a [u8])>,
    pub(crate) text: &'a [u8],
}

/// Whether `input` begins with tags although no `%` introduces them: every element up to the colon has a key and a value.
pub(crate) fn is_bare_block(input: &[u8]) -> bool {
    if input.first() != Some(&b'[') || !starts_with_tag(input) {
        return false;
    }
    let mut scanner = Scanner::new(input);
    loop {
        match scanner.step() {
            Step::Tag(_) => {}
            Step::Malformed | Step::Truncated(..) => return false,
            Step::End => return !scanner.unbalanced && skip_blanks(&input[scanner.at..]).first() == Some(&b':'),
        }
    }
}

impl<'a> Tags<'a> {
    /// No tags.
    pub(crate) const NONE: Self = Self {
        input: b"",
        notes: [Note { key: 0, key_end: 0, value: 0, end: 0 }; NOTED],
        noted: 0,
        more: false,
        escaped: 0,
    };

    /// Reads the tags at the start of `input`, which is the first `[`.
    pub(crate) fn read(&mut self, input: &'a [u8], defects: &mut Defects) -> Behind<'a> {
        let mut scanner = Scanner::new(input);
        let mut truncated = None;
        self.input = input;
        loop {
            while let Some(place) = scanner.plain() {
                self.note(&place);
            }
            match scanner.step() {
                Step::Tag(place) => self.note(&place),
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
        let rest = skip_blanks(&input[scanner.at..]);
        Behind { truncated, text: skip_blanks(rest.strip_prefix(b":").unwrap_or(rest)) }
    }

    /// The tags in their order. A value that the end of the line cuts off is not among them.
    #[inline]
    pub(crate) fn iter(&self) -> TagIter<'_, 'a> {
        TagIter { tags: self, notes: self.noted().iter(), escaped: self.escaped, beyond: None }
    }

    /// The first value of a key.
    pub(crate) fn find(&self, same: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
        self.iter().find(|tag| same(tag.key)).map(|tag| tag.value)
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    #[inline]
    fn noted(&self) -> &[Note] {
        &self.notes[..usize::from(self.noted)]
    }

    #[inline]
    fn note(&mut self, place: &Place) {
        match (place.short(), self.notes.get_mut(usize::from(self.noted))) {
            (Some(note), Some(slot)) if !self.more => {
                *slot = note;
                self.escaped |= u16::from(place.escaped) << self.noted;
                self.noted += 1;
            }
            _ => self.more = true,
        }
    }
}

/// Where a tag stands: its key, without the blanks around it, and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    key: usize,
    key_end: usize,
    value: usize,
    end: usize,
    escaped: bool,
}

impl Place {
    #[inline]
    fn tag(self, input: &[u8]) -> Tag<'_> {
        Tag { key: &input[self.key..self.key_end], value: &input[self.value..self.end], escaped: self.escaped }
    }

    #[inline]
    fn short(&self) -> Option<Note> {
        let end = u16::try_from(self.end).ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "the others lie before the end, which fits")]
        let [key, key_end, value] = [self.key as u16, self.key_end as u16, self.value as u16];
        Some(Note { key, key_end, value, end })
    }
}

/// The tags of a message in their order.
#[derive(Clone, Debug)]
pub(crate) struct TagIter<'t, 'a> {
    tags: &'t Tags<'a>,
    notes: core::slice::Iter<'t, Note>,
    escaped: u16,
    beyond: Option<Scanner<'a>>,
}

impl<'a> Iterator for TagIter<'_, 'a> {
    type Item = Tag<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Some(&Note { key, key_end, value, end }) = self.notes.next() else {
            return if self.tags.more { self.beyond_notes() } else { None };
        };
        let escaped = self.escaped & 1 != 0;
        self.escaped >>= 1;
        let place = Place { key: key.into(), key_end: key_end.into(), value: value.into(), end: end.into(), escaped };
        Some(place.tag(self.tags.input))
    }
}

impl<'a> TagIter<'_, 'a> {
    #[cold]
    fn beyond_notes(&mut self) -> Option<Tag<'a>> {
        let tags = self.tags;
        let scanner = self.beyond.get_or_insert_with(|| {
            let mut scanner = Scanner::new(tags.input);
            for _ in tags.noted() {
                scanner.next_tag();
            }
            scanner
        });
        scanner.next_tag()
    }
}

/// Walks over the elements. It never goes back behind an element, and stops counting brackets for good after they once did not
/// balance, so that no input costs more than a few passes over it.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    input: &'a [u8],
    at: usize,
    unbalanced: bool,
    finished: bool,
}

pub(crate) enum Step<'a> {
    Tag(Place),
    Malformed,
    Truncated(&'a [u8], &'a [u8]),
    End,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0, unbalanced: false, finished: false }
    }

    /// The next tag, if it is as nearly all are: no brackets or backslashes in it, and another or the colon right behind it.
    #[inline]
    fn plain(&mut self) -> Option<Place> {
        if self.input.get(self.at) != Some(&b'[') || self.unbalanced {
            return None;
        }
        let key = self.at + 1;
        let equals = simd::key_end(self.input, key)?;
        if self.input[equals] != b'=' {
            return None;
        }
        let mut end = simd::value_mark(self.input, equals + 1)?;
        let escaped = self.input[end] == b'#';
        while self.input[end] == b'#' {
            end = simd::value_mark(self.input, end + 1)?;
        }
        if self.input[end] != b']' || !matches!(self.input.get(end + 1), Some(b'[' | b':')) {
            return None;
        }
        self.at = end + 1;
        Some(self.place(key, equals, end, escaped))
    }

    pub(crate) fn step(&mut self) -> Step<'a> {
        let rest = skip_blanks(&self.input[self.at..]);
        if self.finished || rest.first() != Some(&b'[') {
            return Step::End;
        }
        let key = self.input.len() - rest.len() + 1;
        let Some(mark) = simd::key_end(self.input, key) else { return self.truncated(&self.input[key..], b"") };
        if self.input[mark] == b']' {
            self.at = mark + 1;
            return Step::Malformed;
        }
        let value = &self.input[mark + 1..];
        match self.end_of(value) {
            Some((length, escaped)) => {
                let end = mark + 1 + length;
                self.at = end + 1;
                Step::Tag(self.place(key, mark, end, escaped))
            }
            None => self.truncated(trim(&self.input[key..mark]), value),
        }
    }

    #[inline]
    fn place(&self, key: usize, equals: usize, end: usize, escaped: bool) -> Place {
        let (mut from, mut to) = (key, equals);
        while from < to && is_blank(self.input[from]) {
            from += 1;
        }
        while from < to && is_blank(self.input[to - 1]) {
            to -= 1;
        }
        Place { key: from, key_end: to, value: equals + 1, end, escaped }
    }

    /// The next whole tag.
    pub(crate) fn next_tag(&mut self) -> Option<Tag<'a>> {
        loop {
            match self.step() {
                Step::Tag(place) => return Some(place.tag(self.input)),
                Step::Malformed => {}
                Step::Truncated(..) | Step::End => return None,
            }
        }
    }

    fn truncated(&mut self, key: &'a [u8], value: &'a [u8]) -> Step<'a> {
        self.at = self.input.len();
        self.finished = true;
        Step::Truncated(key, value)
    }

    /// Where the closing bracket of a value is, and whether the value may hold an escape.
    fn end_of(&mut self, value: &[u8]) -> Option<(usize, bool)> {
        if !self.unbalanced {
            match balanced(value) {
                Balance::Closed(end, escaped) => return Some((end, escaped)),
                Balance::ClosedBeforeText(end) => {
                    self.finished = true;
                    return Some((end, true));
                }
                // A whole nested message was cut: its own tags must not be taken for those of the outer one.
                Balance::Open if memmem::find(value, b"%[").is_some() => return None,
                Balance::Open => self.unbalanced = true,
            }
        }
        next_end(value).map(|end| (end, true))
    }
}

enum Balance {
    Closed(usize, bool),
    /// Closed, but neither a tag nor the colon follows anywhere.
    ClosedBeforeText(usize),
    Open,
}

/// Counts brackets. The one that closes the value must have a tag, the colon or the end behind it; else it belongs to the value.
fn balanced(value: &[u8]) -> Balance {
    let mut depth = 1_usize;
    let mut candidate = None;
    let mut escaped = false;
    let mut at = 0;
    while let Some(here) = simd::value_mark(value, at) {
        at = here + 1;
        match value[here] {
            b'#' => escaped = true,
            b'[' => depth += 1,
            b']' if depth > 1 => depth -= 1,
            b']' => {
                if matches!(skip_blanks(&value[at..]), [] | [b'[' | b':', ..]) {
                    return Balance::Closed(here, escaped);
                }
                candidate = candidate.or(Some(here));
            }
            _ => {
                escaped = true;
                at += usize::from(matches!(value.get(at), Some(b'[' | b']' | b'\\')));
            }
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
