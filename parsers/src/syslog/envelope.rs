//! The envelope of a line, whichever of the formats it has.

use super::{
    pri::{self, Pri, Start},
    rfc3164, rfc5424,
    rfc5424::StructuredData,
};
use crate::{
    ciscolog::event::Finder,
    defect::Defect,
    record::Record,
    severity::Severity,
    stamp::{Stamp, civil::Leading},
};

/// Which header a line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnvelopeFormat {
    /// RFC 5424.
    Rfc5424,
    /// RFC 3164, with or without PRI.
    Rfc3164,
    /// A line of the `CiscoSyslog` file on the appliance: `Jun 17 16:14:19 host local7 2 prog: …`.
    Disk,
    /// No header of these, or a PRI alone.
    Bare,
}

impl EnvelopeFormat {
    /// The name, as metrics and JSON print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfc5424 => "rfc5424",
            Self::Rfc3164 => "rfc3164",
            Self::Disk => "disk",
            Self::Bare => "bare",
        }
    }
}

/// The facility name and severity that a disk line prints in place of a PRI. The name may be impossible (`local99`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskMark<'a> {
    /// `local7`, `user`, `daemon`, …
    pub facility: &'a [u8],
    /// The digit behind it.
    pub severity: Severity,
}

/// The header of a line and the message behind it.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Which format it has.
    pub format: EnvelopeFormat,
    /// The PRI, where a valid one stands on the line.
    pub pri: Option<Pri>,
    /// RFC 5424 VERSION.
    pub version: Option<u16>,
    /// The header's time. A Cisco message carries its own: see [`crate::Record::stamp`].
    pub stamp: Option<Stamp>,
    /// HOSTNAME.
    pub hostname: Option<&'a [u8]>,
    /// APP-NAME, or the TAG of RFC 3164, or the program of a disk line.
    pub appname: Option<&'a [u8]>,
    /// PROCID, or what stands in brackets behind the TAG.
    pub procid: Option<&'a [u8]>,
    /// MSGID.
    pub msgid: Option<&'a [u8]>,
    /// RFC 5424 STRUCTURED-DATA.
    pub structured_data: StructuredData<'a>,
    /// The facility and severity of a disk line.
    pub disk: Option<DiskMark<'a>>,
    /// The message had a byte order mark (RFC 5424 section 6.4), which `message` is without.
    pub byte_order_mark: bool,
    /// The message, without a final line end.
    pub message: &'a [u8],
    pub(crate) strict: bool,
}

impl<'a> Envelope<'a> {
    pub(crate) const fn bare(pri: Option<Pri>, message: &'a [u8]) -> Self {
        Self {
            format: EnvelopeFormat::Bare,
            pri,
            version: None,
            stamp: None,
            hostname: None,
            appname: None,
            procid: None,
            msgid: None,
            structured_data: StructuredData::NIL,
            disk: None,
            byte_order_mark: false,
            message,
            strict: false,
        }
    }

    /// Whether the line is a valid message by RFC 5424, every limit and rule of section 6 kept.
    pub fn is_valid_rfc5424(&self) -> bool {
        self.format == EnvelopeFormat::Rfc5424 && self.strict && self.pri.is_some()
    }

    /// Whether the line is a message by RFC 3164: a TIMESTAMP where section 4.1.2 wants it (or one of the varieties that real
    /// senders put there), behind a valid PRI or, as in files, none.
    pub fn is_valid_rfc3164(&self) -> bool {
        self.format == EnvelopeFormat::Rfc3164 && self.strict
    }
}

/// Reads the header into the record, and the event where it is found on the way: a line that begins with a Cisco head has no envelope
/// but its PRI, since the time and the host in it belong to the event.
pub(crate) fn read<'a>(line: &'a [u8], events: &mut Finder<'a>, record: &mut Record<'a>) {
    let Record { envelope, event, defects, .. } = record;
    let body = match pri::start(line) {
        Start::Pri(pri, body) => {
            envelope.pri = Some(pri);
            body
        }
        Start::Invalid(body) => {
            defects.insert(Defect::PriInvalid);
            // RFC 3164 section 4.3.3: without a valid PRI the whole packet is content.
            events.read(body, event, defects);
            return;
        }
        Start::None => line,
    };
    envelope.message = body;
    let leading = Leading::read(body);
    if let Some(read) = rfc5424::read(body, envelope.pri, defects) {
        *envelope = read;
        // The structured data may quote a triplet: only the message counts.
        *events = Finder::new(envelope.message);
        events.read(envelope.message, event, defects);
    } else if events.read_with(body, leading.as_ref(), event, defects) {
        // All of the body is the message.
    } else if rfc3164::read(body, leading, envelope, |behind| events.read(behind, event, defects)) {
        if event.is_none() {
            events.read(envelope.message, event, defects);
        }
    } else {
        rfc3164::forwarded(body, envelope);
    }
}
