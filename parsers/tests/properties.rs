//! Properties that hold for all input. 1,000 cases each, 10,000 under `CI`; `PROPTEST_CASES=1000000` for a long run.

#![expect(clippy::disallowed_methods, reason = "how long hostile lines take has to be measured")]

use std::time::{Duration, Instant};

use ccxwatch_parsers::{
    parse,
    testing::{Alarm, Dialect, corpus::corpus, fuzz},
};
use proptest::prelude::*;

fn config() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return config;
    }
    ProptestConfig { cases: if std::env::var_os("CI").is_some() { 10_000 } else { 1_000 }, ..config }
}

/// Text that a value of a dialect can carry: with escapes anything; without them brackets must balance, and nothing may look like an
/// escape.
fn value(dialect: Dialect) -> BoxedStrategy<String> {
    match dialect {
        Dialect::Specification => {
            r"[ -~äß€]{0,40}".prop_filter("a control escape", |text| !text.contains("#01")).boxed()
        }
        Dialect::FreeText | Dialect::Trace => "([a-z0-9]{1,8}( [a-z0-9]{1,8}){0,3})?".boxed(),
        _ => prop_oneof![
            r"[ !-\.0-Z^-~ä€]{0,40}".prop_filter("a control escape", |text| !text.contains("#01")),
            r"[a-z ]{0,9}\[[a-z=:]{0,9}\[[a-z]{0,5}\]\][a-z ]{0,9}",
        ]
        .boxed(),
    }
}

fn key(dialect: Dialect) -> BoxedStrategy<String> {
    match dialect {
        Dialect::FreeText => "[A-Z][a-z]{1,10}".boxed(),
        Dialect::Trace => "[A-Z][A-Za-z]{0,10}( [A-Za-z]{1,8}){0,2}".boxed(),
        Dialect::WithoutPercent => "[a-z][a-z.]{0,10}".boxed(),
        _ => "[A-Za-z][A-Za-z./:]{0,10}( [A-Za-z]{1,6}){0,2}".boxed(),
    }
}

fn alarm(dialect: Dialect) -> impl Strategy<Value = (Dialect, Alarm)> {
    let names =
        ("UC_[A-Z][A-Z0-9_]{1,20}", 0..8_u8, "[A-Za-z][A-Za-z0-9_]{1,30}(-[A-Z]{1,5})?", "[a-z][a-z ]{0,30}[a-z]");
    let params = prop::collection::vec((key(dialect), value(dialect)), 1..20);
    let time = (1..=12_u16, 1..=28_u16, 0..24_u16, 0..60_u16, 0..60_u16, 0..1000_u16);
    (names, params, 0..=u64::from(u32::MAX), "[a-z][a-z0-9.-]{0,20}", time, 1970..2100_u16).prop_map(
        move |((facility, severity, mnemonic, text), params, sequence, host, time, year)| {
            let (month, day, hour, minute, second, milli) = time;
            let time = [month, day, hour, minute, second, milli];
            (dialect, Alarm { facility, severity, mnemonic, params, text, sequence, host, time, year })
        },
    )
}

