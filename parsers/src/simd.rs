//! Searches over 16 bytes at a time, which every processor of today has instructions for. Keys, values and words are too short for
//! `memchr`: its calls cost more than the search.

use wide::u8x16;

/// So many bytes are looked at together.
const LANES: usize = 16;

/// Bytes of a line, or what was found out about each: all ones where it is wanted, else zero.
type Block = u8x16;

#[inline]
fn equal(block: Block, byte: u8) -> Block {
    block.simd_eq(Block::splat(byte))
}

/// From `least` to `most`. Below `least` the difference wraps to a large number.
#[inline]
fn between(block: Block, least: u8, most: u8) -> Block {
    let above = block - Block::splat(least);
    above.min(Block::splat(most - least)).simd_eq(above)
}

/// What is shorter than one block, filled up with NUL.
#[cold]
fn filled_up(short: &[u8]) -> [u8; LANES] {
    let mut block = [0; LANES];
    for (slot, &byte) in block.iter_mut().zip(short) {
        *slot = byte;
    }
    block
}

/// The first wanted byte. NUL must not be wanted.
#[inline]
fn first(input: &[u8], wanted: impl Fn(Block) -> Block) -> Option<usize> {
    let mut rest = input;
    while let Some((block, behind)) = rest.split_first_chunk::<LANES>() {
        let found = wanted(Block::new(*block)).to_bitmask();
        if found != 0 {
            return Some(input.len() - rest.len() + found.trailing_zeros() as usize);
        }
        rest = behind;
    }
    if rest.is_empty() {
        return None;
    }
    // The last block of the input begins before the rest does; what is known already is shifted out.
    let (block, known) = match input.last_chunk::<LANES>() {
        Some(block) => (*block, LANES - rest.len()),
        None => (filled_up(rest), 0),
    };
    let found = wanted(Block::new(block)).to_bitmask() >> known;
    (found != 0).then(|| input.len() - rest.len() + found.trailing_zeros() as usize)
}

/// The last wanted byte. NUL must not be wanted.
#[inline]
fn last(input: &[u8], wanted: impl Fn(Block) -> Block) -> Option<usize> {
    let mut rest = input;
    while let Some((before, block)) = rest.split_last_chunk::<LANES>() {
        let found = wanted(Block::new(*block)).to_bitmask();
        if found != 0 {
            return Some(before.len() + found.ilog2() as usize);
        }
        rest = before;
    }
    // Behind the rest the first block shows what is known not to be wanted.
    let block = input.first_chunk::<LANES>().map_or_else(|| filled_up(rest), |block| *block);
    wanted(Block::new(block)).to_bitmask().checked_ilog2().map(|at| at as usize)
}

/// The first byte that may end a value, change its depth or begin an escape: `[`, `\`, `]` or `#`.
#[inline]
pub(crate) fn value_mark(input: &[u8]) -> Option<usize> {
    // The former three stand side by side in ASCII.
    first(input, |block| between(block, b'[', b']') | equal(block, b'#'))
}

/// The first `=` or `]`.
#[inline]
pub(crate) fn key_end(input: &[u8]) -> Option<usize> {
    first(input, |block| equal(block, b'=') | equal(block, b']'))
}

/// The first blank or tab.
#[inline]
pub(crate) fn blank(input: &[u8]) -> Option<usize> {
    first(input, |block| equal(block, b' ') | equal(block, b'\t'))
}

/// The first percent sign.
#[inline]
pub(crate) fn percent(input: &[u8]) -> Option<usize> {
    first(input, |block| equal(block, b'%'))
}

/// The first `:`, `[` or `%`, which end a triplet.
#[inline]
pub(crate) fn triplet_end(input: &[u8]) -> Option<usize> {
    first(input, |block| equal(block, b':') | equal(block, b'[') | equal(block, b'%'))
}

/// The first byte that ends a part of a tag: a blank, a tab, `[`, `]` or `:`.
#[inline]
pub(crate) fn tag_mark(input: &[u8]) -> Option<usize> {
    first(input, |block| {
        equal(block, b' ') | equal(block, b'\t') | equal(block, b'[') | equal(block, b']') | equal(block, b':')
    })
}

/// The first blank or hyphen.
#[inline]
pub(crate) fn blank_or_hyphen(input: &[u8]) -> Option<usize> {
    first(input, |block| equal(block, b' ') | equal(block, b'-'))
}

/// The last hyphen.
#[inline]
pub(crate) fn last_hyphen(input: &[u8]) -> Option<usize> {
    last(input, |block| equal(block, b'-'))
}

