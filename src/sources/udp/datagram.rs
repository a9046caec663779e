//! The messages of one datagram.

/// Hands over each message of a datagram, without line ends and padding around it.
///
/// A datagram is one message (RFC 5426 section 3.1), but senders put several lines into one, and RTMT prints line breaks within
/// one. A line that begins as a message does (`<`, a sequence number, or a month) starts a new one; every other continues the
/// message before it.
pub(super) fn messages<'a>(datagram: &'a [u8], mut take: impl FnMut(&'a [u8])) {
    let mut rest = trimmed(datagram);
    let mut from = 0;
    while let Some(end) = memchr::memchr(b'\n', &rest[from..]).map(|at| from + at) {
        if begins_message(&rest[end + 1..]) {
            take(trimmed(&rest[..end]));
            rest = &rest[end + 1..];
            from = 0;
        } else {
            from = end + 1;
        }
    }
    take(trimmed(rest));
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let is_padding = |byte: &u8| matches!(byte, b'\n' | b'\r' | 0);
    let start = bytes.iter().position(|byte| !is_padding(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_padding(byte)).map_or(start, |at| at + 1);
    &bytes[start..end]
}

/// Whether a message begins here: `<185>`, `51617: `, or `Nov 24`.
fn begins_message(line: &[u8]) -> bool {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match line {
        [b'<', second, ..] => second.is_ascii_digit(),
        month if digits == 0 => {
            month.get(..3).is_some_and(|name| MONTHS.contains(&name))
                && month.get(3) == Some(&b' ')
                && month.get(4).is_some_and(|byte| byte.is_ascii_digit() || *byte == b' ')
        }
        _ => digits <= 10 && line[digits..].starts_with(b": "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits() {
        for (datagram, expected) in [
            ("", vec![""]),
            ("one", vec!["one"]),
            ("\r\n\0one\r\n\0", vec!["one"]),
            ("<13>one\n<14>two\r\n", vec!["<13>one", "<14>two"]),
            ("1: one\n2: two\n\n3: three", vec!["1: one", "2: two", "3: three"]),
            (
                "<13>one\n more\nMatchedEvent : Nov 24 10:00\n<x>",
                vec!["<13>one\n more\nMatchedEvent : Nov 24 10:00\n<x>"],
            ),
            ("Nov 24 10:00:00 a\nNov  4 10:00:01 b", vec!["Nov 24 10:00:00 a", "Nov  4 10:00:01 b"]),
            ("<13>one\n123456789012: no sequence", vec!["<13>one\n123456789012: no sequence"]),
        ] {
            let mut found = Vec::new();
            messages(datagram.as_bytes(), |message| found.push(str::from_utf8(message).unwrap()));
            assert_eq!(found, expected, "{datagram:?}");
        }
    }
}
