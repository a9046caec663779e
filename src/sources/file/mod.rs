//! Files, tailed by polling: it works on network mounts as well, where change notices do not.
//!
//! A file is known by how it begins, not by its name: it may be renamed, copied, truncated, deleted and written anew, and no line of
//! it is lost or counted twice.

mod follow;
mod head;
mod identities;
mod position;
mod scan;
mod tail;

pub use position::PositionError;
pub use tail::{Poll, Tail};

use super::{Batch, Limits, Position, SourceContext, SourceName};
use crate::clock;
use ccxwatch_alerts::fact::Channel;
use identities::Identities;
use scan::Scanner;
use tokio::{
    sync::mpsc,
    task::{JoinError, spawn_blocking},
    time::timeout,
};

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
        let mut tail = self.tail(context);
        loop {
            // The place in the queue comes before the lines: what is read can always be sent.
            let Ok(permit) = batches.reserve().await else { return };
            let (polled, Poll { batch, more }) = match poll(tail).await {
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
            if shutdown.is_cancelled() {
                break;
            }
            if !more {
                // Either way: the next poll, the last one where it is time to go.
                let _ = timeout(poll_every, shutdown.cancelled()).await;
            }
        }
        if let Some(batch) = tail.finish(clock::now()) {
            // The pipeline is gone when it does not take the last batch; the lines will be read again.
            let _ = batches.send(batch).await;
        }
    }
}

/// One poll, off the threads that serve sockets: a network mount may hang.
async fn poll(mut tail: Tail) -> Result<(Tail, Poll), JoinError> {
    spawn_blocking(move || {
        let poll = tail.poll_once(clock::now());
        (tail, poll)
    })
    .await
}
