//! Feed liveness: whether a node is still heard, by each way that it comes. The usual interval of a feed is learned; one that
//! is silent for longer than that allows is silent, never earlier than the floor, never later than the ceiling.

use crate::{now::Now, settings::FeedSettings, timer::Moment};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A feed may be silent for this many of its usual intervals.
const ALLOWED_INTERVALS: i32 = 2;
/// So many lines say what is usual, however short the time.
const HEARINGS_TO_LEARN: u32 = 30;
/// So many pauses between lines do as well.
const PAUSES_TO_LEARN: u32 = 4;
/// A shorter gap is between copies of one event, in milliseconds.
const PAUSE_MS: i64 = 60 * 1000;
/// The longest gap between lines is forgotten in about this time, so that quiet nights and weekends are usual: a week, in
/// milliseconds.
const MEMORY_MS: i64 = 7 * 24 * 3600 * 1000;

/// One way that a node's lines come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Feed {
    /// When it was last heard.
    pub(crate) last: Timestamp,
    /// The usual interval: the longest gap of late between two lines, in milliseconds.
    #[serde(default)]
    usual_ms: i64,
    /// How often at least a minute lay between two lines.
    #[serde(default)]
    pauses: u32,
    /// How often it was heard.
    #[serde(default)]
    hearings: u32,
    /// It is called silent.
    #[serde(default)]
    pub(crate) silent: bool,
    /// When it was last heard, on the clock that never steps; a restart starts anew.
    #[serde(skip)]
    heard_elapsed: SignedDuration,
    /// When to look again.
    #[serde(skip)]
    look_at: SignedDuration,
}

impl Feed {
    /// Heard for the first time.
    pub(crate) fn new(last: Timestamp, now: Now, settings: &FeedSettings) -> Self {
        let mut feed = Self {
            last,
            usual_ms: 0,
            pauses: 0,
            hearings: 0,
            silent: false,
            heard_elapsed: now.elapsed,
            look_at: SignedDuration::ZERO,
        };
        feed.look_at = feed.due(settings);
        feed
    }

    /// Heard again. `true` when it was silent.
    pub(crate) fn heard(&mut self, last: Timestamp, now: Now, settings: &FeedSettings) -> bool {
        let gap = now.elapsed.saturating_sub(self.heard_elapsed).as_millis();
        let gap = i64::try_from(gap).unwrap_or(i64::MAX).clamp(0, MEMORY_MS);
        let forgotten = self.usual_ms / 1000 * gap / (MEMORY_MS / 1000);
        self.usual_ms = gap.max(self.usual_ms - forgotten);
        self.pauses = self.pauses.saturating_add(u32::from(gap >= PAUSE_MS));
        self.hearings = self.hearings.saturating_add(1);
        self.heard_elapsed = now.elapsed;
        self.last = self.last.max(last);
        let was_silent = std::mem::take(&mut self.silent);
        let due = self.due(settings);
        self.look_at = if was_silent { due } else { self.look_at.min(due) };
        was_silent
    }

    /// How long it may be silent.
    fn allowed(&self, settings: &FeedSettings) -> SignedDuration {
        // A few lines within minutes, such as the copies of one event, tell nothing of what is usual.
        let learned = self.hearings >= HEARINGS_TO_LEARN || self.pauses >= PAUSES_TO_LEARN;
        if self.usual_ms == 0 || !learned {
            return settings.silent_ceiling;
        }
        SignedDuration::from_millis(self.usual_ms)
            .saturating_mul(ALLOWED_INTERVALS)
            .clamp(settings.silent_floor, settings.silent_ceiling.max(settings.silent_floor))
    }

    fn due(&self, settings: &FeedSettings) -> SignedDuration {
        self.heard_elapsed.saturating_add(self.allowed(settings))
    }

    /// Whether it went silent now. Looks lazily: lines do not move the deadline, looking does.
    pub(crate) fn fire(&mut self, moment: Moment, settings: &FeedSettings) -> bool {
        if self.silent || !moment.elapsed_due(self.look_at) {
            return false;
        }
        self.look_at = self.due(settings);
        self.silent = moment.elapsed_due(self.look_at);
        self.silent
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Option<SignedDuration> {
        (!self.silent).then_some(self.look_at)
    }

    /// Whether it was silent for longer than its usual interval at a moment, floor or not. A feed that was heard once has none.
    pub(crate) fn missed(&self, now: Now) -> bool {
        let quiet = now.elapsed.saturating_sub(self.heard_elapsed);
        self.silent
            || (self.usual_ms > 0
                && quiet > SignedDuration::from_millis(self.usual_ms).saturating_mul(ALLOWED_INTERVALS))
    }

    /// After a load: the silence of the time when ccxwatch did not listen is not the feed's.
    pub(crate) fn restore(&mut self, now: Now, settings: &FeedSettings) {
        self.heard_elapsed = now.elapsed;
        self.look_at = self.due(settings);
    }
}
