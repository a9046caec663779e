//! Which lines the engine wants: the hot path of every source. A line that is not wanted is counted and forgotten.

use crate::{license::authorization, rules::user::UserRules, service::evidence, settings::Settings};
use ccxwatch_parsers::{Triage, severity::Severity};
use memchr::memmem;
use std::sync::Arc;

/// What the engine wants. Pure: no state, no allocation.
#[derive(Clone, Debug)]
pub struct Interest {
    user: Arc<UserRules>,
}

impl From<&Settings> for Interest {
    /// Every license message is wanted whatever the settings say: one that nobody maps is told as unclassified.
    fn from(settings: &Settings) -> Self {
        Self { user: Arc::clone(&settings.rules.user) }
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
        if authorization::may_say(triage.facility) {
            return true;
        }
        let has = |text: &str| memmem::find(raw, text.as_bytes()).is_some();
        if is_rtmt(triage) {
            return ["LIB_LICENSE-", "CriticalServiceDown", "UnifiedCCXEngineMemoryUsageHigh"].into_iter().any(has);
        }
        let process = triage.process.unwrap_or_default();
        let of_ccx = matches!(process, b"MIVR" | b"MCVD");
        if of_ccx && (triage.severity <= Severity::Warning || triage.mnemonic == b"EXCEPTION") {
            return true;
        }
        // The tag `AppID=Cisco Unified CCX Cluster View Daemon` shows that the daemon's own remote syslog is set.
        if triage.severity < Severity::Debug && has("Cluster View Daemon") {
            return true;
        }
        evidence::may_say(triage.facility, triage.mnemonic) && (of_ccx || has("CCX"))
    }
}

fn is_rtmt(triage: &Triage<'_>) -> bool {
    matches!(triage.facility, b"UC_RTMT" | b"CCM_RTMT" | b"RTMT") || triage.process == Some(b"CCM_RTMT")
}
