//! Files, tailed by polling: it works on network mounts as well, where change notices do not.
//!
//! A file is known by how it begins, not by its name: it may be renamed, copied, truncated, deleted and written anew, and no line of
//! it is lost or counted twice.

mod follow;
mod handle;
mod head;
mod identities;
mod position;
mod scan;
mod tail;
mod wake;

pub use position::PositionError;
pub use tail::{Poll, Tail};

use super::{Batch, Limits, Position, SourceContext, SourceName};
use crate::clock;
use ccxwatch_alerts::fact::Channel;
use identities::Identities;
use scan::Scanner;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    task::{JoinError, spawn_blocking},
    time::sleep_until,
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
        let (shutdown, poll_every) = (context.shutdown.clone(), context.limits.poll_every);
        let name = self.name();
        let mut wake = Wake::of(&name.name);
        let mut tail = self.tail(context);
        let mut noticed = false;
        let mut regular = clock::timer() + poll_every;
        while !shutdown.is_cancelled() {
            // The place in the queue comes before the lines: what is read can always be sent.
            let Ok(permit) = batches.reserve().await else { return };
            let began = clock::timer();
            let (polled, Poll { batch, more }) = match poll(tail, noticed).await {
                Ok(polled) => polled,
                Err(error) => {
                    tracing::error!(source = %name, %error, "the tail failed");
                    return;
                }
            };
            tail = polled;
            match batch {
                Some(batch) => permit.send(batch),
                None => drop(permit),
            }
            if !noticed {
                regular = began + poll_every;
            }
            if more {
                continue;
            }
            let earliest = began + POLL_AT_MOST_EVERY.max((clock::timer() - began) * POLL_SHARE);
            let notice = async {
                wake.woken().await;
                sleep_until(earliest).await;
            };
            noticed = tokio::select! {
                biased;
                () = shutdown.cancelled() => false,
                () = sleep_until(regular) => false,
                () = notice, if tail.is_steady() => true,
            };
        }
        // What came until the end.
        if let Ok((polled, Poll { batch, .. })) = poll(tail, false).await {
            tail = polled;
            if let Some(batch) = batch {
                let _ = batches.send(batch).await;
            }
        } else {
            return;
        }
        if let Some(batch) = tail.finish(clock::now()) {
            // The pipeline is gone when it does not take the last batch; the lines will be read again.
            let _ = batches.send(batch).await;
        }
    }
}

/// One poll, off the threads that serve sockets: a network mount may hang.
async fn poll(mut tail: Tail, noticed: bool) -> Result<(Tail, Poll), JoinError> {
    spawn_blocking(move || {
        let poll = if noticed { tail.poll_noticed(&clock::now) } else { tail.poll_once(&clock::now) };
        (tail, poll)
    })
    .await
}
