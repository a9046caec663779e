//! Vectors of other projects' test suites: every `must` and `reject` row, at least 95 % of `should`.

mod common;

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ccxwatch_parsers::{
    Zone, parse,
    vector_json::{frames_json, record_json},
};
use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};
use serde_json::{Map, Value};

/// `should` rows that are missed, each with its reason.
const MISSED: [(&str, &str); 0] = [];

fn rows(name: &str) -> Vec<Value> {
    let Some(content) = common::shared(name) else { return Vec::new() };
    content
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("a row is JSON"))
        .collect()
}

fn zone(name: &str) -> TimeZone {
    match Zone::read(name.as_bytes()) {
        Zone::Offset(seconds) => TimeZone::fixed(Offset::from_seconds(seconds).expect("an offset")),
        _ => TimeZone::get(name).expect("a zone of the database"),
    }
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().expect("base64")).expect("base64")
}

/// What a message row expects and does not get.
fn misses(row: &Value) -> Vec<String> {
    let raw = decoded(&row["raw_base64"]);
    let context = &row["context"];
    let now = context["reference_now"].as_str().map(|now| now.parse::<Timestamp>().expect("a time"));
    let zone = context["tz"].as_str().map(zone);
    let record = parse(&raw);
    assert_eq!(record.raw, raw, "the bytes are kept");
    let got = record_json(&record, now, zone.as_ref());
    let expect = row["expect"].as_object().expect("expectations");
    let reject = row["class"] == "reject";
    expect
        .iter()
        .filter(|(key, _)| !reject || *key == "valid")
        .filter_map(|(key, want)| miss(row, &got, key, want))
        .collect()
}

fn miss(row: &Value, got: &Map<String, Value>, key: &str, want: &Value) -> Option<String> {
    let same = match key {
        "valid" => match row["format"].as_str() {
            Some("rfc5424") => got["valid_5424"] == *want,
            Some("rfc3164") => got["valid_3164"] == *want,
            // A line of no format: it must at least not pass for a message of one.
            _ => *want != Value::Bool(false) || (got["valid_5424"] == *want && got["valid_3164"] == *want),
        },
        "timestamp" => instant(&got["timestamp"]) == instant(want),
        "timestamp_any_of" => {
            want.as_array().is_some_and(|any| any.iter().any(|want| instant(&got["timestamp"]) == instant(want)))
        }
        "timestamp_no_year" => without_year(row) == want.as_str().map(str::to_owned),
        "structured_data" => elements(&got["structured_data"]) == elements(want),
        "message" => text(&got["message"]) == text(want),
        "partial" => true,
        _ => got.get(key) == Some(want),
    };
    (!same).then(|| format!("{key}: want {want}, got {:?}", got.get(key)))
}

fn instant(value: &Value) -> Option<Timestamp> {
    // A leap second is told apart from the second before it by none of ours.
    value.as_str().and_then(|text| text.replace(":60Z", ":59Z").parse().ok())
}

/// `MM-DDTHH:MM:SS[.fff]` of a row without a year.
fn without_year(row: &Value) -> Option<String> {
    let raw = decoded(&row["raw_base64"]);
    let stamp = parse(&raw).envelope.stamp?;
    let mut text =
        format!("{:02}-{:02}T{:02}:{:02}:{:02}", stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second);
    if stamp.nanosecond > 0 {
        let _ = write!(text, ".{:03}", stamp.nanosecond / 1_000_000);
    }
    Some(text)
}

/// Elements and their parameters in a fixed order; none and an empty list are the same.
fn elements(value: &Value) -> Vec<(String, Vec<String>)> {
    let mut elements: Vec<(String, Vec<String>)> = value
        .as_array()
        .into_iter()
        .flatten()
        .map(|element| {
            let mut params: Vec<String> =
                element["params"].as_array().into_iter().flatten().map(ToString::to_string).collect();
            params.sort();
            (element["id"].to_string(), params)
        })
        .collect();
    elements.sort();
    elements
}

/// Without byte order mark and final line end; none and empty are the same.
fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.strip_suffix('\n').unwrap_or(text).to_owned()
}

#[test]
fn messages_of_other_suites() {
    let rows = rows("conformance/syslog-messages.jsonl");
    let mut failures = Vec::new();
    let (mut should, mut missed) = (0, Vec::new());
    for row in &rows {
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        let complaints = misses(row);
        match row["class"].as_str() {
            Some("must" | "reject") if !complaints.is_empty() => {
                failures.push(format!("{id}: {}", complaints.join("; ")));
            }
            Some("should") => {
                should += 1;
                if !complaints.is_empty() {
                    missed.push(format!("{id}: {}", complaints.join("; ")));
                }
            }
            _ => {}
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let unlisted: Vec<_> = missed.iter().filter(|miss| !MISSED.iter().any(|(id, _)| miss.starts_with(id))).collect();
    assert!(unlisted.is_empty(), "missed without a reason: {unlisted:#?}");
    assert!(missed.len() * 20 <= should, "{} of {should} `should` rows missed", missed.len());
}

#[test]
fn framing_of_other_suites_however_it_is_cut() {
    let mut random = ccxwatch_parsers::testing::Random::new(6587);
    for row in rows("conformance/framing.jsonl") {
        let stream = decoded(&row["stream_base64"]);
        let mode = match row["mode"].as_str() {
            Some("lf") => ccxwatch_parsers::framing::Mode::Lf,
            Some("nul") => ccxwatch_parsers::framing::Mode::Nul,
            Some("octet") => ccxwatch_parsers::framing::Mode::Octet,
            _ => ccxwatch_parsers::framing::Mode::Auto,
        };
        let max_len = usize::try_from(row["max_len"].as_u64().expect("a length")).expect("a length");
        let mut cuttings: Vec<Vec<usize>> = vec![Vec::new(), (1..stream.len()).collect()];
        for _ in 0..50 {
            let mut cuts: Vec<usize> = (0..random.below(9))
                .map(|_| usize::try_from(random.below(stream.len() as u64 + 1)).unwrap_or(0))
                .collect();
            cuts.sort_unstable();
            cuttings.push(cuts);
        }
        if let Some(chunks) = row["chunks"].as_array() {
            cuttings = vec![chunks.iter().filter_map(|cut| usize::try_from(cut.as_u64()?).ok()).collect()];
        }
        for cuts in cuttings {
            let got = frames_json(mode, max_len, &stream, &cuts);
            let complaint = unmet(&row["expect"], &got);
            assert!(complaint.is_none(), "{} cut at {cuts:?}: {complaint:?}, got {got:?}", row["id"]);
        }
    }
}

fn unmet(expect: &Value, got: &Map<String, Value>) -> Option<String> {
    let messages = &got["messages"];
    let has = |frame: &Value| messages.as_array().is_some_and(|messages| messages.contains(frame));
    for (key, want) in expect.as_object()? {
        let list = want.as_array();
        let met = match key.as_str() {
            "messages" => want == messages,
            "any_of" => list.is_some_and(|any| any.contains(messages)),
            "must_contain" => list.is_some_and(|frames| frames.iter().all(has)),
            "must_not_contain" => list.is_some_and(|frames| !frames.iter().any(has)),
            "error_reported" => *want == got["error_reported"],
            _ => false,
        };
        if !met {
            return Some(format!("{key}: want {want}"));
        }
    }
    None
}
