//! The lines that a child process says, as they come.

use super::wait::{PATIENCE, now};
use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

/// Everything that one or more streams have said so far.
#[derive(Clone, Default)]
pub(crate) struct Lines {
    shared: Arc<(Mutex<Said>, Condvar)>,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    open_streams: usize,
}

impl Lines {
    /// Reads a stream to its end, in a thread of its own.
    pub(crate) fn follow(&self, stream: impl Read + Send + 'static) {
        self.said().open_streams += 1;
        let lines = self.clone();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                lines.said().lines.push(text);
                lines.shared.1.notify_all();
                line.clear();
            }
            lines.said().open_streams -= 1;
            lines.shared.1.notify_all();
        });
    }

    /// The first answer of `find` among the lines so far and to come; `None` when the streams end without one.
    #[track_caller]
    pub(crate) fn find<T>(&self, what: &str, mut find: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let start = now();
        let mut said = self.said();
        let mut seen = 0;
        loop {
            if let Some(answer) = said.lines[seen..].iter().find_map(|line| find(line)) {
                return Some(answer);
            }
            seen = said.lines.len();
            if said.open_streams == 0 {
                return None;
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            if left.is_zero() {
                let so_far = said.lines.join("\n");
                drop(said);
                panic!("waited {PATIENCE:?} for {what}; said so far:\n{so_far}");
            }
            said = self.shared.1.wait_timeout(said, left).expect("no test thread panics while it holds the lines").0;
        }
    }

    /// The first answer of `find`; panics with all that was said when the streams end without one.
    #[track_caller]
    pub(crate) fn wait_for<T>(&self, what: &str, find: impl FnMut(&str) -> Option<T>) -> T {
        self.find(what, find).unwrap_or_else(|| panic!("ended before {what}; said:\n{}", self.all().join("\n")))
    }

    /// All lines, once the streams have ended.
    pub(crate) fn to_the_end(&self) -> Vec<String> {
        self.find::<()>("the end of the output", |_| None);
        self.all()
    }

    /// All lines so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.said().lines.clone()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.shared.0.lock().expect("no test thread panics while it holds the lines")
    }
}
