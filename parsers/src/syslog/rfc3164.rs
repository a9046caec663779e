//! RFC 3164 headers in the varieties that real senders print, and the lines of the `CiscoSyslog` file.
//!
//! Sources: RFC 3164 sections 4.1.2, 4.1.3 and 5.4; Cisco support documents that quote `CiscoSyslog`; behavior of rsyslog, syslog-ng,
//! fluentd and go-syslog where the RFC leaves room.

use memchr::memchr;

use super::{
    envelope::{DiskMark, Envelope, EnvelopeFormat},
    pri::{self, Start},
};
use crate::{
    bytes::{is_blank, skip_blanks, skip_some_blanks, word},
    severity::Severity,
    simd,
    stamp::{Stamp, Zone, civil::Leading, scan},
};

/// A tag longer than this is taken for text. RFC 3164 allows 32; real program names with paths are longer.
const LONGEST_TAG: usize = 128;

/// The TIMESTAMP and what is behind it, blanks skipped.
fn stamp(body: &[u8], leading: Option<Leading>) -> Option<(Stamp, &[u8])> {
    let (stamp, rest) = match leading {
        Some(Leading { stamp, length }) => bsd(stamp, &body[length..]),
        // Section 5.4, example 4: a year in front is no TIMESTAMP, and what follows no host.
        None => scan::rfc3339(skip_blanks(body)).map(|read| (read.stamp, read.rest))?,
    };
    match rest.first() {
        None => Some((stamp, rest)),
        Some(&byte) if is_blank(byte) => Some((stamp, skip_blanks(rest))),
        Some(_) => None,
    }
}

/// A time with the offset behind it. A zone's name cannot be told from a host here; an offset can, which begins with its sign or with
/// `UTC` or `GMT`.
fn bsd(stamp: Stamp, rest: &[u8]) -> (Stamp, &[u8]) {
    if let [b'+' | b'-' | b'U' | b'G', ..] = skip_blanks(rest)
        && let (zone @ Zone::Offset(_), behind) = scan::zone(rest)
    {
        return (Stamp { zone, ..stamp }, behind);
    }
    (stamp, rest)
}

/// TIMESTAMP HOSTNAME TAG CONTENT, or a disk line. Behind the host the head of an event may begin, which `is_event` tells: what looks
/// like a tag then is part of it. Says whether there is such a header; if not, the envelope stays as it was.
pub(crate) fn read<'a>(
    body: &'a [u8],
    leading: Option<Leading>,
    envelope: &mut Envelope<'a>,
    is_event: impl FnOnce(&'a [u8]) -> bool,
) -> bool {
    let Some((stamp, rest)) = stamp(body, leading) else { return disk_line_without_stamp(skip_blanks(body), envelope) };
    envelope.stamp = Some(stamp);
    let (name, behind_name) = word(rest);
    if let Some((mark, rest)) = disk_mark(name, behind_name) {
        disk_line(name, mark, rest, envelope);
        return true;
    }
    envelope.format = EnvelopeFormat::Rfc3164;
    envelope.strict = true;
    let behind = match host(name) {
        Some(host) => {
            envelope.hostname = Some(host);
            skip_blanks(behind_name)
        }
        None => rest,
    };
    envelope.message = behind;
    let tag = tag(behind);
    // A tag with nothing but the triplet behind it stays a tag; any other head of an event is not one.
    let tagged = tag.is_some_and(|(name, _, content)| {
        skip_blanks(content).starts_with(b"%") && !name.iter().all(u8::is_ascii_digit)
    });
    if !tagged && (is_event(behind) || is_cisco_start(behind)) {
        return true;
    }
    // RFC 3164 section 4.3: a relay may have put its header before a whole message.
    if let Start::Pri(inner, _) = pri::start(behind) {
        envelope.pri = envelope.pri.or(Some(inner));
        return true;
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
    true
}

/// The host that a word names, unless it already is a tag or a Cisco sequence number.
fn host(word: &[u8]) -> Option<&[u8]> {
    match word {
        [] | [b'%' | b'<' | b':', ..] | [.., b']', b':'] | [.., b']'] => None,
        [name @ .., b':'] if name.iter().all(u8::is_ascii_digit) => None,
        [name @ .., b':'] => Some(name),
        _ => Some(word),
    }
}

fn is_cisco_start(input: &[u8]) -> bool {
    matches!(input, [b'%', next, ..] if next.is_ascii_alphanumeric())
        || input.iter().position(|byte| !byte.is_ascii_digit()).is_some_and(|at| at > 0 && input[at] == b':')
}

/// A name, what stands in brackets behind it, and the rest.
type Tag<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

/// `name[pid]: `, as nearly all programs print it.
fn plain_tag(input: &[u8]) -> Option<Tag<'_>> {
    let (name, rest) = input.split_at(simd::tag_mark(input)?);
    let rest = rest.strip_prefix(b"[")?;
    let (procid, rest) = rest.split_at(simd::tag_mark(rest)?);
    let content = rest.strip_prefix(b"]:").filter(|content| content.starts_with(b" "))?;
    let short = name.len() + procid.len() + b"[]:".len() <= LONGEST_TAG;
    let plain = !name.is_empty() && !procid.is_empty() && procid.iter().all(u8::is_ascii_graphic);
    (short && plain).then_some((name, Some(procid), content))
}

