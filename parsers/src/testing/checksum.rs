//! A number out of every field of a record. What measures the reader must read it all, or the compiler leaves out what nobody reads.

use crate::{Record, Stamp, Zone, parse};

/// Parses a line and reads every field once: envelope, times, event, each key and value, defects.
pub fn of_line(line: &[u8]) -> u64 {
    of_record(&parse(line))
}

fn of_record(record: &Record<'_>) -> u64 {
    let envelope = &record.envelope;
    let mut sum = envelope.format as u64 + u64::from(envelope.version.unwrap_or(0));
    sum += envelope.pri.map_or(0, |pri| u64::from(pri.value())) + u64::from(envelope.byte_order_mark);
    for field in [envelope.hostname, envelope.appname, envelope.procid, envelope.msgid] {
        sum += field.map_or(0, of_bytes);
    }
    sum += of_bytes(envelope.structured_data.raw()) + of_bytes(envelope.message);
    sum += envelope.disk.map_or(0, |mark| of_bytes(mark.facility) + u64::from(mark.severity.number()));
    sum += envelope.stamp.as_ref().map_or(0, of_stamp);
    if let Some(event) = &record.event {
        sum += event.form as u64 + event.sequence.unwrap_or(0) + u64::from(event.clock_unknown);
        sum += u64::from(event.severity.number()) + event.stamp.as_ref().map_or(0, of_stamp);
        sum += event.host.map_or(0, of_bytes) + event.process.map_or(0, of_bytes);
        sum += of_bytes(event.facility) + of_bytes(event.mnemonic) + of_bytes(event.text);
        sum += event.truncated_param().map_or(0, |(key, value)| of_bytes(key) ^ of_bytes(&value));
        for (key, value) in event.params() {
            sum += of_bytes(key) ^ of_bytes(&value);
        }
    }
    sum + record.defects.iter().map(|defect| defect as u64 + 1).sum::<u64>()
}

/// Where bytes begin and end decides length and first byte; to add up all of them would measure the adding.
fn of_bytes(bytes: &[u8]) -> u64 {
    bytes.len() as u64 + bytes.first().map_or(0, |&byte| u64::from(byte))
}

fn of_stamp(stamp: &Stamp) -> u64 {
    let zone = match stamp.zone {
        Zone::Unstated => 0,
        Zone::Offset(seconds) => u64::from(seconds.unsigned_abs()),
        Zone::Named(name) => u64::from_le_bytes(name) & 0xff,
    };
    let day = u64::from(stamp.year.unwrap_or(0).unsigned_abs()) + u64::from(stamp.month) + u64::from(stamp.day);
    let clock = u64::from(stamp.hour) + u64::from(stamp.minute) + u64::from(stamp.second);
    day + clock + u64::from(stamp.nanosecond) + zone + stamp.accuracy as u64
}
