//! What the engine is told of the world: clusters, nodes, license rules, receivers. Checked before it gets here.

use crate::routing::settings::RoutingSettings;
use crate::rules::{
    mute::MaintenanceSettings,
    settings::{AlertOverride, AlertSettings},
    user::UserRules,
};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, tz::TimeZone};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

/// The engine's whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The configured clusters.
    pub clusters: Vec<ClusterSettings>,
    /// The rules of the license stages.
    pub license: LicenseSettings,
    /// Addresses that forward other nodes' lines.
    pub relays: Vec<IpAddr>,
    /// Names of the receivers, in the order of the configuration.
    pub receivers: Vec<String>,
    /// Who is told of what, and when.
    pub routing: RoutingSettings,
    /// When a feed counts as silent.
    pub feeds: FeedSettings,
    /// What is configured of alerts.
    pub rules: RulesSettings,
}

/// What is configured of alerts.
#[derive(Clone, Debug, Default)]
pub struct RulesSettings {
    /// What differs from the defaults, by name.
    pub overrides: Vec<AlertOverride>,
    /// The rules of the user, compiled.
    pub user: Arc<UserRules>,
    /// What is configured of the alerts of these rules, by name.
    pub user_alerts: Vec<(String, AlertSettings)>,
    /// Maintenance windows.
    pub maintenance: Vec<MaintenanceSettings>,
    /// Which alarms count without a family.
    pub syslog_severity: SyslogSeverity,
}

/// One cluster.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// Its name; unique.
    pub name: String,
    /// Earlier names whose state this cluster takes over.
    pub former_names: Vec<String>,
    /// `12.5(1)`, `12.5(1)SU1`, … `15.0`; empty where unknown.
    pub release: String,
    /// The zone of the cluster's clocks, for stamps that do not say.
    pub time_zone: TimeZone,
    /// Licenses bought, where known.
    pub purchased: Option<u32>,
    /// Labels of all its alerts: `customer = "acme"`. They route and describe, and never identify.
    pub labels: BTreeMap<String, String>,
    /// Its nodes.
    pub nodes: Vec<NodeSettings>,
}

/// One node of a cluster.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// `NodeID` as the lines print it; compared without case, and without a domain.
    pub id: String,
    /// Addresses that its syslog comes from.
    pub addresses: Vec<IpAddr>,
    /// `publisher`, `subscriber` or empty.
    pub role: String,
}

/// The rules of the license stages.
#[derive(Clone, Debug)]
pub struct LicenseSettings {
    /// How far a copy's deadline may be from the anchor, inclusive. Default 5 minutes.
    pub merge_tolerance: SignedDuration,
    /// How long after its deadline an unheard countdown ends as unconfirmed. Default 5 minutes.
    pub unconfirmed_grace: SignedDuration,
    /// How far a stamp may be behind its receipt before the fact is late. Default 60 seconds.
    pub late_after: SignedDuration,
    /// Days of 24 hours from out of compliance to enforcement. Default 90.
    pub enforcement_after_days: u32,
    /// Days before enforcement on which a reminder is told. Default 30, 7, 3, 2, 1.
    pub reminder_days: Vec<u32>,
    /// The share of the purchased licenses from which use warns, in percent. Default 90.
    pub usage_warning_percent: u32,
    /// Mnemonics of `LIB_LICENSE` that the user maps to a transition.
    pub mnemonics: Vec<(String, MappedTransition)>,
}

/// What a user-mapped mnemonic does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappedTransition {
    /// As `SYSTEM_TO_ENTER_OOC_STATE`.
    Countdown,
    /// As `SYSTEM_TO_ENTER_OOC_STATE_SHORTLY`.
    CountdownShortly,
    /// As `SYSTEM_IN_OOC_STATE`.
    OutOfCompliance,
    /// In compliance again: ends a countdown and an unconfirmed episode.
    Compliant,
    /// Known and harmless: counted, never told.
    Ignore,
}

/// When a feed counts as silent.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    /// A feed is never called silent earlier. Default 1 hour.
    pub silent_floor: SignedDuration,
    /// A feed that was heard is called silent at the latest then. Default 24 hours.
    pub silent_ceiling: SignedDuration,
    /// A configured node whose Cluster View Daemon was never heard is told after this. Default 24 hours.
    pub never_heard_after: SignedDuration,
}

/// From which severity on an alarm that no family knows raises `SyslogSeverityMatchFound`. Default critical; `None`: never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyslogSeverity(pub Option<Severity>);

impl Default for SyslogSeverity {
    fn default() -> Self {
        Self(Some(Severity::Critical))
    }
}

impl Default for LicenseSettings {
    fn default() -> Self {
        Self {
            merge_tolerance: SignedDuration::from_mins(5),
            unconfirmed_grace: SignedDuration::from_mins(5),
            late_after: SignedDuration::from_secs(60),
            enforcement_after_days: 90,
            reminder_days: vec![30, 7, 3, 2, 1],
            usage_warning_percent: 90,
            mnemonics: Vec::new(),
        }
    }
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            silent_floor: SignedDuration::from_hours(1),
            silent_ceiling: SignedDuration::from_hours(24),
            never_heard_after: SignedDuration::from_hours(24),
        }
    }
}
