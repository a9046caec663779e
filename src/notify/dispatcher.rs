//! [`Dispatcher`]: takes messages, never blocks, says how receivers fare.

use super::{
    Common, Notifier, NotifyError, World,
    inbox::Inbox,
    lane::{Lane, Timing},
    queue::Queue,
};
use crate::{
    clock,
    config::Config,
    store::{DeliveryResult, FailureReason, Message, NewMessage, Outcome},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// How a receiver fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReceiverHealth {
    /// Its name.
    pub receiver: String,
    /// Whether the last attempt to any of its recipients failed.
    pub failing: bool,
    /// Since when, without a success in between.
    pub failing_since: Option<Timestamp>,
    /// Whether a message was lost since then.
    pub gave_up: bool,
    /// Which kind of fault it was.
    pub reason: Option<FailureReason>,
    /// What went wrong.
    pub last_error: Option<String>,
    /// When it is tried next; none where nothing waits.
    pub next_try: Option<Timestamp>,
    /// Messages in memory that wait for it. More may wait in the store.
    pub queued: usize,
}

impl ReceiverHealth {
    /// Whether others are to be told that it fails: when a message was lost, or it has failed for a minute. A server that wants
    /// to be asked twice is no news.
    pub fn is_news(&self, now: Timestamp) -> bool {
        let long = self.failing_since.is_some_and(|since| now.duration_since(since) >= NEWS_AFTER);
        self.failing && (self.gave_up || long)
    }
}

/// A receiver that fails for so long is told of.
const NEWS_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// Delivers messages: one task for each recipient of each receiver, so that none delays another.
#[derive(Debug)]
pub struct Dispatcher {
    lanes: BTreeMap<(String, String), Arc<Inbox>>,
    tasks: JoinSet<()>,
    nobody: mpsc::UnboundedSender<Outcome>,
    shutdown: CancellationToken,
}

/// Receivers that are ready to start: their secrets and certificates were read.
#[derive(Default)]
pub struct Prepared {
    notifiers: Vec<(String, String, Notifier)>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("notifiers", &self.notifiers.len()).finish()
    }
}

impl Prepared {
    /// Makes all receivers of a configuration ready before any is started: nothing half started.
    pub fn new(config: &Config) -> Result<Self, NotifyError> {
        let common = Common::of(config);
        let mut notifiers = Vec::new();
        for receiver in &config.receiver {
            for (recipient, notifier) in Notifier::start(receiver, &common)? {
                notifiers.push((receiver.name.get_ref().clone(), recipient, notifier));
            }
        }
        Ok(Self { notifiers })
    }

    /// Starts them; they begin with what waits in the store. No connection is made yet.
    pub fn start(self, world: &World, outcomes: &mpsc::Sender<Outcome>, shutdown: &CancellationToken) -> Dispatcher {
        Dispatcher::start_with(self, world, outcomes, shutdown, Timing::REAL)
    }
}

impl Dispatcher {
    pub(super) fn start_with(
        prepared: Prepared,
        world: &World,
        outcomes: &mpsc::Sender<Outcome>,
        shutdown: &CancellationToken,
        timing: Timing,
    ) -> Self {
        let shutdown = shutdown.child_token();
        let mut lanes = BTreeMap::new();
        let mut tasks = JoinSet::new();
        for (receiver, recipient, notifier) in prepared.notifiers {
            let inbox = Arc::new(Inbox::new());
            lanes.insert((receiver.clone(), recipient.clone()), Arc::clone(&inbox));
            let lane = Lane {
                receiver,
                recipient,
                notifier,
                inbox,
                world: world.clone(),
                outcomes: outcomes.clone(),
                shutdown: shutdown.clone(),
                timing,
                queue: Queue::default(),
                unsaid: VecDeque::new(),
                paused_until: None,
                asked_to_wait: false,
                failures: 0,
                last_attempt: None,
                ask_store_at: None,
                delivered_unrecorded: VecDeque::new(),
            };
            tasks.spawn(lane.run());
        }
        let nobody = forward(outcomes.clone(), shutdown.clone(), &mut tasks);
        Self { lanes, tasks, nobody, shutdown }
    }

    /// Delivers a message. It never blocks; what does not fit into memory is read from the store later. A message that was
    /// submitted before, or found in the store, is not delivered twice; nor is one that has left unrecorded while the store was
    /// failing, and is submitted once more when it is recorded.
    pub fn submit(&self, message: Message) {
        self.hand_over(message, Inbox::push);
    }

    /// Delivers a message that was given up before.
    pub fn resubmit(&self, message: Message) {
        self.hand_over(message, |inbox, message| {
            inbox.push_again(message);
            Ok(())
        });
    }

    fn hand_over(&self, message: Message, push: impl Fn(&Inbox, Message) -> Result<(), Box<Message>>) {
        let lane = self.lanes.get(&(message.receiver.clone(), message.recipient.clone()));
        let (message, reason, error) = if let Some(inbox) = lane {
            let Err(message) = push(inbox, message) else { return };
            let error = "too many messages wait in memory while the store takes none".to_owned();
            (*message, FailureReason::Overflow, error)
        } else {
            let whom = if message.recipient.is_empty() { &message.receiver } else { &message.recipient };
            let error = format!("{whom} is no longer in the configuration as a recipient of {}", message.receiver);
            (message, FailureReason::NotConfigured, error)
        };
        tracing::error!(receiver = message.receiver, recipient = message.recipient, error, "a message is given up");
        let result = DeliveryResult::GivenUp { reason, error };
        // The other end is gone only after the shutdown.
        let _ = self.nobody.send(Outcome { id: message.id, receiver: message.receiver, at: clock::wall(), result });
    }

    /// These messages are about to be committed: their receivers connect meanwhile.
    pub fn expect(&self, messages: &[NewMessage]) {
        for message in messages {
            if let Some(inbox) = self.lanes.get(&(message.receiver.clone(), message.recipient.clone())) {
                inbox.expect();
            }
        }
    }

    /// How each receiver fares, in the order of their names.
    pub fn health(&self) -> Vec<ReceiverHealth> {
        let mut all: Vec<ReceiverHealth> = Vec::new();
        for ((receiver, _), inbox) in &self.lanes {
            if all.last().is_none_or(|last| last.receiver != *receiver) {
                all.push(ReceiverHealth { receiver: receiver.clone(), ..ReceiverHealth::default() });
            }
            if let Some(health) = all.last_mut() {
                inbox.add_to(health);
            }
        }
        all
    }

    /// Stops: what is under way may end within two seconds, its outcomes are handed out, the rest stays in the store.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Hands out the outcomes of messages that have no lane. Their number is bounded by what a configuration has lost.
fn forward(
    outcomes: mpsc::Sender<Outcome>,
    shutdown: CancellationToken,
    tasks: &mut JoinSet<()>,
) -> mpsc::UnboundedSender<Outcome> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    tasks.spawn(async move {
        let work = async {
            while let Some(outcome) = receiver.recv().await {
                if outcomes.send(outcome).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = shutdown.cancelled() => {}
        }
    });
    sender
}
