//! One line, read.

use crate::{
    ciscolog::{Event, event::Finder, triplet},
    defect::{Defect, Defects},
    simd::oddities,
    stamp::{Stamp, civil::Leading},
    syslog::{
        Envelope, EnvelopeFormat, envelope,
        pri::{self, Start},
        rfc3164,
    },
};

/// How many headers of relays are taken off to find the event. Bounds the work, and no real chain is longer.
const MOST_HEADERS: usize = 3;

/// What could be read of a line. The line itself is always kept.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The line as it came.
    pub raw: &'a [u8],
    /// What stands around the message.
    pub envelope: Envelope<'a>,
    /// The Cisco event, where the message is one.
    pub event: Option<Event<'a>>,
    /// What was odd.
    pub defects: Defects,
}

impl Record<'_> {
    /// The best time on the line: the event's own, else the header's. The event's was printed by the process itself; a header may be a
    /// relay's.
    pub fn stamp(&self) -> Option<Stamp> {
        self.event.as_ref().and_then(|event| event.stamp).or(self.envelope.stamp)
    }
}

/// Reads a line. It always succeeds: what cannot be read is missing from the record, what is odd is among its defects.
///
/// Takes time linear in the length, whatever the bytes are, and allocates nothing.
///
/// ```
/// let line = b"<184>41679: ucx1.example.net: Jul 02 2025 06:22:31.5 UTC :  %UC_LIB_LICENSE-0-SYSTEM_TO_ENTER_OOC_STATE_SHORTLY: \
///     %[The time remaining to enter OOC state=15 minutes][AppID=CVD][ClusterID=][NodeID=ucx1]: Procure more licenses.";
/// let record = ccxwatch_parsers::parse(line);
/// let event = record.event.expect("an alarm");
/// assert_eq!(event.facility, b"UC_LIB_LICENSE");
/// assert_eq!(event.node_id(), Some(&b"ucx1"[..]));
/// assert_eq!(event.license().and_then(|license| license.minutes_left), Some(15));
/// ```
// A record is large. In line, the caller's own is written, and none is copied.
#[inline]
pub fn parse(line: &[u8]) -> Record<'_> {
    let body = without_line_end(line);
    let mut record = Record { raw: line, envelope: Envelope::bare(None, body), event: None, defects: Defects::NONE };
    read(body, &mut record);
    record
}

fn read<'a>(body: &'a [u8], record: &mut Record<'a>) {
    let oddities = oddities(body);
    if oddities.beyond_ascii && core::str::from_utf8(body).is_err() {
        record.defects.insert(Defect::InvalidUtf8);
    }
    if oddities.nul {
        record.defects.insert(Defect::ContainsNul);
    }
    let mut events = Finder::new(body);
    envelope::read(body, &mut events, record);
    if record.event.is_none() {
        nested(&events, record);
    }
    match (&record.event, record.envelope.pri) {
        (Some(event), Some(pri)) if event.severity != pri.severity() => {
            record.defects.insert(Defect::PriSeverityMismatch);
        }
        (None, _) if triplet::is_cut(record.envelope.message) => record.defects.insert(Defect::TripletIncomplete),
        _ => {}
    }
}

/// Looks for the event behind further headers (RFC 3164 section 4.3 relays, Expressway's header in a header).
fn nested<'a>(events: &Finder<'a>, Record { envelope, event, defects, .. }: &mut Record<'a>) {
    let mut message = envelope.message;
    let mut headers = usize::from(envelope.format != EnvelopeFormat::Bare);
    while headers <= MOST_HEADERS {
        let behind = match pri::start(message) {
            Start::Pri(_, behind) => behind,
            Start::Invalid(_) | Start::None => message,
        };
        if headers > 0 && behind.len() < message.len() && events.read(behind, event, defects) {
            defects.insert(Defect::NestedHeader);
            return;
        }
        let mut inner = Envelope::bare(None, behind);
        if !rfc3164::read(behind, Leading::read(behind), &mut inner, |behind| events.read(behind, event, defects)) {
            return;
        }
        if headers > 0 {
            defects.insert(Defect::NestedHeader);
        }
        if event.is_some() || events.read(inner.message, event, defects) || inner.message.len() >= message.len() {
            return;
        }
        message = inner.message;
        headers += 1;
    }
}

/// LF, CR LF, and the NUL that some senders close a datagram with.
#[inline]
pub(crate) fn without_line_end(line: &[u8]) -> &[u8] {
    if line.last().is_some_and(|&last| last > b'\r') {
        return line;
    }
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
