//! The sources' queues, drained in turn so that a noisy source cannot starve the others.

use crate::sources::Batch;
use std::{
    collections::BTreeMap,
    future::poll_fn,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// One bounded queue per source.
#[derive(Debug, Default)]
pub struct Queues {
    open: Vec<(&'static str, mpsc::Receiver<Batch>)>,
    next: usize,
}

impl Queues {
    /// Adds a source's queue.
    pub fn add(&mut self, kind: &'static str, queue: mpsc::Receiver<Batch>) {
        self.open.push((kind, queue));
    }

    /// Batches that wait, and how many may wait, in all queues of each kind of source.
    pub fn depths(&self) -> BTreeMap<&'static str, (usize, usize)> {
        let mut depths = BTreeMap::new();
        for (kind, queue) in &self.open {
            let (depth, limit) = depths.entry(*kind).or_insert((0, 0));
            *depth += queue.len();
            *limit += queue.max_capacity();
        }
        depths
    }

    /// Waits until some source has a batch; takes at most one from each. Waits for ever when every source has ended.
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
        self.open.rotate_left(self.next);
        self.next = usize::from(self.open.len() > 1);
        self.open.retain_mut(|(_, queue)| match queue.poll_recv(context) {
            Poll::Ready(Some(batch)) => {
                batches.push(batch);
                true
            }
            Poll::Ready(None) => false,
            Poll::Pending => true,
        });
        self.next = self.next.min(self.open.len());
        if !batches.is_empty() {
            return Poll::Ready(Some(batches));
        }
        if self.open.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}
