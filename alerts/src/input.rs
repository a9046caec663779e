//! Everything that can reach the engine: one closed list.

use crate::{
    fact::{Fact, Heard},
    settings::Settings,
};
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
    /// A whole new configuration, already checked.
    Reload(Box<Settings>),
}

/// What an operator did, and who it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorCommand {
    /// What.
    pub action: OperatorAction,
    /// The cluster's name.
    pub cluster: String,
    /// Why, in the operator's words.
    pub comment: Option<String>,
    /// Who.
    pub who: Option<String>,
}

/// What an operator can do to a cluster's license alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorAction {
    /// Seen; the stage stays.
    Acknowledge,
    /// The licenses were bought or the use fell: the episode ends.
    ConfirmCompliant,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreHealth {
    /// Commits fail, or one is outstanding for too long.
    Failing,
    /// Commits succeed again.
    Working,
}
