//! The first look at a line: facility, severity and mnemonic, and nothing else.

use crate::{
    ciscolog::triplet,
    defect::Defects,
    record::without_line_end,
    severity::Severity,
    syslog::{
        pri::{self, Start},
        rfc5424,
    },
};

/// What decides whether anybody wants the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triage<'a> {
    /// The process, where the facility has two parts.
    pub process: Option<&'a [u8]>,
    /// The facility.
    pub facility: &'a [u8],
    /// The severity.
    pub severity: Severity,
    /// The name of the message.
    pub mnemonic: &'a [u8],
}

/// Finds the first triplet of a line, without looking at anything else. This is the hot path: no allocation, a handful of `memchr`.
///
/// It may find one where [`crate::parse`] does not (a line that quotes another), and never the reverse.
pub fn triage(line: &[u8]) -> Option<Triage<'_>> {
    let found = match message_of_rfc5424(line) {
        Some(message) => triplet::find(message),
        None => triplet::find(line),
    }?;
    Some(Triage {
        process: found.process,
        facility: found.facility,
        severity: found.severity,
        mnemonic: found.mnemonic,
    })
}

/// In RFC 5424 the structured data may quote a triplet: only the message counts there.
fn message_of_rfc5424(line: &[u8]) -> Option<&[u8]> {
    let line = without_line_end(line);
    let (pri, body) = match pri::start(line) {
        Start::Pri(pri, body) => (Some(pri), body),
        Start::None => (None, line),
        Start::Invalid(_) => return None,
    };
    rfc5424::read(body, pri, &mut Defects::default()).map(|envelope| envelope.message)
}
