//! The parameters of a trace alarm: `Explanation: Key=value,Key=value`.
//!
//! Source: UCCX trace lines in Cisco support documents (RTP properties, CTI ports, JTAPI, license countdown). The countdown prints a blank
//! before its `=`.

use memchr::{memchr, memmem};

use crate::bytes::{skip_blanks, trim};

const LONGEST_KEY: usize = 96;

/// Keys and values behind the last colon before the first `=`.
#[derive(Clone, Debug)]
pub(crate) struct CommaParams<'a> {
    rest: &'a [u8],
}

impl<'a> CommaParams<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let start = memchr(b'=', text)
            .map_or(text.len(), |equals| memmem::rfind(&text[..equals], b": ").map_or(0, |colon| colon + 2));
        Self { rest: &text[start..] }
    }
}

impl<'a> Iterator for CommaParams<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let equals = key_end(self.rest)?;
        let key = trim(&self.rest[..equals]);
        let value = &self.rest[equals + 1..];
        let end = end_of(value);
        self.rest = value.get(end + 1..).unwrap_or_default();
        Some((key, &value[..end]))
    }
}

/// Where the `=` of a key at the start of `input` is.
fn key_end(input: &[u8]) -> Option<usize> {
    let window = &input[..input.len().min(LONGEST_KEY)];
    let end = memchr(b'=', window)?;
    let key = trim(&window[..end]);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" _./-()".contains(byte);
    (key.first().is_some_and(u8::is_ascii_alphabetic) && key.iter().all(plain)).then_some(end)
}

/// A comma ends a value only where another key follows.
fn end_of(value: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr(b',', &value[at..]) {
        let comma = at + found;
        let behind = &value[comma + 1..];
        let next = behind.strip_prefix(b"\n").unwrap_or(behind);
        if next.is_empty() || key_end(skip_blanks(next)).is_some() {
            return comma;
        }
        at = comma + 1;
    }
    value.len()
}
