//! The series of the clusters. They are read from the engine's views at each scrape, so that a step of the engine costs nothing
//! here and a cluster that is gone leaves no series behind.

use super::{flags, quiet};
use crate::config::Detail;
use arc_swap::ArcSwap;
use ccxwatch_alerts::{
    license::{
        authorization::{Authorization, Registration},
        stage::Stage,
    },
    view::{ClusterView, NodeView, UsageView},
};
use jiff::Timestamp;
use prometheus::{
    core::{Collector, Desc},
    proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType},
};
use std::{collections::HashMap, sync::Arc};

/// The states of a service of a node, as labels.
pub(super) const SERVICE_STATES: [&str; 5] =
    ["in_service", "partial_service", "out_of_service", "shut_down", "unknown"];

/// So many clusters that the configuration does not name have series; the others are counted in `ccxwatch_clusters_omitted`.
pub(super) const UNMAPPED_CLUSTERS_LIMIT: usize = 64;

/// The families of series.
#[derive(Clone, Copy, Debug)]
enum Family {
    Info,
    Heard,
    Omitted,
    Quiet,
    Clusters,
    View,
    Island,
    Stage,
    Since,
    Deadline,
    Enforcement,
    Evidence,
    Acknowledged,
    Flag,
    Used,
    Purchased,
    Locked,
    Deficit,
    UsageReport,
    Registration,
    RegistrationSince,
    Authorization,
    AuthorizationSince,
    Restriction,
    NodeHeard,
    FeedHeard,
    FeedSilent,
    Engine,
    Daemon,
}

impl Family {
    const ALL: [Self; 29] = [
        Self::Info,
        Self::Heard,
        Self::Omitted,
        Self::Quiet,
        Self::Clusters,
        Self::View,
        Self::Island,
        Self::Stage,
        Self::Since,
        Self::Deadline,
        Self::Enforcement,
        Self::Evidence,
        Self::Acknowledged,
        Self::Flag,
        Self::Used,
        Self::Purchased,
        Self::Locked,
        Self::Deficit,
        Self::UsageReport,
        Self::Registration,
        Self::RegistrationSince,
        Self::Authorization,
        Self::AuthorizationSince,
        Self::Restriction,
        Self::NodeHeard,
        Self::FeedHeard,
        Self::FeedSilent,
        Self::Engine,
        Self::Daemon,
    ];

