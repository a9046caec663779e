//! The alerts as series: names that ccxwatch knows have their own; of other ones, which configured rules and alerts of RTMT may
//! bring, only so many at one time.

use super::{facilities::OTHER, severity_label};
use ccxwatch_alerts::{
    alert::{AlertStatus, AlertView},
    families,
    license::stage::Stage,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::LazyLock,
};

/// Names beside the known ones that have series at one time.
pub(super) const UNKNOWN_NAMES_LIMIT: usize = 100;

/// What the engine itself raises beside the stages of a license.
const OWN: [&str; 12] = [
    "CcxEngineFailure",
    "CcxEngineOutOfService",
    "CcxEnginePartialService",
    "CcxMoreThanOneMaster",
    "ClusterViewDaemonOutOfService",
    "ClusterViewDaemonPartialService",
    "LicenseEventUnclassified",
    "LogFeedNeverHeard",
    "LogFeedSilent",
    "SmartLicenseOverUse",
    "SmartLicenseUseNearPurchase",
    "UnmappedNodesOverLimit",
];

static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    families::alerts().into_iter().chain(OWN).chain(Stage::ALL.into_iter().filter_map(Stage::alertname)).collect()
});

/// How many alerts there are that are not resolved, by name, severity and state.
pub(super) fn counts(alerts: &[AlertView]) -> BTreeMap<[&str; 3], i64> {
    let firing = || alerts.iter().filter(|alert| alert.status == AlertStatus::Firing);
    let name = |alert: &'_ AlertView| alert.labels.get("alertname").map_or("", String::as_str).to_owned();
    let mut unknown = HashMap::<String, i64>::new();
    for name in firing().map(name).filter(|name| !KNOWN.contains(&**name)) {
        *unknown.entry(name).or_default() += 1;
    }
    let mut by_count: Vec<_> = unknown.into_iter().collect();
    by_count.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    by_count.truncate(UNKNOWN_NAMES_LIMIT);
    let shown: HashSet<String> = by_count.into_iter().map(|(name, _)| name).collect();
    let mut counts = BTreeMap::new();
    for alert in firing() {
        let name = alert.labels.get("alertname").map_or("", String::as_str);
        let name = if KNOWN.contains(name) || shown.contains(name) { name } else { OTHER };
        let state = match alert {
            AlertView { suppressed: Some(_), .. } => "suppressed",
            AlertView { acknowledged: Some(_), .. } => "acknowledged",
            _ => "firing",
        };
        *counts.entry([name, severity_label(alert.severity), state]).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::document;

    #[test]
    fn names_of_lines_are_bounded() {
        let named = |name: String| document::alert(&name);
        let mut alerts: Vec<_> = (0..300).map(|number| named(format!("Evil{number}"))).collect();
        alerts.extend(
            ["CcxEngineOutOfService", "Evil299", "SmartLicenseOutOfCompliance"].map(|name| named(name.to_owned())),
        );
        let counts = counts(&alerts);
        let count = |name| counts.get(&[name, "emergency", "firing"]).copied();
        assert_eq!(count("Evil299"), Some(2), "the most frequent first");
        assert_eq!(count(OTHER), Some(200));
        assert_eq!(counts.len(), UNKNOWN_NAMES_LIMIT + 3);
        assert_eq!(count("CcxEngineOutOfService"), Some(1));
    }

    #[test]
    fn what_the_engine_raises_is_known() {
        for name in OWN.into_iter().chain(["SmartLicenseOutOfCompliance", "SyslogSeverityMatchFound"]) {
            assert!(KNOWN.contains(name), "{name}");
        }
        assert!(KNOWN.len() <= 1_000, "{}", KNOWN.len());
    }
}
