//! Checksums of stored rows: `SQLite` notices a damaged page, not a flipped byte in a text.

/// FNV-1a, 64 bits, over the parts and the borders between them. It never changes: it is on disk.
pub(crate) fn fnv(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut feed = |byte: u8| {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0100_0000_01b3);
    };
    for part in parts {
        part.bytes().for_each(&mut feed);
        // No text holds this byte, so ("a", "bc") and ("ab", "c") differ.
        feed(0xff);
    }
    hash
}

/// The checksum as `SQLite` keeps it.
pub(super) fn of(parts: &[&str]) -> i64 {
    fnv(parts).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_published_function_and_minds_borders() {
        assert_eq!(fnv(&[]), 0xcbf2_9ce4_8422_2325);
        assert_ne!(fnv(&["a", "bc"]), fnv(&["ab", "c"]));
    }
}
