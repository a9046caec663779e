//! What stands before the triplet: sequence numbers, host and time.
//!
//! Sources: `CiscoLog` specification `SEQ: HOST: [*|.]TIMESTAMP: `; UC nodes print `TIMESTAMP : ` and may leave out the host or the year;
//! IOS `service sequence-numbers` and `service timestamps`; UCCX trace files `SEQ: TIMESTAMP ZONE %`.

use memchr::memrchr;

use crate::{
    bytes::{is_blank, number, skip_blanks, word},
    stamp::{Stamp, civil::Leading, scan},
};

/// Hosts may be anything but this; it tells them from text and from a second PRI.
const NOT_IN_HOST: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"<>()=\"'%,;";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// The fields before the triplet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head<'a> {
    pub(crate) sequence: Option<u64>,
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) stamp: Option<Stamp>,
    /// `---`: the sender's clock was never set.
    pub(crate) clock_unknown: bool,
    /// Half a line of a crashed writer stands before it.
    pub(crate) half_line: bool,
}

/// Reads a head that must reach exactly to the triplet. `trace` says that the triplet is one of a trace file, which has no colon
/// between time and `%`.
pub(crate) fn read<'a>(input: &'a [u8], leading: Option<&Leading>, trace: bool) -> Option<Head<'a>> {
    let head = match leading {
        Some(leading) => time_alone(input, leading, trace),
        None => whole(input, trace),
    };
    head.or_else(|| behind_half_line(input))
}

/// A head that begins with a time, which was read already, is nothing but that time.
fn time_alone<'a>(input: &'a [u8], leading: &Leading, trace: bool) -> Option<Head<'a>> {
    let rest = input.get(leading.length..)?;
    // Behind a relay's time there is a tag with a bracket, which no zone ends with.
    if let [.., b']', b':'] | [.., b']', b':', b' '] = rest {
        return None;
    }
    let (zone, behind) = scan::zone(rest);
    let stamp = Stamp { zone, ..leading.stamp };
    up_to_triplet(behind, trace).then_some(Head { stamp: Some(stamp), ..Head::default() })
}

fn whole(input: &[u8], trace: bool) -> Option<Head<'_>> {
    let mut head = Head::default();
    let mut rest = skip_blanks(input);
    let mut hosts = 0;
    let mut empty_field = false;
    while let Some(&first) = rest.first() {
        if first == b':' {
            empty_field = true;
            rest = skip_blanks(&rest[1..]);
            continue;
        }
        if first.is_ascii_digit() {
            if let Some((sequence, behind)) = sequence(rest) {
                // Of two, the second is the process's own; the first is a relay's or IOS's message counter.
                head.sequence = Some(sequence);
                rest = skip_blanks(behind);
                continue;
            }
            if let Some(behind) = scan::uptime(rest) {
                return up_to_triplet(behind, false).then_some(head);
            }
        }
        if let Some((stamp, behind)) = stamp(rest) {
            head.stamp = Some(stamp);
            return up_to_triplet(behind, trace || head.sequence.is_some()).then_some(head);
        }
        if first == b'-'
            && let Some(behind) = scan::unknown_clock(rest)
        {
            head.clock_unknown = true;
            return up_to_triplet(behind, false).then_some(head);
        }
        if first == b'L'
            && let Some(behind) = import_prefix(rest)
        {
            rest = behind;
            continue;
        }
        let (token, behind) = word(rest);
        hosts += 1;
        if hosts > 2 || token.len() > 255 || token.iter().any(|&byte| NOT_IN_HOST[usize::from(byte)]) {
            return None;
        }
        let behind = skip_blanks(behind);
        match token {
            [host @ .., b':'] => head.host = Some(host),
            // Some nodes leave out the colon behind the host, and ASA prints nothing but an address.
            _ if stamp(behind).is_some() || (behind.is_empty() && is_address(token)) => head.host = Some(token),
            _ => return None,
        }
        rest = behind;
    }
    // `99: : audispd: …` is a line of the operating system: its program is no host, and what it says no event.
    (!(empty_field && hosts > 0)).then_some(head)
}

fn sequence(input: &[u8]) -> Option<(u64, &[u8])> {
    let (sequence, rest) = number(input, 20)?;
    let rest = rest.strip_prefix(b":")?;
    // Else it is the beginning of an IPv6 address or of a clock.
    matches!(rest.first(), None | Some(b' ' | b'\t' | b'*')).then_some((sequence, rest))
}

fn stamp(input: &[u8]) -> Option<(Stamp, &[u8])> {
    if !scan::may_begin(input) {
        return None;
    }
    if let Some((mut stamp, rest)) = scan::civil(input) {
        let (zone, rest) = scan::zone(rest);
        stamp.zone = zone;
        return Some((stamp, rest));
    }
    scan::rfc3339(input).map(|read| (read.stamp, read.rest))
}

/// Between time and triplet: blanks and at most one colon.
fn up_to_triplet(input: &[u8], colon_optional: bool) -> bool {
    match skip_blanks(input) {
        [] => colon_optional,
        [b':', rest @ ..] => skip_blanks(rest).is_empty(),
        _ => false,
    }
}

/// Support documents quote the output of a search: `Line 4103: 51617: Apr …`.
fn import_prefix(input: &[u8]) -> Option<&[u8]> {
    let (_, rest) = number(skip_blanks(input.strip_prefix(b"Line ")?), 10)?;
    Some(skip_blanks(rest.strip_prefix(b":")?))
}

fn is_address(token: &[u8]) -> bool {
    token.iter().all(|&byte| byte.is_ascii_hexdigit() || byte == b'.' || byte == b':')
        && token.iter().any(|&byte| byte == b'.' || byte == b':')
}

/// A process that restarts after a crash should break the line first (`CiscoLog` specification, files). Where it did not, a torn `%…`
/// stands before; the time may still be whole, the sequence number cannot be told from the torn text.
fn behind_half_line(input: &[u8]) -> Option<Head<'_>> {
    let torn = memrchr(b'%', input)?;
    let tail = &input[torn + 1..];
    // What is torn must itself have begun as an event does; a line that merely quotes one has not.
    if !tail.first()?.is_ascii_alphanumeric() {
        return None;
    }
    whole(&input[..torn], true)?;
    let head = Head { half_line: true, ..Head::default() };
    if !tail.iter().any(|&byte| is_blank(byte)) {
        return Some(head);
    }
    let nearest = tail.len().saturating_sub(48);
    let stamp = (nearest..tail.len()).find_map(|at| {
        let (stamp, rest) = stamp(&tail[at..])?;
        up_to_triplet(rest, true).then_some(stamp)
    })?;
    Some(Head { stamp: Some(stamp), ..head })
}