    /// Name and help.
    const fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Info => ("ccxwatch_cluster_info", "Always 1; the labels say what the cluster is."),
            Self::Heard => (
                "ccxwatch_cluster_last_heard_timestamp_seconds",
                "When a line of the cluster was last heard, as Unix time.",
            ),
            Self::Omitted => (
                "ccxwatch_clusters_omitted",
                "Clusters outside the configuration that have no series because there are too many.",
            ),
            Self::Quiet => (
                "ccxwatch_clusters_quiet",
                "Clusters of which nothing needs a look; where the configuration says so, they have no series of their own.",
            ),
            Self::Clusters => ("ccxwatch_clusters", "Clusters by license stage, with and without series of their own."),
            Self::Island => (
                "ccxwatch_cluster_island_mode",
                "1 while a line says that more than one node is the master, 0 otherwise.",
            ),
            Self::View => {
                ("ccxwatch_clusters_view_timestamp_seconds", "When the engine last published its view, as Unix time.")
            }
            Self::Stage => {
                ("ccxwatch_license_stage", "1 for the license stage that the cluster is in, 0 for the others.")
            }
            Self::Since => {
                ("ccxwatch_license_stage_since_timestamp_seconds", "Since when the stage holds, as Unix time.")
            }
            Self::Deadline => {
                ("ccxwatch_license_deadline_timestamp_seconds", "The end of the countdown, as Unix time.")
            }
            Self::Enforcement => {
                ("ccxwatch_license_enforcement_timestamp_seconds", "The day of enforcement, as Unix time.")
            }
            Self::Evidence => {
                ("ccxwatch_license_evidence_lines", "Lines of evidence of the current episode, copies included.")
            }
            Self::Acknowledged => ("ccxwatch_license_acknowledged", "1 if somebody acknowledged the current stage."),
            Self::Flag => ("ccxwatch_license_flag", "1 for each oddity of the current episode."),
            Self::Used => ("ccxwatch_license_used", "Licenses in use, by the last report."),
            Self::Purchased => ("ccxwatch_license_purchased", "Licenses bought, by a report or the configuration."),
            Self::Locked => {
                ("ccxwatch_license_locked", "The peak of use that is reported while out of compliance locks it.")
            }
            Self::Deficit => ("ccxwatch_license_deficit", "Licenses to buy to be covered."),
            Self::UsageReport => {
                ("ccxwatch_license_usage_report_timestamp_seconds", "The time of the last report of use, as Unix time.")
            }
            Self::Registration => (
                "ccxwatch_license_registration_state",
                "1 for the registration state, 0 for the others; absent until a line says one.",
            ),
            Self::RegistrationSince => (
                "ccxwatch_license_registration_since_timestamp_seconds",
                "When a line first said the registration state, as Unix time.",
            ),
            Self::Authorization => (
                "ccxwatch_license_authorization_state",
                "1 for the authorization state, 0 for the others; absent until one is known.",
            ),
            Self::AuthorizationSince => (
                "ccxwatch_license_authorization_since_timestamp_seconds",
                "When a line of the license manager first said the authorization state, as Unix time.",
            ),
            Self::Restriction => (
                "ccxwatch_license_restriction_timestamp_seconds",
                "When provisioning is restricted by the license manager's lines, as Unix time.",
            ),
            Self::FeedHeard => {
                ("ccxwatch_feed_last_heard_timestamp_seconds", "When a feed of the node was last heard, as Unix time.")
            }
            Self::FeedSilent => {
                ("ccxwatch_feed_silent", "1 while a feed of the node is silent for longer than is usual, 0 otherwise.")
            }
            Self::NodeHeard => {
                ("ccxwatch_node_last_heard_timestamp_seconds", "When a line of the node was last heard, as Unix time.")
            }
            Self::Engine => (
                "ccxwatch_node_engine_state",
                "1 for the state of the CCX Engine, 0 for the others; absent until one is known.",
            ),
            Self::Daemon => (
                "ccxwatch_node_cluster_view_daemon_state",
                "1 for the state of the Cluster View Daemon, 0 for the others; absent until one is known.",
            ),
        }
    }
}

/// The views, as last published.
#[derive(Clone, Debug)]
pub(super) struct Clusters {
    views: Arc<ArcSwap<Views>>,
    descriptions: Arc<Vec<Desc>>,
}

#[derive(Debug, Default)]
struct Views {
    at: Timestamp,
    detail: Detail,
    clusters: Vec<ClusterView>,
}

impl Clusters {
    pub(super) fn new() -> Self {
        let describe = |family: Family| {
            let (name, help) = family.describe();
            Desc::new(name.to_owned(), help.to_owned(), Vec::new(), HashMap::new())
                .expect("the names of series are constants")
        };
        Self { views: Arc::default(), descriptions: Arc::new(Family::ALL.map(describe).to_vec()) }
    }

    pub(super) fn set(&self, clusters: &[ClusterView], at: Timestamp, detail: Detail) {
        self.views.store(Arc::new(Views { at, detail, clusters: clusters.to_vec() }));
    }
}

impl Collector for Clusters {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let views = self.views.load();
        let mut shown = Page::default();
        let (mut unmapped, mut omitted, mut quiet) = (0, 0_u32, 0_u32);
        let mut stages = Stage::ALL.map(|stage| (stage.name(), 0_u32));
        for cluster in &views.clusters {
            stages.iter_mut().filter(|(stage, _)| *stage == cluster.stage).for_each(|(_, count)| *count += 1);
            let is_quiet = quiet::is_quiet(cluster);
            quiet += u32::from(is_quiet);
            if !cluster.mapped {
                if unmapped == UNMAPPED_CLUSTERS_LIMIT {
                    omitted += 1;
                    continue;
                }
                unmapped += 1;
            }
            shown.info(cluster);
            if !is_quiet || views.detail == Detail::All {
                shown.cluster(cluster);
            }
        }
        shown.add(Family::Omitted, &[], f64::from(omitted));
        shown.add(Family::Quiet, &[], f64::from(quiet));
        for (stage, count) in stages {
            shown.add(Family::Clusters, &[("stage", stage)], f64::from(count));
        }
        shown.time(Family::View, &[], Some(views.at));
        Family::ALL.into_iter().zip(shown.families).map(|(family, metrics)| finished(family, metrics)).collect()
    }
}

