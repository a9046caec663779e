//! How people are told: one file a notifier, one delivery queue.
//!
//! | room | holds |
//! |---|---|
//! | `dispatcher.rs` | [`Dispatcher`]: takes messages, never blocks, says how receivers fare |
//! | `inbox.rs` | what waits for one recipient, bounded; the rest stays in the store |
//! | `lane.rs` | the task of one recipient of one receiver: order, retries, outcomes |
//! | `queue.rs` | which message is next, and when it is tried again; pure |
//! | `email.rs`, `stream.rs` | the notifier for mail |
//! | `message.rs` | a message as a mail: head and parts |
//! | `content.rs`, `texts.rs`, `escape.rs` | what it says, and that hostile text stays text |
//! | `plain.rs`, `html.rs` | how it looks |
//!
//! A new kind of receiver is a file here, and a row in [`Notifier`].

mod check;
mod content;
mod dispatcher;
mod email;
mod escape;
mod html;
mod inbox;
mod lane;
mod message;
mod plain;
mod queue;
mod stream;
mod texts;

#[cfg(test)]
mod tests;

pub use check::check_receiver;
pub use dispatcher::{Dispatcher, Prepared, ReceiverHealth};

use crate::{
    config::{Receiver, ReceiverType},
    store::Message,
};
use tokio::time::Instant;

/// A receiver that cannot be started: a fault of its configuration.
#[derive(Debug, thiserror::Error)]
#[error("receiver {receiver}: {message}")]
pub struct NotifyError {
    /// Its name.
    pub receiver: String,
    /// What is wrong and what to do next.
    pub message: String,
}

/// Why a delivery did not succeed. A closed list: it decides what happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Failure {
    /// The receiver cannot be reached, or not as configured: everything for it waits.
    Unreachable(String),
    /// The receiver does not take this message now.
    Later(String),
    /// The receiver will never take this message.
    Never(String),
}

/// Every kind of notifier, for one recipient.
enum Notifier {
    /// Mail over SMTP.
    Email(Box<email::Email>),
}

impl Notifier {
    /// The notifiers of a receiver, one a recipient, each with the recipient's name.
    fn start(receiver: &Receiver) -> Result<Vec<(String, Self)>, NotifyError> {
        Ok(match receiver.kind {
            ReceiverType::Email => {
                email::start(receiver)?.into_iter().map(|(to, email)| (to, Self::Email(Box::new(email)))).collect()
            }
        })
    }

    /// One attempt, bounded in time.
    async fn deliver(&mut self, message: &Message) -> Result<(), Failure> {
        match self {
            Self::Email(email) => email.deliver(message).await,
        }
    }

    /// Gets ready for a message that is about to come.
    async fn warm(&mut self) {
        match self {
            Self::Email(email) => email.warm().await,
        }
    }

    /// Until when it stays ready.
    fn idle_until(&self) -> Option<Instant> {
        match self {
            Self::Email(email) => email.idle_until(),
        }
    }

    /// Lets go of what it holds ready.
    fn rest(&mut self) {
        match self {
            Self::Email(email) => email.rest(),
        }
    }
}
