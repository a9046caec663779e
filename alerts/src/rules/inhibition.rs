//! Which alert explains which: while the source fires, its targets are not told. One table.

/// What an alert explains.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// Every other alert of the same node.
    Node,
    /// These alerts of the same node, or of the cluster where the source has no node.
    Names(&'static [&'static str]),
}

/// One row per explanation. The names are RTMT's and ours.
const TABLE: [(&str, Target); 8] = [
    ("ServerDown", Target::Node),
    (
        "CcxEngineOutOfService",
        Target::Names(&["CcxEnginePartialService", "CcxEngineFailure", "UnifiedCCXEngineMemoryUsageHigh"]),
    ),
    ("ClusterViewDaemonOutOfService", Target::Names(&["ClusterViewDaemonPartialService"])),
    (
        "SmartLicenseOutOfCompliance",
        Target::Names(&["SmartLicenseEnteringOutOfCompliance", "SmartLicenseEnteringOutOfComplianceShortly"]),
    ),
    ("SmartLicenseNoProvisionOutOfCompliance", Target::Names(&["SmartLicenseInOverageOutOfCompliance"])),
    (
        "SmartLicenseNoProvisionAuthorizationExpired",
        Target::Names(&["SmartLicenseInOverageAuthorizationExpired", "SmartLicenseAuthorizationExpiringSoon"]),
    ),
    ("SmartLicenseNoProvisionEvalExpired", Target::Names(&["SmartLicenseInEval"])),
    ("SmartLicenseRegistrationExpired", Target::Names(&["SmartLicenseRegistrationExpiringSoon"])),
];

/// RTMT drops the underscores that the events keep.
fn same(a: &str, b: &str) -> bool {
    a.bytes().filter(|byte| *byte != b'_').eq(b.bytes().filter(|byte| *byte != b'_'))
}

/// Whether an alert explains any other.
pub(crate) fn is_source(name: &str) -> bool {
    TABLE.iter().any(|(source, _)| same(source, name))
}

/// Whether an alert of this name and node is explained by another that fires: `fires` is asked for the name of each possible source
/// and the node that it must have; `Some(None)` is an alert of the whole cluster.
pub(crate) fn explained_by(
    name: &str,
    node: Option<&str>,
    fires: impl Fn(&str, Option<&str>) -> bool,
) -> Option<&'static str> {
    let of_cluster_too = |source: &&str| fires(source, node) || (node.is_some() && fires(source, None));
    TABLE.iter().find_map(|(source, target)| {
        let explained = match target {
            Target::Node => node.is_some() && !same(source, name) && fires(source, node),
            Target::Names(names) => names.iter().any(|target| same(target, name)) && of_cluster_too(source),
        };
        explained.then_some(*source)
    })
}

/// Whether two alerts have the same name, whatever their underscores.
pub(crate) fn is_named(name: &str, source: &str) -> bool {
    same(name, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_explains_what() {
        let check = |firing: (&str, Option<&str>), target: (&str, Option<&str>), expected: Option<&str>| {
            let fires = |name: &str, node: Option<&str>| is_named(firing.0, name) && firing.1 == node;
            assert_eq!(explained_by(target.0, target.1, fires), expected, "{firing:?} {target:?}");
        };
        let (one, two) = (Some("n1"), Some("n2"));
        check(("ServerDown", one), ("CriticalServiceDown", one), Some("ServerDown"));
        check(("ServerDown", one), ("CriticalServiceDown", two), None);
        check(("ServerDown", one), ("ServerDown", one), None);
        check(("ServerDown", None), ("CriticalServiceDown", one), None);
        check(("ServerDown", one), ("DBReplicationFailure", None), None);
        check(("CcxEngineOutOfService", one), ("CcxEnginePartialService", one), Some("CcxEngineOutOfService"));
        check(("CcxEngineOutOfService", one), ("CriticalServiceDown", one), None);
        let blocked = "SmartLicenseNoProvision_OutOfCompliance";
        let overage = "SmartLicenseInOverage_OutOfCompliance";
        check((blocked, None), (overage, one), Some("SmartLicenseNoProvisionOutOfCompliance"));
        check((overage, None), (blocked, one), None);
        let countdown = "SmartLicenseEnteringOutOfComplianceShortly";
        check(("SmartLicenseOutOfCompliance", None), (countdown, one), Some("SmartLicenseOutOfCompliance"));
    }
}
