//! Reading of printed times.
//!
//! Sources: RFC 3164 section 4.1.2, RFC 5424 section 6.2.3, `CiscoLog` specification (Managed Services Guide 12.5) "timestamp",
//! Cisco IOS `service timestamps`, Java's `Date.toString`, and lines of CUCM 8 to 15.

pub(crate) use super::civil::{civil, may_begin};
use super::{
    Accuracy, Stamp, Zone,
    digits::{decimal_fraction, fixed, short, tag},
};
use crate::bytes::{number, skip_blanks, skip_some_blanks};

/// A time by RFC 3339, and whether it also keeps the stricter rules of RFC 5424 section 6.2.3.
pub(crate) struct Rfc3339<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) strict: bool,
    pub(crate) rest: &'a [u8],
}

/// `2003-10-11T22:14:15.003Z`. RFC 5424 wants upper case letters, at most six digits of fraction and no leap second.
pub(crate) fn rfc3339(input: &[u8]) -> Option<Rfc3339<'_>> {
    let mut strict = true;
    let (year, rest) = fixed(input, 4)?;
    let (month, rest) = fixed(tag(rest, b'-')?, 2)?;
    let (day, rest) = fixed(tag(rest, b'-')?, 2)?;
    let rest = match rest {
        [b'T', rest @ ..] => rest,
        [b't' | b' ', rest @ ..] => {
            strict = false;
            rest
        }
        _ => return None,
    };
    let (hour, rest) = fixed(rest, 2)?;
    let (minute, rest) = fixed(tag(rest, b':')?, 2)?;
    let (second, rest) = fixed(tag(rest, b':')?, 2)?;
    let (nanosecond, digits, rest) = match rest {
        [b'.', rest @ ..] => decimal_fraction(rest)?,
        _ => (0, 1, rest),
    };
    strict &= digits <= 6 && hour < 24 && second < 60;
    let (zone, rest) = match rest {
        [b'Z', rest @ ..] => (Zone::Offset(0), rest),
        [b'z', rest @ ..] => {
            strict = false;
            (Zone::Offset(0), rest)
        }
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, rest) = fixed(rest, 2)?;
            let (minutes, rest) = fixed(tag(rest, b':')?, 2)?;
            (offset(*sign, hours, minutes)?, rest)
        }
        _ => return None,
    };
    let year = i16::try_from(year).ok()?;
    let stamp = Stamp {
        year: Some(year),
        month: u8::try_from(month).ok().filter(|month| (1..=12).contains(month))?,
        day: u8::try_from(day).ok().filter(|&day| (1..=31).contains(&day))?,
        hour: u8::try_from(hour).ok().filter(|&hour| hour <= 24)?,
        minute: u8::try_from(minute).ok().filter(|&minute| minute < 60)?,
        second: u8::try_from(second).ok().filter(|&second| second <= 60)?,
        nanosecond,
        zone,
        accuracy: Accuracy::Unmarked,
    };
    strict &= stamp.day <= days_in(year, stamp.month);
    Some(Rfc3339 { stamp, strict, rest })
}

