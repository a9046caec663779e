//! One transaction in flight, one gathering; messages leave after the commit, or unrecorded while the store is failing.

use super::{
    delivery::{Delivery, Progress},
    publish,
};
use crate::{
    clock,
    metrics::{HeartbeatStage, Metrics},
    notify::{Prepared, ReceiverHealth},
    step::CONSOLE,
    store::{
        CommitError, Committed, DeliveryResult, Message, NewMessage, Outcome, Store, StoredAlert, StoredNotification,
        Transaction,
    },
};
use ccxwatch_alerts::{engine::Engine, input::StoreHealth};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::oneshot, time::Instant};

/// A commit that is outstanding for longer makes the store failing.
const OUTSTANDING_AT_MOST: Duration = Duration::from_secs(5);
/// A failing store is tried again this often.
const RETRY_EVERY: SignedDuration = SignedDuration::from_secs(1);
/// A transaction that only says how far files were read waits this long for company.
const POSITIONS_WAIT: SignedDuration = SignedDuration::from_secs(1);
/// One that changes state and that nobody waits for, likewise: a busy cluster's row is written out as a whole, however little of it
/// changed, so a stream of alarms must not make each of them a commit.
const STATE_WAIT: SignedDuration = SignedDuration::from_millis(50);
/// ... or this many times what the last commit took, at most [`POSITIONS_WAIT`], so that a storm leaves the processors to its lines.
const STATE_SHARE: i32 = 10;
/// Messages that gather beside a commit in flight before the sources have to wait.
const MESSAGES_MAX: usize = 10_000;
/// Positions, likewise.
const POSITIONS_MAX: usize = 10_000;

/// What is on its way to the store, and what follows from it.
pub(super) struct Commits {
    store: Store,
    delivery: Delivery,
    metrics: Arc<Metrics>,
    console_colors: bool,
    gathering: Transaction,
    /// How many of the gathering messages, the first ones, have left unrecorded.
    gathering_left: usize,
    gathering_replies: Vec<oneshot::Sender<()>>,
    in_flight: Option<InFlight>,
    failing: bool,
    /// Why, as it was said last.
    failing_reason: String,
    news: Vec<StoreHealth>,
    retry_at: Option<SignedDuration>,
    /// Since when something gathers that nobody waits for, and how long it may.
    waiting: Option<(SignedDuration, SignedDuration)>,
    /// How long the last commit took.
    took: SignedDuration,
    /// The stored history has changed since it was last shown.
    history_changed: bool,
    /// Stored messages that are on their way, by number, and when it was decided to tell each.
    outbox: BTreeMap<i64, Timestamp>,
    /// What the console has shown before it was recorded: episode and what was told.
    shown: BTreeSet<(String, String)>,
}

type CommitResult = Result<Committed, CommitError>;

struct InFlight {
    done: oneshot::Receiver<CommitResult>,
    /// By the clock that a suspended machine stops: while it sleeps, no disk can answer.
    since: Instant,
    replies: Vec<oneshot::Sender<()>>,
    messages: Vec<NewMessage>,
    heartbeat: Option<Timestamp>,
    /// How many of the messages, the first ones, have left unrecorded.
    left: usize,
    /// It stores messages or their ends.
    changes_history: bool,
}

impl Commits {
    pub(super) fn new(store: Store, delivery: Delivery, metrics: Arc<Metrics>, console_colors: bool) -> Self {
        Self {
            store,
            delivery,
            metrics,
            console_colors,
            gathering: Transaction::default(),
            gathering_left: 0,
            gathering_replies: Vec::new(),
            in_flight: None,
            failing: false,
            failing_reason: String::new(),
            news: Vec::new(),
            retry_at: None,
            waiting: None,
            took: SignedDuration::ZERO,
            history_changed: true,
            outbox: BTreeMap::new(),
            shown: BTreeSet::new(),
        }
    }

    pub(super) fn gathering(&mut self) -> &mut Transaction {
        &mut self.gathering
    }

