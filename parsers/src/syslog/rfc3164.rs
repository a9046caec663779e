//! RFC 3164 headers in the varieties that real senders print, and the lines of the `CiscoSyslog` file.
//!
//! Sources: RFC 3164 sections 4.1.2, 4.1.3 and 5.4; Cisco support documents that quote `CiscoSyslog`; behavior of rsyslog, syslog-ng,
//! fluentd and go-syslog where the RFC leaves room.

use memchr::memchr;

use super::{
    envelope::{DiskMark, Envelope, EnvelopeFormat},
    pri::{self, Pri, Start},
};
use crate::{
    bytes::{is_blank, skip_blanks, skip_some_blanks, word},
    ciscolog::event::Finder,
    record::Record,
    severity::Severity,
    stamp::{Stamp, Zone, scan},
};

/// A tag longer than this is taken for text. RFC 3164 allows 32; real program names with paths are longer.
const LONGEST_TAG: usize = 128;

/// The TIMESTAMP and what is behind it, blanks skipped.
fn stamp(input: &[u8]) -> Option<(Stamp, &[u8])> {
    let (stamp, rest) = rfc3339(input).or_else(|| bsd(input))?;
    match rest.first() {
        None => Some((stamp, rest)),
        Some(&byte) if is_blank(byte) => Some((stamp, skip_blanks(rest))),
        Some(_) => None,
    }
}

fn rfc3339(input: &[u8]) -> Option<(Stamp, &[u8])> {
    scan::rfc3339(input).map(|read| (read.stamp, read.rest))
}

fn bsd(input: &[u8]) -> Option<(Stamp, &[u8])> {
    // Section 5.4, example 4: a year in front is no TIMESTAMP, and what follows no host.
    if input.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let (stamp, rest) = scan::civil(input)?;
    // A zone name cannot be told from a host here; an offset can, which begins with its sign or with `UTC` or `GMT`.
    if let [b'+' | b'-' | b'U' | b'G', ..] = skip_blanks(rest)
        && let (zone @ Zone::Offset(_), behind) = scan::zone(rest)
    {
        return Some((Stamp { zone, ..stamp }, behind));
    }
    Some((stamp, rest))
}

/// TIMESTAMP HOSTNAME TAG CONTENT, or a disk line. Behind the host the head of an event may begin: what looks like a tag then is part
/// of it, and the event is put into the record.
pub(crate) fn read<'a>(
    body: &'a [u8],
    pri: Option<Pri>,
    events: &Finder<'a>,
    record: &mut Record<'a>,
) -> Option<Envelope<'a>> {
    let start = skip_blanks(body);
    let Some((stamp, rest)) = stamp(start) else { return disk_line_without_stamp(start, pri) };
    let mut envelope =
        Envelope { format: EnvelopeFormat::Rfc3164, stamp: Some(stamp), strict: true, ..Envelope::bare(pri, rest) };
    if let Some((host, mark, rest)) = disk(rest) {
        envelope.format = EnvelopeFormat::Disk;
        envelope.strict = false;
        envelope.hostname = Some(host);
        envelope.disk = Some(mark);
        (envelope.appname, envelope.message) = program(rest);
        return Some(envelope);
    }
    let (host, behind) = host(rest);
    envelope.hostname = host;
    envelope.message = behind;
    let tag = tag(behind);
    // A tag with nothing but the triplet behind it stays a tag; any other head of an event is not one.
    let tagged = tag.is_some_and(|(name, _, content)| {
        skip_blanks(content).starts_with(b"%") && !name.iter().all(u8::is_ascii_digit)
    });
    if !tagged && (events.read(behind, record) || is_cisco_start(behind)) {
        return Some(envelope);
    }
    // RFC 3164 section 4.3: a relay may have put its header before a whole message.
    if let Start::Pri(inner, _) = pri::start(behind) {
        envelope.pri = pri.or(Some(inner));
        return Some(envelope);
    }
    match tag {
        Some((name, procid, content)) => {
            envelope.appname = Some(name);
            envelope.procid = procid;
            envelope.message = skip_blanks(content);
        }
        // `mymachine: a message`: with nothing but one word before the colon it names the host.
        None => envelope.message = skip_blanks(behind.strip_prefix(b":").unwrap_or(behind)),
    }
    Some(envelope)
}

/// The host, unless the next word already is a tag or a Cisco sequence number.
fn host(input: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let (token, rest) = word(input);
    if token.is_empty() || matches!(token[0], b'%' | b'<' | b':') || token.ends_with(b"]:") || token.ends_with(b"]") {
        return (None, input);
    }
    match token {
        [name @ .., b':'] if name.iter().all(u8::is_ascii_digit) => (None, input),
        [name @ .., b':'] => (Some(name), skip_blanks(rest)),
        _ => (Some(token), skip_blanks(rest)),
    }
}

