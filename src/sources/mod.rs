//! Where lines come from. Each source frames, triages and parses in its own task and sends a [`Batch`] per block.
//!
//! A source is bound (or, for files, checked) first and run later, so that nothing is half started. Every source owns one
//! bounded channel. When it is full, streams and files wait; a UDP source keeps a bounded number of facts aside, license facts
//! first, and counts what it drops.

mod access;
pub(crate) mod alert_log;
mod block;
mod budget;
mod facts;
pub mod file;
mod hearing;
pub mod heartbeat;
mod limits;
mod observe;
pub mod stdin;
pub mod tcp;
#[cfg(test)]
mod tests;
pub mod udp;

pub use access::Access;
pub use budget::Budget;
pub use limits::Limits;
pub use observe::{DropReason, Events, Files, Lag, Observed, Observer, Unobserved};

use arc_swap::ArcSwap;
use ccxwatch_alerts::{
    fact::{Channel, Fact, Heard},
    interest::Interest,
};
use jiff::Timestamp;
use std::{fmt, net::IpAddr, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What one block of a source brought.
#[derive(Debug, Default)]
pub struct Batch {
    /// The wanted lines, equal ones folded.
    pub facts: Vec<Fact>,
    /// How far the source has been read, where it can be read again. Committed with the facts.
    pub positions: Vec<Position>,
    /// Who was heard since the last batch.
    pub heard: Vec<Heard>,
    /// Senders that brought more than their budget since the last batch.
    pub over_budget: Vec<IpAddr>,
    /// When it was born, where it is a heartbeat.
    pub heartbeat: Option<Timestamp>,
}

impl Batch {
    /// Whether it brings nothing.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
            && self.positions.is_empty()
            && self.heard.is_empty()
            && self.over_budget.is_empty()
            && self.heartbeat.is_none()
    }
}

/// How far a source has been read. The store keeps it and does not look inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What was read: the file's path.
    pub key: String,
    /// Versioned JSON; `None` forgets it.
    pub json: Option<String>,
}

/// What every source shares. `interest` and `access` change when the configuration is reloaded.
#[derive(Clone)]
pub struct SourceContext {
    /// Which lines are wanted.
    pub interest: Arc<ArcSwap<Interest>>,
    /// Who may speak, and how much.
    pub access: Arc<ArcSwap<Access>>,
    /// Who is told what the source counted.
    pub observer: Arc<dyn Observer>,
    /// How much is held.
    pub limits: Limits,
    /// What all file sources share.
    pub files: file::Shared,
    /// When it is canceled, sources take what has already arrived, send it and end.
    pub shutdown: CancellationToken,
}

impl fmt::Debug for SourceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceContext").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The name of a source in metrics and messages: `udp:127.0.0.1:5514`, `file:/var/log/uccx/*.log`, `stdin`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceName {
    /// Its kind.
    pub channel: Channel,
    /// Its address, path or glob.
    pub name: Arc<str>,
}

impl SourceName {
    /// A source of this kind.
    pub fn new(channel: Channel, name: impl fmt::Display) -> Self {
        Self { channel, name: name.to_string().into() }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.channel == Channel::Stdin {
            return f.write_str(self.channel.name());
        }
        write!(f, "{}:{}", self.channel.name(), self.name)
    }
}
