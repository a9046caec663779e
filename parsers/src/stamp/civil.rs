//! Civil times as Cisco and BSD print them: month names, clocks of 12 and 24 hours, milliseconds in odd places.
//!
//! Sources: RFC 3164 section 4.1.2, `CiscoLog` specification (Managed Services Guide 12.5) "timestamp", Cisco IOS `service timestamps`,
//! and lines of CUCM 8 to 15.

use super::{
    Accuracy, Stamp, Zone,
    digits::{decimal_fraction, fixed, four_digits, short, two_digits},
};
use crate::{
    bytes::{number, skip_blanks, skip_some_blanks},
    simd,
};

/// A time without its zone at the start of a line. It may be the head of an event or the header of a relay: read once for both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leading {
    pub(crate) stamp: Stamp,
    /// How many bytes it takes, with the blanks before it.
    pub(crate) length: usize,
}

impl Leading {
    /// The time that a line begins with. A digit may begin a sequence number as well, and is left to the head's own reader.
    #[inline]
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        let input = skip_blanks(line);
        if input.first()?.is_ascii_digit() {
            return None;
        }
        let (stamp, rest) = civil(input)?;
        Some(Self { stamp, length: line.len() - rest.len() })
    }
}

/// `[*|.]Jun 13 2003 12:11:52.454`, `2024 Aug 27 21:40:50`, `Jul 05 04:03:01 PM.688`: all but the zone.
pub(crate) fn civil(input: &[u8]) -> Option<(Stamp, &[u8])> {
    let (accuracy, rest) = match input.first()? {
        b'*' => (Accuracy::Unsynchronized, &input[1..]),
        b'.' => (Accuracy::SynchronizationLost, &input[1..]),
        _ => (Accuracy::Unmarked, input),
    };
    let (to_second, rest) = padded(rest).or_else(|| spelled(rest))?;
    let ToSecond { year, month, day, hour, minute, second } = to_second;
    let (hour, nanosecond, rest) = behind_seconds(hour, rest);
    let stamp = Stamp { year, month, day, hour, minute, second, nanosecond, zone: Zone::Unstated, accuracy };
    Some((stamp, rest))
}

/// A quick look whether a time can begin here, since most words are none.
#[inline]
pub(crate) fn may_begin(input: &[u8]) -> bool {
    match input {
        [b'*' | b'.' | b'0'..=b'9', ..] => true,
        _ => month(input).is_some(),
    }
}

/// A time down to its seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ToSecond {
    year: Option<i16>,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl ToSecond {
    #[inline]
    fn is_possible(&self) -> bool {
        (1..=31).contains(&self.day) && self.hour <= 24 && self.minute <= 59 && self.second <= 60
    }
}

/// `Jul 05 2016 04:03:01`, `Jul  5 04:03:01`: as nearly all lines print it, read by its offsets. Every other spelling, and every error,
/// is left to [`spelled`].
#[inline]
fn padded(input: &[u8]) -> Option<(ToSecond, &[u8])> {
    let (&[month @ .., b' '], rest) = input.split_first_chunk::<4>()? else { return None };
    let (&[tens, ones, b' '], rest) = rest.split_first_chunk::<3>()? else { return None };
    let (year, rest) = match rest.split_first_chunk::<5>() {
        Some((&[year @ .., b' '], rest)) => (Some(four_digits(year)?), rest),
        _ => (None, rest),
    };
    let (clock, rest) = rest.split_first_chunk::<8>()?;
    let [hour, minute, second] = simd::clock(*clock)?;
    let day = two_digits(if tens == b' ' { b'0' } else { tens }, ones)?;
    let read = ToSecond { year, month: month_of(month)?, day, hour, minute, second };
    read.is_possible().then_some((read, rest))
}

/// The same in any spelling that was ever seen.
fn spelled(input: &[u8]) -> Option<(ToSecond, &[u8])> {
    let (mut year, rest) = match year_and_blanks(input) {
        Some((year, rest)) => (Some(year), rest),
        None => (None, input),
    };
    let (month, rest) = month(rest)?;
    let (day, rest) = short(skip_some_blanks(rest)?)?;
    let mut rest = skip_some_blanks(rest)?;
    if year.is_none()
        && let Some((printed, behind)) = year_and_blanks(rest)
    {
        (year, rest) = (Some(printed), behind);
    }
    let (hour, rest) = short(rest)?;
    let &[b':', a, b, b':', c, d, ref rest @ ..] = rest else { return None };
    let read = ToSecond { year, month, day, hour, minute: two_digits(a, b)?, second: two_digits(c, d)? };
    read.is_possible().then_some((read, rest))
}

/// `[.fff]`, or the same with `AM` or `PM` *between* the seconds and the milliseconds, as Java emitters of CUCM print: the hour on a
/// 24-hour clock, the nanoseconds, the rest.
#[inline]
fn behind_seconds(hour: u8, input: &[u8]) -> (u8, u32, &[u8]) {
    let (nanosecond, rest) = fraction(input);
    let Some((afternoon, rest)) = half_of_day(rest) else { return (hour, nanosecond, rest) };
    // A 12-hour clock knows 1 to 12 only; `16:03:01 PM` can only mean what it says.
    let hour = match (hour, afternoon) {
        (12, false) => 0,
        (1..=11, true) => hour + 12,
        _ => hour,
    };
    let (behind_mark, rest) = fraction(rest);
    (hour, nanosecond.max(behind_mark), rest)
}

