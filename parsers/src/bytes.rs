//! Small steps over byte slices that every grammar here takes.

/// Blanks and tabs.
pub(crate) const fn is_blank(byte: u8) -> bool {
    // One comparison for nearly all other bytes.
    byte <= b' ' && (byte == b' ' || byte == b'\t')
}

/// The rest behind leading blanks.
#[inline]
pub(crate) fn skip_blanks(input: &[u8]) -> &[u8] {
    let mut rest = input;
    while let [first, behind @ ..] = rest
        && is_blank(*first)
    {
        rest = behind;
    }
    rest
}

/// The rest behind at least one blank.
#[inline]
pub(crate) fn skip_some_blanks(input: &[u8]) -> Option<&[u8]> {
    is_blank(*input.first()?).then(|| skip_blanks(input))
}

/// Without blanks at both ends.
#[inline]
pub(crate) fn trim(input: &[u8]) -> &[u8] {
    match input {
        [first, .., last] if *first > b' ' && *last > b' ' => input,
        _ => trim_ends(input),
    }
}

fn trim_ends(input: &[u8]) -> &[u8] {
    let mut input = skip_blanks(input);
    while let [rest @ .., last] = input
        && is_blank(*last)
    {
        input = rest;
    }
    input
}

/// A decimal number of 1 to `max` digits, 20 at most, and the rest; `None` where a further digit follows, or it is beyond 64 bits.
#[inline]
pub(crate) fn number(input: &[u8], max: usize) -> Option<(u64, &[u8])> {
    /// No number of so few digits is beyond 64 bits.
    const SAFE: usize = 19;
    let mut value: u64 = 0;
    let mut digits = 0;
    while let Some(digit) = input.get(digits).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        if digits == max {
            return None;
        }
        value = if digits < SAFE {
            value * 10 + u64::from(digit)
        } else {
            value.checked_mul(10)?.checked_add(u64::from(digit))?
        };
        digits += 1;
    }
    (digits > 0).then(|| (value, &input[digits..]))
}

/// Splits at the first such byte: what is before it, and what is behind it.
pub(crate) fn split_at_byte(input: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(byte, input)?;
    Some((&input[..at], &input[at + 1..]))
}

/// Up to the next blank or the end, and the rest from the blank on.
#[inline]
pub(crate) fn word(input: &[u8]) -> (&[u8], &[u8]) {
    let end = crate::simd::blank(input).unwrap_or(input.len());
    input.split_at(end)
}

/// Letter case and blanks do not distinguish keys: `App ID` and `AppID` are one (field reports of CUCM 8.x and 9+).
pub(crate) fn same_key(left: &[u8], right: &[u8]) -> bool {
    let mut left = left.iter().filter(|&&byte| !is_blank(byte)).map(u8::to_ascii_lowercase);
    let mut right = right.iter().filter(|&&byte| !is_blank(byte)).map(u8::to_ascii_lowercase);
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (a, b) if a == b => {}
            _ => return false,
        }
    }
}
