//! `[alerts]`: what counts as an alert beside what families and rules say.

use ccxwatch_alerts::settings::SyslogSeverity;
use ccxwatch_parsers::severity::Severity;
use serde::{Deserialize, Serialize};

/// Which alarms raise an alert.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// From which severity on an alarm that no family knows raises `SyslogSeverityMatchFound`.
    pub syslog_severity: FromSeverity,
}

/// A severity from which on something counts, or that it never does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FromSeverity {
    /// 0 only.
    Emergency,
    /// 0 and 1.
    Alert,
    /// 0 to 2.
    #[default]
    Critical,
    /// 0 to 3.
    Error,
    /// 0 to 4.
    Warning,
    /// Never.
    Off,
}

impl From<FromSeverity> for SyslogSeverity {
    fn from(from: FromSeverity) -> Self {
        Self(match from {
            FromSeverity::Emergency => Some(Severity::Emergency),
            FromSeverity::Alert => Some(Severity::Alert),
            FromSeverity::Critical => Some(Severity::Critical),
            FromSeverity::Error => Some(Severity::Error),
            FromSeverity::Warning => Some(Severity::Warning),
            FromSeverity::Off => None,
        })
    }
}
