//! A civil time as a log line prints it, with what it does *not* say: year, zone, accuracy.

pub(crate) mod civil;
mod digits;
mod resolve;
pub(crate) mod scan;
mod zones;

use jiff::{Timestamp, tz::TimeZone};

/// A printed time. Nothing that the line does not carry is invented here: [`Stamp::resolve`] does that, and is handed the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stamp {
    /// Absent in UCCX trace files and in CUCM up to 8.x.
    pub year: Option<i16>,
    /// 1–12.
    pub month: u8,
    /// 1–31.
    pub day: u8,
    /// 0–23; a 12-hour clock is already converted. A printed 24 is kept, and resolves to nothing.
    pub hour: u8,
    /// 0–59.
    pub minute: u8,
    /// 0–60; 60 is a leap second.
    pub second: u8,
    /// 0–999,999,999. `.19` printed by an unpadded `%d` is 19 milliseconds.
    pub nanosecond: u32,
    /// What the line says of its zone.
    pub zone: Zone,
    /// The mark before the time (`CiscoLog` specification, time stamp accuracy).
    pub accuracy: Accuracy,
}

/// What a line says of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Zone {
    /// No zone is printed.
    Unstated,
    /// An offset from UTC in seconds, east positive.
    Offset(i32),
    /// A name of up to 8 bytes, padded with NUL: `IST`, `METDST`. Often ambiguous.
    Named([u8; 8]),
}

impl Zone {
    /// The zone that a name or an offset states: `+05:30`, `GMT+00:00`, `CEST`. A name of more than 8 bytes states none.
    pub fn read(name: &[u8]) -> Self {
        match scan::zone(name) {
            (zone, []) => zone,
            _ => Self::Unstated,
        }
    }
}

/// How sure the sender is of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Accuracy {
    /// No mark: synchronized, or the sender does not say.
    Unmarked,
    /// `.`: was synchronized, NTP was lost since.
    SynchronizationLost,
    /// `*`: not authoritative.
    Unsynchronized,
}

/// An instant made of a [`Stamp`], and what had to be assumed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The instant.
    pub at: Timestamp,
    /// The year was not printed; the one nearest to the time of receipt was taken.
    pub year_inferred: bool,
    /// The zone was not printed or is ambiguous; the given one was taken.
    pub zone_assumed: bool,
    /// The civil time happens twice or never in the zone (a daylight saving change).
    pub ambiguous: bool,
}

impl Stamp {
    /// Reads a printed time at the start of `input`: any of the dialects of this crate, with its zone where one follows.
    ///
    /// ```
    /// # use ccxwatch_parsers::stamp::Stamp;
    /// let (stamp, rest) = Stamp::read(b"Jan 01 2021 12:34:56 AM.255 EST : text").expect("a time");
    /// assert_eq!((stamp.hour, stamp.nanosecond), (0, 255_000_000));
    /// assert_eq!(rest, b" : text");
    /// ```
    pub fn read(input: &[u8]) -> Option<(Self, &[u8])> {
        if let Some(read) = scan::rfc3339(input) {
            return Some((read.stamp, read.rest));
        }
        let (mut stamp, rest) = scan::java_date(input).or_else(|| scan::civil(input))?;
        if stamp.zone != Zone::Unstated {
            return Some((stamp, rest));
        }
        let (zone, rest) = scan::zone(rest);
        stamp.zone = zone;
        Some((stamp, rest))
    }

    /// The instant that this stamp means, for a line received at `received_at` from a sender whose clock shows `zone`.
    ///
    /// A missing year is the one that brings the instant nearest to the receipt. A daylight saving fold is decided by the zone's
    /// name where the line prints it, else by nearness; a time in a gap is shifted forward. A leap second becomes second 59.
    ///
    /// `None` where no such civil time exists in any near year (`Feb 30`, hour 24), or it is beyond what a timestamp can hold.
    pub fn resolve(&self, received_at: Timestamp, zone: &TimeZone) -> Option<Resolved> {
        resolve::resolve(self, received_at, zone)
    }

    /// The name of the zone, where the line prints one.
    pub fn zone_name(&self) -> Option<&str> {
        match &self.zone {
            Zone::Named(name) => {
                let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
                core::str::from_utf8(&name[..end]).ok()
            }
            Zone::Unstated | Zone::Offset(_) => None,
        }
    }
}