fn any_alarm() -> impl Strategy<Value = (Dialect, Alarm)> {
    prop::sample::select(&Dialect::ALL[..]).prop_flat_map(alarm)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines of the corpus with some bytes changed, doubled or cut away.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<Vec<u8>> = corpus(7, 200).split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let edits = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            prop_oneof![any::<u8>(), Just(b'['), Just(b']'), Just(b'%'), Just(b':')],
            0..3_u8,
        ),
        0..12,
    );
    (prop::sample::select(lines), edits).prop_map(|(mut line, edits)| {
        for (at, byte, kind) in edits {
            if line.is_empty() {
                break;
            }
            let at = at.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                _ => line.truncate(at),
            }
        }
        line
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_printed_is_read_back((dialect, alarm) in any_alarm()) {
        let line = alarm.print(dialect);
        let shown = lossy(&line);
        let record = parse(&line);
        let event = record.event.ok_or_else(|| TestCaseError::fail(format!("{dialect:?}: no event in {shown}")))?;
        let (process, facility) = alarm.names(dialect);
        prop_assert_eq!(event.process.map(lossy), process, "{}", shown);
        prop_assert_eq!(lossy(event.facility), facility, "{}", shown);
        prop_assert_eq!(lossy(event.mnemonic), alarm.mnemonic, "{}", shown);
        prop_assert_eq!(event.severity.number(), alarm.severity);
        let params: Vec<(String, String)> = event.params().map(|(key, value)| (lossy(key), lossy(&value))).collect();
        prop_assert_eq!(params, alarm.params, "{:?}: {}", dialect, shown);
        if !matches!(dialect, Dialect::FreeText | Dialect::Trace) {
            prop_assert_eq!(lossy(event.text), alarm.text, "{}", shown);
        }
        if let Some(stamp) = event.stamp {
            prop_assert_eq!([stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second].map(u16::from).to_vec(), alarm.time[..5].to_vec());
            prop_assert_eq!(stamp.nanosecond, u32::from(alarm.time[5]) * 1_000_000);
            prop_assert_eq!(stamp.year.map(i16::cast_unsigned), dialect.has_year().then_some(alarm.year));
        }
    }

    #[test]
    fn a_prefix_of_a_line_is_a_line((dialect, alarm) in any_alarm(), end in any::<prop::sample::Index>()) {
        let line = alarm.print(dialect);
        fuzz::records(&line[..end.index(line.len() + 1)]);
    }

    #[test]
    fn any_bytes_are_a_record(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz::records(&bytes);
        fuzz::stamps(&bytes);
        fuzz::bodies(&bytes);
        fuzz::alert_logs(&bytes);
    }

    #[test]
    fn a_damaged_line_is_a_record(bytes in mutated()) {
        fuzz::records(&bytes);
    }

    #[test]
    fn any_cut_of_a_stream_gives_the_same_frames(
        setting in any::<[u8; 3]>(),
        stream in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"0123456789 <>\n\r\0\x16\x03"[..])], 0..300),
    ) {
        fuzz::frames(&[&setting[..], &stream].concat());
    }

    #[test]
    fn a_time_is_a_time(text in r"[*.]?([0-9]{4} )?(Jan|Feb|Oct|Dec) {1,2}[0-9]{1,2} ([0-9]{4} )?[0-9]{1,2}:[0-9]{2}:[0-9]{2}( [AP]M)?(\.[0-9]{1,9})?( [A-Z]{1,8}| [+-][0-9:]{1,5})?") {
        fuzz::stamps(text.as_bytes());
    }
}

/// Shapes that make careless parsers slow or recursive, a megabyte of each. Quadratic time would be minutes.
#[test]
fn a_megabyte_of_anything_is_read_at_once() {
    // Unoptimized code is an order slower; an eighth of it shows the same there.
    const SIZE: usize = if cfg!(debug_assertions) { 1 << 17 } else { 1 << 20 };
    let shapes: [&[u8]; 22] = [
        b"[",
        b"]",
        b"[a=[",
        b"[a=[][",
        b"[a=b]x",
        b"][k=",
        b"\\",
        b"\\]",
        b"%",
        b"%a-",
        b"%A-1-",
        b"%UC_A-1-B: ",
        b"a: ",
        b"1: ",
        b": ",
        b" ",
        b"<1>",
        b"=45 minutes",
        b"Node ID:",
        b"App ID:x Cluster ID:y ",
        b"Key Name:v ",
        b"\0",
    ];
    let heads: [&[u8]; 6] = [
        b"",
        b"<189>1: h: Jul 05 2016 04:03:01 PM.688 UTC : %UC_LIB_LICENSE-0-SYSTEM_TO_ENTER_OOC_STATE: %[",
        b"%MCVD-LIB_LICENSE-1-SYSTEM_TO_ENTER_OOC_STATE: ",
        b"%CCM_RTMT-RTMT-2-RTMT-ERROR-ALERT: RTMT Alert Name:X Detail: ",
        b"<13>1 2003-10-11T22:14:15.003Z h a p m [id k=\"",
        b"<13>Oct 11 22:14:15 ",
    ];
    for head in heads {
        for shape in shapes {
            let line: Vec<u8> = head.iter().copied().chain(shape.iter().copied().cycle().take(SIZE)).collect();
            let start = Instant::now();
            fuzz::records(&line);
            fuzz::bodies(&line);
            let took = start.elapsed();
            assert!(took < Duration::from_secs(10), "{took:?} for {:?} {:?}", lossy(head), lossy(shape));
        }
    }
}