/// `Tue Jul 05 12:03:01 EDT 2016`, as `java.util.Date.toString` prints it; also `Tue Oct  6 05:42:12 2020` (C's `asctime`).
pub(crate) fn java_date(input: &[u8]) -> Option<(Stamp, &[u8])> {
    const DAYS: [&[u8]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
    let name = input.get(..3)?;
    if !DAYS.contains(&name) {
        return None;
    }
    let (mut stamp, rest) = civil(skip_some_blanks(&input[3..])?)?;
    if stamp.year.is_some() {
        return None;
    }
    if let Some((year, rest)) = skip_some_blanks(rest).and_then(|rest| fixed(rest, 4))
        && !rest.first().is_some_and(u8::is_ascii_alphanumeric)
    {
        stamp.year = i16::try_from(year).ok();
        return Some((stamp, rest));
    }
    let (zone, rest) = zone(rest);
    stamp.zone = zone;
    let (year, rest) = fixed(skip_some_blanks(rest)?, 4)?;
    stamp.year = i16::try_from(year).ok();
    Some((stamp, rest))
}

/// The `CiscoLog` mark of a clock that was never set.
pub(crate) fn unknown_clock(input: &[u8]) -> Option<&[u8]> {
    input.strip_prefix(b"--- 00 0000 00:00:00.000 ---")
}

/// IOS prints the time since the start instead: `2y10w`, `13w1d`, `1d02h`, `00:01:01`. No wall clock can be made of it.
pub(crate) fn uptime(input: &[u8]) -> Option<&[u8]> {
    let (_, rest) = number(input, 4)?;
    if let [b':', rest @ ..] = rest {
        let (_, rest) = fixed(rest, 2)?;
        let (_, rest) = fixed(tag(rest, b':')?, 2)?;
        return Some(rest);
    }
    let [b'y' | b'w' | b'd', rest @ ..] = rest else { return None };
    let (_, rest) = number(rest, 2)?;
    match rest {
        [b'w' | b'd' | b'h', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// The zone behind a time: up to nine characters, an offset or a name that its administrator chose.
///
/// Where no zone follows, the input is handed back as it was.
pub(crate) fn zone(input: &[u8]) -> (Zone, &[u8]) {
    let token = skip_blanks(input);
    if let [a @ b'A'..=b'Z', b @ b'A'..=b'Z', c @ b'A'..=b'Z', b' ' | b':', ..] = *token {
        // What nearly all print; such a name is never an offset.
        return (Zone::Named([a, b, c, 0, 0, 0, 0, 0]), &token[3..]);
    }
    if !token.first().is_some_and(|first| IN_ZONE[usize::from(*first)] && !first.is_ascii_digit()) {
        return (Zone::Unstated, input);
    }
    let mut end = 0;
    while let Some(&byte) = token.get(end) {
        // A colon belongs to an offset only, between its digits.
        let in_offset = |colon: usize| {
            let signed = token[..colon].iter().any(|byte| matches!(byte, b'+' | b'-'));
            signed && token.get(colon + 1).is_some_and(u8::is_ascii_digit)
        };
        if !(IN_ZONE[usize::from(byte)] || (byte == b':' && in_offset(end))) {
            break;
        }
        end += 1;
    }
    let (name, rest) = token.split_at(end);
    (zone_of(name), rest)
}

/// Letters, digits, signs, `/` and `_`.
const IN_ZONE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'/' | b'_');
        byte += 1;
    }
    table
};

fn zone_of(name: &[u8]) -> Zone {
    let relative = name.strip_prefix(b"UTC").or_else(|| name.strip_prefix(b"GMT")).unwrap_or(name);
    if let [sign @ (b'+' | b'-'), digits @ ..] = relative
        && let Some(zone) = signed_offset(*sign, digits)
    {
        return zone;
    }
    let mut stored = [0; 8];
    if name.len() > stored.len() {
        return Zone::Unstated;
    }
    for (slot, &byte) in stored.iter_mut().zip(name) {
        *slot = byte;
    }
    Zone::Named(stored)
}

/// `0100`, `04:00`, `1`, `07:30` behind a sign.
fn signed_offset(sign: u8, digits: &[u8]) -> Option<Zone> {
    let (hours, minutes) = match digits.len() {
        4 => (fixed(digits, 2)?.0, fixed(&digits[2..], 2)?.0),
        1 | 2 => (short(digits).filter(|(_, rest)| rest.is_empty())?.0.into(), 0),
        3 | 5 => {
            let (hours, rest) = short(digits)?;
            (u16::from(hours), fixed(tag(rest, b':')?, 2).filter(|(_, rest)| rest.is_empty())?.0)
        }
        _ => return None,
    };
    offset(sign, hours, minutes)
}

fn offset(sign: u8, hours: u16, minutes: u16) -> Option<Zone> {
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    Some(Zone::Offset(if sign == b'-' { -seconds } else { seconds }))
}

fn days_in(year: i16, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
