//! The parameters `%[key=value][key=value]:`.
//!
//! Sources: `CiscoLog` specification for the shape and for the escapes `\[`, `\]`, `\\`. RTMT nests whole messages into a value without
//! escaping them, so brackets are counted; keys hold blanks, dots, slashes and colons; blanks stand around keys and between elements.

use memchr::{memchr, memchr3, memmem};

use crate::{
    bytes::{skip_blanks, trim},
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
    /// There are more behind those that are noted.
    more: bool,
    /// Which of the noted values may hold an escape: one bit each, the lowest for the first.
    escaped: u16,
}

/// Where a tag has its `=` and its closing bracket. Its own bracket is right behind that of the tag before.
#[derive(Clone, Copy, Debug)]
struct Note {
    equals: u16,
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
            Step::End => return !scanner.unbalanced && skip_blanks(scanner.rest).first() == Some(&b':'),
        }
    }
}

impl<'a> Tags<'a> {
    /// No tags.
    #[inline]
    pub(crate) const fn none() -> Self {
        Self { input: b"", notes: [Note { equals: 0, end: 0 }; NOTED], noted: 0, more: false, escaped: 0 }
    }

    /// Reads the tags at the start of `input`, which is the first `[`.
    pub(crate) fn read(&mut self, input: &'a [u8], defects: &mut Defects) -> Behind<'a> {
        let mut scanner = Scanner::new(input);
        let mut truncated = None;
        self.input = input;
        // A tag is noted as long as all before it are, and it opens right behind the last.
        let mut noting = true;
        loop {
            while let Some(place) = scanner.plain() {
                noting = noting && self.note(&place);
                self.more |= !noting;
            }
            let behind_last = input.len() - scanner.rest.len();
            match scanner.step() {
                Step::Tag(place) => {
                    // How a tag ends after brackets that did not balance depends on all before it: such are not noted either.
                    noting = noting && place.open == behind_last && !scanner.unbalanced && self.note(&place);
                    self.more |= !noting;
                }
                Step::Malformed => {
                    defects.insert(Defect::TagMalformed);
                    noting = false;
                }
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
        Behind { truncated, text: skip_blanks(rest.strip_prefix(b":").unwrap_or(rest)) }
    }

    /// The tags in their order. A value that the end of the line cuts off is not among them.
    #[inline]
    pub(crate) fn iter(&self) -> TagIter<'_, 'a> {
        let notes = self.notes[..usize::from(self.noted)].iter();
        TagIter { input: self.input, open: 0, notes, escaped: self.escaped, more: self.more, beyond: None }
    }

    /// The first value of a key.
    pub(crate) fn find(&self, same: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
        self.iter().find(|tag| same(tag.key)).map(|tag| tag.value)
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// Notes where a tag stands, if that fits.
    #[inline]
    fn note(&mut self, place: &Place) -> bool {
        let (Ok(end), Some(slot)) = (u16::try_from(place.end), self.notes.get_mut(usize::from(self.noted))) else {
            return false;
        };
        #[expect(clippy::cast_possible_truncation, reason = "it lies before the end, which fits")]
        let equals = place.equals as u16;
        *slot = Note { equals, end };
        if place.escaped {
            self.escaped |= 1 << self.noted;
        }
        self.noted += 1;
        true
    }
}

/// Where a tag stands: its opening bracket, its `=`, and its closing bracket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    open: usize,
    equals: usize,
    end: usize,
    escaped: bool,
}

impl Place {
    #[inline]
    fn tag(self, input: &[u8]) -> Tag<'_> {
        Tag {
            key: trim(&input[self.open + 1..self.equals]),
            value: &input[self.equals + 1..self.end],
            escaped: self.escaped,
        }
    }
}

/// The tags of a message in their order.
#[derive(Clone, Debug)]
pub(crate) struct TagIter<'t, 'a> {
    input: &'a [u8],
    /// Where the next tag opens, if it is noted.
    open: usize,
    notes: core::slice::Iter<'t, Note>,
    escaped: u16,
    more: bool,
    beyond: Option<Scanner<'a>>,
}

impl<'a> Iterator for TagIter<'_, 'a> {
    type Item = Tag<'a>;

    #[expect(clippy::inline_always, reason = "in line it takes half as long, and the compiler thinks it too large")]
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let Some(&Note { equals, end }) = self.notes.next() else {
            return if self.more { self.beyond_notes() } else { None };
        };
        let (equals, end, escaped) = (usize::from(equals), usize::from(end), self.escaped & 1 != 0);
        let place = Place { open: self.open, equals, end, escaped };
        self.open = end + 1;
        self.escaped >>= 1;
        Some(place.tag(self.input))
    }
}

impl<'a> TagIter<'_, 'a> {
    #[cold]
    fn beyond_notes(&mut self) -> Option<Tag<'a>> {
        // Up to here all was balanced, so that the place is all there is to know.
        let scanner =
            self.beyond.get_or_insert_with(|| Scanner { rest: &self.input[self.open..], ..Scanner::new(self.input) });
        scanner.next_tag()
    }
}

/// Walks over the elements. It never goes back behind an element, and stops counting brackets for good after they once did not
/// balance, so that no input costs more than a few passes over it.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    input: &'a [u8],
    /// What is behind the last element.
    rest: &'a [u8],
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
        Self { input, rest: input, unbalanced: false, finished: false }
    }

    /// The next tag, if it is as nearly all are: no brackets or backslashes in it, and another or the colon right behind it.
    #[inline]
    fn plain(&mut self) -> Option<Place> {
        let [b'[', tag @ ..] = self.rest else { return None };
        let key = simd::key_end(tag)?;
        let [b'=', value @ ..] = &tag[key..] else { return None };
        let mut end = simd::value_mark(value)?;
        let escaped = value[end] == b'#';
        while value[end] == b'#' {
            end += 1 + simd::value_mark(&value[end + 1..])?;
        }
        let [b']', behind @ ..] = &value[end..] else { return None };
        if self.unbalanced || !matches!(behind, [b'[' | b':', ..]) {
            return None;
        }
        let open = self.input.len() - self.rest.len();
        let equals = open + 1 + key;
        self.rest = behind;
        Some(Place { open, equals, end: equals + 1 + end, escaped })
    }

    /// The next element.
    pub(crate) fn step(&mut self) -> Step<'a> {
        let rest = skip_blanks(self.rest);
        let [b'[', tag @ ..] = rest else { return Step::End };
        if self.finished {
            return Step::End;
        }
        let Some(key) = simd::key_end(tag) else { return self.truncated(tag, b"") };
        let (key, rest_of_tag) = tag.split_at(key);
        let [b'=', value @ ..] = rest_of_tag else {
            self.rest = &rest_of_tag[1..];
            return Step::Malformed;
        };
        match self.end_of(value) {
            Some((length, escaped)) => {
                let open = self.input.len() - rest.len();
                let equals = open + 1 + key.len();
                self.rest = &value[length + 1..];
                Step::Tag(Place { open, equals, end: equals + 1 + length, escaped })
            }
            None => self.truncated(trim(key), value),
        }
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
        self.rest = &[];
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
    while let Some(found) = simd::value_mark(&value[at..]) {
        let here = at + found;
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
