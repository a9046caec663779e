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
    let &[b'<', ref behind @ ..] = input else { return Start::None };
    let window = &behind[..behind.len().min(12)];
    let Some(close) = window.iter().position(|&byte| byte == b'>') else { return Start::None };
    let (digits, rest) = (&behind[..close], &behind[close + 1..]);
    let value = match *digits {
        [a] => decimal(0, 0, a),
        [a, b] if a != b'0' => decimal(0, digit(a), b),
        [a, b, c] if a != b'0' => decimal(digit(a), digit(b), c),
        _ => None,
    };
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    match value.filter(|_| all_digits).and_then(|value| u8::try_from(value).ok()).and_then(Pri::new) {
        Some(pri) => Start::Pri(pri, rest),
        None => Start::Invalid(rest),
    }
}

fn digit(byte: u8) -> u16 {
    u16::from(byte.wrapping_sub(b'0'))
}

fn decimal(hundreds: u16, tens: u16, ones: u8) -> Option<u16> {
    hundreds.checked_mul(100)?.checked_add(tens.checked_mul(10)?)?.checked_add(digit(ones))
}
