//! Late lines: what they change is told once no further one comes, not one by one.

use crate::{now::Now, timer::Moment};
use jiff::SignedDuration;

/// A late change waits until no late line came for this long,
const QUIET: SignedDuration = SignedDuration::from_secs(2);
/// but never longer than this.
const LONGEST: SignedDuration = SignedDuration::from_secs(30);

/// Waiting for the rest of a backlog. Elapsed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    first: SignedDuration,
    last: SignedDuration,
}

impl Hold {
    /// The first late line.
    pub(crate) fn start(now: Now) -> Self {
        Self { first: now.elapsed, last: now.elapsed }
    }

    /// One more.
    pub(crate) fn prolong(&mut self, now: Now) {
        self.last = self.last.max(now.elapsed);
    }

    /// When it ends.
    pub(crate) fn due(self) -> SignedDuration {
        self.last.saturating_add(QUIET).min(self.first.saturating_add(LONGEST))
    }

    /// Whether it still lasts.
    pub(crate) fn lasts(self, moment: Moment) -> bool {
        !moment.elapsed_due(self.due())
    }
}
