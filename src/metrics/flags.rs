//! The oddities of an episode as labels: a closed list, whatever the engine will say one day.

/// The oddities of an episode that have a label of their own.
const FLAGS: [&str; 13] = [
    "clock_skew",
    "cluster_view_daemon_down",
    "deadline_unknown",
    "during_failover",
    "feed_was_silent",
    "island_mode",
    "minutes_assumed",
    "node_ambiguous",
    "node_mismatch",
    "previous_episode_unconfirmed",
    "release_mismatch",
    "time_ambiguous",
    "time_unknown",
];

/// The labels of a cluster's flags: each at most once, unknown ones together as `other`.
pub(super) fn labels(flags: &[String]) -> impl Iterator<Item = &'static str> {
    let known = FLAGS.into_iter().filter(move |known| flags.iter().any(|flag| flag == known));
    let other = flags.iter().any(|flag| !FLAGS.contains(&flag.as_str()));
    known.chain(other.then_some(super::facilities::OTHER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_flags_fold_into_one() {
        let flags: Vec<String> = ["x", "clock_skew", "y", "clock_skew"].map(String::from).to_vec();
        assert_eq!(labels(&flags).collect::<Vec<_>>(), ["clock_skew", "other"]);
        assert_eq!(labels(&[]).count(), 0);
    }
}
