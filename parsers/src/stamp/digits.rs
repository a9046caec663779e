//! Digits, as times are made of.

use crate::bytes::number;

/// Exactly so many digits, four at most.
#[inline]
pub(super) fn fixed(input: &[u8], digits: usize) -> Option<(u16, &[u8])> {
    let (head, rest) = input.split_at_checked(digits)?;
    let mut value = 0;
    for byte in head {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u16::from(digit);
    }
    Some((value, rest))
}

#[inline]
pub(super) fn four_digits(digits: [u8; 4]) -> Option<i16> {
    let mut value = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i16::from(digit);
    }
    Some(value)
}

#[inline]
pub(super) fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| tens * 10 + ones)
}

/// One or two digits.
#[inline]
pub(super) fn short(input: &[u8]) -> Option<(u8, &[u8])> {
    match *input {
        [_, b, c, ..] if b.is_ascii_digit() && c.is_ascii_digit() => None,
        [a, b, ref rest @ ..] if b.is_ascii_digit() => Some((two_digits(a, b)?, rest)),
        [a, ref rest @ ..] => Some((two_digits(b'0', a)?, rest)),
        [] => None,
    }
}

/// One to nine digits behind a decimal point, as nanoseconds, and how many digits there were.
pub(super) fn decimal_fraction(input: &[u8]) -> Option<(u32, usize, &[u8])> {
    let (value, rest) = number(input, 9)?;
    let digits = input.len() - rest.len();
    let mut nanosecond = u32::try_from(value).ok()?;
    for _ in digits..9 {
        nanosecond *= 10;
    }
    Some((nanosecond, digits, rest))
}

#[inline]
pub(super) fn tag(input: &[u8], byte: u8) -> Option<&[u8]> {
    match input {
        [first, rest @ ..] if *first == byte => Some(rest),
        _ => None,
    }
}
