//! Escapes in values and texts.

use std::borrow::Cow;

use memchr::memchr2;

/// Undoes the `CiscoLog` escapes `\[`, `\]`, `\\` and rsyslog's octal control characters `#011`, `#012`, `#015`. Borrowed where
/// nothing was escaped.
pub(crate) fn unescape(value: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr2(b'\\', b'#', &value[at..]) {
        let here = at + found;
        let (plain, length) = match &value[here + 1..] {
            [escaped @ (b'[' | b']' | b'\\'), ..] if value[here] == b'\\' => (*escaped, 2),
            [b'0', b'1', digit @ (b'1' | b'2' | b'5'), ..] if value[here] == b'#' => (8 + digit - b'0', 4),
            _ => {
                at = here + 1;
                continue;
            }
        };
        if out.capacity() == 0 {
            // What is undone is shorter than what was escaped.
            out.reserve_exact(value.len());
        }
        out.extend_from_slice(&value[copied..here]);
        out.push(plain);
        at = here + length;
        copied = at;
    }
    if copied == 0 {
        return Cow::Borrowed(value);
    }
    out.extend_from_slice(&value[copied..]);
    Cow::Owned(out)
}
