//! Why a delivery did not succeed, and what follows from it.

use crate::{config::Secret, store::FailureReason};
use std::time::Duration;

/// The longest that a receiver may ask us to wait. What it asks beyond that is a fault of its own.
const LONGEST_WAIT: Duration = Duration::from_hours(6);

/// A secret shorter than this is not looked for in errors: it would blank out half of them.
const SHORTEST_SECRET: usize = 4;

/// A delivery that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) consequence: Consequence,
    pub(super) reason: FailureReason,
    /// What went wrong, on one line, without secrets.
    pub(super) error: String,
    /// The receiver wants to be left alone for so long.
    pub(super) retry_after: Option<Duration>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    /// The receiver cannot be reached, or not as configured: everything for it waits.
    AllWait,
    /// The receiver does not take this message now.
    ThisWaits,
    /// The receiver will never take this message.
    GiveUp,
}

impl Failure {
    pub(super) fn unreachable(reason: FailureReason, error: String) -> Self {
        Self { consequence: Consequence::AllWait, reason, error, retry_after: None }
    }

    pub(super) fn later(reason: FailureReason, error: String) -> Self {
        Self { consequence: Consequence::ThisWaits, reason, error, retry_after: None }
    }

    pub(super) fn never(reason: FailureReason, error: String) -> Self {
        Self { consequence: Consequence::GiveUp, reason, error, retry_after: None }
    }

    /// The receiver said how long to wait: then that holds for everything for it.
    pub(super) fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait.map(|wait| wait.min(LONGEST_WAIT));
        if self.retry_after.is_some() {
            self.consequence = Consequence::AllWait;
        }
        self
    }

    /// Blanks out secrets that a server has sent back.
    pub(super) fn without(mut self, secrets: &[Secret]) -> Self {
        for secret in secrets {
            let secret = secret.reveal();
            if secret.len() >= SHORTEST_SECRET && self.error.contains(secret) {
                self.error = self.error.replace(secret, "(secret)");
            }
        }
        self
    }
}
