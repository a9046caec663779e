//! What waits for one recipient between the pipeline and the recipient's task: bounded. What does not fit stays in the store
//! and is read from there later.

use super::dispatcher::ReceiverHealth;
use crate::clock;
use crate::store::{FailureReason, Message};
use jiff::Timestamp;
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Messages in memory for one recipient.
pub(super) const LIMIT: usize = 1_000;

/// The shared half of a lane.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    /// Something new: a message or a wish to be ready.
    pub(super) wake: Notify,
}

/// Behind the lock.
#[derive(Debug, Default)]
struct State {
    incoming: VecDeque<Message>,
    /// Messages that the lane has taken and not finished.
    held: usize,
    /// Every number up to this one has been seen.
    read_to: i64,
    /// Numbers above `read_to` that were taken all the same while the lane was behind.
    ahead: BTreeSet<i64>,
    /// Whether the store may have messages that were not seen.
    behind: bool,
    /// Whether one more came since the store was asked.
    missed: bool,
    expected: bool,
    health: Health,
}

/// How the lane fares.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    pub(super) failing: bool,
    /// Since when, without a success in between.
    pub(super) since: Option<Timestamp>,
    /// A message was lost for it.
    pub(super) gave_up: bool,
    pub(super) reason: Option<FailureReason>,
    pub(super) last_error: Option<String>,
    pub(super) next_try: Option<Timestamp>,
}

impl Health {
    pub(super) fn failing(reason: FailureReason, error: &str, next_try: Option<Timestamp>) -> Self {
        let last_error = Some(error.to_owned());
        Self { failing: true, since: None, gave_up: false, reason: Some(reason), last_error, next_try }
    }
}

impl Inbox {
    /// An inbox that first has to look into the store.
    pub(super) fn new() -> Self {
        let inbox = Self::default();
        inbox.state().behind = true;
        inbox
    }

    /// Takes a message, or leaves it in the store. Gives it back where it is in no store and there is no room.
    pub(super) fn push(&self, message: Message) -> Result<(), Box<Message>> {
        let mut state = self.state();
        let full = state.incoming.len() + state.held >= LIMIT;
        match message.id {
            Some(id) if id <= state.read_to || state.ahead.contains(&id) => return Ok(()),
            Some(_) if full => {
                state.behind = true;
                state.missed = true;
            }
            Some(id) => {
                if state.behind {
                    state.missed = true;
                    state.ahead.insert(id);
                } else {
                    state.read_to = id;
                }
                state.incoming.push_back(message);
            }
            None if state.incoming.len() >= LIMIT => return Err(Box::new(message)),
            None => state.incoming.push_back(message),
        }
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Takes a message again that was taken and finished before. Whoever resends bounds their number.
    pub(super) fn push_again(&self, message: Message) {
        self.state().incoming.push_back(message);
        self.wake.notify_one();
    }

    /// A message is about to come.
    pub(super) fn expect(&self) {
        self.state().expected = true;
        self.wake.notify_one();
    }

    pub(super) fn take_expected(&self) -> bool {
        std::mem::take(&mut self.state().expected)
    }

    /// Everything that has come; `held` is what the lane holds after taking it.
    pub(super) fn take(&self) -> VecDeque<Message> {
        let mut state = self.state();
        state.held += state.incoming.len();
        std::mem::take(&mut state.incoming)
    }

    /// From which number on the store should be asked, where it should.
    pub(super) fn wants_more(&self) -> Option<i64> {
        let mut state = self.state();
        if !state.behind || state.incoming.len() + state.held > LIMIT / 2 {
            return None;
        }
        state.missed = false;
        Some(state.read_to)
    }

    /// The store's answer to a question for `asked` messages: gives back those that were not seen before.
    pub(super) fn refill(&self, found: Vec<Message>, asked: usize) -> Vec<Message> {
        let mut state = self.state();
        let complete = found.len() < asked;
        let mut fresh = Vec::with_capacity(found.len());
        for message in found {
            let Some(id) = message.id else { continue };
            state.read_to = state.read_to.max(id);
            if !state.ahead.remove(&id) {
                fresh.push(message);
            }
        }
        if complete && !state.missed {
            state.behind = false;
            state.read_to = state.ahead.last().copied().unwrap_or(0).max(state.read_to);
            state.ahead.clear();
        }
        state.held += fresh.len();
        fresh
    }

    /// The lane is done with that many.
    pub(super) fn finished(&self, count: usize) {
        let mut state = self.state();
        state.held = state.held.saturating_sub(count);
    }

    pub(super) fn set_health(&self, health: Health) {
        let mut state = self.state();
        let since = health.failing.then(|| state.health.since.unwrap_or_else(clock::wall));
        let gave_up = health.failing && (health.gave_up || state.health.gave_up);
        state.health = Health { since, gave_up, ..health };
    }

    /// Adds this lane to what is known of its receiver.
    pub(super) fn add_to(&self, health: &mut ReceiverHealth) {
        let state = self.state();
        health.queued += state.incoming.len() + state.held;
        health.failing |= state.health.failing;
        if state.health.failing {
            health.failing_since = match (health.failing_since, state.health.since) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            health.gave_up |= state.health.gave_up;
            health.reason = state.health.reason;
            health.last_error.clone_from(&state.health.last_error);
            health.next_try = match (health.next_try, state.health.next_try) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
