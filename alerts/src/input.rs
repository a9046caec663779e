//! Everything that can reach the engine: one closed list.

use crate::{
    fact::{Fact, Heard},
    matcher::Matchers,
    settings::Settings,
};
use core::net::IpAddr;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that reaches the engine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A wanted line.
    Fact(Box<Fact>),
    /// An origin was heard.
    Heard(Heard),
    /// Time passed: due deadlines fire.
    Tick,
    /// An operator's command.
    Operator(OperatorCommand),
    /// One report of license use.
    Usage(UsageReport),
    /// The store failed, or works again.
    Store(StoreHealth),
    /// A receiver fails, or works again.
    Receiver {
        /// The receiver's name.
        receiver: String,
        /// Whether it fails now.
        failing: bool,
    },
    /// A sender brings more than its budget, or no longer does.
    Sender {
        /// Its address.
        sender: IpAddr,
        /// Whether it does now.
        over_budget: bool,
    },
    /// A whole new configuration, already checked.
    Reload(Box<Settings>),
}

/// What an operator did, and who it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorCommand {
    /// What.
    pub action: OperatorAction,
    /// The cluster's name; empty where the action is not of one cluster.
    #[serde(default)]
    pub cluster: String,
    /// Why, in the operator's words.
    pub comment: Option<String>,
    /// Who.
    pub who: Option<String>,
}

/// What an operator can do. In JSON the first two are words, the others objects: `{"suspend": {"node": "uccxsub"}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OperatorAction {
    /// The license alert of the cluster was seen; the stage stays.
    Acknowledge,
    /// The licenses were bought or the use fell: the episode ends.
    ConfirmCompliant,
    /// An alert of the cluster was seen.
    AcknowledgeAlert {
        /// [`AlertView::fingerprint`](crate::alert::AlertView::fingerprint)
        fingerprint: String,
        /// Until when that counts; to its end where it is absent.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// An alert of the cluster is over.
    ResolveAlert {
        /// [`AlertView::fingerprint`](crate::alert::AlertView::fingerprint)
        fingerprint: String,
    },
    /// Alerts with these labels are not told.
    AddSilence {
        /// Which alerts; at least one matcher.
        matchers: Matchers,
        /// From when on; from now where it is absent.
        #[serde(default)]
        starts_at: Option<Timestamp>,
        /// Until when.
        until: Timestamp,
    },
    /// A silence ends now.
    ExpireSilence {
        /// Which one.
        id: String,
    },
    /// A maintenance window of the cluster, or of all clusters where none is named.
    StartMaintenance {
        /// Of this node only.
        #[serde(default)]
        node: Option<String>,
        /// Of alerts of this name only.
        #[serde(default)]
        alert: Option<String>,
        /// From when on; from now where it is absent.
        #[serde(default)]
        starts_at: Option<Timestamp>,
        /// Until when.
        until: Timestamp,
    },
    /// A maintenance window that an operator opened ends now.
    EndMaintenance {
        /// Which one.
        id: String,
    },
    /// Nobody is told of the alerts of the cluster, or of one of its nodes, until somebody resumes them. (RTMT: suspend alerts. That
    /// of a node does not cover alerts of the whole cluster.)
    Suspend {
        /// Of this node only.
        #[serde(default)]
        node: Option<String>,
        /// Until then at the latest.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// A suspension ends.
    Resume {
        /// That of this node.
        #[serde(default)]
        node: Option<String>,
    },
}

impl OperatorAction {
    /// Whether it need not be of one cluster.
    pub const fn may_be_of_all(&self) -> bool {
        matches!(
            self,
            Self::AddSilence { .. }
                | Self::ExpireSilence { .. }
                | Self::StartMaintenance { .. }
                | Self::EndMaintenance { .. }
        )
    }
}

/// What came of an operator's command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Answer {
    /// It is done.
    Done {
        /// What it made or ended, where that has an id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// It cannot be done.
    Refused {
        /// Why, and what to do.
        error: String,
    },
}

impl Answer {
    pub(crate) fn refused(error: String) -> Self {
        Self::Refused { error }
    }

    pub(crate) fn made(id: String) -> Self {
        Self::Done { id: Some(id) }
    }
}

/// One report of license use of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReport {
    /// The cluster's name.
    pub cluster: String,
    /// The time of the report.
    pub at: Timestamp,
    /// Licenses in use; `None` is a missing report.
    pub used: Option<u32>,
    /// Licenses bought, where the report says so.
    pub purchased: Option<u32>,
}

/// Whether the store takes transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreHealth {
    /// Commits fail, or one is outstanding for too long. What the store said, with a next step.
    Failing(String),
    /// Commits succeed again.
    Working,
}
