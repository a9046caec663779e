//! Reads test vectors as JSONL from standard input and writes what this crate makes of them as JSONL.
//!
//! A message: `{"id", "raw_base64", "reference_now"?, "tz"?}`, the zone as an IANA name or an offset. A stream:
//! `{"id", "mode", "max_len", "stream_base64", "chunks"?}`, cut at the given positions.
//!
//! ```sh
//! cargo run -p ccxwatch-parsers --features json --example vectors <vectors.jsonl
//! ```

use std::{
    error::Error,
    io::{self, BufRead as _, BufWriter, Write as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ccxwatch_parsers::{
    Zone,
    framing::Mode,
    parse,
    vector_json::{frames_json, record_json},
};
use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};
use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let row: Value = serde_json::from_str(&line).unwrap_or_default();
        // A row that cannot be used is answered as well: the rows of a test must not shift against each other.
        let mut answer = answer(&row).unwrap_or_else(|error| {
            let mut object = Map::new();
            object.insert("error".to_owned(), error.to_string().into());
            object
        });
        answer.insert("id".to_owned(), row["id"].clone());
        writeln!(out, "{}", Value::Object(answer))?;
    }
    out.flush()?;
    Ok(())
}

fn answer(row: &Value) -> Result<Map<String, Value>, Box<dyn Error>> {
    // The published vectors keep the two beside each other in `context`.
    let field = |name: &str| row[name].as_str().or_else(|| row["context"][name].as_str());
    if let Some(raw) = row["raw_base64"].as_str() {
        let raw = STANDARD.decode(raw)?;
        let reference_now = field("reference_now").map(str::parse::<Timestamp>).transpose()?;
        let zone = field("tz").map(zone).transpose()?;
        return Ok(record_json(&parse(&raw), reference_now, zone.as_ref()));
    }
    let stream = STANDARD.decode(row["stream_base64"].as_str().ok_or("neither raw_base64 nor stream_base64")?)?;
    let mode = match row["mode"].as_str() {
        Some("lf") => Mode::Lf,
        Some("nul") => Mode::Nul,
        Some("octet") => Mode::Octet,
        Some("auto") => Mode::Auto,
        _ => return Err("mode is none of lf, nul, octet, auto".into()),
    };
    let max_len = row["max_len"].as_u64().map_or(Ok(64 * 1024), usize::try_from)?;
    let position = |cut: &Value| cut.as_u64().and_then(|cut| usize::try_from(cut).ok());
    let cuts: Vec<usize> = row["chunks"].as_array().into_iter().flatten().filter_map(position).collect();
    Ok(frames_json(mode, max_len, &stream, &cuts))
}

/// An IANA name, or an offset as lines print it.
fn zone(name: &str) -> Result<TimeZone, Box<dyn Error>> {
    match Zone::read(name.as_bytes()) {
        Zone::Offset(seconds) => Ok(TimeZone::fixed(Offset::from_seconds(seconds)?)),
        Zone::Unstated | Zone::Named(_) => Ok(TimeZone::get(name)?),
    }
}
