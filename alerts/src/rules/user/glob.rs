//! `*` and `?`, case does not count. Linear in the text for each `*`.

use core::fmt::Write as _;

/// A pattern for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<u8>);

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        Self(text.trim().to_ascii_uppercase().into_bytes())
    }

    /// The only name that matches, in upper case, where there is only one.
    pub(super) fn exact(&self) -> Option<&[u8]> {
        (!self.0.iter().any(|byte| matches!(byte, b'*' | b'?'))).then_some(self.0.as_slice())
    }

    /// The same as an expression for bytes in upper case.
    pub(super) fn expression(&self) -> String {
        let mut text = String::new();
        for &byte in &self.0 {
            match byte {
                b'*' => text.push_str(".*"),
                b'?' => text.push('.'),
                byte if byte.is_ascii_alphanumeric() || byte == b'_' => text.push(char::from(byte)),
                byte => {
                    let _ = write!(text, "\\x{byte:02X}");
                }
            }
        }
        text
    }

    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let (mut at, mut place) = (0, 0);
        // Where the last star is, and where the text went on after it.
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(place) {
                Some(b'*') => {
                    star = Some((place, at));
                    place += 1;
                }
                Some(wanted) if *wanted == b'?' || *wanted == text[at].to_ascii_uppercase() => {
                    at += 1;
                    place += 1;
                }
                _ => {
                    let Some((after, from)) = star else { return false };
                    star = Some((after, from + 1));
                    at = from + 1;
                    place = after + 1;
                }
            }
        }
        self.0[place..].iter().all(|byte| *byte == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_like_patterns() {
        let check = |glob: &str, text: &str, expected: bool| {
            assert_eq!(Glob::new(glob).matches(text.as_bytes()), expected, "{glob} {text}");
        };
        check("", "", true);
        check("", "a", false);
        check("*", "", true);
        check("*", "anything", true);
        check("UC_*", "uc_lib_license", true);
        check("UC_*", "MCVD", false);
        check("*LICENSE", "UC_LIB_LICENSE", true);
        check("*LICENSE", "UC_LIB_LICENSES", false);
        check("S?_*_DOWN", "SS_TEL_DOWN", true);
        check("S?_*_DOWN", "S_TEL_DOWN", false);
        check("*A*A*A*B", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAC", false);
        check("[a]", "a", false);
    }
}