    /// How each receiver fares.
    pub(super) fn receivers(&self) -> Vec<ReceiverHealth> {
        self.delivery.health()
    }

    /// Whether all that was told is stored, or on its way there: then receivers may be replaced.
    pub(super) fn is_recording(&self) -> bool {
        !self.failing && self.gathering_left == 0
    }

    /// Replaces the receivers.
    pub(super) fn replace_receivers(&mut self, next: Prepared) {
        self.delivery.replace(next);
    }

    /// Sets how long the history is kept.
    pub(super) fn keep_history(&self, days: u32) {
        self.store.keep_history(days);
    }

    /// Whether the stored history has changed since it was last shown.
    pub(super) fn has_news_for_the_page(&self) -> bool {
        self.history_changed
    }

    /// The newest notifications and the alerts that ended last, where they have changed since the last call.
    pub(super) fn changed_history(&mut self, limit: u32) -> Option<(Vec<StoredNotification>, Vec<StoredAlert>)> {
        if !std::mem::take(&mut self.history_changed) {
            return None;
        }
        let reader = self.store.reader();
        let notifications = self.store.recent_notifications(usize::try_from(limit).unwrap_or(usize::MAX));
        let read = notifications.and_then(|notifications| Ok((notifications, reader.ended_alerts(limit)?)));
        read.inspect_err(|error| tracing::warn!(%error, "the page shows nothing newer of the past")).ok()
    }

    pub(super) fn history_cut(&self) -> u64 {
        self.store.history_cut()
    }

    pub(super) fn failing(&self) -> bool {
        self.failing
    }

    /// Whether the sources may bring more while a commit is in flight.
    pub(super) fn has_room(&self) -> bool {
        self.failing || (self.gathering.messages.len() < MESSAGES_MAX && self.gathering.positions.len() < POSITIONS_MAX)
    }

    /// Whether messages wait for a commit to leave after.
    pub(super) fn has_waiting_messages(&self) -> bool {
        let in_flight = self.in_flight.as_ref().is_some_and(|in_flight| in_flight.left < in_flight.messages.len());
        in_flight || self.gathering_left < self.gathering.messages.len()
    }

    pub(super) fn take_store_news(&mut self) -> Vec<StoreHealth> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn failing_receivers(&self) -> Vec<String> {
        let now = clock::wall();
        self.delivery.health().into_iter().filter(|health| health.is_news(now)).map(|health| health.receiver).collect()
    }

    pub(super) fn reply_after_commit(&mut self, reply: oneshot::Sender<()>) {
        self.gathering_replies.push(reply);
    }

    /// Takes the end of an attempt to deliver, to be stored with the next transaction.
    pub(super) fn outcome(&mut self, outcome: Outcome) {
        self.metrics.notification_attempt(&outcome.receiver);
        match &outcome.result {
            DeliveryResult::Delivered => {
                if let Some(decided_at) = self.outbox_done(&outcome) {
                    let took = outcome.at.duration_since(decided_at).as_secs_f64().max(0.0);
                    self.metrics.notification_latency(took);
                }
            }
            DeliveryResult::Retry { reason, error } => {
                self.metrics.notification_failure(&outcome.receiver, *reason);
                tracing::warn!(receiver = outcome.receiver, error, "a message was not delivered; it is tried again");
            }
            DeliveryResult::GivenUp { reason, error } => {
                self.metrics.notification_failure(&outcome.receiver, *reason);
                self.metrics.notification_given_up(&outcome.receiver);
                tracing::error!(receiver = outcome.receiver, error, "a message was not delivered and is given up");
                self.outbox_done(&outcome);
            }
        }
        self.record(outcome);
    }

    /// Returns when it was decided to tell it.
    fn outbox_done(&mut self, outcome: &Outcome) -> Option<Timestamp> {
        self.outbox.remove(&outcome.id?)
    }

