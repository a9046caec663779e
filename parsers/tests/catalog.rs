//! All alarms of the catalog, printed in every dialect and read back.

mod common;

use ccxwatch_parsers::{
    Event, parse,
    testing::{Alarm, Dialect, Random, dialect::spaced},
};

/// Values as alarms carry them.
const VALUES: [&str; 10] = [
    "",
    "13",
    "10.1.2.3:5060",
    "a value with blanks",
    "at 12:03:01 on day 5",
    "SEP0011AABBCC01",
    "Jul 5, 12:03",
    "one [two [three]] four",
    "a#b and c\\d",
    "größer als zuvor",
];
/// The first so many can be told apart without brackets. The free text of 8.x has no sign for the end of a value: a capitalized word at
/// its end would belong to the next key.
const PLAIN_VALUES: usize = 5;

fn alarms() -> Vec<Alarm> {
    let Some(content) = common::shared("catalog/uc-alarms.tsv") else { return Vec::new() };
    let content = String::from_utf8(content).expect("the catalog is text");
    let mut random = Random::new(946);
    let mut alarms = Vec::new();
    for (sequence, line) in content.lines().skip(1).enumerate() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [facility, severity, mnemonic, _releases, params, ..] = columns[..] else {
            panic!("a row of five: {line}")
        };
        let part = |random: &mut Random, limit: u64| u16::try_from(random.below(limit)).expect("small");
        alarms.push(Alarm {
            facility: facility.to_owned(),
            severity: severity.parse().expect("a digit"),
            mnemonic: mnemonic.to_owned(),
            params: params
                .split(',')
                .filter(|key| !key.is_empty())
                .map(|key| (key.to_owned(), (*random.pick(&VALUES)).to_owned()))
                .collect(),
            text: "what it means".to_owned(),
            sequence: sequence as u64,
            host: "ucx1.example.net".to_owned(),
            time: [
                part(&mut random, 12) + 1,
                part(&mut random, 28) + 1,
                part(&mut random, 24),
                part(&mut random, 60),
                part(&mut random, 60),
                part(&mut random, 1000),
            ],
            year: 2025,
        });
    }
    alarms
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn params(event: &Event<'_>) -> Vec<(String, String)> {
    event.params().map(|(key, value)| (lossy(key), lossy(&value))).collect()
}

#[test]
fn every_alarm_survives_every_dialect() {
    let mut plain = Random::new(1);
    for alarm in alarms() {
        for dialect in Dialect::ALL {
            let mut alarm = alarm.clone();
            if matches!(dialect, Dialect::FreeText | Dialect::Trace) {
                for (_, value) in &mut alarm.params {
                    *value = (*plain.pick(&VALUES[..PLAIN_VALUES])).to_owned();
                }
            }
            let line = alarm.print(dialect);
            let shown = String::from_utf8_lossy(&line);
            let record = parse(&line);
            let event = record.event.unwrap_or_else(|| panic!("{dialect:?}: no event in {shown}"));
            let (process, facility) = alarm.names(dialect);
            assert_eq!(event.process.map(lossy), process, "{shown}");
            assert_eq!(lossy(event.facility), facility, "{shown}");
            assert_eq!(event.severity.number(), alarm.severity, "{shown}");
            assert_eq!(lossy(event.mnemonic), alarm.mnemonic, "{shown}");
            assert_eq!(event.host.map(lossy), dialect.has_host().then(|| alarm.host.clone()), "{shown}");
            let sequence = (dialect != Dialect::Bare).then_some(alarm.sequence);
            assert_eq!(event.sequence, sequence, "{shown}");
            let wanted: Vec<(String, String)> = match dialect {
                Dialect::FreeText => alarm.params.iter().map(|(key, value)| (spaced(key), value.clone())).collect(),
                _ => alarm.params.clone(),
            };
            assert_eq!(params(&event), wanted, "{dialect:?}: {shown}");
            if !matches!(dialect, Dialect::FreeText | Dialect::Trace) {
                assert_eq!(lossy(event.text), alarm.text, "{shown}");
            }
            assert_eq!(dialect.has_time(), event.stamp.is_some(), "{shown}");
            if let Some(stamp) = event.stamp {
                let [month, day, hour, minute, second, milli] = alarm.time;
                let got = [stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second].map(u16::from);
                assert_eq!(got, [month, day, hour, minute, second], "{shown}");
                assert_eq!(stamp.nanosecond, u32::from(milli) * 1_000_000, "{shown}");
                assert_eq!(stamp.year.is_some(), dialect.has_year(), "{shown}");
            }
            assert!(!record.defects.any_damage(), "{:?}: {shown}", record.defects.iter().collect::<Vec<_>>());
        }
    }
}
