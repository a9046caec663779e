//! The PRI part (RFC 5424 section 6.2.1, RFC 3164 section 4.1.1).

use crate::severity::Severity;

/// `<189>`: facility × 8 + severity, 0–191.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pri(u8);

impl Pri {
    /// The PRI of a number up to 191.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 191 { Some(Self(value)) } else { None }
    }

    /// The whole number.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// The facility's number, 0–23.
    pub const fn facility(self) -> u8 {
        self.0 / 8
    }

    /// The severity.
    pub fn severity(self) -> Severity {
        Severity::ALL[usize::from(self.0 % 8)]
    }
}

/// What stands at the start of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start<'a> {
    /// A valid PRI and what is behind it.
    Pri(Pri, &'a [u8]),
    /// `<…>` with anything but a valid number in it; it is not part of what follows.
    Invalid(&'a [u8]),
    /// No angle bracket that is closed nearby.
    None,
}

/// 1–3 digits without a leading zero, up to 191. Every number is checked before it is believed.
pub(crate) fn start(input: &[u8]) -> Start<'_> {
    let (digits, rest) = match *input {
        [b'<', ones @ b'0'..=b'9', b'>', ref rest @ ..] => ([b'0', b'0', ones], rest),
        [b'<', tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'>', ref rest @ ..] => ([b'0', tens, ones], rest),
        [b'<', hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9', b'>', ref rest @ ..] => {
            ([hundreds, tens, ones], rest)
        }
        [b'<', ref behind @ ..] => {
            let window = &behind[..behind.len().min(12)];
            let close = window.iter().position(|&byte| byte == b'>');
            return close.map_or(Start::None, |close| Start::Invalid(&behind[close + 1..]));
        }
        _ => return Start::None,
    };
    let value = digits.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
    match u8::try_from(value).ok().and_then(Pri::new) {
        Some(pri) => Start::Pri(pri, rest),
        None => Start::Invalid(rest),
    }
}
