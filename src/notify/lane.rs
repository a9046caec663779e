//! The task of one recipient of one receiver: one message at a time, retries, outcomes.

use super::{
    Notifier, World,
    failure::{Consequence, Failure},
    inbox::{Health, Inbox, LIMIT},
    queue::{Backoff, Place, Queue, told},
    texts,
};
use crate::{
    clock,
    store::{DeliveryResult, FailureReason, Message, Outcome},
};
use ccxwatch_alerts::notification::Notification;
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, Timestamp};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

/// How patient a lane is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) backoff: Backoff,
    /// A message that could not be delivered for so long is given up.
    pub(super) give_up_after: SignedDuration,
    /// An urgent message is tried this long after the last attempt, though the receiver was unreachable.
    pub(super) urgent_gap: Duration,
    /// What is under way at a shutdown may take so long.
    pub(super) grace: Duration,
}

impl Timing {
    pub(super) const REAL: Self = Self {
        backoff: Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(5) },
        give_up_after: SignedDuration::from_hours(48),
        urgent_gap: Duration::from_secs(1),
        grace: Duration::from_secs(2),
    };
}

/// A store that could not be read is asked again after this long.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Messages that left unrecorded and are remembered, so that their recorded twins do not leave again.
const TWINS: usize = 1_000;

/// One recipient of one receiver.
pub(super) struct Lane {
    pub(super) receiver: String,
    pub(super) recipient: String,
    pub(super) notifier: Notifier,
    pub(super) inbox: Arc<Inbox>,
    pub(super) world: World,
    pub(super) outcomes: mpsc::Sender<Outcome>,
    pub(super) shutdown: CancellationToken,
    pub(super) timing: Timing,
    pub(super) queue: Queue,
    /// Outcomes that the pipeline has not taken yet: at most one a message. A pipeline that waits for its disk delays no mail.
    pub(super) unsaid: VecDeque<Outcome>,
    /// The receiver is unreachable: nothing is tried before.
    pub(super) paused_until: Option<Instant>,
    /// The pause is what the receiver asked for: urgency does not shorten it.
    pub(super) asked_to_wait: bool,
    /// Failures in a row to reach it.
    pub(super) failures: u32,
    pub(super) last_attempt: Option<Instant>,
    pub(super) ask_store_at: Option<Instant>,
    /// What was delivered while the store was failing.
    pub(super) delivered_unrecorded: VecDeque<u64>,
}

impl Lane {
    /// Works until the shutdown.
    pub(super) async fn run(mut self) {
        while !self.shutdown.is_cancelled() {
            self.take_in();
            self.refill().await;
            self.say();
            let now = clock::timer();
            if self.paused_until.is_none_or(|until| until <= now)
                && let Some(place) = self.queue.next(now)
            {
                self.attempt(place).await;
                continue;
            }
            if self.notifier.chore_at().is_some_and(|at| at <= now) {
                self.chore().await;
                continue;
            }
            if self.inbox.take_expected() {
                let shutdown = self.shutdown.clone();
                tokio::select! {
                    () = self.notifier.warm() => {}
                    () = shutdown.cancelled() => {}
                }
                continue;
            }
            self.wait(now).await;
        }
        self.notifier.rest();
        // What the pipeline does not take now it learns by the message's going out again, with the same Message-ID.
        let leave = async {
            while let Some(outcome) = self.unsaid.pop_front() {
                if self.outcomes.send(outcome).await.is_err() {
                    break;
                }
            }
        };
        let _ = timeout(self.timing.grace, leave).await;
    }

    async fn wait(&mut self, now: Instant) {
        let due = self.queue.next_due().map(|due| self.paused_until.map_or(due, |until| until.max(due)));
        let wake = [due, self.notifier.chore_at(), self.ask_store_at].into_iter().flatten().min();
        let outcomes = self.outcomes.clone();
        tokio::select! {
            () = self.inbox.wake.notified() => {}
            permit = outcomes.reserve(), if !self.unsaid.is_empty() => {
                // Where the pipeline is gone, the shutdown is near and nobody wants to know.
                if let (Ok(permit), Some(outcome)) = (permit, self.unsaid.pop_front()) {
                    permit.send(outcome);
                }
            }
            () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
            () = self.shutdown.cancelled() => {}
        }
    }

