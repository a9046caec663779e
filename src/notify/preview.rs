//! Messages that are looked at before they are needed: templates tried, previews, and one sent without a running process.

use super::{
    Common, Notifier, NotifyError, World, alertmanager, email,
    message::{self, Addressing, Parts},
    sample,
    webhook::Body,
};
use crate::{
    clock,
    config::{Config, Receiver, ReceiverKind},
    store::Message,
};
use ccxwatch_alerts::notification::{Notification, Reason};
use jiff::Timestamp;
use std::sync::Arc;

/// A message as a receiver would get it.
#[derive(Debug)]
pub enum Preview {
    /// A mail.
    Mail {
        /// Its subject.
        subject: String,
        /// Its text.
        text: String,
        /// Its HTML.
        html: String,
        /// The whole of it, as it goes over the wire.
        raw: Vec<u8>,
    },
    /// The body of a request.
    Json(String),
}

/// What a receiver would be sent for this reason. Secrets are not read.
pub fn preview(config: &Config, receiver: &str, reason: Reason) -> Result<Preview, NotifyError> {
    let known = config.receiver.iter().find(|known| known.name.get_ref() == receiver);
    let found = known.ok_or_else(|| unknown(config, receiver))?;
    let now = clock::wall();
    let written = Written::new(found, &Common::of(config))?;
    written
        .write(&message(sample::sample(config, reason, now), found), now)
        .map_err(|error| NotifyError::of(found, error))
}

/// Compiles the templates of all receivers and tries them with every reason. What is wrong, each said once.
pub fn check_templates(config: &Config) -> Vec<NotifyError> {
    let common = Common::of(config);
    let now = clock::wall();
    let mut faults = Vec::new();
    for receiver in &config.receiver {
        match Written::new(receiver, &common) {
            Err(error) => faults.push(error),
            Ok(written) => {
                let fault = Reason::ALL.into_iter().find_map(|reason| {
                    let tried = written.write(&message(sample::sample(config, reason, now), receiver), now);
                    tried.err().map(|error| format!("{error} (tried with the reason {})", reason.name()))
                });
                faults.extend(fault.map(|fault| NotifyError::of(receiver, fault)));
            }
        }
    }
    faults
}

/// Sends a test to each recipient of a receiver, by this process and past every queue. Says what became of each.
pub async fn send_directly(
    config: &Config,
    receiver: &str,
    world: &World,
) -> Result<Vec<(String, Result<(), String>)>, NotifyError> {
    let known = config.receiver.iter().find(|known| known.name.get_ref() == receiver);
    let found = known.ok_or_else(|| unknown(config, receiver))?;
    let message = message(sample::test(receiver, clock::wall()), found);
    let mut results = Vec::new();
    for (recipient, mut notifier) in Notifier::start(found, &Common::of(config))? {
        let message = Message { recipient: recipient.clone(), ..message.clone() };
        let result = notifier.deliver(&message, world).await.map_err(|failure| failure.error);
        results.push((recipient, result));
    }
    Ok(results)
}

/// What writes the messages of a receiver.
enum Written {
    Mail(Box<Addressing>),
    Body(Box<Body>),
    Alert(Option<String>),
}

impl Written {
    fn new(receiver: &Receiver, common: &Common) -> Result<Self, NotifyError> {
        Ok(match &receiver.kind {
            ReceiverKind::Email(settings) => {
                let mut all = email::addressings(receiver, settings, common)?;
                let none = || NotifyError::of(receiver, "there is no recipient".to_owned());
                Self::Mail(Box::new(all.pop().ok_or_else(none)?.1))
            }
            ReceiverKind::Webhook(settings) => Self::Body(Box::new(Body::preview(receiver, settings, common)?)),
            ReceiverKind::Alertmanager(_) => Self::Alert(common.external_url.clone()),
        })
    }

    fn write(&self, message: &Message, now: Timestamp) -> Result<Preview, String> {
        match self {
            Self::Mail(addressing) => {
                let (Parts { subject, text, html }, faults) = message::parts(message, addressing, now);
                if let Some(fault) = faults.into_iter().next() {
                    return Err(fault);
                }
                let raw = message::build(message, addressing, now)?;
                Ok(Preview::Mail { subject, text, html, raw })
            }
            Self::Body(body) => body.write(message, now).map(Preview::Json),
            Self::Alert(url) => Ok(Preview::Json(alertmanager::preview(&message.notification, url.as_deref()))),
        }
    }
}

fn message(notification: Notification, receiver: &Receiver) -> Message {
    Message {
        id: Some(0),
        message_id: format!("sample.{}", notification.at.as_microsecond()),
        receiver: receiver.name.get_ref().clone(),
        recipient: String::new(),
        created_at: notification.at,
        notification: Arc::new(notification),
        attempts: 0,
    }
}

fn unknown(config: &Config, receiver: &str) -> NotifyError {
    let names: Vec<_> = config.receiver.iter().map(|receiver| receiver.name.get_ref().as_str()).collect();
    let message = if names.is_empty() {
        "the configuration has no [[receiver]]; add one".to_owned()
    } else {
        format!("the configuration has no such receiver; it has {}", names.join(", "))
    };
    NotifyError { receiver: receiver.to_owned(), message }
}