/// `name[pid]:`, `name[pid]`, `name:` without a blank inside.
fn tag(input: &[u8]) -> Option<Tag<'_>> {
    if let Some(tag) = plain_tag(input) {
        return Some(tag);
    }
    let (token, _) = word(&input[..input.len().min(LONGEST_TAG)]);
    // `name[pid]:text`: the bracket closes inside the word.
    if let Some(open) = token.iter().rposition(|&byte| byte == b'[')
        && open > 0
        && let Some(length) = token[open + 1..].iter().position(|&byte| byte == b']')
    {
        let (procid, behind) = input[open + 1..].split_at(length);
        let plain = !procid.is_empty() && procid.iter().all(u8::is_ascii_graphic);
        match &behind[1..] {
            [b':', behind @ ..] if plain => return Some((&input[..open], Some(procid), behind)),
            behind @ ([] | [b' ' | b'\t', ..]) if plain => return Some((&input[..open], Some(procid), behind)),
            _ => {}
        }
    }
    let colon = token.iter().position(|&byte| byte == b':')?;
    let name = &token[..colon];
    let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-/()@+".contains(byte));
    let quoted = name.iter().any(|byte| b"\"'{}\\".contains(byte));
    (!name.is_empty() && (plain || (colon + 1 == token.len() && !quoted))).then(|| (name, None, &input[colon + 1..]))
}

/// `facility severity` behind the host of a disk line. Only names of syslog facilities count, so that ordinary text cannot look so.
fn disk_mark<'a>(host: &[u8], behind: &'a [u8]) -> Option<(DiskMark<'a>, &'a [u8])> {
    let (facility, rest) = word(skip_some_blanks(behind)?);
    if host.is_empty() || !is_facility(facility) {
        return None;
    }
    let [digit @ b'0'..=b'7', rest @ ..] = skip_some_blanks(rest)? else { return None };
    let severity = Severity::from_number(digit - b'0')?;
    Some((DiskMark { facility, severity }, skip_some_blanks(rest)?))
}

fn disk_line<'a>(host: &'a [u8], mark: DiskMark<'a>, behind: &'a [u8], envelope: &mut Envelope<'a>) {
    envelope.format = EnvelopeFormat::Disk;
    envelope.hostname = Some(host);
    envelope.disk = Some(mark);
    (envelope.appname, envelope.message) = program(behind);
}

/// A disk line whose time was cut off: up to two words may stand before the host.
fn disk_line_without_stamp<'a>(input: &'a [u8], envelope: &mut Envelope<'a>) -> bool {
    let mut rest = input;
    for _ in 0..3 {
        let (host, behind_host) = word(rest);
        if let Some((mark, behind)) = disk_mark(host, behind_host) {
            disk_line(host, mark, behind, envelope);
            return true;
        }
        let Some(behind) = skip_some_blanks(behind_host) else { return false };
        rest = behind;
    }
    false
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
pub(crate) fn forwarded<'a>(body: &'a [u8], envelope: &mut Envelope<'a>) {
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
}
