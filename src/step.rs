//! One step of the engine and what it makes durable: the same function for `run` and for `replay`.

use crate::{
    config::Config,
    store::{NewLedgerEntry, NewMessage, Transaction},
};
use ccxwatch_alerts::{
    engine::{Engine, Outbox},
    input::{Answer, Input},
    notification::Notification,
    now::Now,
};
use std::{collections::BTreeMap, sync::Arc};

/// The receiver that always is there: the console of `run`, the output of `replay`.
pub const CONSOLE: &str = "console";

/// Who the recipients of each receiver are.
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    by_receiver: BTreeMap<String, Vec<String>>,
}

impl Recipients {
    /// The console, and the recipients of a configuration.
    pub fn of(config: &Config) -> Self {
        let console = (CONSOLE.to_owned(), vec![String::new()]);
        let configured =
            config.receiver.iter().map(|receiver| (receiver.name.get_ref().clone(), receiver.recipients()));
        Self { by_receiver: configured.chain([console]).collect() }
    }

    /// One message per recipient of each receiver of the notification.
    pub fn messages(&self, notification: &Arc<Notification>) -> impl Iterator<Item = NewMessage> {
        notification.receivers.iter().flat_map(move |receiver| {
            self.by_receiver.get(receiver).into_iter().flatten().map(move |recipient| NewMessage {
                receiver: receiver.clone(),
                recipient: recipient.clone(),
                notification: Arc::clone(notification),
            })
        })
    }
}

/// What came of one step.
#[derive(Debug)]
pub struct Stepped {
    /// What is to be told, in order.
    pub told: Vec<Arc<Notification>>,
    /// What came of an operator's command, where the input was one.
    pub answer: Option<Answer>,
}

/// Hands one input to the engine and gathers what the step makes durable.
pub fn step(
    engine: &mut Engine,
    now: Now,
    input: Input,
    recipients: &Recipients,
    transaction: &mut Transaction,
) -> Stepped {
    let mut outbox = Outbox::default();
    engine.handle(now, input, &mut outbox);
    let notifications: Vec<_> = outbox.notifications.into_iter().map(Arc::new).collect();
    for notification in &notifications {
        transaction.messages.extend(recipients.messages(notification));
    }
    transaction.ledger.extend(outbox.ledger.into_iter().map(|entry| {
        let notification = entry.sent.and_then(|place| notifications.get(place)).cloned();
        NewLedgerEntry { entry, notification }
    }));
    transaction.records.extend(outbox.records);
    Stepped { told: notifications, answer: outbox.answer }
}
