//! Virtual time: goes from row to row, and stops at every deadline on the way.

use super::Row;
use crate::{
    step::{Recipients, step},
    store::Transaction,
};
use ccxwatch_alerts::{
    engine::Engine,
    input::{Answer, Input},
    notification::Notification,
    now::Now,
};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// An engine and its virtual clock.
///
/// Between two rows the wall clock runs with the monotonic one; a step of the wall clock happens at the row that shows it.
#[derive(Debug)]
pub struct Timeline {
    engine: Engine,
    now: Now,
    recipients: Recipients,
    transaction: Transaction,
}

impl Timeline {
    /// A timeline that begins at `start`.
    pub fn new(engine: Engine, start: Now, recipients: Recipients) -> Self {
        Self { engine, now: start, recipients, transaction: Transaction::default() }
    }

    /// The virtual time.
    pub fn now(&self) -> Now {
        self.now
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the steps since the last call made durable.
    pub fn take_transaction(&mut self) -> Transaction {
        let mut transaction = std::mem::take(&mut self.transaction);
        transaction.saved = self.engine.take_saved();
        transaction
    }

    /// Fires every deadline before the row, moves to the row's time, and hands its inputs to the engine.
    pub fn play(&mut self, row: Row) -> Vec<Arc<Notification>> {
        let target = Now { wall: row.at, elapsed: row.elapsed.unwrap_or_else(|| self.elapsed_at(row.at)) };
        let mut told = self.fire_before(target, false);
        self.now = Now { wall: target.wall, elapsed: target.elapsed.max(self.now.elapsed) };
        for input in row.inputs {
            told.extend(self.step(input));
        }
        told
    }

    /// Lets time pass until `end`, and fires every deadline up to and including it.
    pub fn finish(&mut self, end: Timestamp) -> Vec<Arc<Notification>> {
        let target = Now { wall: end, elapsed: self.elapsed_at(end) };
        let mut told = self.fire_before(target, true);
        self.now = target;
        told.extend(self.step(Input::Tick));
        told
    }

    /// The monotonic time of a row that does not say it: the wall time is trusted, except that it never goes back.
    fn elapsed_at(&self, wall: Timestamp) -> SignedDuration {
        self.now.elapsed + wall.duration_since(self.now.wall).max(SignedDuration::ZERO)
    }

    fn fire_before(&mut self, target: Now, inclusive: bool) -> Vec<Arc<Notification>> {
        let mut told = Vec::new();
        let mut stuck = 0;
        while let Some(due) = self.next_due() {
            if due > target.elapsed || (due == target.elapsed && !inclusive) {
                break;
            }
            let passed = due - self.now.elapsed;
            // An engine whose deadline stays due would hold the clock for ever.
            stuck = if passed.is_zero() { stuck + 1 } else { 0 };
            if stuck > 1000 {
                break;
            }
            self.now = Now { wall: self.now.wall.saturating_add(passed).unwrap_or(Timestamp::MAX), elapsed: due };
            told.extend(self.step(Input::Tick));
        }
        told
    }

    /// The soonest deadline on the monotonic clock; a wall deadline is as far away as the wall clock now shows.
    fn next_due(&self) -> Option<SignedDuration> {
        let deadlines = self.engine.next_deadline();
        let by_wall = deadlines.wall.map(|at| self.now.elapsed + at.duration_since(self.now.wall));
        let soonest = match (deadlines.elapsed, by_wall) {
            (Some(elapsed), Some(wall)) => elapsed.min(wall),
            (elapsed, wall) => elapsed.or(wall)?,
        };
        Some(soonest.max(self.now.elapsed))
    }

    fn step(&mut self, input: Input) -> Vec<Arc<Notification>> {
        let stepped = step(&mut self.engine, self.now, input, &self.recipients, &mut self.transaction);
        if let Some(Answer::Refused { error }) = stepped.answer {
            tracing::warn!(at = %self.now.wall, error, "an operator's command was refused");
        }
        stepped.told
    }
}
