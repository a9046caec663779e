//! The events that have a series of their own: a closed list, because a mnemonic comes from a log line and a label must not.

use super::facilities::OTHER;
use std::{collections::HashSet, sync::LazyLock};

/// One event per line: the facility without the prefix `UC_`, and the mnemonic. The alarm catalog of Unified CM 12.5 to 15, which is
/// the platform below Unified CCX, and what Cisco documents of Unified CCX itself.
const LIST: &str = include_str!("mnemonics.txt");

static KNOWN: LazyLock<HashSet<(&str, &str)>> =
    LazyLock::new(|| LIST.lines().filter_map(|line| line.split_once(' ')).collect());

/// The label value of a mnemonic: itself where the event is known, [`OTHER`] where not.
pub(super) fn label<'a>(facility: &str, mnemonic: &'a str) -> &'a str {
    let bare = facility.strip_prefix("UC_").unwrap_or(facility);
    if KNOWN.contains(&(bare, mnemonic)) { mnemonic } else { OTHER }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::facilities;

    #[test]
    fn the_list_is_in_order_and_of_known_facilities() {
        let lines: Vec<_> = LIST.lines().collect();
        assert!(lines.is_sorted_by(|left, right| left < right));
        assert_eq!(KNOWN.len(), lines.len());
        for (facility, _) in &*KNOWN {
            assert_eq!(facilities::label(facility), *facility);
        }
        // The bound that grafana/METRICS.md gives, with and without the prefix.
        assert!(lines.len() <= 1_000, "{}", lines.len());
    }

    #[test]
    fn only_known_events_become_labels() {
        assert_eq!(label("UC_LIB_LICENSE", "SYSTEM_IN_OOC_STATE"), "SYSTEM_IN_OOC_STATE");
        assert_eq!(label("LIB_LICENSE", "SYSTEM_IN_OOC_STATE"), "SYSTEM_IN_OOC_STATE");
        for (facility, mnemonic) in [("UC_RTMT", "SYSTEM_IN_OOC_STATE"), ("LIB_LICENSE", "EVIL\n"), ("other", "")] {
            assert_eq!(label(facility, mnemonic), OTHER, "{facility} {mnemonic}");
        }
    }
}
