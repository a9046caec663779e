//! RFC 5424 messages (section 6 has the grammar).

use std::borrow::Cow;

use memchr::{memchr, memchr3};
use nom::{
    IResult, Parser,
    bytes::complete::{take_while_m_n, take_while1},
    character::complete::char,
    combinator::verify,
    sequence::{preceded, terminated},
};

use super::{
    envelope::{Envelope, EnvelopeFormat},
    pri::Pri,
};
use crate::{
    defect::{Defect, Defects},
    stamp::{Stamp, scan},
};

/// So many SD-IDs are compared with the later ones; no real message has more, and hostile ones stay cheap.
const MOST_IDS: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// STRUCTURED-DATA as it stands on the line; its elements are read when asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StructuredData<'a> {
    raw: &'a [u8],
}

/// One element: `[id name="value" …]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// SD-ID.
    pub id: &'a [u8],
    params: &'a [u8],
}

impl<'a> StructuredData<'a> {
    /// `-`, or none at all.
    pub const NIL: Self = Self { raw: b"" };

    /// The bytes on the line, empty for NIL.
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Whether there is none.
    pub const fn is_nil(&self) -> bool {
        self.raw.is_empty()
    }

    /// The elements in their order.
    pub fn elements(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut rest = self.raw;
        core::iter::from_fn(move || {
            let (element, behind) = element(rest)?;
            rest = behind;
            Some(element.element)
        })
    }
}

impl<'a> Element<'a> {
    /// Names and values. `\"`, `\\` and `\]` are unescaped; a backslash before anything else is itself (section 6.3.3).
    pub fn params(&self) -> impl Iterator<Item = (&'a [u8], Cow<'a, [u8]>)> + use<'a> {
        let mut rest = self.params;
        core::iter::from_fn(move || {
            let (behind, name) = preceded(blanks, sd_name).parse(rest).ok()?;
            let (_, value, behind) = quoted(behind.strip_prefix(b"=")?)?;
            rest = behind;
            Some((name, unescape(value)))
        })
    }
}

/// The header, the structured data and the message, or `None` where the line is not of this format at all. What only breaks a
/// limit is read, and noted as a defect.
#[inline]
pub(crate) fn read<'a>(body: &'a [u8], pri: Option<Pri>, defects: &mut Defects) -> Option<Envelope<'a>> {
    // VERSION SP, which hardly any line begins with.
    match body {
        [b'1'..=b'9', b' ', ..] | [b'1'..=b'9', _, b' ', ..] | [b'1'..=b'9', _, _, b' ', ..] => {
            message(body, pri, defects)
        }
        _ => None,
    }
}

fn message<'a>(body: &'a [u8], pri: Option<Pri>, defects: &mut Defects) -> Option<Envelope<'a>> {
    let (rest, version) = version(body).ok()?;
    let mut strict = true;
    let (stamp, rest) = stamp(rest, &mut strict)?;
    // Without a PRI only a whole RFC 3339 time tells this format from a line that begins with a number.
    if pri.is_none() && stamp.is_none() {
        return None;
    }
    let mut field = |rest: &'a [u8], limit: usize| -> Option<(Option<&'a [u8]>, &'a [u8])> {
        let rest = rest.strip_prefix(b" ")?;
        let end = memchr(b' ', rest).unwrap_or(rest.len());
        let (value, rest) = rest.split_at(end);
        strict &= value.len() <= limit && value.iter().all(u8::is_ascii_graphic);
        if value.is_empty() {
            return None;
        }
        Some((Some(value).filter(|&value| value != b"-"), rest))
    };
    let (hostname, rest) = field(rest, 255)?;
    let (appname, rest) = field(rest, 48)?;
    let (procid, rest) = field(rest, 128)?;
    let (msgid, rest) = field(rest, 32)?;
    let rest = rest.strip_prefix(b" ")?;
    let (structured_data, sound, rest) =
        structured_data(rest).unwrap_or_else(|| (StructuredData::NIL, false, behind_brackets(rest)));
    if !sound {
        strict = false;
        defects.insert(Defect::StructuredDataMalformed);
    }
    let message = match rest {
        [b' ', message @ ..] => message,
        [] => rest,
        _ => {
            strict = false;
            rest
        }
    };
    if !strict || pri.is_none() {
        defects.insert(Defect::HeaderNotStrict);
    }
    // MSG-UTF8 begins with the mark; where the rest is no UTF-8 after all, the mark stays part of the bytes.
    let unmarked = message.strip_prefix(BYTE_ORDER_MARK).filter(|text| core::str::from_utf8(text).is_ok());
    Some(Envelope {
        format: EnvelopeFormat::Rfc5424,
        pri,
        version: Some(version),
        stamp,
        hostname,
        appname,
        procid,
        msgid,
        structured_data,
        disk: None,
        byte_order_mark: unmarked.is_some(),
        message: unmarked.unwrap_or(message),
        strict,
    })
}

