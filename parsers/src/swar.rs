//! Searches over eight bytes at a time, in plain arithmetic. Keys and values are too short for a vector search to pay.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The first byte from `from` on that `mask` marks with its high bit. NUL must not be marked.
#[inline]
fn first(input: &[u8], from: usize, mask: impl Fn(u64) -> u64) -> Option<usize> {
    let (chunks, rest) = input.get(from..)?.as_chunks::<8>();
    let mut at = from;
    for chunk in chunks {
        let marked = mask(u64::from_le_bytes(*chunk));
        if marked != 0 {
            return Some(at + marked.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let mut chunk = [0; 8];
    chunk[..rest.len()].copy_from_slice(rest);
    let marked = mask(u64::from_le_bytes(chunk));
    (marked != 0).then(|| at + marked.trailing_zeros() as usize / 8)
}

/// Marks the bytes that are `byte`. Above the first marked one there may be false marks.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * byte as u64);
    difference.wrapping_sub(ONES) & !difference & HIGH
}

/// The first `[`, `\` or `]`, which stand side by side in ASCII.
#[inline]
pub(crate) fn bracket(input: &[u8], from: usize) -> Option<usize> {
    // From `[` (0x5b) on, and not from behind `]` (0x5d) on.
    first(input, from, |word| {
        let low = word & !HIGH;
        let from_open = low + ONES * (0x80 - 0x5b);
        let behind_close = low + ONES * (0x80 - 0x5e);
        from_open & !behind_close & !word & HIGH
    })
}

/// The first `=` or `]`.
#[inline]
pub(crate) fn key_end(input: &[u8], from: usize) -> Option<usize> {
    first(input, from, |word| equal(word, b'=') | equal(word, b']'))
}

/// The first blank or tab.
#[inline]
pub(crate) fn blank(input: &[u8]) -> Option<usize> {
    first(input, 0, |word| equal(word, b' ') | equal(word, b'\t'))
}

#[cfg(test)]
mod tests {
    use super::{blank, bracket, key_end};

    #[test]
    fn finds_what_a_plain_loop_finds() {
        for byte in 0..=255_u8 {
            for length in 0..20 {
                for at in 0..length {
                    let mut input = vec![b'x'; length];
                    input[at] = byte;
                    let plain = |wanted: &[u8]| input.iter().position(|byte| wanted.contains(byte));
                    assert_eq!(bracket(&input, 0), plain(b"[\\]"), "{byte} at {at} of {length}");
                    assert_eq!(key_end(&input, 0), plain(b"=]"), "{byte} at {at} of {length}");
                    assert_eq!(blank(&input), plain(b" \t"), "{byte} at {at} of {length}");
                }
            }
        }
        assert_eq!(bracket(b"[[[[[[[[[[[[", 9), Some(9));
        assert_eq!(bracket(b"abc", 7), None);
    }
}