fn is_cisco_start(input: &[u8]) -> bool {
    matches!(input, [b'%', next, ..] if next.is_ascii_alphanumeric())
        || input.iter().position(|byte| !byte.is_ascii_digit()).is_some_and(|at| at > 0 && input[at] == b':')
}

/// A name, what stands in brackets behind it, and the rest.
type Tag<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

/// `name[pid]:`, `name[pid]`, `name:` without a blank inside.
fn tag(input: &[u8]) -> Option<Tag<'_>> {
    let (token, _) = word(&input[..input.len().min(LONGEST_TAG)]);
    // `name[pid]:text`: the bracket closes inside the word.
    if let Some(open) = token.iter().rposition(|&byte| byte == b'[')
        && open > 0
        && let Some(close) = memchr(b']', &token[open..])
    {
        let procid = &token[open + 1..open + close];
        let behind = &input[open + close + 1..];
        let plain = procid.iter().all(u8::is_ascii_graphic) && !procid.is_empty();
        match behind {
            [b':', behind @ ..] if plain => return Some((&input[..open], Some(procid), behind)),
            [blank, ..] if plain && is_blank(*blank) => return Some((&input[..open], Some(procid), behind)),
            [] if plain => return Some((&input[..open], Some(procid), behind)),
            _ => {}
        }
    }
    let colon = memchr(b':', token)?;
    let name = &token[..colon];
    let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-/()@+".contains(byte));
    let quoted = name.iter().any(|byte| b"\"'{}\\".contains(byte));
    (!name.is_empty() && (plain || (colon + 1 == token.len() && !quoted))).then(|| (name, None, &input[colon + 1..]))
}

/// `host facility severity [prog]:` of a disk line. Only names of syslog facilities count, so that ordinary text cannot look so.
fn disk(input: &[u8]) -> Option<(&[u8], DiskMark<'_>, &[u8])> {
    let (host, rest) = word(input);
    let (facility, rest) = word(skip_some_blanks(rest)?);
    if host.is_empty() || !is_facility(facility) {
        return None;
    }
    let [digit @ b'0'..=b'7', rest @ ..] = skip_some_blanks(rest)? else { return None };
    let severity = Severity::from_number(digit - b'0')?;
    Some((host, DiskMark { facility, severity }, skip_some_blanks(rest)?))
}

/// A disk line whose time was cut off: up to two words may stand before the host.
fn disk_line_without_stamp(input: &[u8], pri: Option<Pri>) -> Option<Envelope<'_>> {
    let mut rest = input;
    for _ in 0..3 {
        if let Some((host, mark, behind)) = disk(rest) {
            let (appname, message) = program(behind);
            return Some(Envelope {
                format: EnvelopeFormat::Disk,
                hostname: Some(host),
                disk: Some(mark),
                appname,
                ..Envelope::bare(pri, message)
            });
        }
        rest = skip_some_blanks(word(rest).1)?;
    }
    None
}

/// `prog:` or `:`, and the message.
fn program(input: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let window = &input[..input.len().min(LONGEST_TAG)];
    let Some(colon) = memchr(b':', window) else { return (None, input) };
    let name = &input[..colon];
    if name.iter().any(|&byte| is_blank(byte)) {
        return (None, input);
    }
    (Some(name).filter(|name| !name.is_empty()), skip_blanks(&input[colon + 1..]))
}

/// The names that syslogd prints for the facilities of RFC 5424 table 1, and any `local` number, possible or not.
fn is_facility(name: &[u8]) -> bool {
    match name {
        [b'l', b'o', b'c', b'a', b'l', digits @ ..] => {
            (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
        }
        b"kern" | b"user" | b"mail" | b"daemon" | b"auth" | b"syslog" | b"lpr" | b"news" | b"uucp" | b"cron"
        | b"authpriv" | b"ftp" | b"ntp" | b"security" | b"console" | b"audit" => true,
        _ => false,
    }
}

/// A line without a header: all of it is the message. An operating system line that a UC node forwards, `1362992: : audispd:node=…`,
/// names its program.
pub(crate) fn forwarded(body: &[u8], pri: Option<Pri>) -> Envelope<'_> {
    let mut envelope = Envelope::bare(pri, body);
    let digits = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0
        && let Some(rest) = body[digits..].strip_prefix(b":")
        && let Some(rest) = skip_blanks(rest).strip_prefix(b":")
        && let Some((name, procid, content)) = tag(skip_blanks(rest))
    {
        envelope.appname = Some(name);
        envelope.procid = procid;
        envelope.message = skip_blanks(content);
    }
    envelope
}