/// VERSION SP: 1–3 digits, not beginning with zero.
fn version(input: &[u8]) -> IResult<&[u8], u16> {
    let digits = verify(take_while_m_n(1, 3, |byte: u8| byte.is_ascii_digit()), |digits: &[u8]| digits[0] != b'0');
    terminated(digits, char(' '))
        .map(|digits: &[u8]| digits.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0')))
        .parse(input)
}

fn stamp<'a>(input: &'a [u8], strict: &mut bool) -> Option<(Option<Stamp>, &'a [u8])> {
    if let Some(rest) = input.strip_prefix(b"-") {
        return Some((None, rest)).filter(|_| rest.first() == Some(&b' '));
    }
    let read = scan::rfc3339(input)?;
    *strict &= read.strict && input.get(10) == Some(&b'T');
    (read.rest.first() == Some(&b' ')).then_some((Some(read.stamp), read.rest))
}

/// The data, whether it keeps every rule, and the rest. `None` where an element does not even close.
fn structured_data(input: &[u8]) -> Option<(StructuredData<'_>, bool, &[u8])> {
    if let Some(rest) = input.strip_prefix(b"-") {
        return Some((StructuredData::NIL, true, rest));
    }
    let mut rest = input;
    let mut sound = true;
    let mut count = 0;
    let mut ids: [&[u8]; MOST_IDS] = [b""; MOST_IDS];
    while rest.first() == Some(&b'[') {
        let (read, behind) = element(rest)?;
        // Section 6.3.2: no SD-ID twice.
        sound &= read.sound && !ids[..count.min(MOST_IDS)].contains(&read.element.id);
        if let Some(id) = ids.get_mut(count) {
            *id = read.element.id;
        }
        count += 1;
        rest = behind;
    }
    if count == 0 {
        return None;
    }
    let raw = &input[..input.len() - rest.len()];
    Some((StructuredData { raw }, sound, rest))
}

struct ReadElement<'a> {
    element: Element<'a>,
    sound: bool,
}

fn element(input: &[u8]) -> Option<(ReadElement<'_>, &[u8])> {
    let (mut rest, id) = preceded(char('['), sd_name).parse(input).ok()?;
    let params = rest;
    let mut sound = is_sd_name(id);
    loop {
        match rest {
            [b']', behind @ ..] => {
                let params = &params[..params.len() - rest.len()];
                return Some((ReadElement { element: Element { id, params }, sound }, behind));
            }
            [b' ', ..] => {
                let (behind, name) = preceded(char(' '), sd_name).parse(rest).ok()?;
                let (clean, value, behind) = quoted(behind.strip_prefix(b"=")?)?;
                sound &= clean && is_sd_name(name) && core::str::from_utf8(value).is_ok();
                rest = behind;
            }
            _ => return None,
        }
    }
}

fn blanks(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(|byte| byte == b' ')(input)
}

/// Any run without the four characters that section 6.3.3 keeps out of names.
fn sd_name(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(|byte| !matches!(byte, b'=' | b' ' | b']' | b'"'))(input)
}

fn is_sd_name(name: &[u8]) -> bool {
    name.len() <= 32 && name.iter().all(u8::is_ascii_graphic)
}

/// A quoted value: whether it has no bare `]`, the value, the rest.
fn quoted(input: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let body = input.strip_prefix(b"\"")?;
    let mut clean = true;
    let mut at = 0;
    loop {
        let found = at + memchr3(b'"', b'\\', b']', &body[at..])?;
        match body[found] {
            b'"' => return Some((clean, &body[..found], &body[found + 1..])),
            b']' => {
                clean = false;
                at = found + 1;
            }
            _ => at = if matches!(body.get(found + 1), Some(b'"' | b'\\' | b']')) { found + 2 } else { found + 1 },
        }
    }
}

fn unescape(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = byte == b'\\' && matches!(bytes.peek(), Some(b'"' | b'\\' | b']'));
        out.push(if escaped { bytes.next().unwrap_or(byte) } else { byte });
    }
    Cow::Owned(out)
}

/// Where structured data cannot be read, the message begins behind its last plausible end.
fn behind_brackets(input: &[u8]) -> &[u8] {
    match (input.first(), memchr::memmem::find(input, b"] ")) {
        (Some(b'['), Some(at)) => &input[at + 1..],
        _ => input,
    }
}