fn finished(family: Family, metrics: Vec<Metric>) -> MetricFamily {
    let (name, help) = family.describe();
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(metrics);
    family
}

/// What one scrape shows.
#[derive(Default)]
struct Page {
    /// By number of the family.
    families: [Vec<Metric>; Family::ALL.len()],
}

impl Page {
    /// What every cluster has, quiet or not.
    fn info(&mut self, view: &ClusterView) {
        let mapped = if view.mapped { "true" } else { "false" };
        self.add(Family::Info, &[("cluster", &view.name), ("mapped", mapped), ("release", &view.release)], 1.0);
        self.time(Family::Heard, &[("cluster", &view.name)], view.last_heard);
    }

    fn cluster(&mut self, view: &ClusterView) {
        let name = ("cluster", view.name.as_str());
        self.states(Family::Stage, &[name], "stage", &Stage::ALL.map(Stage::name), view.stage);
        self.time(Family::Since, &[name], view.since);
        self.time(Family::Deadline, &[name], view.deadline);
        self.time(Family::Enforcement, &[name], view.enforcement_at);
        self.add(Family::Evidence, &[name], view.evidence as f64);
        self.add(Family::Acknowledged, &[name], if view.acknowledged_by.is_some() { 1.0 } else { 0.0 });
        self.add(Family::Island, &[name], f64::from(u8::from(view.island_mode)));
        if let Some(usage) = &view.usage {
            self.usage(name, usage);
        }
        self.known(Family::Registration, &[name], &Registration::ALL.map(Registration::name), view.registration);
        self.time(Family::RegistrationSince, &[name], view.registration_since);
        self.known(Family::Authorization, &[name], &Authorization::ALL.map(Authorization::name), view.authorization);
        self.time(Family::AuthorizationSince, &[name], view.authorization_since);
        self.time(Family::Restriction, &[name], view.restriction_at);
        for flag in flags::labels(&view.flags) {
            self.add(Family::Flag, &[name, ("flag", flag)], 1.0);
        }
        for node in &view.nodes {
            self.node(name, node);
        }
    }

    fn usage(&mut self, cluster: (&str, &str), usage: &UsageView) {
        for (family, licenses) in [
            (Family::Used, usage.used),
            (Family::Purchased, usage.purchased),
            (Family::Locked, usage.locked),
            (Family::Deficit, usage.deficit),
        ] {
            if let Some(licenses) = licenses {
                self.add(family, &[cluster], f64::from(licenses));
            }
        }
        self.time(Family::UsageReport, &[cluster], usage.at);
    }

    fn node(&mut self, cluster: (&str, &str), node: &NodeView) {
        let labels = [cluster, ("node", node.id.as_str())];
        self.time(Family::NodeHeard, &labels, node.last_heard);
        for (family, state) in [(Family::Engine, node.engine), (Family::Daemon, node.cluster_view_daemon)] {
            self.known(family, &labels, &SERVICE_STATES, state);
        }
        for feed in &node.feeds {
            let labels = [labels[0], labels[1], ("feed", feed.name.as_str())];
            self.time(Family::FeedHeard, &labels, Some(feed.last_heard));
            self.add(Family::FeedSilent, &labels, f64::from(u8::from(feed.silent)));
        }
    }

    /// A state that is left out until it is known.
    fn known(&mut self, family: Family, labels: &[(&str, &str)], states: &[&str], current: &str) {
        if current != "unknown" {
            self.states(family, labels, "state", states, current);
        }
    }

    fn states(&mut self, family: Family, labels: &[(&str, &str)], key: &str, states: &[&str], current: &str) {
        for &state in states {
            let mut all = labels.to_vec();
            all.push((key, state));
            self.add(family, &all, if state == current { 1.0 } else { 0.0 });
        }
    }

    fn time(&mut self, family: Family, labels: &[(&str, &str)], at: Option<Timestamp>) {
        if let Some(at) = at {
            self.add(family, labels, super::unix_seconds(at));
        }
    }

    fn add(&mut self, family: Family, labels: &[(&str, &str)], value: f64) {
        let pair = |&(name, value): &(&str, &str)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value.to_owned());
            pair
        };
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = Metric::from_gauge(gauge);
        metric.set_label(labels.iter().map(pair).collect());
        self.families[family as usize].push(metric);
    }
}
