//! The bodies of the fuzz targets. Each takes any bytes and asserts what must hold for all of them.

use crate::{
    Record, Stamp,
    ciscolog::multipart::{Part, Reassembly},
    framing::{Framer, FramingError, Mode},
    parse,
    rtmt::{Alert, Body, Layout},
    trace, triage,
};

use jiff::{Timestamp, tz::TimeZone};

/// The stream is cut where its own first bytes say; the frames must be those of the uncut stream.
pub fn frames(data: &[u8]) {
    let [mode, max_len, step, stream @ ..] = data else { return };
    let mode = match mode % 4 {
        0 => Mode::Lf,
        1 => Mode::Nul,
        2 => Mode::Octet,
        _ => Mode::Auto,
    };
    let max_len = usize::from(*max_len) + 1;
    let whole = framed(mode, max_len, stream.len().max(1), stream);
    let cut = framed(mode, max_len, usize::from(*step) % 7 + 1, stream);
    assert_eq!(whole, cut, "how the stream is cut must not matter");
    for (bytes, _, end) in &whole.0 {
        assert!(bytes.len() <= max_len && *end <= stream.len() as u64);
    }
}

type Framed = (Vec<(Vec<u8>, bool, u64)>, Option<FramingError>);

fn framed(mode: Mode, max_len: usize, step: usize, stream: &[u8]) -> Framed {
    let mut framer = Framer::new(mode, max_len);
    let mut got = Vec::new();
    let mut last = 0;
    let mut sink = |frame: crate::framing::Frame<'_>| {
        assert!(frame.end > last, "frames must advance");
        last = frame.end;
        got.push((frame.bytes.to_vec(), frame.cut, frame.end));
    };
    for block in stream.chunks(step) {
        framer.push(block, &mut sink);
        assert!(framer.pending() <= max_len + 9, "the buffer is bounded");
    }
    framer.finish(&mut sink);
    (got, framer.error())
}

/// Reads a line and everything that can be asked of its record.
pub fn records(data: &[u8]) {
    let record = parse(data);
    read_all(&record);
    if let Some(event) = &record.event {
        let found = triage(data).map(|triage| (triage.process, triage.facility, triage.severity, triage.mnemonic));
        assert_eq!(
            found,
            Some((event.process, event.facility, event.severity, event.mnemonic)),
            "triage misses nothing"
        );
    }
    let _ = trace::is_head(data);
}

fn read_all(record: &Record<'_>) -> usize {
    let mut read = record.envelope.message.len() + record.defects.iter().count();
    read += record.envelope.structured_data.elements().flat_map(|element| element.params()).count();
    if let Some(event) = &record.event {
        read += event.params().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        read += event.explanation().len();
        read += usize::from(event.license().is_some());
        if let Some(part) = Part::of(event) {
            let _ = Reassembly::default().add(event, part);
        }
        if let Some(alert) = Alert::of(event) {
            bodies(&alert.detail);
        }
    }
    if let Some(stamp) = record.stamp() {
        resolve(&stamp);
    }
    read
}

/// Reads a time and resolves it in zones with and without daylight saving.
pub fn stamps(data: &[u8]) {
    if let Some((stamp, rest)) = Stamp::read(data) {
        assert!(rest.len() < data.len());
        resolve(&stamp);
    }
}

fn resolve(stamp: &Stamp) {
    let now = Timestamp::from_second(1_790_000_000).unwrap_or_default();
    for name in ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"] {
        let Ok(zone) = TimeZone::get(name) else { continue };
        let resolved = stamp.resolve(now, &zone);
        if let Some(resolved) = resolved
            && stamp.year.is_none()
        {
            let distance = resolved.at.duration_since(now).abs();
            assert!(distance.as_hours() <= 24 * 190, "a year is never further away than it must be");
        }
    }
}

/// Reads the body of an alert and the lines that it quotes.
pub fn bodies(data: &[u8]) {
    let body = Body::read(data);
    let _ = (body.shape(), body.stamp(), body.node());
    let pairs: usize = body.pairs().map(|(key, value)| key.len() + value.len()).sum();
    assert!(pairs <= data.len());
    for matched in body.matches().take(64) {
        let record = matched.record();
        assert!(record.envelope.message.len() <= data.len());
    }
    let _ = Alert::in_tags(data).map(|alert| alert.body().shape());
}

/// Reads a header and rows of an alert log.
pub fn alert_logs(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    let header = lines.next().unwrap_or_default();
    let layout = match Layout::of_header(header) {
        Some(layout) => layout,
        None => Layout::real(),
    };
    for line in lines {
        for layout in [layout, Layout::documented()] {
            let Some(row) = layout.row(line) else { continue };
            let _ = (row.time(), row.severity(), row.node(), row.name());
            assert!(row.message().len() <= line.len());
            let _ = row.body().shape();
        }
    }
}
