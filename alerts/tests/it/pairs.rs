//! Each pair of rules that meet at one alert, in virtual time: what is configured, what happens, and what is told.
//!
//! `ServerDown` explains whatever else its node says; with `storm` the first alert of a node goes at once and the next ones are
//! gathered; with `repeat` what fires is told again. Minute 0 is a Tuesday, 09:00 UTC.

use crate::{
    life::{happen, rule, ruled, schedule, shown, span, time},
    site::Site,
};
use ccxwatch_alerts::{
    routing::settings::{RouteSettings, StormSettings},
    rules::settings::AlertSettings,
    settings::Settings,
};
use std::collections::BTreeSet;

/// What decides whether and when somebody is told of an alert.
const RULES: [&str; 11] = [
    "threshold",
    "frequency",
    "duration",
    "schedule",
    "suspension",
    "maintenance",
    "flapping",
    "inhibition",
    "acknowledgement",
    "silence",
    "storm",
];

/// Two rules that meet; what is configured of `Noise`; what happens; what is told.
type Pair = ([&'static str; 2], &'static str, &'static str, &'static str);

/// Eight starts and ends of `Noise`, a minute apart: the fourth start is flapping, which ends when half an hour was quiet.
const FLAPS: &str = "1m raise Noise, 1m30s clear Noise, 2m raise Noise, 2m30s clear Noise, 3m raise Noise, 3m30s clear Noise, \
    4m raise Noise, 4m30s clear Noise, 5m raise Noise, 5m30s clear Noise, 6m raise Noise, 6m30s clear Noise, 7m raise Noise, \
    7m30s clear Noise, 8m raise Noise, 8m30s clear Noise";

const PAIRS: &[Pair] = &[
    (
        ["threshold", "frequency"],
        "threshold 2 in 5m; frequency 1 in 60m",
        "1m raise Noise, 2m raise Noise, 3m clear Noise, 10m raise Noise, 11m raise Noise, 70m tick",
        "2m firing Noise, 3m resolved Noise, 1h 2m firing Noise",
    ),
    (
        ["threshold", "duration"],
        "threshold 2 in 5m; duration 30s",
        "1m raise Noise, 2m raise Noise, 4m tick",
        "2m 30s firing Noise",
    ),
    // What comes before the schedule opens counts.
    (
        ["threshold", "schedule"],
        "threshold 2 in 5m; schedule 09:30 10:00",
        "28m raise Noise, 31m raise Noise",
        "31m firing Noise",
    ),
    (
        ["threshold", "schedule"],
        "threshold 2 in 5m; schedule 09:30 10:00",
        "1m raise Noise, 2m raise Noise, 40m tick",
        "30m firing Noise",
    ),
    (
        ["threshold", "schedule"],
        "threshold 2 in 5m; schedule 09:30 10:00",
        "1m raise Noise, 31m raise Noise, 40m tick",
        "",
    ),
    (
        ["threshold", "suspension"],
        "threshold 2 in 5m",
        "1m suspend, 2m raise Noise, 3m raise Noise, 5m resume",
        "5m firing Noise",
    ),
    (
        ["threshold", "suspension"],
        "threshold 2 in 5m",
        "1m suspend, 2m raise Noise, 3m resume, 4m raise Noise",
        "4m firing Noise",
    ),
    (
        ["threshold", "maintenance"],
        "threshold 2 in 5m",
        "1m maintenance 10m, 2m raise Noise, 3m raise Noise, 20m tick",
        "11m firing Noise",
    ),
    // Starts count, not lines.
    (
        ["threshold", "flapping"],
        "threshold 2 in 50s",
        "1m raise Noise, 70s raise Noise, 80s clear Noise, 2m raise Noise, 130s raise Noise, 140s clear Noise, 3m raise Noise, \
         190s raise Noise, 200s clear Noise, 4m raise Noise, 250s raise Noise, 260s clear Noise, 60m tick",
        "1m 10s firing Noise, 1m 20s resolved Noise, 2m 10s firing Noise, 2m 20s resolved Noise, 3m 10s firing Noise, \
         3m 20s resolved Noise, 4m 10s firing Noise flapping, 34m 20s resolved Noise",
    ),
    (["threshold", "flapping"], "threshold 2 in 10s", FLAPS, ""),
    (
        ["threshold", "inhibition"],
        "threshold 2 in 5m",
        "1m raise ServerDown, 2m raise Noise, 3m raise Noise, 5m clear ServerDown",
        "1m firing ServerDown, 5m resolved ServerDown, 5m firing Noise",
    ),
    (
        ["frequency", "duration"],
        "frequency 1 in 60m; duration 30s",
        "1m raise Noise, 2m clear Noise, 3m raise Noise, 70m tick",
        "1m 30s firing Noise, 2m resolved Noise, 1h 1m 30s firing Noise",
    ),
    (
        ["frequency", "schedule"],
        "frequency 1 in 60m; schedule 09:30 12:00",
        "31m raise Noise, 32m clear Noise, 33m raise Noise, 100m tick",
        "31m firing Noise, 32m resolved Noise, 1h 31m firing Noise",
    ),
    // The frequency would allow it again when the schedule is closed: it waits for the next day.
    (
        ["frequency", "schedule"],
        "frequency 1 in 60m; schedule 09:30 10:00",
        "31m raise Noise, 32m clear Noise, 33m raise Noise, 25h tick",
        "31m firing Noise, 32m resolved Noise, 24h 30m firing Noise",
    ),
    (
        ["frequency", "suspension"],
        "frequency 1 in 60m",
        "1m raise Noise, 2m clear Noise, 3m suspend, 4m raise Noise, 70m resume",
        "1m firing Noise, 2m resolved Noise, 1h 10m firing Noise",
    ),
    // What was never told uses nothing up.
    (
        ["frequency", "suspension"],
        "frequency 1 in 60m",
        "1m suspend, 2m raise Noise, 3m clear Noise, 4m resume, 5m raise Noise",
        "5m firing Noise",
    ),
    (
        ["frequency", "maintenance"],
        "frequency 1 in 60m",
        "1m raise Noise, 2m clear Noise, 3m maintenance 10m, 4m raise Noise, 70m tick",
        "1m firing Noise, 2m resolved Noise, 1h 1m firing Noise",
    ),
    (["frequency", "flapping"], "frequency 1 in 60m", FLAPS, "1m firing Noise, 1m 30s resolved Noise"),
    (
        ["frequency", "inhibition"],
        "frequency 1 in 60m",
        "1m raise Noise, 2m clear Noise, 3m raise ServerDown, 4m raise Noise, 70m clear ServerDown",
        "1m firing Noise, 2m resolved Noise, 3m firing ServerDown, 1h 10m firing Noise, 1h 10m resolved ServerDown",
    ),
    (
        ["frequency", "inhibition"],
        "frequency 1 in 60m",
        "1m raise ServerDown, 2m raise Noise, 3m clear Noise, 4m clear ServerDown, 5m raise Noise",
        "1m firing ServerDown, 4m resolved ServerDown, 5m firing Noise",
    ),
    (["duration", "schedule"], "duration 10m; schedule 09:30 12:00", "1m raise Noise, 40m tick", "30m firing Noise"),
    (
        ["duration", "schedule"],
        "duration 10m; schedule 09:30 10:00",
        "55m raise Noise, 25h tick",
        "24h 30m firing Noise",
    ),
    (["duration", "suspension"], "duration 10m", "1m suspend, 2m raise Noise, 5m resume, 30m tick", "12m firing Noise"),
    (["duration", "maintenance"], "duration 10m", "1m maintenance 5m, 2m raise Noise, 30m tick", "12m firing Noise"),
    (["duration", "maintenance"], "duration 10m", "1m maintenance 30m, 2m raise Noise, 40m tick", "31m firing Noise"),
    (
        ["duration", "flapping"],
        "duration 20s",
        FLAPS,
        "1m 20s firing Noise, 1m 30s resolved Noise, 2m 20s firing Noise, 2m 30s resolved Noise, 3m 20s firing Noise, \
         3m 30s resolved Noise, 4m 20s firing Noise flapping",
    ),
    // What never lasts long enough does not flap.
    (["duration", "flapping"], "duration 31s", FLAPS, ""),
    (
        ["duration", "inhibition"],
        "duration 10m",
        "1m raise ServerDown, 2m raise Noise, 5m clear ServerDown, 20m tick",
        "1m firing ServerDown, 5m resolved ServerDown, 12m firing Noise",
    ),
    (
        ["duration", "inhibition"],
        "duration 10m",
        "1m raise ServerDown, 2m raise Noise, 15m clear ServerDown, 20m tick",
        "1m firing ServerDown, 15m resolved ServerDown, 15m firing Noise",
    ),
    (["schedule", "suspension"], "schedule 09:30 10:00", "1m suspend, 2m raise Noise, 40m resume", "40m firing Noise"),
    // Across midnight.
    (
        ["schedule", "suspension"],
        "schedule 23:00 01:00",
        "1m raise Noise, 13h50m suspend, 15h30m resume",
        "15h 30m firing Noise",
    ),
    (
        ["schedule", "maintenance"],
        "schedule 09:30 10:00",
        "1m maintenance 44m, 2m raise Noise, 50m tick",
        "45m firing Noise",
    ),
    (
        ["schedule", "maintenance"],
        "schedule 23:00 01:00",
        "13h59m raise Noise, 13h59m maintenance 62m, 16h tick",
        "15h 1m firing Noise",
    ),
    (
        ["schedule", "flapping"],
        "schedule 09:20 12:00",
        "{FLAPS}, 60m tick",
        "20m firing Noise flapping, 38m 30s resolved Noise",
    ),
    (
        ["schedule", "inhibition"],
        "schedule 09:30 10:00",
        "1m raise ServerDown, 2m raise Noise, 40m clear ServerDown",
        "1m firing ServerDown, 40m resolved ServerDown, 40m firing Noise",
    ),
    (
        ["schedule", "inhibition"],
        "schedule 09:30 10:00",
        "1m raise ServerDown, 2m raise Noise, 20m clear ServerDown, 40m tick",
        "1m firing ServerDown, 20m resolved ServerDown, 30m firing Noise",
    ),
    (
        ["suspension", "maintenance"],
        "",
        "1m maintenance 10m, 2m suspend, 3m raise Noise, 5m resume, 30m tick",
        "11m firing Noise",
    ),
    (
        ["suspension", "flapping"],
        "",
        "0m suspend, {FLAPS}, 10m resume, 60m tick",
        "10m firing Noise flapping, 38m 30s resolved Noise",
    ),
    (
        ["suspension", "inhibition"],
        "",
        "1m suspend, 2m raise ServerDown, 3m raise Noise, 5m resume, 10m clear ServerDown",
        "5m firing ServerDown, 10m resolved ServerDown, 10m firing Noise",
    ),
    (
        ["maintenance", "flapping"],
        "",
        "0m maintenance 10m, {FLAPS}, 60m tick",
        "10m firing Noise flapping, 38m 30s resolved Noise",
    ),
    // What explains others is muted itself: they stay hidden.
    (
        ["maintenance", "inhibition"],
        "",
        "1m maintenance 10m alert ServerDown, 2m raise ServerDown, 3m raise Noise, 20m tick",
        "11m firing ServerDown",
    ),
    (
        ["flapping", "inhibition"],
        "",
        "0m raise ServerDown, {FLAPS}, 10m clear ServerDown, 60m tick",
        "0s firing ServerDown, 10m resolved ServerDown, 10m firing Noise flapping, 38m 30s resolved Noise",
    ),
    (
        ["acknowledgement", "threshold"],
        "threshold 2 in 5m; repeat 30m",
        "1m raise Noise, 2m raise Noise, 3m acknowledge Noise, 4m raise Noise, 100m tick",
        "2m firing Noise",
    ),
    // An acknowledgement is of one episode.
    (
        ["acknowledgement", "frequency"],
        "frequency 1 in 60m; repeat 30m",
        "1m raise Noise, 2m acknowledge Noise, 3m clear Noise, 4m raise Noise, 100m tick",
        "1m firing Noise, 3m resolved Noise, 1h 1m firing Noise, 1h 31m repeat Noise",
    ),
    (
        ["acknowledgement", "duration"],
        "duration 10m; repeat 30m",
        "1m raise Noise, 12m acknowledge Noise, 100m tick",
        "11m firing Noise",
    ),
    (
        ["acknowledgement", "schedule"],
        "schedule 09:30 10:00; repeat 30m",
        "31m raise Noise, 32m acknowledge Noise, 26h tick",
        "31m firing Noise",
    ),
    (
        ["acknowledgement", "suspension"],
        "repeat 30m",
        "1m raise Noise, 2m acknowledge Noise, 3m suspend, 40m resume, 100m tick",
        "1m firing Noise",
    ),
    (
        ["acknowledgement", "maintenance"],
        "repeat 30m",
        "1m raise Noise, 1m raise Other, 2m acknowledge Noise, 3m maintenance 40m, 70m tick",
        "1m firing Noise, 1m firing Other, 1h 1m repeat Other",
    ),
    (
        ["acknowledgement", "flapping"],
        "repeat 10m",
        "1m raise Noise, 1m30s clear Noise, 2m raise Noise, 2m30s clear Noise, 3m raise Noise, 3m30s clear Noise, 4m raise Noise, \
         5m acknowledge Noise, 5m30s clear Noise, 6m raise Noise, 6m30s clear Noise, 60m tick",
        "1m firing Noise, 1m 30s resolved Noise, 2m firing Noise, 2m 30s resolved Noise, 3m firing Noise, 3m 30s resolved Noise, \
         4m firing Noise flapping, 36m 30s resolved Noise",
    ),
    (
        ["acknowledgement", "inhibition"],
        "repeat 30m",
        "1m raise Noise, 2m acknowledge Noise, 3m raise ServerDown, 40m clear ServerDown, 70m tick",
        "1m firing Noise, 3m firing ServerDown, 33m repeat ServerDown, 40m resolved ServerDown",
    ),
    (
        ["acknowledgement", "silence"],
        "repeat 30m",
        "1m raise Noise, 2m acknowledge Noise, 3m silence alertname=Noise 10m, 100m tick",
        "1m firing Noise",
    ),
    (
        ["acknowledgement", "storm"],
        "storm; repeat 30m",
        "1m raise Other, 61s raise Noise, 2m acknowledge Noise, 3m acknowledge Other, 100m tick",
        "1m firing Other, 1m 31s firing Noise",
    ),
    (
        ["silence", "threshold"],
        "threshold 2 in 5m",
        "1m silence alertname=Noise 10m, 2m raise Noise, 3m raise Noise, 20m tick",
        "11m firing Noise",
    ),
    (
        ["silence", "frequency"],
        "frequency 1 in 60m",
        "1m raise Noise, 2m clear Noise, 3m silence alertname=Noise 10m, 4m raise Noise, 70m tick",
        "1m firing Noise, 2m resolved Noise, 1h 1m firing Noise",
    ),
    (
        ["silence", "duration"],
        "duration 10m",
        "1m silence alertname=Noise 5m, 2m raise Noise, 20m tick",
        "12m firing Noise",
    ),
    (
        ["silence", "schedule"],
        "schedule 09:30 10:00",
        "1m silence alertname=Noise 44m, 2m raise Noise, 50m tick",
        "45m firing Noise",
    ),
    (
        ["silence", "suspension"],
        "",
        "1m silence alertname=Noise 10m, 2m suspend, 3m raise Noise, 5m resume, 20m tick",
        "11m firing Noise",
    ),
    (
        ["silence", "maintenance"],
        "",
        "1m silence alertname=Noise 5m, 1m maintenance 10m, 2m raise Noise, 20m tick",
        "11m firing Noise",
    ),
    (
        ["silence", "flapping"],
        "",
        "0m silence alertname=Noise 10m, {FLAPS}, 60m tick",
        "10m firing Noise flapping, 38m 30s resolved Noise",
    ),
    (
        ["silence", "inhibition"],
        "",
        "1m silence alertname=ServerDown 10m, 2m raise ServerDown, 3m raise Noise, 5m clear ServerDown",
        "5m firing Noise",
    ),
    (
        ["silence", "storm"],
        "storm",
        "1m silence alertname=Noise 10m, 10m30s raise Other, 10m40s raise Noise, 20m tick",
        "10m 30s firing Other, 11m 30s firing Noise",
    ),
    (
        ["storm", "threshold"],
        "storm; threshold 2 in 5m",
        "1m raise Other, 61s raise Noise, 62s raise Noise, 5m tick",
        "1m firing Other, 1m 32s firing Noise",
    ),
    (
        ["storm", "frequency"],
        "storm; frequency 1 in 60m",
        "1m raise Other, 61s raise Noise, 2m clear Noise, 3m raise Noise, 70m tick",
        "1m firing Other, 1m 31s firing Noise, 6m 31s resolved Noise, 1h 1m 1s firing Noise",
    ),
    (
        ["storm", "duration"],
        "storm; duration 10m",
        "1m raise Noise, 10m30s raise Other, 30m tick",
        "10m 30s firing Other, 11m 30s firing Noise",
    ),
    (
        ["storm", "schedule"],
        "storm; schedule 09:30 10:00",
        "1m raise Noise, 29m30s raise Other, 40m tick",
        "29m 30s firing Other, 30m 30s firing Noise",
    ),
    (
        ["storm", "suspension"],
        "storm",
        "1m suspend, 2m raise Other, 3m raise Noise, 5m resume, 10m tick",
        "5m firing Other, 5m 30s firing Noise",
    ),
    (
        ["storm", "maintenance"],
        "storm",
        "1m maintenance 10m, 2m raise Other, 3m raise Noise, 20m tick",
        "11m firing Other, 11m 30s firing Noise",
    ),
    // What the storm gathered is told in its order: no later start goes before an earlier end.
    (
        ["storm", "flapping"],
        "storm",
        "50s raise Other, {FLAPS}, 60m tick",
        "50s firing Other, 1m 30s firing Noise, 6m 30s firing AlertStorm, 41m 30s resolved Noise",
    ),
    (
        ["storm", "inhibition"],
        "storm",
        "1m raise ServerDown, 2m raise Noise, 3m raise Other, 5m clear ServerDown, 10m tick",
        "1m firing ServerDown, 5m resolved ServerDown, 5m firing Noise, 5m 30s firing Other",
    ),
];

/// The settings that a row names.
fn configured(text: &str) -> Settings {
    let mut noise = AlertSettings::default();
    let (mut storm, mut route) = (None, None);
    for setting in text.split("; ").filter(|setting| !setting.is_empty()) {
        let (name, value) = setting.split_once(' ').unwrap_or((setting, ""));
        match name {
            "threshold" => noise.threshold = value.parse().expect("a threshold"),
            "frequency" => noise.frequency = value.parse().expect("a frequency"),
            "duration" => noise.duration = span(value),
            "schedule" => {
                let (from, to) = value.split_once(' ').expect("from and to");
                noise.schedule = schedule(from, to);
            }
            "storm" => storm = Some(StormSettings { alerts: 1, ..StormSettings::default() }),
            "repeat" => {
                let receivers = vec!["desk".to_owned()];
                route =
                    Some(RouteSettings { receivers, repeat_interval: Some(span(value)), ..RouteSettings::default() });
            }
            other => panic!("{other}"),
        }
    }
    let plain = |name| rule(name, AlertSettings::default());
    let mut settings = ruled(vec![plain("Other"), rule("Noise", noise), plain("ServerDown")]);
    settings.routing.storm = storm;
    settings.routing.routes = route.into_iter().collect();
    settings
}

/// What was told, without the node, which is always the same.
fn played(settings: &str, rows: &str) -> Vec<String> {
    let mut site = Site::new(configured(settings));
    let rows = rows.replace("{FLAPS}", FLAPS);
    for row in rows.split(", ") {
        let words: Vec<&str> = row.split_whitespace().collect();
        site.pass(time(words[0]));
        site.tick();
        happen(&mut site, &words[1..]);
    }
    site.tick();
    site.told.iter().map(|told| shown(told).replace(" n1", "")).collect()
}

#[test]
fn each_pair_of_rules_that_meet_is_told_as_its_row_says() {
    let mut faults = Vec::new();
    for (pair, settings, rows, expected) in PAIRS {
        let told = played(settings, rows);
        let expected: Vec<&str> = expected.split(", ").filter(|told| !told.is_empty()).collect();
        if told != expected {
            faults.push(format!("{pair:?}, {settings}: {rows}\n  expected {expected:?}\n  but told {told:?}"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn no_pair_is_forgotten() {
    let sorted = |mut pair: [&'static str; 2]| {
        pair.sort_unstable();
        pair
    };
    let have: BTreeSet<_> = PAIRS.iter().map(|(pair, ..)| sorted(*pair)).collect();
    let all = RULES.iter().enumerate().flat_map(|(at, one)| RULES[at + 1..].iter().map(|other| sorted([one, other])));
    assert_eq!(have, all.collect());
}
