//! Shortens the wait between two polls: the kernel says that something changed in the directory. The poll decides what, so a
//! notice that never comes (network mounts, a directory that is made later) costs a poll's interval and nothing else.

use futures_core::Stream;
use inotify::{EventStream, Inotify, WatchMask};
use std::{
    future::poll_fn,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

/// Notices that fit into the buffer; what does not fit comes with the next reading.
const BUFFER: usize = 4096;

/// Notices about the directory of a path or glob.
pub(super) struct Wake {
    notices: Option<EventStream<Vec<u8>>>,
}

impl Wake {
    /// Watches the directory of a path or glob, where it is one directory and can be watched.
    pub(super) fn of(pattern: &str) -> Self {
        Self { notices: directory(pattern).and_then(|directory| watch(&directory).ok()) }
    }

    /// Waits for a notice; for ever where none can come.
    pub(super) async fn woken(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }

    /// Takes all notices that are there.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut woken = Poll::Pending;
        while let Some(notices) = &mut self.notices {
            match Pin::new(notices).poll_next(context) {
                Poll::Ready(Some(Ok(_))) => woken = Poll::Ready(()),
                Poll::Ready(Some(Err(_)) | None) => self.notices = None,
                Poll::Pending => break,
            }
        }
        woken
    }
}

fn watch(directory: &Path) -> io::Result<EventStream<Vec<u8>>> {
    let inotify = Inotify::init()?;
    inotify.watches().add(directory, WatchMask::MODIFY | WatchMask::CREATE | WatchMask::MOVED_TO)?;
    inotify.into_event_stream(vec![0; BUFFER])
}

/// The one directory in which all files of a pattern are; none where directories vary too.
fn directory(pattern: &str) -> Option<PathBuf> {
    let directory = Path::new(pattern).parent()?;
    if directory.to_string_lossy().contains(['*', '?', '[']) {
        return None;
    }
    let here = directory.as_os_str().is_empty();
    Some(if here { PathBuf::from(".") } else { directory.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, time::Duration};
    use tokio::time::timeout;

    #[test]
    fn only_one_directory_is_watched() {
        for (pattern, watched) in [
            ("/var/log/uccx/*.log", Some("/var/log/uccx")),
            ("/var/log/*/a.log", None),
            ("a.log", Some(".")),
            ("logs/a.log", Some("logs")),
        ] {
            assert_eq!(directory(pattern), watched.map(PathBuf::from), "{pattern}");
        }
    }

    #[tokio::test]
    async fn a_written_file_wakes_once() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a.log");
        let mut wake = Wake::of(&place.path().join("*.log").to_string_lossy());
        fs::write(&file, "one\n").unwrap();
        timeout(Duration::from_secs(10), wake.woken()).await.expect("the first line wakes");
        assert!(timeout(Duration::ZERO, wake.woken()).await.is_err(), "and is not told again");
        fs::write(&file, "two\n").unwrap();
        timeout(Duration::from_secs(10), wake.woken()).await.expect("the second line wakes");
    }
}
