//! What all tails of the process share, also across reloads.

use super::watcher::Watcher;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    task::{JoinError, spawn_blocking},
    time::timeout,
};

/// Polls at one time: a thousand tails need no thousand threads ...
const POLLS: usize = 4;
/// ... but one that hangs on a network mount makes room for others after this.
const HANGS_AFTER: Duration = Duration::from_millis(100);

/// What all tails of the process share.
#[derive(Clone, Debug)]
pub struct Shared {
    watcher: Watcher,
    polls: Arc<Semaphore>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { watcher: Watcher::default(), polls: Arc::new(Semaphore::new(POLLS)) }
    }
}

impl Shared {
    pub(super) fn watcher(&self) -> Watcher {
        self.watcher.clone()
    }

    /// Runs one poll in its turn, off the threads that serve sockets.
    pub(super) async fn poll<T: Send + 'static>(
        &self,
        poll: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        // It is never closed.
        let place = self.polls.acquire().await.ok();
        let mut polled = spawn_blocking(poll);
        if let Ok(polled) = timeout(HANGS_AFTER, &mut polled).await {
            return polled;
        }
        drop(place);
        polled.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn polls_that_hang_do_not_keep_the_others_from_theirs() {
        let shared = Shared::default();
        let mut releases = Vec::new();
        let mut hanging = Vec::new();
        for _ in 0..2 * POLLS {
            let (release, end) = mpsc::channel::<()>();
            releases.push(release);
            let shared = shared.clone();
            hanging.push(tokio::spawn(async move { shared.poll(move || end.recv().is_err()).await }));
        }
        assert_eq!(shared.poll(|| 7).await.unwrap(), 7);
        drop(releases);
        for hung in hanging {
            assert!(hung.await.unwrap().unwrap());
        }
    }
}
