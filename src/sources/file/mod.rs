//! Files, tailed by polling: it works on network mounts as well, where change notices do not.
//!
//! A file is known by how it begins, not by its name: it may be renamed, copied, truncated, deleted and written anew, and no line of
//! it is lost or counted twice.

mod directory;
mod follow;
mod handle;
mod head;
mod identities;
mod position;
mod scan;
mod shared;
mod tail;
mod wake;
mod watcher;

pub use position::PositionError;
pub use shared::Shared;
pub use tail::{Poll, Tail};

use super::{Batch, Limits, Position, SourceContext, SourceName};
use crate::clock;
use ccxwatch_alerts::fact::Channel;
use identities::Identities;
use scan::Scanner;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use wake::Wake;

/// Between two polls that notices cause lies at least this, so that a busy writer does not make every line a poll ...
const POLL_AT_MOST_EVERY: Duration = Duration::from_millis(5);
/// ... and this many times what the last poll took, so that many files are polled seldom.
const POLL_SHARE: u32 = 10;

/// Files to tail, checked but not started.
#[derive(Debug)]
pub struct FileSource {
    name: SourceName,
    node: Option<String>,
    scanner: Scanner,
    identities: Identities,
}

/// Why files cannot be tailed.
#[derive(Debug, thiserror::Error)]
pub enum FileSourceError {
    /// The glob is malformed.
    #[error("{pattern} is not a path or glob: {source}")]
    Pattern {
        /// The glob.
        pattern: String,
        /// What is wrong.
        source: glob::PatternError,
    },
    /// What the store holds cannot be used.
    #[error(transparent)]
    Position(#[from] PositionError),
}

impl FileSource {
    /// The files of a path or glob, which go on at the stored positions. It may be handed those of other sources as well.
    pub fn new(pattern: &str, node: Option<String>, positions: &[Position]) -> Result<Self, FileSourceError> {
        let scanner =
            Scanner::new(pattern).map_err(|source| FileSourceError::Pattern { pattern: pattern.to_owned(), source })?;
        let identities = Identities::new(pattern, positions, Limits::default().remembered_files)?;
        Ok(Self { name: SourceName::new(Channel::File, pattern), node, scanner, identities })
    }

    /// Its name in metrics and messages.
    pub fn name(&self) -> SourceName {
        self.name.clone()
    }

    /// The tail itself, to be polled step by step.
    pub fn tail(self, context: SourceContext) -> Tail {
        Tail::new(self.name, self.node, self.scanner, self.identities, context)
    }

    /// Polls until shutdown.
    pub async fn run(self, context: SourceContext, batches: mpsc::Sender<Batch>) {
        let (shutdown, limits, shared) = (context.shutdown.clone(), context.limits.clone(), context.files.clone());
        let name = self.name();
        let wake = Wake::new(shared.watcher(), &name.name);
        let mut poller = Poller { tail: self.tail(context), wake };
        let mut noticed = false;
        let mut regular = clock::timer();
        while !shutdown.is_cancelled() {
            // The place in the queue comes before the lines: what is read can always be sent.
            let Ok(permit) = batches.reserve().await else { return };
            let (back, Polled { poll, began, took }) = match shared.poll(move || poller.poll(noticed)).await {
                Ok(back) => back,
                Err(error) => {
                    tracing::error!(source = %name, %error, "the tail failed");
                    return;
                }
            };
            poller = back;
            match poll.batch {
                Some(batch) => permit.send(batch),
                None => drop(permit),
            }
            let due = began + poller.interval(&limits);
            regular = if noticed { regular.min(due) } else { due };
            if poll.more {
                continue;
            }
            let earliest = began + POLL_AT_MOST_EVERY.max(took * POLL_SHARE);
            let notice = async {
                poller.wake.woken().await;
                sleep_until(earliest).await;
            };
            noticed = tokio::select! {
                biased;
                () = shutdown.cancelled() => false,
                () = sleep_until(regular) => false,
                () = notice, if poller.tail.is_steady() => true,
            };
        }
        // What came until the end.
        let Ok((mut poller, Polled { poll, .. })) = shared.poll(move || poller.poll(false)).await else { return };
        if let Some(batch) = poll.batch {
            let _ = batches.send(batch).await;
        }
        if let Some(batch) = poller.tail.finish(clock::now()) {
            // The pipeline is gone when it does not take the last batch; the lines will be read again.
            let _ = batches.send(batch).await;
        }
    }
}

/// A tail and what wakes it.
struct Poller {
    tail: Tail,
    wake: Wake,
}

/// What one poll brought, and when.
struct Polled {
    poll: Poll,
    began: Instant,
    took: Duration,
}

impl Poller {
    fn poll(mut self, noticed: bool) -> (Self, Polled) {
        let began = clock::timer();
        // Before the look, so that no change is between the two.
        self.wake.ensure(clock::now().elapsed);
        let poll = if noticed { self.tail.poll_noticed(&clock::now) } else { self.tail.poll_once(&clock::now) };
        (self, Polled { poll, began, took: clock::timer() - began })
    }

    /// How soon the next regular poll is due: where nothing happens, later.
    fn interval(&self, limits: &Limits) -> Duration {
        match (self.tail.is_idle(), self.wake.is_sure()) {
            (false, _) => limits.poll_every,
            (true, false) => limits.poll_idle_every,
            (true, true) => limits.poll_watched_every,
        }
    }
}
