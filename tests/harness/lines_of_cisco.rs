//! The lines that a UCCX node says about its license, in both of its forms, for any moment.

use jiff::{Timestamp, tz::TimeZone};

/// A license message of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// 45 minutes to out of compliance; only the trace file has it.
    Entering,
    /// 15 minutes to out of compliance.
    EnteringShortly,
    /// Out of compliance.
    OutOfCompliance,
}

impl Says {
    /// The incident, in its order, with the minutes from each line to the next.
    pub(crate) const INCIDENT: [(Self, i64); 3] =
        [(Self::Entering, 30), (Self::EnteringShortly, 15), (Self::OutOfCompliance, 1)];

    fn severity(self) -> u8 {
        match self {
            Self::EnteringShortly => 0,
            Self::Entering | Self::OutOfCompliance => 1,
        }
    }

    fn mnemonic(self) -> &'static str {
        match self {
            Self::Entering => "SYSTEM_TO_ENTER_OOC_STATE",
            Self::EnteringShortly => "SYSTEM_TO_ENTER_OOC_STATE_SHORTLY",
            Self::OutOfCompliance => "SYSTEM_IN_OOC_STATE",
        }
    }

    /// As the trace file of the Cluster View Daemon has it, without a line break.
    pub(crate) fn trace(self, sequence: u32, at: Timestamp) -> String {
        let stamp = at.to_zoned_datetime(TimeZone::UTC).strftime("%b %d %H:%M:%S.%3f UTC");
        let text = match self {
            Self::Entering => " [REPORT_ENTITLE] test: this node will enter Out of Compliance state in =45 minutes",
            Self::EnteringShortly => {
                " [REPORT_ENTITLE] test: this node will enter Out of Compliance state in =15 minutes"
            }
            Self::OutOfCompliance => " [REPORT_ENTITLE] test: this node is in Out of Compliance state",
        };
        format!("{sequence}: {stamp}: %MCVD-LIB_LICENSE-{}-{}:{text}", self.severity(), self.mnemonic())
    }

    /// As a node's syslog has it on the wire, with the priority.
    pub(crate) fn syslog(self, sequence: u32, node: &str, at: Timestamp) -> String {
        format!("<{}>{}", 23 * 8 + u32::from(self.severity()), self.ciscolog(sequence, node, at))
    }

    /// The same without the priority, for a relay that puts its own head before it.
    pub(crate) fn ciscolog(self, sequence: u32, node: &str, at: Timestamp) -> String {
        let stamp = at.to_zoned_datetime(TimeZone::UTC).strftime("%b %d %Y %H:%M:%S.%3f UTC");
        let parameters = match self {
            Self::Entering => "[The time remaining to enter OOC state=45 minutes]",
            Self::EnteringShortly => "[The time remaining to enter OOC state=15 minutes]",
            Self::OutOfCompliance => "",
        };
        let (severity, mnemonic) = (self.severity(), self.mnemonic());
        format!(
            "{sequence}: {node}: {stamp} : %UC_LIB_LICENSE-{severity}-{mnemonic}: \
             %{parameters}[AppID=Cisco Unified CCX Cluster View Daemon][ClusterID=][NodeID={node}]: license state"
        )
    }
}
