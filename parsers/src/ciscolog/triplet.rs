//! `%FACILITY[-SUBFACILITY]-SEVERITY-MNEMONIC:`, the one thing that all dialects share.
//!
//! Source: `CiscoLog` specification (Managed Services Guide 12.5) for the shape. That the severity is the *last* `-[0-7]-`, and that
//! either side of it may hold hyphens and the right one blanks, is what lines of CUCM, Finesse and CUIC show.

use memchr::{memchr, memchr3, memrchr};

use crate::{bytes::trim, severity::Severity, simd};

/// Facility, severity and mnemonic together are never longer than this. Limits how far a stray `%` is followed.
const LONGEST: usize = 192;

/// The processes whose facility has two parts (UCCX Serviceability Guide, trace facilities; Emergency Responder).
const PROCESSES: [&[u8]; 9] = [b"MIVR", b"MCVD", b"MADM", b"MCLI", b"MARC", b"MRTR", b"MICD", b"MCCP", b"CER"];

/// A triplet, found at `at` (the `%`); the text begins `length` further on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triplet<'a> {
    pub(crate) at: usize,
    pub(crate) length: usize,
    /// The length of the line that `at` counts in.
    pub(crate) line: usize,
    pub(crate) process: Option<&'a [u8]>,
    pub(crate) facility: &'a [u8],
    pub(crate) severity: Severity,
    pub(crate) mnemonic: &'a [u8],
    /// The severity was a word.
    pub(crate) worded: bool,
}

impl Triplet<'_> {
    /// Whether a process of UCCX or Emergency Responder wrote it.
    #[inline]
    pub(crate) fn is_trace(&self) -> bool {
        self.process.is_some_and(|process| PROCESSES.contains(&process))
    }
}

/// The first triplet of the line.
pub(crate) fn find(line: &[u8]) -> Option<Triplet<'_>> {
    let mut from = 0;
    loop {
        let at = from + percent(&line[from..])?;
        from = at + 1;
        if let Some(triplet) = read(line, at) {
            return Some(triplet);
        }
    }
}

/// The first percent sign. It stands near the start of an event, where calling `memchr` costs more than looking.
#[inline]
fn percent(input: &[u8]) -> Option<usize> {
    const NEAR: usize = 80;
    match input.split_at_checked(NEAR) {
        Some((near, far)) => simd::percent(near).or_else(|| Some(NEAR + memchr(b'%', far)?)),
        None => simd::percent(input),
    }
}

/// Whether a triplet begins that the end of the line cuts off.
pub(crate) fn is_cut(line: &[u8]) -> bool {
    let Some(at) = memrchr(b'%', line) else { return false };
    let name = &line[at + 1..];
    name.len() < LONGEST
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && memchr(b'-', name).is_some()
        && memchr3(b' ', b':', b'[', name).is_none()
}

fn read(line: &[u8], at: usize) -> Option<Triplet<'_>> {
    let start = at + 1;
    let first = *line.get(start)?;
    if !(first.is_ascii_alphanumeric() || first == b'_') {
        return None;
    }
    let window = &line[start..line.len().min(start + LONGEST)];
    let end = simd::triplet_end(window)?;
    let name = &window[..end];
    // A colon belongs to the triplet; a bracket or a percent sign already is the text.
    let length = 1 + end + usize::from(window[end] == b':');
    let (parts, worded) = match by_digit(name) {
        Some(parts) => (parts, false),
        None => (by_word(name)?, true),
    };
    let mnemonic = trim(parts.mnemonic);
    if mnemonic.is_empty() && !(worded && window[end] == b'[') {
        return None;
    }
    // A hyphen ends the facility, so that in most the first one is its end.
    let (process, facility) = match simd::blank_or_hyphen(window) {
        Some(at) if at < parts.facility.len() && parts.facility.contains(&b' ') => return None,
        Some(at) if at < parts.facility.len() => split_process(parts.facility, at),
        _ => (None, parts.facility),
    };
    Some(Triplet { at, length, line: line.len(), process, facility, severity: parts.severity, mnemonic, worded })
}

struct Parts<'a> {
    facility: &'a [u8],
    severity: Severity,
    mnemonic: &'a [u8],
}

/// The last `-[0-7]-`.
fn by_digit(name: &[u8]) -> Option<Parts<'_>> {
    let mut end = name.len();
    loop {
        let dash = simd::last_hyphen(&name[..end])?;
        if dash >= 3
            && name[dash - 2] == b'-'
            && let digit @ b'0'..=b'7' = name[dash - 1]
        {
            let severity = Severity::from_number(digit - b'0')?;
            return Some(Parts { facility: &name[..dash - 2], severity, mnemonic: &name[dash + 1..] });
        }
        end = dash;
    }
}

/// The last `-WORD-` that names a severity, as in CCE portico logs.
fn by_word(name: &[u8]) -> Option<Parts<'_>> {
    let mut close = memrchr(b'-', name)?;
    loop {
        let open = memrchr(b'-', &name[..close])?;
        if let Some(severity) = Severity::from_word(&name[open + 1..close])
            && open > 0
        {
            return Some(Parts { facility: &name[..open], severity, mnemonic: &name[close + 1..] });
        }
        close = open;
    }
}

/// `MCVD-LIB_LICENSE` and `CCM_RTMT-RTMT` are a process and its facility; every other hyphen belongs to the name.
fn split_process(facility: &[u8], dash: usize) -> (Option<&[u8]>, &[u8]) {
    let (process, rest) = (&facility[..dash], &facility[dash + 1..]);
    let known = PROCESSES.contains(&process) || process.starts_with(b"CCM_");
    if known && !rest.is_empty() && memchr(b'-', rest).is_none() { (Some(process), rest) } else { (None, facility) }
}
