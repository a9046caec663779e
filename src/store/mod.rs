//! What survives `kill -9`: `SQLite` on a thread of its own.
//!
//! | room | holds |
//! |---|---|
//! | `thread.rs` | [`Store`]: the handle, and the thread behind it |
//! | `open.rs` | opening, the schema's version, what was known at the last commit |
//! | `history.rs` | the alerts of the past, and how they are found |
//! | `write.rs` | one [`Transaction`] as one `SQLite` transaction |
//! | `read.rs` | [`Reader`]: what page, API and notifiers ask |
//! | `outcome.rs` | how attempts to deliver end |
//! | `ledger.rs` | what became of each notification and why |
//! | `rescue.rs` | a damaged database is moved aside, what can be read of it is kept |
//! | `files.rs` | the data directory and its lock |

mod checksum;
mod error;
mod files;
mod history;
mod ledger;
mod open;
mod outcome;
mod read;
mod rescue;
mod schema;
mod thread;
mod write;

#[cfg(test)]
mod tests;

pub use error::{CommitError, StoreError};
pub use history::{AlertQuery, AlertState, StoredAlert, StoredEnd};
pub use ledger::Explained;
pub use open::Opened;
pub use outcome::{DeliveryResult, FailureReason, Outcome};
pub use read::{DeadLetter, Delivery, DeliveryState, Reader, StoredNotification};
pub use thread::{Committed, Store};

pub(crate) use checksum::fnv as fingerprint;

use crate::sources::Position;
use ccxwatch_alerts::{alert::AlertView, engine::SavedRow, notification::Notification, routing::ledger::LedgerEntry};
use jiff::Timestamp;
use std::sync::Arc;

/// What one transaction makes durable, all or nothing.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// The engine's dirty rows.
    pub saved: Vec<SavedRow>,
    /// New messages, one per recipient.
    pub messages: Vec<NewMessage>,
    /// What became of each notification, and of what is not told.
    pub ledger: Vec<NewLedgerEntry>,
    /// How far the sources have been read.
    pub positions: Vec<Position>,
    /// How deliveries ended.
    pub outcomes: Vec<Outcome>,
    /// Messages that were given up and are to be tried again.
    pub resent: Vec<i64>,
    /// Alerts as they fired, were told, acknowledged or resolved, for the history.
    pub records: Vec<AlertView>,
    /// Birth time of the newest heartbeat.
    pub heartbeat: Option<Timestamp>,
}

/// One entry of the ledger, not yet stored.
#[derive(Clone, Debug)]
pub struct NewLedgerEntry {
    /// What became of what.
    pub entry: LedgerEntry,
    /// What it was sent by; shared with its messages.
    pub notification: Option<Arc<Notification>>,
}

/// One notification to one recipient, not yet stored.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The receiver's name in the configuration. Empty where nobody is told: then the notification is only recorded.
    pub receiver: String,
    /// The recipient: a mail address, or empty where the receiver is its own recipient.
    pub recipient: String,
    /// What to tell. Messages of one notification share the [`Arc`]: that is how the store knows to keep it once.
    pub notification: Arc<Notification>,
}

/// One notification to one recipient, as the outbox keeps it until it is delivered.
#[derive(Clone, Debug)]
pub struct Message {
    /// The outbox row's number; `None` while the store is failing and the message leaves unrecorded.
    pub id: Option<i64>,
    /// A name that is the same at every attempt and after every restart: the local part of the mail's Message-ID.
    pub message_id: String,
    /// The receiver's name in the configuration.
    pub receiver: String,
    /// The recipient: a mail address, or empty where the receiver is its own recipient.
    pub recipient: String,
    /// What to tell.
    pub notification: Arc<Notification>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// Attempts so far.
    pub attempts: u32,
}
