//! How names are compared: letter case, underscores and blanks do not count, for they differ between releases and between RTMT's
//! pages and its lines.

/// FNV-1a, 64 bits, over a name as names are compared. Zero stands for no name.
pub(super) fn hash(name: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in plain(name) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.max(1)
}

/// Whether two names are the same.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    plain(a).eq(plain(b))
}

fn plain(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().filter(|byte| !matches!(byte, b'_' | b' ')).map(u8::to_ascii_lowercase)
}

/// The facility without the name of its catalog's product.
pub(super) fn plain_facility(facility: &[u8]) -> &[u8] {
    facility.strip_prefix(b"UC_").or(facility.strip_prefix(b"CCM_")).unwrap_or(facility)
}

/// The label of a parameter: `ServiceName` is `service_name`.
pub(super) fn label(parameter: &str) -> String {
    let mut label = String::with_capacity(parameter.len() + 4);
    let letters: Vec<char> = parameter.trim_start_matches('@').chars().collect();
    for (at, &letter) in letters.iter().enumerate() {
        let previous = at.checked_sub(1).and_then(|at| letters.get(at));
        let next = letters.get(at + 1);
        let begins = letter.is_ascii_uppercase()
            && previous.is_some_and(|previous| {
                previous.is_ascii_lowercase()
                    || (previous.is_ascii_uppercase() && next.is_some_and(char::is_ascii_lowercase))
            });
        if begins {
            label.push('_');
        }
        label.push(if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' });
    }
    label
}

/// A set of names, asked without allocation: open addressing over their hashes, at most half full.
#[derive(Clone, Debug)]
pub(super) struct Names {
    slots: Vec<u64>,
}

impl Names {
    pub(super) fn new(hashes: impl IntoIterator<Item = u64>) -> Self {
        let hashes: Vec<u64> = hashes.into_iter().collect();
        let mut names = Self { slots: vec![0; (hashes.len() * 2).next_power_of_two().max(2)] };
        for hash in hashes {
            let at = names.place(hash);
            names.slots[at] = hash;
        }
        names
    }

    pub(super) fn contains(&self, name: &[u8]) -> bool {
        let hash = hash(name);
        self.slots[self.place(hash)] == hash
    }

    /// Where a hash is, or would be.
    fn place(&self, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        // The low bits of FNV-1a are its best mixed ones.
        let mut at = usize::try_from(hash & mask as u64).unwrap_or(0);
        while self.slots[at] != 0 && self.slots[at] != hash {
            at = (at + 1) & mask;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_people_read_them() {
        let check = |a: &str, b: &str, expected: bool| {
            assert_eq!(same(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
            assert_eq!(hash(a.as_bytes()) == hash(b.as_bytes()), expected, "{a} {b}");
        };
        check("ModuleRunTimeFailure", "MODULE_RUN_TIME_FAILURE", true);
        check("CCP CacheStatusFull", "CCP_CACHE_STATUS_FULL", true);
        check("SDLLinkOOS", "SDLLinkISV", false);
        check("", "_", true);
    }

    #[test]
    fn labels() {
        for (parameter, expected) in [
            ("ServiceName", "service_name"),
            ("RemoteNodeID", "remote_node_id"),
            ("MACAddress", "mac_address"),
            ("@facility", "facility"),
            ("class_id", "class_id"),
            ("APIC-EM IP", "apic_em_ip"),
        ] {
            assert_eq!(label(parameter), expected);
        }
    }

    #[test]
    fn a_set_of_names() {
        let names = Names::new(["SDLLinkOOS", "Service Failed"].map(|name| hash(name.as_bytes())));
        assert!(names.contains(b"SDL_LINK_OOS") && names.contains(b"ServiceFailed"));
        assert!(!names.contains(b"") && !names.contains(b"SDLLinkISV"));
        assert!(!Names::new([]).contains(b"SDLLinkOOS"));
    }
}
