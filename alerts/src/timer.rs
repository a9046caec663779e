//! Deadlines on the two clocks. What is at most 24 hours away runs on elapsed time, so that a step of the wall clock neither
//! fires nor delays it; what is farther away runs on wall time.

use crate::now::Now;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// `at` moved by `by`, held at the ends of time instead of failing.
pub(crate) fn plus(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
}

/// The time of one step, and whether what is due exactly now is due already. At equal time inputs go before deadlines, so only
/// a tick includes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The two clocks.
    pub(crate) now: Now,
    /// Whether a deadline at exactly `now` is due.
    pub(crate) inclusive: bool,
}

impl Moment {
    /// Whether a deadline of elapsed time is due.
    pub(crate) fn elapsed_due(&self, at: SignedDuration) -> bool {
        at < self.now.elapsed || (self.inclusive && at == self.now.elapsed)
    }

    /// Whether a deadline of wall time is due.
    pub(crate) fn wall_due(&self, at: Timestamp) -> bool {
        at < self.now.wall || (self.inclusive && at == self.now.wall)
    }
}

/// A deadline that runs on elapsed time. Saved as wall time: elapsed time has another origin after a restart, so
/// [`Timer::reanchor`] follows every load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Timestamp", into = "Timestamp")]
pub(crate) struct Timer {
    /// When it fires, as a person reads it.
    pub(crate) wall: Timestamp,
    /// When it fires, as the engine counts it.
    pub(crate) elapsed: SignedDuration,
}

impl Timer {
    /// A deadline at a wall time: what is left of it now is counted in elapsed time from here on.
    pub(crate) fn at(now: Now, wall: Timestamp) -> Self {
        let left = now.wall.duration_until(wall);
        Self { wall, elapsed: now.elapsed.saturating_add(left) }
    }

    /// A deadline in `left` from now.
    pub(crate) fn within(now: Now, left: SignedDuration) -> Self {
        Self { wall: plus(now.wall, left), elapsed: now.elapsed.saturating_add(left) }
    }

    /// A deadline `by` after this one.
    pub(crate) fn later(self, by: SignedDuration) -> Self {
        Self { wall: plus(self.wall, by), elapsed: self.elapsed.saturating_add(by) }
    }

    /// The wall clock stepped: what is left stays, what a person reads moves with the clock.
    pub(crate) fn stepped(&mut self, step: SignedDuration) {
        self.wall = plus(self.wall, step);
    }

    /// Counts anew from the wall time: after a load from the store.
    pub(crate) fn reanchor(&mut self, now: Now) {
        *self = Self::at(now, self.wall);
    }
}

impl From<Timestamp> for Timer {
    fn from(wall: Timestamp) -> Self {
        Self { wall, elapsed: SignedDuration::MAX }
    }
}

impl From<Timer> for Timestamp {
    fn from(timer: Timer) -> Self {
        timer.wall
    }
}

/// How far away a deadline is at most that runs on elapsed time.
const NEAR: SignedDuration = SignedDuration::from_hours(24);

/// A deadline that a person set: on elapsed time where it is at most 24 hours away, on wall time otherwise. Saved as wall time, so
/// [`Deadline::reanchor`] follows every load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Timestamp", into = "Timestamp")]
pub(crate) enum Deadline {
    /// On elapsed time.
    Near(Timer),
    /// On wall time.
    Far(Timestamp),
}

impl Deadline {
    /// A deadline at a wall time.
    pub(crate) fn at(now: Now, wall: Timestamp) -> Self {
        if now.wall.duration_until(wall) <= NEAR { Self::Near(Timer::at(now, wall)) } else { Self::Far(wall) }
    }

    /// When it is, as a person reads it.
    pub(crate) fn wall(self) -> Timestamp {
        match self {
            Self::Near(timer) => timer.wall,
            Self::Far(wall) => wall,
        }
    }

    /// Whether it is due.
    pub(crate) fn is_due(self, moment: Moment) -> bool {
        match self {
            Self::Near(timer) => moment.elapsed_due(timer.elapsed),
            Self::Far(wall) => moment.wall_due(wall),
        }
    }

    /// When to look at it again.
    pub(crate) fn look(self) -> Look {
        match self {
            Self::Near(timer) => Look { elapsed: Some(timer.elapsed), wall: None },
            Self::Far(wall) => Look { elapsed: None, wall: Some(wall) },
        }
    }

    /// The wall clock stepped: what is left of a near one stays.
    pub(crate) fn stepped(&mut self, step: SignedDuration) {
        if let Self::Near(timer) = self {
            timer.stepped(step);
        }
    }

    /// Counts anew from the wall time: after a load from the store.
    pub(crate) fn reanchor(&mut self, now: Now) {
        *self = Self::at(now, self.wall());
    }
}

impl From<Timestamp> for Deadline {
    fn from(wall: Timestamp) -> Self {
        Self::Far(wall)
    }
}

impl From<Deadline> for Timestamp {
    fn from(deadline: Deadline) -> Self {
        deadline.wall()
    }
}

/// When to look at something again, on either clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// On elapsed time.
    pub(crate) elapsed: Option<SignedDuration>,
    /// On wall time.
    pub(crate) wall: Option<Timestamp>,
}

impl Look {
    /// The sooner one of two on each clock.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        let elapsed = self.elapsed.into_iter().chain(other.elapsed).min();
        Self { elapsed, wall: self.wall.into_iter().chain(other.wall).min() }
    }

    /// At a deadline of elapsed time.
    pub(crate) fn elapsed(at: SignedDuration) -> Self {
        Self { elapsed: Some(at), wall: None }
    }
}