    /// Says in the metrics how much waits to be delivered.
    pub(super) fn measure_outbox(&self) {
        let oldest = self.outbox.values().min().map(|at| positive(clock::wall().duration_since(*at)));
        self.metrics.outbox(self.outbox.len(), oldest);
    }

    /// What left unrecorded has no row whose end could be stored.
    fn record(&mut self, outcome: Outcome) {
        if outcome.id.is_some() {
            self.gathering.outcomes.push(outcome);
        }
    }

    /// Prints what a former process had stored and not printed. Every other receiver asks the store itself.
    pub(super) fn print_pending(&mut self, pending: Vec<Message>) {
        for message in pending {
            if message.receiver == CONSOLE {
                self.send(message);
            } else if let Some(id) = message.id {
                self.outbox.insert(id, message.notification.at);
            }
        }
    }

    /// Starts a commit when there is something to commit and none is in flight.
    pub(super) fn start(&mut self, engine: &mut Engine) {
        let now = clock::elapsed();
        if self.failing {
            self.let_messages_leave();
        }
        if self.in_flight.is_some() || self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        if !self.worth_a_commit(engine, now) {
            return;
        }
        self.waiting = None;
        let mut transaction = std::mem::take(&mut self.gathering);
        transaction.saved.extend(engine.take_saved());
        keep_last(&mut transaction.records, |alert| alert.episode.clone());
        keep_last(&mut transaction.positions, |position| position.key.clone());
        self.delivery.expect(&transaction.messages);
        let messages = transaction.messages.clone();
        let heartbeat = transaction.heartbeat;
        let changes_history = !messages.is_empty()
            || !transaction.outcomes.is_empty()
            || !transaction.resent.is_empty()
            || !transaction.records.is_empty();
        let done = self.store.commit(transaction);
        let replies = std::mem::take(&mut self.gathering_replies);
        let left = std::mem::take(&mut self.gathering_left);
        self.in_flight =
            Some(InFlight { done, since: clock::timer(), replies, messages, heartbeat, left, changes_history });
    }

    /// Waits for the commit in flight, for the moment it has taken too long, for the next try, or for the next step of a
    /// replacement of receivers. Where it returns something, the old receivers have ended: what they said is to be taken, and the
    /// sender to be told by [`Commits::reply_after_commit`] when that is stored.
    pub(super) async fn progress(&mut self) -> Option<oneshot::Sender<()>> {
        enum News {
            Committed(Box<Result<CommitResult, oneshot::error::RecvError>>),
            Overdue,
            Due,
            Delivery(Progress),
        }
        let now = clock::elapsed();
        let failing = self.failing;
        let due = match (self.retry_at, self.waiting) {
            (Some(at), _) => Some(at - now),
            (None, waiting) => waiting.map(|(since, wait)| since + wait - now),
        };
        let (in_flight, delivery) = (&mut self.in_flight, &mut self.delivery);
        let commit = async {
            let Some(in_flight) = in_flight else {
                let Some(wait) = due else { return std::future::pending().await };
                tokio::time::sleep(positive(wait)).await;
                return News::Due;
            };
            let too_long = in_flight.since + OUTSTANDING_AT_MOST;
            let news = !failing || in_flight.left < in_flight.messages.len();
            tokio::select! {
                biased;
                result = &mut in_flight.done => News::Committed(Box::new(result)),
                () = tokio::time::sleep_until(too_long), if news => News::Overdue,
            }
        };
        let news = tokio::select! {
            biased;
            news = commit => news,
            progress = delivery.progress() => News::Delivery(progress),
        };
        match news {
            News::Committed(result) => self.committed(*result),
            News::Overdue => self.overdue(),
            News::Due => {}
            News::Delivery(Progress::Store(stored)) => return Some(stored),
            News::Delivery(Progress::Replaced) => self.delivery.start(),
        }
        None
    }

