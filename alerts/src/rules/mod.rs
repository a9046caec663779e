//! The life of an alert: when it fires, when somebody is told, what mutes it, how it ends.

pub(crate) mod book;
pub(crate) mod inhibition;
pub(crate) mod instance;
pub mod mute;
mod operate;
pub mod schedule;
pub mod settings;
pub mod user;

use crate::{families, settings::Settings};
use settings::AlertSettings;
use std::{collections::HashMap, sync::Arc};
use user::UserRules;

/// Alerts of the state of nodes and feeds: what they are decides when they are told.
const OF_STATE: [&str; 8] = [
    "CcxEngineFailure",
    "CcxEngineOutOfService",
    "CcxEnginePartialService",
    "CcxMoreThanOneMaster",
    "ClusterViewDaemonOutOfService",
    "ClusterViewDaemonPartialService",
    "LogFeedNeverHeard",
    "LogFeedSilent",
];

/// Alerts of licenses and of ccxwatch itself: they are always told. A silence can mute those of licenses.
const FIXED: [&str; 10] = [
    "LicenseEventUnclassified",
    "NotificationFailing",
    "SmartLicenseComplianceUnconfirmed",
    "SmartLicenseEnforcementDue",
    "SmartLicenseEnteringOutOfCompliance",
    "SmartLicenseEnteringOutOfComplianceShortly",
    "SmartLicenseOutOfCompliance",
    "SmartLicenseUsageHigh",
    "StoreFailing",
    "UnmappedNodesOverLimit",
];

/// What can be configured of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configurable {
    /// Everything: lines raise it.
    Whole,
    /// Enable, severity, schedule and receivers: it is told once when the state of a node or a feed changes.
    OfState,
    /// Nothing: it is always told.
    Fixed,
}

/// The names of all alerts that ccxwatch knows, sorted, and what can be configured of each.
pub fn known_alerts() -> Vec<(&'static str, Configurable)> {
    let of_state = OF_STATE.into_iter().map(|name| (name, Configurable::OfState));
    let fixed = FIXED.into_iter().map(|name| (name, Configurable::Fixed));
    let own: Vec<_> = of_state.chain(fixed).collect();
    let of_lines = families::alerts().into_iter().map(|name| (name, Configurable::Whole));
    let is_own = |name: &str| own.iter().any(|(known, _)| *known == name);
    let mut names: Vec<_> = of_lines.filter(|(name, _)| !is_own(name)).chain(own.iter().copied()).collect();
    names.sort_unstable_by_key(|(name, _)| *name);
    names
}

/// What is configured of each alert.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    by_name: HashMap<String, AlertSettings>,
    default: AlertSettings,
    /// The rules of the user.
    pub(crate) user: Arc<UserRules>,
}

impl Rules {
    /// The defaults of the families and of RTMT, where the configuration does not say otherwise.
    pub(crate) fn of_settings(settings: &Settings) -> Self {
        let of_families = families::alerts().into_iter().map(|name| (name.to_owned(), families::defaults(name)));
        let overridden = |by: &settings::AlertOverride| (by.name.clone(), families::defaults(&by.name).overridden(by));
        let of_settings = settings.rules.overrides.iter().map(overridden);
        let of_users = settings.rules.user_alerts.iter().cloned();
        Self {
            by_name: of_families.chain(of_settings).chain(of_users).collect(),
            default: AlertSettings::default(),
            user: Arc::clone(&settings.rules.user),
        }
    }

    /// The settings of an alert.
    pub(crate) fn of(&self, alert: &str) -> &AlertSettings {
        self.by_name.get(alert).unwrap_or(&self.default)
    }
}