#[inline]
fn half_of_day(input: &[u8]) -> Option<(bool, &[u8])> {
    let rest = skip_blanks(input);
    let afternoon = match rest.get(..2)? {
        mark if mark.eq_ignore_ascii_case(b"AM") => false,
        mark if mark.eq_ignore_ascii_case(b"PM") => true,
        _ => return None,
    };
    let rest = &rest[2..];
    (!rest.first().is_some_and(u8::is_ascii_alphanumeric)).then_some((afternoon, rest))
}

/// One to three digits are milliseconds printed without padding: two certificates in one run were stamped `.19` and `.21`.
/// More digits are a decimal fraction.
#[inline]
fn fraction(input: &[u8]) -> (u32, &[u8]) {
    let [b'.' | b',', rest @ ..] = input else { return (0, input) };
    match number(rest, 3) {
        Some((milliseconds, rest)) => (u32::try_from(milliseconds).unwrap_or(0) * 1_000_000, rest),
        None => match decimal_fraction(rest) {
            Some((nanosecond, _, rest)) => (nanosecond, rest),
            None => (0, input),
        },
    }
}

#[inline]
fn year_and_blanks(input: &[u8]) -> Option<(i16, &[u8])> {
    let (year, rest) = fixed(input, 4)?;
    Some((i16::try_from(year).ok()?, skip_some_blanks(rest)?))
}

/// English month names in any letter case.
#[inline]
fn month(input: &[u8]) -> Option<(u8, &[u8])> {
    let (name, rest) = input.split_first_chunk::<3>()?;
    Some((month_of(*name)?, rest))
}

#[inline]
fn month_of(name: [u8; 3]) -> Option<u8> {
    // One number, since comparing three bytes one by one costs more than all else of a time.
    const fn word([a, b, c]: [u8; 3]) -> u32 {
        u32::from_le_bytes([a | 0x20, b | 0x20, c | 0x20, 0])
    }
    const JAN: u32 = word(*b"jan");
    const FEB: u32 = word(*b"feb");
    const MAR: u32 = word(*b"mar");
    const APR: u32 = word(*b"apr");
    const MAY: u32 = word(*b"may");
    const JUN: u32 = word(*b"jun");
    const JUL: u32 = word(*b"jul");
    const AUG: u32 = word(*b"aug");
    const SEP: u32 = word(*b"sep");
    const OCT: u32 = word(*b"oct");
    const NOV: u32 = word(*b"nov");
    const DEC: u32 = word(*b"dec");
    match word(name) {
        JAN => Some(1),
        FEB => Some(2),
        MAR => Some(3),
        APR => Some(4),
        MAY => Some(5),
        JUN => Some(6),
        JUL => Some(7),
        AUG => Some(8),
        SEP => Some(9),
        OCT => Some(10),
        NOV => Some(11),
        DEC => Some(12),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{padded, spelled};

    const TIMES: [&str; 6] = [
        "Jul 05 2016 04:03:01 PM.688 UTC",
        "Oct 14 05:50:19 ucx1 cisco",
        "Jan  1 2021 12:34:56 AM EST",
        "Aug  3 08:11:59.204: %LINK",
        "dec 31 1999 23:59:60.1",
        "Feb 29 24:00:00",
    ];

    proptest! {
        /// Whatever is read by its offsets, the general reader reads alike.
        #[test]
        fn offsets_tell_what_the_spelling_tells(
            time in prop::sample::select(&TIMES[..]),
            edits in prop::collection::vec((0..24_usize, "[0-9 :A-Za-z.]"), 0..4),
        ) {
            let mut time = time.as_bytes().to_vec();
            for (at, byte) in edits {
                if let Some(slot) = time.get_mut(at) {
                    *slot = byte.as_bytes()[0];
                }
            }
            if let Some(read) = padded(&time) {
                prop_assert_eq!(Some(read), spelled(&time));
            }
        }

        #[test]
        fn padded_times_are_read_by_their_offsets(
            month in prop::sample::select(&["Jan", "feb", "Mar", "APR", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][..]),
            (day, year) in (1..=31_u8, prop::option::of(0..=9999_u16)),
            (hour, minute, second) in (0..=24_u8, 0..60_u8, 0..=60_u8),
        ) {
            let year = year.map_or_else(String::new, |year| format!("{year:04} "));
            for day in [format!("{day:02}"), format!("{day:2}")] {
                let time = format!("{month} {day} {year}{hour:02}:{minute:02}:{second:02}");
                prop_assert!(padded(time.as_bytes()).is_some());
                prop_assert_eq!(padded(time.as_bytes()), spelled(time.as_bytes()));
            }
        }
    }
}
