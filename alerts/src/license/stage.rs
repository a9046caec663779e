//! The names of the license stages, and what goes by stage: alert name and severity.

use crate::license::state::{Level, State};
use ccxwatch_parsers::severity::Severity;
use serde::{Deserialize, Serialize};

/// The license stage of a cluster. Ordered by how bad it is, which Cisco's severity numbers are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing heard.
    Unknown,
    /// Confirmed.
    Compliant,
    /// A countdown ended unheard.
    Unconfirmed,
    /// A countdown runs.
    Countdown,
    /// Its last part runs.
    CountdownShortly,
    /// Out of compliance.
    OutOfCompliance,
    /// Out of compliance for longer than the overage allows.
    EnforcementDue,
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 7] = [
        Self::Unknown,
        Self::Compliant,
        Self::Unconfirmed,
        Self::Countdown,
        Self::CountdownShortly,
        Self::OutOfCompliance,
        Self::EnforcementDue,
    ];

    /// The name as it is written in JSON and in metric labels: `countdown_shortly`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Compliant => "compliant",
            Self::Unconfirmed => "unconfirmed",
            Self::Countdown => "countdown",
            Self::CountdownShortly => "countdown_shortly",
            Self::OutOfCompliance => "out_of_compliance",
            Self::EnforcementDue => "enforcement_due",
        }
    }

    /// The name of the alert in this stage, as outside tools see it; none for `unknown` and `compliant`.
    pub const fn alertname(self) -> Option<&'static str> {
        match self {
            Self::Unknown | Self::Compliant => None,
            Self::Unconfirmed => Some("SmartLicenseComplianceUnconfirmed"),
            Self::Countdown => Some("SmartLicenseEnteringOutOfCompliance"),
            Self::CountdownShortly => Some("SmartLicenseEnteringOutOfComplianceShortly"),
            Self::OutOfCompliance => Some("SmartLicenseOutOfCompliance"),
            Self::EnforcementDue => Some("SmartLicenseEnforcementDue"),
        }
    }

    /// The default severity of the alert in this stage.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Unknown | Self::Compliant => Severity::Informational,
            Self::Unconfirmed => Severity::Warning,
            Self::Countdown => Severity::Critical,
            Self::CountdownShortly => Severity::Alert,
            Self::OutOfCompliance | Self::EnforcementDue => Severity::Emergency,
        }
    }
}

impl State {
    /// The stage of a state.
    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::Unknown { .. } => Stage::Unknown,
            Self::Compliant { .. } => Stage::Compliant,
            Self::Unconfirmed(_) => Stage::Unconfirmed,
            Self::Countdown(running) => match running.level {
                Level::Countdown => Stage::Countdown,
                Level::Shortly => Stage::CountdownShortly,
            },
            Self::OutOfCompliance(_) => Stage::OutOfCompliance,
            Self::EnforcementDue(_) => Stage::EnforcementDue,
        }
    }
}