    /// Commits what is left and closes the store.
    pub(super) async fn finish(mut self, engine: &mut Engine, at_most: Duration) {
        let deadline = clock::timer() + at_most;
        while self.in_flight.is_some() && tokio::time::timeout_at(deadline, self.progress()).await.is_ok() {}
        self.gathering.saved.extend(engine.take_saved());
        if self.in_flight.is_none() && !is_empty(&self.gathering) {
            let done = self.store.commit(std::mem::take(&mut self.gathering));
            if matches!(tokio::time::timeout_at(deadline, done).await, Ok(Ok(Ok(_)))) {
                for reply in self.gathering_replies {
                    let _ = reply.send(());
                }
            } else {
                tracing::error!(
                    "the last transaction was not stored; files are read again from the last stored position"
                );
            }
        }
        if let Err(error) = self.store.close() {
            tracing::error!(%error, "the store was not closed in order; it is repaired at the next start");
        }
    }

    fn worth_a_commit(&mut self, engine: &Engine, now: SignedDuration) -> bool {
        let transaction = &self.gathering;
        if !transaction.messages.is_empty()
            || !transaction.outcomes.is_empty()
            || !transaction.resent.is_empty()
            || !self.gathering_replies.is_empty()
            || transaction.heartbeat.is_some()
        {
            return true;
        }
        let changes_state = engine.has_changed()
            || !transaction.saved.is_empty()
            || !transaction.records.is_empty()
            || !transaction.ledger.is_empty();
        let wait = match (changes_state, transaction.positions.is_empty()) {
            (true, _) => self.took.saturating_mul(STATE_SHARE).clamp(STATE_WAIT, POSITIONS_WAIT),
            (false, false) => POSITIONS_WAIT,
            (false, true) => return false,
        };
        let since = self.waiting.map_or(now, |(since, _)| since);
        self.waiting = Some((since, wait));
        now - since >= wait
    }

    fn overdue(&mut self) {
        const REASON: &str = "a transaction is outstanding for 5 seconds; its disk is slow or hangs";
        self.store_fails(REASON.to_owned());
        let Some(in_flight) = &mut self.in_flight else { return };
        let messages = in_flight.messages[in_flight.left..].to_vec();
        in_flight.left = in_flight.messages.len();
        self.leave_unrecorded(&messages);
    }

    fn committed(&mut self, result: Result<CommitResult, oneshot::error::RecvError>) {
        let Some(in_flight) = self.in_flight.take() else { return };
        match result {
            Ok(Ok(committed)) => {
                self.metrics.commit(committed.took.as_secs_f64());
                self.took = SignedDuration::try_from(committed.took).unwrap_or(SignedDuration::MAX);
                if let Some(born) = in_flight.heartbeat {
                    self.metrics.heartbeat(HeartbeatStage::Store, born);
                }
                self.retry_at = None;
                self.history_changed |= in_flight.changes_history;
                if self.failing {
                    self.failing = false;
                    self.failing_reason.clear();
                    self.metrics.store_failing(false);
                    self.news.push(StoreHealth::Working);
                    tracing::warn!("the store works again");
                }
                // What left unrecorded is known to the dispatcher, which does not send it twice.
                for message in committed.messages {
                    self.send(message);
                }
                for message in committed.resent {
                    self.delivery.resubmit(message);
                }
                for reply in in_flight.replies {
                    let _ = reply.send(());
                }
            }
            Ok(Err(failed)) => {
                self.put_back(failed.transaction, in_flight.left);
                self.gathering_replies.extend(in_flight.replies);
                self.store_fails(failed.error.to_string());
            }
            Err(_) => {
                const REASON: &str = "the store's thread has ended; restart ccxwatch";
                self.store_fails(REASON.to_owned());
                self.leave_unrecorded(&in_flight.messages[in_flight.left..]);
            }
        }
    }

