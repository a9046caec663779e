//! What a file is, by how it begins: names and inodes change hands, first records do not.

/// The length and the hash of a file's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Head {
    /// How many bytes were hashed: up to [`Head::BYTES`].
    pub(super) length: u64,
    /// Their hash.
    pub(super) hash: u64,
}

impl Head {
    /// The longest beginning that is looked at.
    pub(super) const BYTES: usize = 1024;
    /// The most heads that one file has; lines so short that there are more do not occur.
    const MOST: usize = 128;

    /// The heads of a file that begins with these bytes, the first `length` of which are to be known by: one at each line's end, and
    /// the whole.
    pub(super) fn ladder(beginning: &[u8], length: u64) -> Vec<Self> {
        let whole = length.min(beginning.len() as u64).min(Self::BYTES as u64);
        let mut ladder: Vec<Self> = Self::all_of(beginning)
            .zip(beginning)
            .filter(|(head, byte)| head.length < whole && **byte == b'\n')
            .map(|(head, _)| head)
            .take(Self::MOST - 1)
            .collect();
        ladder.extend(Self::all_of(beginning).find(|head| head.length == whole));
        ladder
    }

    /// The length of the head by which a file that begins with these bytes may be recognized: as far as its last whole line there.
    pub(super) fn telling(beginning: &[u8]) -> u64 {
        if beginning.len() >= Self::BYTES {
            return Self::BYTES as u64;
        }
        memchr::memrchr(b'\n', beginning).map_or(0, |at| at as u64 + 1)
    }

    /// The heads of all lengths of a file that begins with these bytes, the shortest first.
    pub(super) fn all_of(beginning: &[u8]) -> impl Iterator<Item = Self> {
        let bytes = &beginning[..beginning.len().min(Self::BYTES)];
        bytes.iter().zip(1..).scan(Hash::START, |hash, (byte, length)| {
            *hash = Hash::with(*hash, *byte);
            Some(Self { length, hash: *hash })
        })
    }
}

/// The hash of any bytes.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(Hash::START, |hash, byte| Hash::with(hash, *byte))
}

/// FNV-1a with 64 bits. It is stored, so it may never change.
struct Hash;

impl Hash {
    const START: u64 = 0xcbf2_9ce4_8422_2325;

    const fn with(hash: u64, byte: u8) -> u64 {
        (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        for (text, hash) in [("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)] {
            assert_eq!(Head::all_of(text.as_bytes()).last().unwrap().hash, hash, "{text}");
        }
    }

    #[test]
    fn a_ladder_has_a_rung_at_each_line_end() {
        let lengths = |text: &str, length| -> Vec<u64> {
            Head::ladder(text.as_bytes(), length).iter().map(|head| head.length).collect()
        };
        assert_eq!(lengths("one\ntwo\nthree", 8), [4, 8]);
        assert_eq!(lengths("one\ntwo\nthree", 13), [4, 8, 13]);
        assert_eq!(lengths("one\n", 0), [0; 0]);
        assert_eq!(lengths(&"x".repeat(2000), 2000), [1024]);
        assert_eq!(lengths(&"\n".repeat(2000), 2000).len(), 128);
    }

    #[test]
    fn whole_lines_tell() {
        for (text, length) in [("", 0), ("half", 0), ("one\nha", 4), ("one\ntwo\n", 8)] {
            assert_eq!(Head::telling(text.as_bytes()), length, "{text}");
        }
        assert_eq!(Head::telling(&[b'x'; 1024]), 1024);
    }
}
