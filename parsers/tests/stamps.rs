//! Times: how they are printed, and what instant they mean.

use ccxwatch_parsers::{Accuracy, Resolved, Stamp, Zone};
use jiff::{Timestamp, tz::TimeZone};

fn read(text: &str) -> Stamp {
    Stamp::read(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a time")).0
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn resolve(text: &str, received: &str, zone: &str) -> Option<Resolved> {
    read(text).resolve(at(received), &TimeZone::get(zone).expect("a zone"))
}

#[track_caller]
fn check(text: &str, received: &str, zone: &str, want: &str) {
    let resolved = resolve(text, received, zone).unwrap_or_else(|| panic!("{text} means an instant"));
    assert_eq!(resolved.at, at(want), "{text}");
}

#[test]
fn every_print_of_a_time() {
    for (text, hour, milli) in [
        ("Apr 18 10:14:27.842 IST", 10, 842),
        ("Jul 15 2016 04:03:01 PM.688 UTC", 16, 688),
        ("Jun 14 11:57:27 PM.685 UTC", 23, 685),
        ("Jan 01 2021 12:34:56 AM EST", 0, 0),
        ("Jan 01 2021 12:34:56 PM EST", 12, 0),
        ("May 1 2019 07:10:40 AM.781 UTC", 7, 781),
        ("Dec 22 2015 20:12:57.1 UTC", 20, 1),
        ("Jul 16 2010 22:26:11.53 UTC", 22, 53),
        ("Jul 02 2015 06:22:31 UTC", 6, 0),
        ("*Mar  1 00:13:14.439", 0, 439),
        (".Nov 18 21:03:22.631 GMT", 21, 631),
        ("2024 Aug 27 21:40:50 PDT", 21, 0),
        ("Tue Jul 05 12:03:01 EDT 2016", 12, 0),
        ("Thu May 30 15:33:20 GMT+00:00 2013", 15, 0),
        ("2003-10-11T22:14:15.003Z", 22, 3),
        ("OCT 11 22:14:15", 22, 0),
    ] {
        let stamp = read(text);
        assert_eq!((stamp.hour, stamp.nanosecond), (hour, milli * 1_000_000), "{text}");
    }
}

#[test]
fn microseconds_are_a_fraction_and_milliseconds_are_a_number() {
    assert_eq!(read("Oct 11 22:14:15.5").nanosecond, 5_000_000);
    assert_eq!(read("Oct 11 22:14:15.0005").nanosecond, 500_000);
    assert_eq!(read("Oct 11 22:14:15.123456789").nanosecond, 123_456_789);
    assert_eq!(read("2003-10-11T22:14:15.5Z").nanosecond, 500_000_000);
}

#[test]
fn what_a_zone_says() {
    for (text, zone) in [
        ("+0100", Zone::Offset(3600)),
        ("-04:00", Zone::Offset(-14_400)),
        ("UTC+1", Zone::Offset(3600)),
        ("UTC+07:30", Zone::Offset(27_000)),
        ("GMT+00:00", Zone::Offset(0)),
        ("mdt", Zone::Named(*b"mdt\0\0\0\0\0")),
        ("NewYork", Zone::Named(*b"NewYork\0")),
        ("SomewhereElse", Zone::Unstated),
        ("+9999", Zone::Named(*b"+9999\0\0\0")),
    ] {
        assert_eq!(Zone::read(text.as_bytes()), zone, "{text}");
    }
    assert_eq!(read("*Jan  2 00:00:43.167").accuracy, Accuracy::Unsynchronized);
    assert_eq!(read(".Jan  2 00:00:43.167").accuracy, Accuracy::SynchronizationLost);
}

#[test]
fn what_is_no_time() {
    for text in [
        "Foo 11 22:14:15",
        "Oct 32 22:14:15",
        "Oct 00 22:14:15",
        "Oct 11 25:14:15",
        "Oct 11 22:60:15",
        "Oct 11 22:14:61",
        "Oct 11",
        "",
        "Oct 11 2:4:5",
    ] {
        assert!(Stamp::read(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn the_year_is_the_nearest() {
    check("Dec 31 23:59:58", "2027-01-01T00:00:05Z", "UTC", "2026-12-31T23:59:58Z");
    check("Jan  1 00:00:01", "2026-12-31T23:59:58Z", "UTC", "2027-01-01T00:00:01Z");
    check("Dec 31 22:00:00", "2027-01-01T03:00:10Z", "America/New_York", "2027-01-01T03:00:00Z");
    check("Feb 29 12:00:00", "2028-03-01T00:00:05Z", "UTC", "2028-02-29T12:00:00Z");
    let resolved = resolve("Oct 11 22:14:15", "2026-11-01T00:00:00Z", "UTC").expect("an instant");
    assert!(resolved.year_inferred && resolved.zone_assumed && !resolved.ambiguous);
    // Not in 2027, and next year's is no time that a sender leaves the year out of.
    assert_eq!(resolve("Feb 29 12:00:00", "2027-03-01T00:00:05Z", "UTC"), None);
    assert_eq!(resolve("Feb 30 12:00:00", "2027-03-01T00:00:05Z", "UTC"), None);
    assert_eq!(resolve("Jan  1 24:00:00", "2027-01-01T12:00:00Z", "UTC"), None);
}

#[test]
fn daylight_saving_gap_and_fold() {
    let gap = resolve("Mar 29 2026 02:30:00", "2026-03-29T01:30:05Z", "Europe/Berlin").expect("an instant");
    assert_eq!((gap.at, gap.ambiguous), (at("2026-03-29T01:30:00Z"), true));
    check("Oct 25 02:30:00", "2026-10-25T00:30:05Z", "Europe/Berlin", "2026-10-25T00:30:00Z");
    check("Oct 25 02:30:00", "2026-10-25T01:30:05Z", "Europe/Berlin", "2026-10-25T01:30:00Z");
    // The name decides what nearness would get wrong.
    check("Oct 25 02:30:00 CET", "2026-10-25T00:30:05Z", "Europe/Berlin", "2026-10-25T01:30:00Z");
    check("Oct 25 02:30:00 CEST", "2026-10-25T01:30:05Z", "Europe/Berlin", "2026-10-25T00:30:00Z");
}

#[test]
fn a_named_zone_is_the_senders_own_before_it_is_anybodys() {
    check("Apr 08 2016 10:00:00 IST", "2016-04-08T05:00:00Z", "Asia/Kolkata", "2016-04-08T04:30:00Z");
    check("Apr 08 2016 10:00:00 IST", "2016-04-08T05:00:00Z", "Europe/Dublin", "2016-04-08T09:00:00Z");
    check("Jul 08 2016 10:00:00 CST", "2016-07-08T05:00:00Z", "America/Chicago", "2016-07-08T16:00:00Z");
    check("Jul 08 2016 10:00:00 EST", "2016-07-08T05:00:00Z", "UTC", "2016-07-08T15:00:00Z");
    check("Jul 08 2016 10:00:00 mdt", "2016-07-08T05:00:00Z", "UTC", "2016-07-08T16:00:00Z");
    check("Jul 08 2016 10:00:00 UTC", "2016-07-08T05:00:00Z", "Asia/Tokyo", "2016-07-08T10:00:00Z");
    let unknown =
        resolve("Jul 08 2016 10:00:00 NewYork", "2016-07-08T05:00:00Z", "America/New_York").expect("an instant");
    assert!(unknown.zone_assumed);
    assert_eq!(unknown.at, at("2016-07-08T14:00:00Z"));
}

#[test]
fn ends_of_time() {
    check("Dec 31 2026 23:59:60 UTC", "2026-12-31T23:59:59Z", "UTC", "2026-12-31T23:59:59Z");
    assert_eq!(resolve("9999-12-31T23:59:59.999999-23:59", "2026-12-31T23:59:59Z", "UTC"), None);
    assert!(resolve("0000-01-01T00:00:00+00:01", "2026-12-31T23:59:59Z", "UTC").is_some());
}
