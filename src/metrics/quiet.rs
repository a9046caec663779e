//! Which clusters need no look: a large fleet's metrics can leave their detail out.

use ccxwatch_alerts::view::{ClusterView, NodeView};

/// The share of the purchased licenses, in percent, from which a cluster is not quiet: below every sensible threshold of an alert.
const USED_PERCENT: u64 = 80;

/// Whether nothing of the cluster needs a look: no countdown, no oddity, no use near the purchase, all that is known in service, no
/// feed silent.
pub(super) fn is_quiet(view: &ClusterView) -> bool {
    matches!(view.stage, "unknown" | "compliant")
        && matches!(view.registration, "unknown" | "registered" | "reserved")
        && matches!(view.authorization, "unknown" | "in_compliance")
        && view.enforcement_at.is_none()
        && view.restriction_at.is_none()
        && !view.island_mode
        && view.flags.is_empty()
        && view.usage.as_ref().is_none_or(|usage| {
            let near = usage
                .used
                .zip(usage.purchased)
                .is_some_and(|(used, purchased)| u64::from(used) * 100 >= u64::from(purchased) * USED_PERCENT);
            !near && usage.deficit.unwrap_or(0) == 0
        })
        && view.nodes.iter().all(is_quiet_node)
}

fn is_quiet_node(node: &NodeView) -> bool {
    let works = |state| matches!(state, "unknown" | "in_service");
    works(node.engine) && works(node.cluster_view_daemon) && !node.feeds.iter().any(|feed| feed.silent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::document;
    use ccxwatch_alerts::view::UsageView;
    use jiff::Timestamp;

    fn quiet() -> ClusterView {
        let nodes = document::cluster("berlin").nodes.into_iter().map(|mut node| {
            node.cluster_view_daemon = "in_service";
            node.feeds.iter_mut().for_each(|feed| feed.silent = false);
            node
        });
        ClusterView {
            stage: "compliant",
            enforcement_at: None,
            restriction_at: None,
            registration: "registered",
            authorization: "in_compliance",
            island_mode: false,
            flags: Vec::new(),
            usage: Some(usage(79)),
            nodes: nodes.collect(),
            ..document::cluster("berlin")
        }
    }

    fn usage(used: u32) -> UsageView {
        UsageView {
            at: None,
            used: Some(used),
            purchased: Some(100),
            locked: None,
            deficit: Some(0),
            state: "compliant",
        }
    }

    #[test]
    fn one_thing_is_enough_to_need_a_look() {
        assert!(is_quiet(&quiet()));
        let changes: [fn(&mut ClusterView); 11] = [
            |view| view.stage = "unconfirmed",
            |view| view.registration = "expired",
            |view| view.authorization = "expiring_soon",
            |view| view.enforcement_at = Some(Timestamp::UNIX_EPOCH),
            |view| view.restriction_at = Some(Timestamp::UNIX_EPOCH),
            |view| view.island_mode = true,
            |view| view.flags.push("clock_skew".to_owned()),
            |view| view.usage = Some(usage(80)),
            |view| view.usage = Some(UsageView { deficit: Some(1), ..usage(1) }),
            |view| view.nodes[1].engine = "partial_service",
            |view| view.nodes[0].feeds[0].silent = true,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut view = quiet();
            change(&mut view);
            assert!(!is_quiet(&view), "change {number}");
        }
    }
}
