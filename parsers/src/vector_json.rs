//! Records as JSON objects, for test vectors and command line tools (feature `json`).
//!
//! The names are those of the vectors that other syslog projects publish; `cisco` holds what only this crate reads.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

use crate::{
    Defects, Envelope, Event, LicenseEvent, LicenseEventKind, Pri, Record, Stamp,
    framing::{Framer, FramingError, Mode},
};

/// Everything of a record. Times are resolved for a line received at `reference_now` from a sender in `zone` (UTC where not given);
/// a time without a year stays `null` where the time of receipt is not known.
///
/// Text that is no UTF-8 is printed with replacement characters, except the message, which then is `null` beside its base64.
pub fn record_json(
    record: &Record<'_>,
    reference_now: Option<Timestamp>,
    zone: Option<&TimeZone>,
) -> Map<String, Value> {
    let utc = TimeZone::UTC;
    let clock = Clock { reference_now, zone: zone.unwrap_or(&utc) };
    let envelope = &record.envelope;
    let mut object = envelope_json(envelope, &clock);
    object.insert("defects".to_owned(), defects_json(record.defects));
    if let Some(event) = &record.event {
        object.insert("cisco".to_owned(), event_json(event, record.defects, &clock));
    }
    object
}

/// The frames of a stream that is cut into blocks at the given positions, and whether the stream drew a complaint.
pub fn frames_json(mode: Mode, max_len: usize, stream: &[u8], cuts: &[usize]) -> Map<String, Value> {
    let mut framer = Framer::new(mode, max_len);
    let mut messages = Vec::new();
    let mut sink = |frame: crate::framing::Frame<'_>| messages.push(Value::from(STANDARD.encode(frame.bytes)));
    let mut start = 0;
    for &cut in cuts {
        let cut = cut.clamp(start, stream.len());
        framer.push(&stream[start..cut], &mut sink);
        start = cut;
    }
    framer.push(&stream[start..], &mut sink);
    framer.finish(&mut sink);
    let error = framer.error();
    let mut object = Map::new();
    object.insert("messages".to_owned(), messages.into());
    object.insert("error_reported".to_owned(), error.is_some().into());
    object.insert("error".to_owned(), error.map(FramingError::name).into());
    object
}

struct Clock<'a> {
    reference_now: Option<Timestamp>,
    zone: &'a TimeZone,
}

impl Clock<'_> {
    fn instant(&self, stamp: Option<Stamp>) -> Value {
        let resolve = |stamp: Stamp| {
            // With the year on the line, the time of receipt decides nothing but a daylight saving fold.
            let received = match (self.reference_now, stamp.year) {
                (Some(now), _) => now,
                (None, Some(_)) => Timestamp::UNIX_EPOCH,
                (None, None) => return None,
            };
            stamp.resolve(received, self.zone)
        };
        stamp.and_then(resolve).map(|resolved| resolved.at.to_string()).into()
    }
}

fn envelope_json(envelope: &Envelope<'_>, clock: &Clock<'_>) -> Map<String, Value> {
    let text = |field: Option<&[u8]>| Value::from(field.map(String::from_utf8_lossy));
    let elements: Vec<Value> = envelope
        .structured_data
        .elements()
        .map(|element| {
            let params: Vec<Value> =
                element.params().map(|(name, value)| json!([lossy(name), lossy(&value)])).collect();
            json!({ "id": lossy(element.id), "params": params })
        })
        .collect();
    // An empty message is none, unless a byte order mark says that there is one.
    let message = Some(envelope.message).filter(|message| !message.is_empty() || envelope.byte_order_mark);
    let fields = [
        ("valid_5424", envelope.is_valid_rfc5424().into()),
        ("valid_3164", envelope.is_valid_rfc3164().into()),
        ("pri", envelope.pri.map(Pri::value).into()),
        ("facility", envelope.pri.map(Pri::facility).into()),
        ("severity", envelope.pri.map(|pri| pri.severity().number()).into()),
        ("version", envelope.version.into()),
        ("timestamp", clock.instant(envelope.stamp)),
        ("hostname", text(envelope.hostname)),
        ("appname", text(envelope.appname)),
        ("procid", text(envelope.procid)),
        ("msgid", text(envelope.msgid)),
        ("structured_data", if elements.is_empty() { Value::Null } else { elements.into() }),
        ("message", message.and_then(|message| core::str::from_utf8(message).ok()).into()),
        ("message_base64", message.map(|message| STANDARD.encode(message)).into()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn event_json(event: &Event<'_>, defects: Defects, clock: &Clock<'_>) -> Value {
    let text = |field: Option<&[u8]>| Value::from(field.map(String::from_utf8_lossy));
    let license = event.license();
    let params: Vec<Value> = event.params().map(|(key, value)| json!([lossy(key), lossy(&value)])).collect();
    json!({
        "form": event.form.name(),
        "process": text(event.process),
        "facility": lossy(event.facility),
        "severity": event.severity.number(),
        "mnemonic": lossy(event.mnemonic),
        "params": params,
        "text": lossy(&event.explanation()),
        "node_id": text(event.node_id()),
        "app_id": text(event.app_id()),
        "cluster_id": text(event.cluster_id()),
        "seq": event.sequence,
        "host": text(event.host),
        "event_time": clock.instant(event.stamp),
        "clock_unsynchronised": event.is_clock_unsynchronized(),
        "event": event_name(license),
        "minutes_left": license.and_then(|license| license.minutes_left),
        "malformed": defects.any_damage(),
        "defects": defects_json(defects),
    })
}

const fn event_name(license: Option<LicenseEvent>) -> &'static str {
    match license {
        None => "other",
        Some(license) => match license.kind {
            LicenseEventKind::EnteringOutOfCompliance => "ooc_countdown",
            LicenseEventKind::EnteringOutOfComplianceShortly => "ooc_shortly",
            LicenseEventKind::OutOfCompliance => "ooc_entered",
            LicenseEventKind::Unclassified => "license_other",
        },
    }
}

fn defects_json(defects: Defects) -> Value {
    defects.iter().map(|defect| Value::from(defect.name())).collect::<Vec<_>>().into()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
