//! Text from logs, made harmless: what a reader cannot see is made visible, what is endless is cut.

use std::fmt::Write;

/// Whether a character can hide, reorder or break text: controls, line and paragraph separators, bidirectional marks,
/// zero-width characters, tags.
fn is_treacherous(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The text on one line, with every treacherous character written as an escape, of at most `limit` characters.
pub(super) fn visible(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for (count, character) in text.chars().enumerate() {
        if count == limit {
            // Writing to a string cannot fail.
            let _ = write!(out, "… ({} characters more)", text.chars().count() - limit);
            break;
        }
        if is_treacherous(character) {
            let _ = match character {
                '\t' => write!(out, "\\t"),
                '\n' => write!(out, "\\n"),
                '\r' => write!(out, "\\r"),
                c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)),
                c => write!(out, "\\u{{{:x}}}", u32::from(c)),
            };
        } else {
            out.push(character);
        }
    }
    out
}

/// Raw lines, each made visible; `limit` characters in all.
pub(super) fn visible_lines(text: &str, limit: usize) -> Vec<String> {
    let mut left = limit;
    let mut lines = Vec::new();
    for line in text.trim_end_matches(['\r', '\n', '\0']).split('\n') {
        if left == 0 {
            lines.push("… (more lines)".to_owned());
            break;
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        lines.push(visible(line, left));
        // An empty line costs, too: a thousand of them are no evidence.
        left = left.saturating_sub(line.chars().count().max(20));
    }
    lines
}

/// Text for a mail header: one line without any treacherous character, bounded, so that no word can be over-long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeaderText(String);

impl HeaderText {
    /// Cleans and cuts the text.
    pub(super) fn new(text: &str, limit: usize) -> Self {
        let mut out = String::new();
        let mut length = 0;
        for character in text.chars() {
            let character = if is_treacherous(character) { ' ' } else { character };
            if character.is_whitespace() && (out.is_empty() || out.ends_with(' ')) {
                continue;
            }
            if length == limit {
                while out.ends_with(' ') || length >= limit {
                    out.pop();
                    length -= 1;
                }
                out.push('…');
                return Self(out);
            }
            out.push(if character.is_whitespace() { ' ' } else { character });
            length += 1;
        }
        Self(out.trim_end().to_owned())
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_visible() {
        for (text, expected) in [
            ("plain é 漢", "plain é 漢"),
            ("a\r\nBcc: x", "a\\r\\nBcc: x"),
            ("nul\0 esc\x1b[31m", "nul\\x00 esc\\x1b[31m"),
            ("c1 \u{9b}31m", "c1 \\x9b31m"),
            ("rtl \u{202e}gpj.exe", "rtl \\u{202e}gpj.exe"),
            ("zero\u{200b}width \u{feff}", "zero\\u{200b}width \\u{feff}"),
            ("line\u{2028}separator", "line\\u{2028}separator"),
            ("tag \u{e0041}", "tag \\u{e0041}"),
        ] {
            assert_eq!(visible(text, 100), expected);
        }
        assert_eq!(visible("abcdef", 3), "abc… (3 characters more)");
        assert_eq!(visible_lines("one\r\ntwo\n", 100), ["one", "two"]);
        assert!(visible_lines(&"\n".repeat(1_000_000), 2_000).len() < 200);
    }

    #[test]
    fn a_header_is_one_bounded_line() {
        for (text, expected) in [
            ("a\r\nBcc: x@y", "a Bcc: x@y"),
            ("\u{202e}\0 a \t b ", "a b"),
            ("0123456789", "0123456789"),
            ("0123456789a", "012345678…"),
            ("01234567 9a", "01234567…"),
            ("", ""),
        ] {
            assert_eq!(HeaderText::new(text, 10).into_string(), expected);
        }
        assert_eq!(HeaderText::new(&"x".repeat(1_200), 90).into_string().chars().count(), 90);
    }
}
