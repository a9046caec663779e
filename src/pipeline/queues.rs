//! The sources' queues, drained in turn so that a noisy source cannot starve the others.

use crate::sources::Batch;
use std::{
    collections::BTreeMap,
    future::poll_fn,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueId(pub u64);

impl QueueId {
    /// The queue of the heartbeat; those of configured sources count from 1.
    pub const HEARTBEAT: Self = Self(0);
}

/// The queue of one source.
#[derive(Debug)]
pub struct Intake {
    /// Which.
    pub id: QueueId,
    /// What kind of source it is: a metric label.
    pub kind: &'static str,
    /// What the source brings. It ends with the source.
    pub batches: mpsc::Receiver<Batch>,
}

/// One bounded queue per source.
#[derive(Debug, Default)]
pub struct Queues {
    open: Vec<Intake>,
    next: usize,
}

impl Queues {
    /// Adds a source's queue.
    pub fn add(&mut self, intake: Intake) {
        self.open.push(intake);
    }

    /// Whether a source has not ended yet, or a batch of it waits.
    pub fn is_open(&self, id: QueueId) -> bool {
        self.open.iter().any(|intake| intake.id == id)
    }

    /// Batches that wait, and how many may wait, in all queues of each kind of source.
    pub fn depths(&self) -> BTreeMap<&'static str, (usize, usize)> {
        let mut depths = BTreeMap::new();
        for Intake { kind, batches, .. } in &self.open {
            let (depth, limit) = depths.entry(*kind).or_insert((0, 0));
            *depth += batches.len();
            *limit += batches.max_capacity();
        }
        depths
    }

    /// Waits until some source has a batch or has ended; takes at most one batch from each. Waits for ever when every source has
    /// ended.
    pub async fn next(&mut self) -> Vec<Batch> {
        match self.next_or_end().await {
            Some(batches) => batches,
            None => std::future::pending().await,
        }
    }

    /// As [`Queues::next`]; `None` when every source has ended and every queue is empty.
    pub async fn next_or_end(&mut self) -> Option<Vec<Batch>> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<Batch>>> {
        let mut batches = Vec::new();
        let mut ended = false;
        self.open.rotate_left(self.next);
        self.next = usize::from(self.open.len() > 1);
        self.open.retain_mut(|intake| match intake.batches.poll_recv(context) {
            Poll::Ready(Some(batch)) => {
                batches.push(batch);
                true
            }
            Poll::Ready(None) => {
                ended = true;
                false
            }
            Poll::Pending => true,
        });
        self.next = self.next.min(self.open.len());
        if !batches.is_empty() || (ended && !self.open.is_empty()) {
            return Poll::Ready(Some(batches));
        }
        if self.open.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}