/// Whether bytes need a closer look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Oddities {
    /// Some byte is above 127.
    pub(crate) beyond_ascii: bool,
    /// Some byte is NUL.
    pub(crate) nul: bool,
}

/// Looks at all bytes once.
pub(crate) fn oddities(input: &[u8]) -> Oddities {
    // Two blocks a turn, of which the last may overlap the one before: neither answer changes.
    let (pairs, rest) = input.as_chunks::<{ 2 * LANES }>();
    let Some(last) = input.last_chunk::<{ 2 * LANES }>() else {
        return Oddities { beyond_ascii: !rest.is_ascii(), nul: rest.contains(&0) };
    };
    let (mut any, mut lowest) = (Block::splat(0), Block::splat(u8::MAX));
    for pair in pairs.iter().chain([last]) {
        let (blocks, _) = pair.as_chunks::<LANES>();
        for block in blocks {
            let block = Block::new(*block);
            any |= block;
            lowest = lowest.min(block);
        }
    }
    // Of any bytes together the highest bit is set where it is set in one.
    Oddities { beyond_ascii: any.to_bitmask() != 0, nul: equal(lowest, 0).to_bitmask() != 0 }
}

/// The three numbers of `hh:mm:ss`, whatever they are; `None` where digits and colons do not stand so.
#[inline]
pub(crate) fn clock(text: [u8; 8]) -> Option<[u8; 3]> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Digits become their value, colons zero. A digit above 9, or a colon above 0, then overflows into the high bit.
    let word = u64::from_le_bytes(text) ^ u64::from_le_bytes(*b"00:00:00");
    let overflowing = u64::from_le_bytes([0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76]);
    if (word | word.wrapping_add(overflowing)) & HIGH != 0 {
        return None;
    }
    let [h10, h1, _, m10, m1, _, s10, s1] = word.to_le_bytes();
    Some([h10 * 10 + h1, m10 * 10 + m1, s10 * 10 + s1])
}

#[cfg(test)]
mod tests {
    use super::{
        Oddities, blank, blank_or_hyphen, clock, key_end, last_hyphen, oddities, percent, tag_mark, triplet_end,
        value_mark,
    };

    /// Every byte at every place of inputs of up to three blocks.
    fn each(check: impl Fn(&[u8])) {
        for byte in 0..=255_u8 {
            for length in 0..36 {
                for at in 0..length {
                    let mut input = vec![b'x'; length];
                    input[at] = byte;
                    check(&input);
                }
            }
        }
    }

    #[test]
    fn finds_what_a_plain_loop_finds() {
        each(|input| {
            let plain = |wanted: &[u8]| input.iter().position(|byte| wanted.contains(byte));
            assert_eq!(blank(input), plain(b" \t"), "{input:?}");
            assert_eq!(percent(input), plain(b"%"), "{input:?}");
            assert_eq!(triplet_end(input), plain(b":[%"), "{input:?}");
            assert_eq!(tag_mark(input), plain(b" \t[]:"), "{input:?}");
            assert_eq!(blank_or_hyphen(input), plain(b" -"), "{input:?}");
            assert_eq!(value_mark(input), plain(b"[\\]#"), "{input:?}");
            assert_eq!(key_end(input), plain(b"=]"), "{input:?}");
            assert_eq!(last_hyphen(input), input.iter().rposition(|&byte| byte == b'-'), "{input:?}");
        });
    }

    #[test]
    fn finds_the_nearest_of_several() {
        let input = b"--------------------------------------------------------------------------------";
        for length in 1..=input.len() {
            assert_eq!(last_hyphen(&input[..length]), Some(length - 1));
            assert_eq!(blank_or_hyphen(&input[..length]), Some(0));
        }
    }

    #[test]
    fn sees_what_is_odd() {
        each(|input| {
            let odd = Oddities { beyond_ascii: !input.is_ascii(), nul: input.contains(&0) };
            assert_eq!(oddities(input), odd, "{input:?}");
        });
        assert_eq!(oddities(b""), Oddities::default());
    }

    #[test]
    fn reads_a_clock_and_nothing_else() {
        for byte in 0..=255_u8 {
            for at in 0..8 {
                let mut text = *b"12:34:56";
                text[at] = byte;
                let digit = |at: usize| text[at].checked_sub(b'0').filter(|&digit| digit < 10);
                let number = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
                let numbers = || Some([number(0)?, number(3)?, number(6)?]);
                let plain = if text[2] == b':' && text[5] == b':' { numbers() } else { None };
                assert_eq!(clock(text), plain, "{text:?}");
            }
        }
    }
}
