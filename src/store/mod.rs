//! What survives `kill -9`: `SQLite` on a thread of its own.

use crate::sources::Position;
use ccxwatch_alerts::{engine::SavedRow, notification::Notification};
use jiff::Timestamp;
use std::sync::Arc;

/// What one transaction makes durable, all or nothing.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The engine's dirty rows.
    pub saved: Vec<SavedRow>,
    /// New messages, one per recipient.
    pub messages: Vec<NewMessage>,
    /// How far the sources have been read.
    pub positions: Vec<Position>,
    /// How deliveries ended.
    pub outcomes: Vec<Outcome>,
}

/// One notification to one recipient, not yet stored.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The receiver's name in the configuration.
    pub receiver: String,
    /// The recipient: a mail address, or empty where the receiver is its own recipient.
    pub recipient: String,
    /// What to tell.
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

/// How an attempt to deliver ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The outbox row's number; `None` for a message that left unrecorded.
    pub id: Option<i64>,
    /// The receiver's name.
    pub receiver: String,
    /// When.
    pub at: Timestamp,
    /// How.
    pub result: DeliveryResult,
}

/// How an attempt to deliver ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryResult {
    /// The receiver has taken it.
    Delivered,
    /// It will be tried again.
    Retry {
        /// What went wrong, without secrets.
        error: String,
    },
    /// It will not be tried again.
    GivenUp {
        /// What went wrong, without secrets.
        error: String,
    },
}
