//! Frames that end with LF (RFC 6587 section 3.4.2, non-transparent framing). Files written on Windows end lines with CR LF.

pub(crate) const DELIMITER: u8 = b'\n';

/// A line without the CR of a CR LF.
pub(crate) fn content(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
