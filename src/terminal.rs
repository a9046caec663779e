//! What may be printed on a terminal: text from outside with its control characters made visible.

use std::borrow::Cow;

/// Makes control characters, escape sequences and direction marks visible instead of effective.
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_active) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .fold(String::with_capacity(text.len() + 8), |mut safe, character| {
            if is_active(character) {
                safe.extend(character.escape_unicode());
            } else {
                safe.push(character);
            }
            safe
        })
        .into()
}

fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn only_what_acts_on_a_terminal_is_escaped() {
        for (text, expected) in [
            ("Überlauf, 100 %", "Überlauf, 100 %"),
            ("a\x1b[31mb", "a\\u{1b}[31mb"),
            ("a\r\nb\0", "a\\u{d}\\u{a}b\\u{0}"),
            ("a\u{202e}b", "a\\u{202e}b"),
        ] {
            assert_eq!(inert(text), expected);
        }
    }
}
