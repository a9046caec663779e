//! What is configured of routes. Checked before it gets here.

use crate::{matcher::Matchers, notification::Reason, rules::schedule::Schedule};
use ccxwatch_parsers::severity::Severity;
use core::fmt;
use jiff::{SignedDuration, tz::TimeZone};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole of it. The default tells every receiver everything, at once.
#[derive(Clone, Debug, Default)]
pub struct RoutingSettings {
    /// The routes, in the order in which they are tried.
    pub routes: Vec<RouteSettings>,
    /// Time windows by their names.
    pub time_windows: BTreeMap<String, Schedule>,
    /// The zones of the receivers, by name; UTC where a receiver is not here.
    pub time_zones: BTreeMap<String, TimeZone>,
    /// Receivers that are told everything at once, whatever the routes say: the console.
    pub watchers: Vec<String>,
    /// When the alerts of one node are gathered although no route says so. None: never.
    pub storm: Option<StormSettings>,
}

/// When many different alerts of one node are a storm: the first go at once, what follows is gathered into one message for each
/// receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StormSettings {
    /// So many different alerts of one node go at once, within [`Self::within`]. At least 1.
    pub alerts: usize,
    /// For how long an alert counts.
    pub within: SignedDuration,
    /// How long the first alert that is gathered waits for others.
    pub wait: SignedDuration,
    /// How long what changes waits after that; what is urgent waits for [`Self::wait`] only.
    pub interval: SignedDuration,
    /// Receivers that gather by themselves and want each alert: Alertmanagers.
    pub except: Vec<String>,
}

impl Default for StormSettings {
    /// 5 alerts within a minute; then as Alertmanager gathers where nothing is configured.
    fn default() -> Self {
        Self {
            alerts: 5,
            within: SignedDuration::from_mins(1),
            wait: GroupSettings::WAIT,
            interval: GroupSettings::INTERVAL,
            except: Vec::new(),
        }
    }
}

impl StormSettings {
    /// How it gathers.
    pub(crate) fn group(&self) -> GroupSettings {
        let by = GroupBy::Labels(Self::LABELS.map(ToOwned::to_owned).to_vec());
        GroupSettings { by, wait: self.wait, interval: self.interval }
    }

    /// Labels that all alerts of one node have in common.
    const LABELS: [&'static str; 2] = ["cluster", "node"];
}

/// One route: what it takes, and what becomes of it.
#[derive(Clone, Debug, Default)]
pub struct RouteSettings {
    /// Its name, for people.
    pub name: Option<String>,
    /// It takes what is of these clusters; empty: of any, and what is of none.
    pub clusters: Vec<ClusterPattern>,
    /// It takes what has these labels.
    pub matchers: Matchers,
    /// It takes what is at least as severe.
    pub severity: Option<Severity>,
    /// It takes what is told for these reasons; empty: for any.
    pub reasons: Vec<Reason>,
    /// Who is told. Empty: nobody.
    pub receivers: Vec<String>,
    /// Later routes are tried as well.
    pub continues: bool,
    /// What is not urgent is gathered.
    pub group: Option<GroupSettings>,
    /// What still fires and is not acknowledged is told again after this, at most 24 hours.
    pub repeat_interval: Option<SignedDuration>,
    /// What may wait is told while one of these windows is open; empty: at any time.
    pub time_windows: Vec<String>,
    /// What may otherwise not wait does: `Emergency`, `Alert`, everything about the stages of the license.
    pub hold_urgent: bool,
}

/// How a route gathers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSettings {
    /// What tells its groups apart.
    pub by: GroupBy,
    /// How long the first alert of a group waits for others. Alertmanager's default: 30 seconds.
    pub wait: SignedDuration,
    /// How long what changes in a group waits after the group was told. Alertmanager's default: 5 minutes.
    pub interval: SignedDuration,
}

/// What tells the groups of a route apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// The values of these labels. None: one group for all.
    Labels(Vec<String>),
    /// All labels: each alert is a group. Written `...`.
    All,
}

impl GroupSettings {
    /// Alertmanager's `group_wait`, where nothing is configured.
    pub const WAIT: SignedDuration = SignedDuration::from_secs(30);
    /// Alertmanager's `group_interval`, where nothing is configured.
    pub const INTERVAL: SignedDuration = SignedDuration::from_mins(5);
    /// Alertmanager's `repeat_interval`, where nothing is configured.
    pub const REPEAT_INTERVAL: SignedDuration = SignedDuration::from_hours(4);

    /// Whether all alerts of one node come together already.
    pub(crate) fn gathers_nodes(&self) -> bool {
        match &self.by {
            GroupBy::All => false,
            GroupBy::Labels(names) => names.iter().all(|name| StormSettings::LABELS.contains(&name.as_str())),
        }
    }
}

/// The longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 256;
/// The largest compiled pattern, in bytes.
const PATTERN_SIZE_MAX: usize = 64 * 1024;

/// The name of a cluster, where `*` stands for any characters and `?` for one.
#[derive(Clone, Debug)]
pub struct ClusterPattern {
    written: String,
    regex: Regex,
}

impl ClusterPattern {
    /// Reads a pattern of at most 256 bytes; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > PATTERN_BYTES_MAX {
            return Err(format!("the name of a cluster has 1 to {PATTERN_BYTES_MAX} bytes"));
        }
        let pieces: String = text
            .chars()
            .map(|c| match c {
                '*' => ".*".to_owned(),
                '?' => ".".to_owned(),
                c => regex::escape(c.encode_utf8(&mut [0; 4])),
            })
            .collect();
        let regex = RegexBuilder::new(&format!("^(?s:{pieces})$")).size_limit(PATTERN_SIZE_MAX).build();
        let regex = regex.map_err(|error| format!("{text:?} is no name or pattern of clusters: {error}"))?;
        Ok(Self { written: text.to_owned(), regex })
    }

    /// Whether a cluster's name fits.
    pub fn matches(&self, cluster: &str) -> bool {
        self.regex.is_match(cluster)
    }
}

impl fmt::Display for ClusterPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_match_by_name_or_glob() {
        let check = |pattern: &str, cluster: &str, expected: bool| {
            let pattern = ClusterPattern::parse(pattern).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(pattern.matches(cluster), expected, "{pattern} {cluster}");
        };
        check("berlin", "berlin", true);
        check("berlin", "berlin-2", false);
        check("muc-*", "muc-1", true);
        check("muc-*", "xmuc-1", false);
        check("a.b", "axb", false);
        check("lab?", "lab", false);
        check("lab?", "lab7", true);
        check("*", "unmapped:x", true);
        assert!(ClusterPattern::parse("").is_err());
        assert!(ClusterPattern::parse(&"?".repeat(257)).is_err());
    }
}
