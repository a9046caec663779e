//! Frames that end with NUL (RFC 6587 section 3.4.2 names it among the trailers that are in use).

pub(crate) const DELIMITER: u8 = b'\0';

/// Everything before the NUL.
pub(crate) const fn content(line: &[u8]) -> &[u8] {
    line
}
