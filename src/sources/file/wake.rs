//! Shortens the wait between two polls: the kernel says that something changed. The poll decides what, so a notice that never comes
//! (network mounts, a directory that is made later) costs a poll's interval and nothing else.

use super::watcher::{Watch, Watcher};
use jiff::SignedDuration;
use std::future::pending;

/// What cannot be watched is tried again this often.
const AGAIN_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// Notices about the files of a path or glob.
#[derive(Debug)]
pub(super) struct Wake {
    watcher: Watcher,
    pattern: String,
    watch: Option<Watch>,
    tried: Option<SignedDuration>,
}

impl Wake {
    /// Not watched yet.
    pub(super) fn new(watcher: Watcher, pattern: &str) -> Self {
        Self { watcher, pattern: pattern.to_owned(), watch: None, tried: None }
    }

    /// Sees to it that the files are watched, where they can be. It asks the file system, which may hang.
    pub(super) fn ensure(&mut self, elapsed: SignedDuration) {
        if self.watch.as_ref().is_some_and(|watch| !watch.is_lost()) {
            return;
        }
        self.watch = None;
        if self.tried.is_none_or(|tried| elapsed - tried >= AGAIN_EVERY) {
            self.tried = Some(elapsed);
            self.watch = self.watcher.watch(&self.pattern);
        }
    }

    /// Waits for a notice; for ever where none can come.
    pub(super) async fn woken(&self) {
        match &self.watch {
            Some(watch) => watch.woken().await,
            None => pending().await,
        }
    }

    /// Whether every change is noticed.
    pub(super) fn is_sure(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_local && !watch.is_lost())
    }
}
