//! From a printed time to an instant.

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use super::{Resolved, Stamp, Zone, zones};

/// A year was left out because it is obvious to a reader: an instant further away than this is not what the sender meant.
/// Half a year, and a little for leap days and zones.
const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 190);

/// How the printed zone is to be read.
enum Rule<'a> {
    Fixed(Offset),
    /// The sender's configured zone; `true` where that had to be assumed.
    Configured(&'a TimeZone, bool),
}

pub(super) fn resolve(stamp: &Stamp, received_at: Timestamp, zone: &TimeZone) -> Option<Resolved> {
    if let Some(year) = stamp.year {
        return in_year(stamp, year, received_at, zone);
    }
    let this_year = Offset::UTC.to_datetime(received_at).year();
    (-1..=1)
        .filter_map(|step| in_year(stamp, this_year.checked_add(step)?, received_at, zone))
        .min_by_key(|resolved| distance(resolved.at, received_at))
        .filter(|resolved| distance(resolved.at, received_at) <= FURTHEST)
        .map(|resolved| Resolved { year_inferred: true, ..resolved })
}

fn in_year(stamp: &Stamp, year: i16, received_at: Timestamp, zone: &TimeZone) -> Option<Resolved> {
    let month = i8::try_from(stamp.month).ok()?;
    let day = i8::try_from(stamp.day).ok()?;
    let hour = i8::try_from(stamp.hour).ok()?;
    let minute = i8::try_from(stamp.minute).ok()?;
    // POSIX time has no leap seconds; the second before it is the nearest instant there is.
    let second = i8::try_from(stamp.second.min(59)).ok()?;
    let civil = DateTime::new(year, month, day, hour, minute, second, i32::try_from(stamp.nanosecond).ok()?).ok()?;
    match rule(stamp, civil, zone)? {
        Rule::Fixed(offset) => Some(Resolved {
            at: offset.to_timestamp(civil).ok()?,
            year_inferred: false,
            zone_assumed: false,
            ambiguous: false,
        }),
        Rule::Configured(zone, assumed) => {
            let (at, ambiguous) = in_zone(civil, received_at, zone)?;
            Some(Resolved { at, year_inferred: false, zone_assumed: assumed, ambiguous })
        }
    }
}

fn in_zone(civil: DateTime, received_at: Timestamp, zone: &TimeZone) -> Option<(Timestamp, bool)> {
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => Some((offset.to_timestamp(civil).ok()?, false)),
        // The clock was put forward over this time: read it with the offset from before, which lands behind the gap.
        AmbiguousOffset::Gap { before, .. } => Some((before.to_timestamp(civil).ok()?, true)),
        AmbiguousOffset::Fold { before, after } => {
            let first = before.to_timestamp(civil).ok()?;
            let second = after.to_timestamp(civil).ok()?;
            let nearest = if distance(second, received_at) < distance(first, received_at) { second } else { first };
            Some((nearest, true))
        }
    }
}

fn rule<'a>(stamp: &Stamp, civil: DateTime, configured: &'a TimeZone) -> Option<Rule<'a>> {
    match stamp.zone {
        Zone::Offset(seconds) => Some(Rule::Fixed(Offset::from_seconds(seconds).ok()?)),
        Zone::Unstated => Some(Rule::Configured(configured, true)),
        Zone::Named(_) => {
            let name = stamp.zone_name().unwrap_or_default();
            if zones::is_utc(name) {
                return Some(Rule::Fixed(Offset::UTC));
            }
            if let Some(offset) = offset_by_abbreviation(name, civil, configured) {
                return Some(Rule::Fixed(offset));
            }
            match zones::unambiguous(name) {
                Some(seconds) => Some(Rule::Fixed(Offset::from_seconds(seconds).ok()?)),
                None => Some(Rule::Configured(configured, true)),
            }
        }
    }
}

/// The offset that the configured zone has under this abbreviation within half a year of the date. This also decides a fold, whose
/// two readings differ in name.
fn offset_by_abbreviation(name: &str, civil: DateTime, configured: &TimeZone) -> Option<Offset> {
    let near = Offset::UTC.to_timestamp(civil).ok()?;
    [0, -1, 1, -91, 91, -182, 182].into_iter().find_map(|days| {
        let at = near.checked_add(SignedDuration::from_hours(24 * days)).ok()?;
        let info = configured.to_offset_info(at);
        info.abbreviation().eq_ignore_ascii_case(name).then(|| info.offset())
    })
}

fn distance(a: Timestamp, b: Timestamp) -> SignedDuration {
    a.duration_since(b).abs()
}