    fn take_in(&mut self) {
        for message in self.inbox.take() {
            self.accept(message);
        }
    }

    fn accept(&mut self, message: Message) {
        if message.id.is_some() && !(self.delivered_unrecorded.is_empty() && self.queue.is_empty()) {
            let name = told(&message.notification);
            if self.delivered_unrecorded.contains(&name) {
                self.inbox.finished(1);
                self.tell(message.id, DeliveryResult::Delivered);
                return;
            }
            if let Some(twin) = self.queue.twin(name) {
                self.queue.remove(twin);
                self.inbox.finished(1);
            }
        }
        self.hasten(&message);
        self.queue.push(message, clock::timer());
    }

    /// An urgent message does not wait for the end of a long pause.
    fn hasten(&mut self, message: &Message) {
        if message.notification.severity > Severity::Critical {
            return;
        }
        if let (Some(until), Some(last), false) = (&mut self.paused_until, self.last_attempt, self.asked_to_wait) {
            *until = (*until).min(last + self.timing.urgent_gap);
        }
    }

    /// Reads from the store what did not fit into memory, or waits there from before a restart.
    async fn refill(&mut self) {
        if self.ask_store_at.is_some_and(|at| at > clock::timer()) {
            return;
        }
        self.ask_store_at = None;
        while let Some(after) = self.inbox.wants_more() {
            let (reader, receiver, recipient) =
                (self.world.backlog.clone(), self.receiver.clone(), self.recipient.clone());
            let asked = LIMIT / 2;
            let read = move || reader.pending_for(&receiver, &recipient, after, asked);
            match tokio::task::spawn_blocking(read).await {
                Ok(Ok(found)) => {
                    for message in self.inbox.refill(found, asked) {
                        self.accept(message);
                    }
                }
                Ok(Err(error)) => {
                    tracing::warn!(receiver = self.receiver, %error, "waiting messages cannot be read; asking again soon");
                    self.ask_store_at = Some(clock::timer() + ASK_AGAIN);
                    return;
                }
                // The runtime is shutting down.
                Err(_) => return,
            }
        }
    }

    async fn attempt(&mut self, place: Place) {
        let places = self.queue.together(place);
        let Some(message) = self.combined(&places) else { return };
        let shutdown = self.shutdown.clone();
        let grace = self.timing.grace;
        let result = tokio::select! {
            result = self.notifier.deliver(&message, &self.world) => result,
            // It stays in the store, and goes out after the restart with the same Message-ID.
            () = async { shutdown.cancelled().await; tokio::time::sleep(grace).await } => return,
        };
        let now = clock::timer();
        self.last_attempt = Some(now);
        match result {
            Ok(()) => {
                self.reachable();
                self.inbox.set_health(Health::default());
                self.finish(&places, &DeliveryResult::Delivered);
            }
            Err(failure) => self.failed(&places, now, failure),
        }
    }

    fn failed(&mut self, places: &[Place], now: Instant, failure: Failure) {
        let Failure { consequence, reason, error, retry_after } = failure;
        match consequence {
            Consequence::GiveUp => {
                self.reachable();
                tracing::debug!(
                    receiver = self.receiver,
                    recipient = self.recipient,
                    error,
                    "a message was refused for good"
                );
                self.inbox.set_health(Health { gave_up: true, ..Health::failing(reason, &error, None) });
                self.finish(places, &DeliveryResult::GivenUp { reason, error });
            }
            Consequence::ThisWaits => {
                self.reachable();
                self.again(places, now, reason, &error);
            }
            Consequence::AllWait => {
                self.failures += 1;
                self.asked_to_wait = retry_after.is_some();
                self.paused_until = Some(now + retry_after.unwrap_or(self.timing.backoff.after(self.failures)));
                self.again(places, now, reason, &error);
                self.expire(&error);
            }
        }
    }

    /// What the notifier has to do beside messages.
    async fn chore(&mut self) {
        let shutdown = self.shutdown.clone();
        let result = tokio::select! {
            result = self.notifier.chore(&self.world) => result,
            () = shutdown.cancelled() => return,
        };
        match result {
            None => {}
            // What waits says itself how the receiver fares.
            Some(_) if !self.queue.is_empty() => {}
            Some(Ok(())) => self.inbox.set_health(Health::default()),
            Some(Err(Failure { reason, error, .. })) => {
                tracing::debug!(receiver = self.receiver, recipient = self.recipient, error, "the state was not taken");
                let wait = self.notifier.chore_at().map(|at| at.saturating_duration_since(clock::timer()));
                let next_try = wait.and_then(|wait| {
                    clock::wall().checked_add(SignedDuration::try_from(wait).unwrap_or_default()).ok()
                });
                self.inbox.set_health(Health::failing(reason, &error, next_try));
            }
        }
    }

