//! How people are told: one file a notifier, one delivery queue.
//!
//! | room | holds |
//! |---|---|
//! | `dispatcher.rs` | [`Dispatcher`]: takes messages, never blocks, says how receivers fare |
//! | `inbox.rs` | what waits for one recipient, bounded; the rest stays in the store |
//! | `lane.rs` | the task of one recipient of one receiver: order, retries, outcomes |
//! | `queue.rs` | which message is next, and when it is tried again; pure |
//! | `email.rs` | the notifier for mail |
//! | `webhook.rs`, `presets/` | the notifier for JSON to a URL, and what the bodies look like |
//! | `alertmanager.rs` | the notifier for Prometheus Alertmanager |
//! | `stream.rs`, `tls.rs`, `http.rs` | connections, and one request |
//! | `failure.rs` | why a delivery did not succeed, and what follows |
//! | `message.rs` | a message as a mail: head and parts |
//! | `template.rs`, `context.rs` | the operator's templates, and what they see |
//! | `content.rs`, `texts.rs`, `escape.rs` | what it says, and that hostile text stays text |
//! | `plain.rs`, `html.rs` | how it looks |
//! | `preview.rs`, `sample.rs` | messages looked at before they are needed |
//!
//! A new kind of receiver is a file here, and a row in [`Notifier`].

mod alertmanager;
mod check;
mod content;
mod context;
mod dispatcher;
mod email;
mod escape;
mod failure;
mod html;
mod http;
mod inbox;
mod lane;
mod message;
mod plain;
mod preview;
mod queue;
mod sample;
mod stream;
mod template;
mod texts;
mod tls;
mod webhook;

#[cfg(test)]
mod tests;

pub use check::{check_receiver, is_http_url};
pub use dispatcher::{Dispatcher, Prepared, ReceiverHealth};
pub use preview::{Preview, check_templates, preview, send_directly};
pub use sample::{heartbeat, reason, test};

use crate::{
    config::{Config, MailTemplates, Receiver, ReceiverKind},
    store::{Message, Reader},
    web::Snapshot,
};
use arc_swap::ArcSwap;
use content::Audience;
use failure::Failure;
use jiff::tz::TimeZone;
use std::sync::Arc;
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

impl NotifyError {
    fn of(receiver: &Receiver, message: String) -> Self {
        Self { receiver: receiver.name.get_ref().clone(), message }
    }
}

/// What notifiers look at beside their messages.
#[derive(Clone, Debug)]
pub struct World {
    /// What waits in the store, and what was told.
    pub backlog: Reader,
    /// What the engine sees.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
}

/// What the configuration says of all receivers.
#[derive(Clone, Debug)]
struct Common {
    templates: MailTemplates,
    external_url: Option<String>,
}

impl Common {
    fn of(config: &Config) -> Self {
        let url = config.web.external_url.get_ref();
        Self { templates: config.templates.clone(), external_url: Some(url.clone()).filter(|url| !url.is_empty()) }
    }

    /// Who reads what this receiver's recipient gets.
    fn audience(&self, receiver: &Receiver, recipient: &str) -> Audience {
        Audience {
            receiver: receiver.name.get_ref().clone(),
            recipient: recipient.to_owned(),
            others: receiver.recipients().into_iter().filter(|other| other != recipient).collect(),
            // The check has refused unknown names.
            zone: TimeZone::get(receiver.timezone.get_ref()).unwrap_or(TimeZone::UTC),
            external_url: self.external_url.clone(),
        }
    }
}

/// Every kind of notifier, for one recipient.
enum Notifier {
    /// Mail over SMTP.
    Email(Box<email::Email>),
    /// JSON to a URL.
    Webhook(Box<webhook::Webhook>),
    /// Prometheus Alertmanager.
    Alertmanager(Box<alertmanager::Alertmanager>),
}

impl Notifier {
    /// The notifiers of a receiver, one a recipient, each with the recipient's name.
    fn start(receiver: &Receiver, common: &Common) -> Result<Vec<(String, Self)>, NotifyError> {
        check_receiver(receiver).map_err(|message| NotifyError::of(receiver, message))?;
        Ok(match &receiver.kind {
            ReceiverKind::Email(email) => email::start(receiver, email, common)?
                .into_iter()
                .map(|(to, email)| (to, Self::Email(Box::new(email))))
                .collect(),
            ReceiverKind::Webhook(webhook) => {
                let webhook = webhook::Webhook::start(receiver, webhook, common)?;
                vec![(String::new(), Self::Webhook(Box::new(webhook)))]
            }
            ReceiverKind::Alertmanager(settings) => alertmanager::Alertmanager::start(receiver, settings, common)?
                .into_iter()
                .map(|(url, one)| (url, Self::Alertmanager(Box::new(one))))
                .collect(),
        })
    }

    /// One attempt, bounded in time.
    async fn deliver(&mut self, message: &Message, world: &World) -> Result<(), Failure> {
        match self {
            Self::Email(email) => email.deliver(message).await,
            Self::Webhook(webhook) => webhook.deliver(message).await,
            Self::Alertmanager(alertmanager) => alertmanager.deliver(message, world).await,
        }
    }

    /// Gets ready for a message that is about to come.
    async fn warm(&mut self) {
        match self {
            Self::Email(email) => email.warm().await,
            Self::Webhook(_) | Self::Alertmanager(_) => {}
        }
    }

    /// When it has something to do beside messages.
    fn chore_at(&self) -> Option<Instant> {
        match self {
            Self::Email(email) => email.idle_until(),
            Self::Webhook(_) => None,
            Self::Alertmanager(alertmanager) => alertmanager.next_at(),
        }
    }

    /// Does it. What comes back says how the receiver fares, where that has shown.
    async fn chore(&mut self, world: &World) -> Option<Result<(), Failure>> {
        match self {
            Self::Email(email) => {
                email.rest();
                None
            }
            Self::Webhook(_) => None,
            Self::Alertmanager(alertmanager) => alertmanager.resend(world).await,
        }
    }

    /// Lets go of what it holds ready.
    fn rest(&mut self) {
        match self {
            Self::Email(email) => email.rest(),
            Self::Webhook(_) | Self::Alertmanager(_) => {}
        }
    }
}
