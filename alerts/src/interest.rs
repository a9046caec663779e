//! Which lines the engine wants: the hot path of every source. A line that is not wanted is counted and forgotten.

use crate::{
    families::{self, WantedNames},
    license::authorization,
    rules::{Rules, user::UserRules},
    service::evidence::{self, Service},
    settings::Settings,
};
use ccxwatch_parsers::{Triage, severity::Severity};
use memchr::memmem::{self, Finder};
use std::sync::Arc;

/// What the engine wants. Pure: no state, no allocation.
#[derive(Clone, Debug)]
pub struct Interest {
    user: Arc<UserRules>,
    /// The alarms of the families whose alerts are enabled.
    families: WantedNames,
    /// From which severity on an alarm is wanted whatever its name.
    syslog_severity: Option<Severity>,
    unknown_parameter: Finder<'static>,
    daemon: Finder<'static>,
}

impl From<&Settings> for Interest {
    /// Every license message is wanted whatever the settings say: one that nobody maps is told as unclassified.
    fn from(settings: &Settings) -> Self {
        let rules = Rules::of_settings(settings);
        Self {
            user: Arc::clone(&settings.rules.user),
            families: families::wanted_names(|alert| rules.of(alert).enabled, evidence::mnemonics()),
            syslog_severity: settings.rules.syslog_severity.0,
            unknown_parameter: Finder::new(families::UNKNOWN_PARAMETER),
            daemon: Finder::new(Service::ClusterViewDaemon.title()),
        }
    }
}

impl Interest {
    /// Whether a line is wanted, by its first look and its bytes.
    pub fn wants(&self, triage: &Triage<'_>, raw: &[u8]) -> bool {
        if !self.user.is_empty() && self.user.may_want(triage, raw) {
            return true;
        }
        if triage.facility.ends_with(b"LIB_LICENSE") {
            let debug =
                triage.severity == Severity::Debug && matches!(triage.mnemonic, b"UNK" | b"EXCEPTION" | b"DEBUG");
            return !debug;
        }
        // Facility, severity and name decide, in this order; a line is searched only where they do not.
        if !families::is_of_unified_communications(triage.facility, triage.process) {
            return false;
        }
        if is_rtmt_alert(triage) || self.is_alarm(triage) || authorization::may_say(triage.facility) {
            return true;
        }
        let process = triage.process.unwrap_or_default();
        let of_ccx = matches!(process, b"MIVR" | b"MCVD");
        if of_ccx && (triage.severity <= Severity::Warning || triage.mnemonic == b"EXCEPTION") {
            return true;
        }
        // A sender that does not know a parameter prints another severity than that of the alarm.
        if triage.severity == Severity::Error && self.unknown_parameter.find(raw).is_some() {
            return true;
        }
        // The tag `AppID=Cisco Unified CCX Cluster View Daemon` shows that the daemon's own remote syslog is set.
        triage.severity < Severity::Debug && self.daemon.find(raw).is_some()
    }

    /// Whether a line is an alarm that a family wants, or that its severity alone makes wanted.
    fn is_alarm(&self, triage: &Triage<'_>) -> bool {
        let serious = self.syslog_severity.is_some_and(|severity| triage.severity <= severity);
        (serious && families::may_be_alarm(triage.facility, triage.mnemonic)) || self.families.contains(triage.mnemonic)
    }

    /// Whether a line is about the license: such lines come first everywhere.
    pub fn is_of_license(triage: &Triage<'_>, raw: &[u8]) -> bool {
        triage.facility.ends_with(b"LIB_LICENSE")
            || (is_rtmt_alert(triage) && memmem::find(raw, b"LIB_LICENSE-").is_some())
    }
}

/// Whether a line is an alert of RTMT: of every release, as a whole or as the syslog agent passes it on.
fn is_rtmt_alert(triage: &Triage<'_>) -> bool {
    matches!(triage.facility, b"UC_RTMT" | b"CCM_RTMT") || triage.process == Some(b"CCM_RTMT")
}
