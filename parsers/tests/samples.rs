//! Every line of the shared samples against a golden table, which a person has read against the format document.
//!
//! A row: file, line, form, process, facility, severity, mnemonic, node, time (for a line received on 2020-06-01 from a sender in UTC),
//! keys, defects. `UPDATE_GOLDEN=1` writes the table anew.

mod common;

use std::{fmt::Write as _, fs, path::Path};

use ccxwatch_parsers::{Event, Record, parse};
use jiff::{Timestamp, tz::TimeZone};

const FILES: [&str; 7] =
    ["ciscosyslog.log", "ios.log", "mcvd.log", "mivr.log", "rtmt-alerts.log", "sister-ccbu.log", "wire.log"];

fn table() -> Option<String> {
    let mut table =
        String::from("file\tline\tform\tprocess\tfacility\tseverity\tmnemonic\tnode\ttime\tkeys\tdefects\n");
    for file in FILES {
        let content = common::shared(&format!("samples/{file}"))?;
        let lines = content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        for (number, line) in lines.enumerate() {
            let record = parse(line);
            assert_eq!(record.raw, line, "no line is lost");
            let _ = writeln!(table, "{file}\t{}\t{}", number + 1, row(&record));
        }
    }
    Some(table)
}

fn row(record: &Record<'_>) -> String {
    let now: Timestamp = "2020-06-01T00:00:00Z".parse().expect("a time");
    let time = record
        .stamp()
        .and_then(|stamp| stamp.resolve(now, &TimeZone::UTC))
        .map_or_else(|| "-".to_owned(), |resolved| resolved.at.to_string());
    let defects: Vec<&str> = record.defects.iter().map(ccxwatch_parsers::Defect::name).collect();
    let columns = record.event.as_ref().map_or_else(|| none(record), event);
    format!("{columns}\t{time}\t{}\t{}", record.event.as_ref().map(keys).unwrap_or_default(), defects.join(","))
}

fn none(record: &Record<'_>) -> String {
    let host = record.envelope.hostname.map(lossy).unwrap_or_default();
    let name = record.envelope.appname.map(lossy).unwrap_or_default();
    format!("{}\t-\t-\t-\t{name}\t{host}", record.envelope.format.name())
}

fn event(event: &Event<'_>) -> String {
    let process = event.process.map_or_else(|| "-".to_owned(), lossy);
    let node = event.node_id().map_or_else(|| "-".to_owned(), lossy);
    let (facility, mnemonic) = (lossy(event.facility), lossy(event.mnemonic));
    format!("{}\t{process}\t{facility}\t{}\t{mnemonic}\t{node}", event.form.name(), event.severity.number())
}

fn keys(event: &Event<'_>) -> String {
    event.params().map(|(key, _)| lossy(key)).collect::<Vec<_>>().join(",")
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_line_reads_as_a_person_reads_it() {
    let Some(table) = table() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/samples.tsv");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &table).expect("the table must be writable");
    }
    let golden = fs::read_to_string(&path).expect("the golden table");
    for (got, want) in table.lines().zip(golden.lines()) {
        assert_eq!(got, want);
    }
    assert_eq!(table.lines().count(), golden.lines().count());
}
