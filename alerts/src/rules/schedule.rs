//! When an alert is told: days of the week, and from when to when by the clocks of its cluster.

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Time, Weekday},
    tz::TimeZone,
};

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(u8);

impl Days {
    /// All seven.
    pub const ALL: Self = Self(0x7f);

    /// These days.
    pub fn of(days: impl IntoIterator<Item = Weekday>) -> Self {
        Self(days.into_iter().fold(0, |set, day| set | Self::bit(day)))
    }

    /// Whether a day is among them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & Self::bit(day) != 0
    }

    /// The days, from Monday on.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        Weekday::Monday.cycle_forward().take(7).filter(move |day| self.contains(*day))
    }

    fn bit(day: Weekday) -> u8 {
        1 << day.to_monday_zero_offset()
    }
}

/// A weekly window by civil time. It belongs to the day on which it opens: `22:00` to `06:00` on Friday ends on Saturday. Where
/// the clocks are set back its hours may come twice, where they are set forward some do not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The days on which it opens.
    pub days: Days,
    /// When it opens.
    pub from: Time,
    /// When it closes; equal to `from`: after 24 hours by the clock.
    pub to: Time,
}

/// How far ahead a change is looked for: a week, and a day for windows across midnight.
const DAYS_AHEAD: i64 = 8;

impl Schedule {
    /// Around the clock.
    pub const ALWAYS: Self = Self { days: Days::ALL, from: Time::midnight(), to: Time::midnight() };

    /// Whether it is open at a moment.
    pub fn is_open(&self, at: Timestamp, zone: &TimeZone) -> bool {
        if *self == Self::ALWAYS {
            return true;
        }
        let local = zone.to_datetime(at);
        let (day, time) = (local.weekday(), local.time());
        if self.from < self.to {
            return self.days.contains(day) && self.from <= time && time < self.to;
        }
        (self.days.contains(day) && self.from <= time) || (self.days.contains(day.previous()) && time < self.to)
    }

    /// When it opens or closes next; `None` where it never does.
    pub fn next_change(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if *self == Self::ALWAYS {
            return None;
        }
        let open = self.is_open(after, zone);
        let today = zone.to_datetime(after).date();
        let mut moments: Vec<Timestamp> = Vec::with_capacity(64);
        for ahead in -1..=DAYS_AHEAD {
            let Ok(date) = today.checked_add(ahead.days()) else { continue };
            for time in [Time::midnight(), self.from, self.to] {
                let ambiguous = zone.to_ambiguous_zoned_datetime(date.to_datetime(time));
                moments.extend(ambiguous.clone().earlier().map(|zoned| zoned.timestamp()));
                moments.extend(ambiguous.later().map(|zoned| zoned.timestamp()));
            }
        }
        // A window opens or closes, too, where the clocks are set across its edge.
        let end = after.saturating_add(SignedDuration::from_hours(24 * DAYS_AHEAD)).unwrap_or(Timestamp::MAX);
        moments.extend(zone.following(after).map(|change| change.timestamp()).take_while(|at| *at <= end));
        moments.retain(|at| *at > after);
        moments.sort_unstable();
        moments.into_iter().find(|at| self.is_open(*at, zone) != open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(days: &[Weekday], from: &str, to: &str) -> Schedule {
        let days = if days.is_empty() { Days::ALL } else { Days::of(days.iter().copied()) };
        Schedule { days, from: from.parse().expect("a time"), to: to.parse().expect("a time") }
    }

    /// Opens and closes at these moments, one after the other, beginning with the first after `start`.
    #[track_caller]
    fn check(schedule: Schedule, zone: &str, start: &str, changes: &[(&str, bool)]) {
        let zone = TimeZone::get(zone).expect("a zone");
        let mut at: Timestamp = start.parse().expect("a time");
        for (expected, open) in changes {
            let next = schedule.next_change(at, &zone).expect("a change");
            assert_eq!(next.to_string(), *expected);
            assert_eq!(schedule.is_open(next, &zone), *open, "{next}");
            let before = next - SignedDuration::from_secs(1);
            assert_eq!(schedule.is_open(before, &zone), !open, "{before}");
            at = next;
        }
    }

    #[test]
    fn opens_and_closes_by_the_clocks_of_the_cluster() {
        use Weekday::{Friday, Monday, Sunday};
        let office = schedule(&[], "08:00", "18:00");
        check(
            office,
            "UTC",
            "2026-11-24T09:00:00Z",
            &[("2026-11-24T18:00:00Z", false), ("2026-11-25T08:00:00Z", true)],
        );
        check(office, "Asia/Kolkata", "2026-11-24T00:00:00Z", &[("2026-11-24T02:30:00Z", true)]);
        // Across midnight: the window of Friday ends on Saturday.
        let night = schedule(&[Friday], "22:00", "06:00");
        let changes = [("2026-11-27T22:00:00Z", true), ("2026-11-28T06:00:00Z", false), ("2026-12-04T22:00:00Z", true)];
        check(night, "UTC", "2026-11-24T09:00:00Z", &changes);
        // 24 hours from a time of its own.
        let duty = schedule(&[Sunday, Monday], "07:00", "07:00");
        check(duty, "UTC", "2026-11-24T09:00:00Z", &[("2026-11-29T07:00:00Z", true), ("2026-12-01T07:00:00Z", false)]);
    }

    #[test]
    fn the_clocks_are_set() {
        // Set forward on 2026-03-29 at 02:00 CET: the day has no 02:30; the window opens when the clock shows 03:00.
        let short = schedule(&[], "02:30", "03:15");
        let forward = [("2026-03-29T01:00:00Z", true), ("2026-03-29T01:15:00Z", false), ("2026-03-30T00:30:00Z", true)];
        check(short, "Europe/Berlin", "2026-03-28T12:00:00Z", &forward);
        // Set back on 2026-10-25 at 03:00 CEST: 02:00 to 02:30 comes twice.
        let early = schedule(&[], "01:00", "02:30");
        let back = [
            ("2026-10-24T23:00:00Z", true),
            ("2026-10-25T00:30:00Z", false),
            ("2026-10-25T01:00:00Z", true),
            ("2026-10-25T01:30:00Z", false),
            ("2026-10-26T00:00:00Z", true),
        ];
        check(early, "Europe/Berlin", "2026-10-24T12:00:00Z", &back);
        // A whole night is an hour longer or shorter.
        let night = schedule(&[], "22:00", "06:00");
        check(
            night,
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &[("2026-03-28T21:00:00Z", true), ("2026-03-29T04:00:00Z", false)],
        );
        check(
            night,
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &[("2026-10-24T20:00:00Z", true), ("2026-10-25T05:00:00Z", false)],
        );
        // A zone whose clocks are set at midnight: the day begins at 01:00.
        let day = schedule(&[Weekday::Sunday], "00:00", "00:00");
        check(
            day,
            "America/Santiago",
            "2026-09-05T12:00:00Z",
            &[("2026-09-06T04:00:00Z", true), ("2026-09-07T03:00:00Z", false)],
        );
    }

    #[test]
    fn always_and_never_do_not_change() {
        let at = Timestamp::UNIX_EPOCH;
        assert!(Schedule::ALWAYS.is_open(at, &TimeZone::UTC));
        assert_eq!(Schedule::ALWAYS.next_change(at, &TimeZone::UTC), None);
        let never = Schedule { days: Days::of([]), ..Schedule::ALWAYS };
        assert!(!never.is_open(at, &TimeZone::UTC));
        assert_eq!(never.next_change(at, &TimeZone::UTC), None);
        assert_eq!(Days::ALL.iter().count(), 7);
    }
}