    /// The last of the messages, naming those before it: they were overtaken while they waited.
    fn combined(&self, places: &[Place]) -> Option<Message> {
        let (last, before) = places.split_last()?;
        let mut message = self.queue.get(*last)?.clone();
        if !before.is_empty() {
            let mut notification = Notification::clone(&message.notification);
            let overtaken = before.iter().filter_map(|place| self.queue.get(*place));
            let history = overtaken.map(|message| texts::overtaken(&message.notification));
            notification.history = history.chain(notification.history).collect();
            message.notification = Arc::new(notification);
        }
        Some(message)
    }

    fn reachable(&mut self) {
        self.failures = 0;
        self.asked_to_wait = false;
        self.paused_until = None;
    }

    /// Tries the message again later, unless that has gone on for too long.
    fn again(&mut self, places: &[Place], now: Instant, reason: FailureReason, error: &str) {
        tracing::debug!(
            receiver = self.receiver,
            recipient = self.recipient,
            error,
            "a message could not be delivered"
        );
        for place in places {
            let Some(message) = self.queue.get(*place) else { continue };
            let (id, error) = (message.id, error.to_owned());
            if self.is_too_old(message.created_at) {
                let error = self.too_old(&error);
                self.finish(&[*place], &DeliveryResult::GivenUp { reason: FailureReason::Expired, error });
            } else {
                self.queue.put_off(*place, now, self.timing.backoff);
                self.tell(id, DeliveryResult::Retry { reason, error });
            }
        }
        let next = self.queue.next_due().map_or(now, |due| self.paused_until.map_or(due, |until| until.max(due)));
        let wait = SignedDuration::try_from(next.saturating_duration_since(now)).unwrap_or_default();
        let next_try = if self.queue.is_empty() { None } else { clock::wall().checked_add(wait).ok() };
        self.inbox.set_health(Health::failing(reason, error, next_try));
    }

    /// The receiver has been unreachable: what is too old would only fail the same way.
    fn expire(&mut self, error: &str) {
        let limit = clock::wall().saturating_sub(self.timing.give_up_after).unwrap_or(Timestamp::MIN);
        let expired = self.queue.expire(|message| message.created_at < limit);
        self.inbox.finished(expired.len());
        let error = self.too_old(error);
        for message in expired {
            self.tell(message.id, DeliveryResult::GivenUp { reason: FailureReason::Expired, error: error.clone() });
        }
    }

    fn is_too_old(&self, created_at: Timestamp) -> bool {
        clock::wall().duration_since(created_at) > self.timing.give_up_after
    }

    fn too_old(&self, error: &str) -> String {
        format!("not delivered within {} h; the last attempt: {error}", self.timing.give_up_after.as_hours())
    }

    fn finish(&mut self, places: &[Place], result: &DeliveryResult) {
        for place in places {
            let Some(message) = self.queue.remove(*place) else { continue };
            self.inbox.finished(1);
            if message.id.is_none() && *result == DeliveryResult::Delivered {
                self.delivered_unrecorded.truncate(TWINS - 1);
                self.delivered_unrecorded.push_front(told(&message.notification));
            }
            self.tell(message.id, result.clone());
        }
    }

    fn tell(&mut self, id: Option<i64>, result: DeliveryResult) {
        // A later outcome of the same message stands for one that was not taken yet.
        if id.is_some() {
            self.unsaid.retain(|unsaid| unsaid.id != id);
        }
        self.unsaid.push_back(Outcome { id, receiver: self.receiver.clone(), at: clock::wall(), result });
        self.say();
    }

    fn say(&mut self) {
        while let Some(outcome) = self.unsaid.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(outcome) | mpsc::error::TrySendError::Closed(outcome)) =
                self.outcomes.try_send(outcome)
            {
                self.unsaid.push_front(outcome);
                return;
            }
        }
    }
}
