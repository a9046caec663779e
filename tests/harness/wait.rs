//! Waiting for conditions that announce themselves to nobody: a file that grows, a process that ends, a page that changes.

use std::time::{Duration, Instant};

/// Longer than anything takes on a loaded machine, so that only a defect meets it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The clock of the tests.
#[expect(clippy::disallowed_methods, reason = "a test of a real process waits in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Asks `condition` every few milliseconds until it has an answer. Panics with `what` when [`PATIENCE`] ends.
#[track_caller]
pub(crate) fn poll_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = now();
    loop {
        if let Some(answer) = condition() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