    /// Puts a failed transaction in front of what has gathered since: of two rows with one key the later one holds.
    fn put_back(&mut self, mut transaction: Transaction, left: usize) {
        // Only a first part has left: what gathered behind a message that has not left, has not left either.
        self.gathering_left = if left == transaction.messages.len() { left + self.gathering_left } else { left };
        transaction.saved.append(&mut self.gathering.saved);
        transaction.messages.append(&mut self.gathering.messages);
        transaction.positions.append(&mut self.gathering.positions);
        transaction.outcomes.append(&mut self.gathering.outcomes);
        transaction.resent.append(&mut self.gathering.resent);
        transaction.records.append(&mut self.gathering.records);
        transaction.ledger.append(&mut self.gathering.ledger);
        transaction.heartbeat = self.gathering.heartbeat.take().or(transaction.heartbeat);
        keep_last(&mut transaction.saved, |row| row.key.clone());
        keep_last(&mut transaction.positions, |position| position.key.clone());
        self.gathering = transaction;
    }

    /// It is tried again each second, and said when the reason is another one.
    fn store_fails(&mut self, reason: String) {
        self.retry_at = Some(clock::elapsed() + RETRY_EVERY);
        if self.failing_reason != reason {
            tracing::error!("a transaction was not stored, messages leave without being recorded: {reason}");
            self.failing_reason.clone_from(&reason);
        }
        if !self.failing {
            self.failing = true;
            self.metrics.store_failing(true);
            self.news.push(StoreHealth::Failing(reason));
        }
    }

    fn let_messages_leave(&mut self) {
        let messages = self.gathering.messages[self.gathering_left..].to_vec();
        self.leave_unrecorded(&messages);
        // What has left needs no row to be told; where the store fails for long, only its history is given up.
        let surplus = self.gathering.messages.len().saturating_sub(MESSAGES_MAX);
        self.gathering.messages.drain(..surplus);
        self.gathering_left = self.gathering.messages.len();
        let surplus = self.gathering.ledger.len().saturating_sub(MESSAGES_MAX);
        self.gathering.ledger.drain(..surplus);
        keep_last(&mut self.gathering.saved, |row| row.key.clone());
        keep_last(&mut self.gathering.positions, |position| position.key.clone());
        keep_last(&mut self.gathering.records, |alert| alert.episode.clone());
        let surplus = self.gathering.records.len().saturating_sub(MESSAGES_MAX);
        self.gathering.records.drain(..surplus);
    }

    fn leave_unrecorded(&mut self, messages: &[NewMessage]) {
        for message in messages {
            let message = self.store.unrecorded(message);
            self.send(message);
        }
    }

    fn send(&mut self, message: Message) {
        if let Some(id) = message.id {
            self.outbox.insert(id, message.notification.at);
        }
        if message.receiver != CONSOLE {
            self.delivery.submit(message);
            return;
        }
        let told = (message.notification.episode.clone(), message.notification.told_as.clone());
        if !self.shown.remove(&told) {
            publish::print(&message, self.console_colors);
        }
        if message.id.is_none() {
            self.shown.insert(told);
            if self.shown.len() > MESSAGES_MAX {
                self.shown.pop_first();
            }
        }
        self.outcome(delivered(&message));
    }
}

fn delivered(message: &Message) -> Outcome {
    Outcome { id: message.id, receiver: message.receiver.clone(), at: clock::wall(), result: DeliveryResult::Delivered }
}

fn is_empty(transaction: &Transaction) -> bool {
    transaction.messages.is_empty()
        && transaction.ledger.is_empty()
        && transaction.saved.is_empty()
        && transaction.positions.is_empty()
        && transaction.outcomes.is_empty()
        && transaction.resent.is_empty()
        && transaction.records.is_empty()
}

fn positive(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or(Duration::ZERO)
}

/// Of the elements with one key only the last stays, at the place of the last.
fn keep_last<T>(list: &mut Vec<T>, key: impl Fn(&T) -> String) {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<T> = std::mem::take(list).into_iter().rev().filter(|element| seen.insert(key(element))).collect();
    kept.reverse();
    *list = kept;
}
