//! One inotify instance for all tails: the kernel allows a user only 128 of them. It wakes those whose files changed.

use super::directory;
use futures_core::Stream;
use glob::Pattern;
use inotify::{EventMask, EventOwned, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};
use nix::{errno::Errno, sys::statfs};
use std::{
    collections::{BTreeMap, HashMap},
    ffi::{OsStr, OsString},
    fmt,
    future::poll_fn,
    io,
    path::Path,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

/// Notices that fit into the buffer; what does not fit comes with the next reading.
const BUFFER: usize = 16 * 1024;

/// Notices of the kernel, shared by all tails. Cloned, it is the same.
#[derive(Clone, Default)]
pub(super) struct Watcher(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    instance: Option<Instance>,
    /// By the number of the kernel's watch.
    directories: BTreeMap<i32, Directory>,
    /// What the kernel refused was said.
    complained: bool,
}

/// The inotify instance, and the task that reads from it.
struct Instance {
    watches: Watches,
    _reader: AbortOnDropHandle<()>,
}

/// A watched directory, and who wants to know what of it.
struct Directory {
    descriptor: WatchDescriptor,
    /// By the name of one file.
    named: HashMap<OsString, Vec<Arc<Bell>>>,
    globs: Vec<(Pattern, Arc<Bell>)>,
}

/// What the kernel says to one tail.
#[derive(Debug, Default)]
struct Bell {
    rung: Notify,
    /// The directory is not watched any more.
    lost: AtomicBool,
}

/// The watch of one tail. Dropped, it ends.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Watcher,
    number: i32,
    bell: Arc<Bell>,
    /// The file system is on this machine, so that no change passes the kernel by.
    pub(super) is_local: bool,
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

impl Watcher {
    /// Watches the files of a path or glob; `None` where the kernel does not, or there is nothing to watch yet. In a runtime. It
    /// asks the file system, which may hang.
    pub(super) fn watch(&self, pattern: &str) -> Option<Watch> {
        let path = directory::of(pattern)?;
        if !path.is_dir() {
            return None;
        }
        let is_local = is_local(&path);
        let bell = Arc::<Bell>::default();
        let mut state = self.lock();
        match state.add(&path, pattern, &bell, Arc::downgrade(&self.0)) {
            Ok(number) => Some(Watch { watcher: self.clone(), number, bell, is_local }),
            Err(error) => {
                state.complain(&path, &error);
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, path: &Path, pattern: &str, bell: &Arc<Bell>, own: Weak<Mutex<Self>>) -> io::Result<i32> {
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => none.insert(Instance::new(own)?),
        };
        let wanted = WatchMask::MODIFY
            | WatchMask::ATTRIB
            | WatchMask::CREATE
            | WatchMask::DELETE
            | WatchMask::MOVE
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF
            | WatchMask::ONLYDIR;
        let descriptor = instance.watches.add(path, wanted)?;
        let number = descriptor.get_watch_descriptor_id();
        let directory = self.directories.entry(number).or_insert_with(|| Directory {
            descriptor,
            named: HashMap::new(),
            globs: Vec::new(),
        });
        directory.add(pattern, Arc::clone(bell));
        Ok(number)
    }

    /// Says once what the kernel refuses.
    fn complain(&mut self, path: &Path, error: &io::Error) {
        let next = match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOSPC) => "raise the sysctl fs.inotify.max_user_watches",
            Some(Errno::EMFILE) => "raise the sysctl fs.inotify.max_user_instances, or the limit of open files",
            // It went, or its permission did: the polls say what there is to say.
            Some(Errno::ENOENT | Errno::EACCES | Errno::ENOTDIR) => return,
            _ => "nothing needs to be done",
        };
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(
                directory = %path.display(),
                %error,
                "the kernel gives no notice of changes in directories, so files are only polled, and new lines are seen a little \
                 later; {next}"
            );
        }
    }

    fn take(&mut self, notice: &EventOwned) {
        if notice.mask.contains(EventMask::Q_OVERFLOW) {
            self.directories.values().for_each(|directory| directory.ring(None));
            return;
        }
        let number = notice.wd.get_watch_descriptor_id();
        let Some(directory) = self.directories.get(&number) else { return };
        directory.ring(notice.name.as_deref());
        if notice.mask.intersects(EventMask::IGNORED | EventMask::MOVE_SELF | EventMask::UNMOUNT) {
            // What has its name now, if anything, is another directory.
            directory.bells().for_each(|bell| bell.lost.store(true, Ordering::Relaxed));
            self.end(number);
        }
    }

    fn end(&mut self, number: i32) {
        if let (Some(directory), Some(instance)) = (self.directories.remove(&number), &mut self.instance) {
            // The kernel may have ended it first.
            let _ = instance.watches.remove(directory.descriptor);
        }
    }

    fn leave(&mut self, number: i32, bell: &Arc<Bell>) {
        let Some(directory) = self.directories.get_mut(&number) else { return };
        directory.globs.retain(|(_, known)| !Arc::ptr_eq(known, bell));
        directory.named.retain(|_, bells| {
            bells.retain(|known| !Arc::ptr_eq(known, bell));
            !bells.is_empty()
        });
        if directory.globs.is_empty() && directory.named.is_empty() {
            self.end(number);
        }
    }
}

impl Instance {
    fn new(state: Weak<Mutex<State>>) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let watches = inotify.watches();
        let notices = inotify.into_event_stream(vec![0; BUFFER])?;
        Ok(Self { watches, _reader: AbortOnDropHandle::new(tokio::spawn(read(notices, state))) })
    }
}

/// Hands notices out until there are none.
async fn read(notices: EventStream<Vec<u8>>, state: Weak<Mutex<State>>) {
    let mut notices = pin!(notices);
    loop {
        let notice = poll_fn(|context| notices.as_mut().poll_next(context)).await;
        let Some(state) = state.upgrade() else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(notice)) = notice {
            state.take(&notice);
            continue;
        }
        // A new instance is made when the tails watch again.
        for directory in std::mem::take(&mut state.directories).into_values() {
            directory.bells().for_each(|bell| bell.lost.store(true, Ordering::Relaxed));
        }
        state.instance = None;
        return;
    }
}

impl Directory {
    fn add(&mut self, pattern: &str, bell: Arc<Bell>) {
        let name = Path::new(pattern).file_name().unwrap_or_default();
        match name.to_str().filter(|name| directory::is_glob(name)).and_then(|name| Pattern::new(name).ok()) {
            Some(glob) => self.globs.push((glob, bell)),
            None => self.named.entry(name.to_owned()).or_default().push(bell),
        }
    }

    /// Wakes who wants to know of a name; `None`: of any.
    fn ring(&self, name: Option<&OsStr>) {
        let Some(name) = name else { return self.bells().for_each(|bell| bell.rung.notify_one()) };
        let globs = self.globs.iter().filter(|(glob, _)| glob.matches_path(Path::new(name))).map(|(_, bell)| bell);
        self.named.get(name).into_iter().flatten().chain(globs).for_each(|bell| bell.rung.notify_one());
    }

    fn bells(&self) -> impl Iterator<Item = &Arc<Bell>> {
        self.named.values().flatten().chain(self.globs.iter().map(|(_, bell)| bell))
    }
}

impl Watch {
    /// Waits for a notice.
    pub(super) async fn woken(&self) {
        self.bell.rung.notified().await;
    }

    /// Whether no notice will come any more.
    pub(super) fn is_lost(&self) -> bool {
        self.bell.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watcher.lock().leave(self.number, &self.bell);
    }
}

/// Whether only this machine writes to the file system of a directory. An unknown one counts as shared.
fn is_local(directory: &Path) -> bool {
    let local = [
        statfs::BTRFS_SUPER_MAGIC,
        statfs::EXT4_SUPER_MAGIC,
        statfs::F2FS_SUPER_MAGIC,
        statfs::OVERLAYFS_SUPER_MAGIC,
        statfs::TMPFS_MAGIC,
        statfs::XFS_SUPER_MAGIC,
    ];
    statfs::statfs(directory).is_ok_and(|found| local.contains(&found.filesystem_type()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, time::Duration};
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(10);

    fn pattern(place: &Path, name: &str) -> String {
        place.join(name).to_str().unwrap().to_owned()
    }

    async fn is_woken(watch: &Watch) -> bool {
        timeout(Duration::ZERO, watch.woken()).await.is_ok()
    }

    #[tokio::test]
    async fn each_is_woken_by_its_own_files_once() {
        let place = tempfile::tempdir().unwrap();
        let watcher = Watcher::default();
        let watch = |name| watcher.watch(&pattern(place.path(), name)).unwrap();
        let (glob, one, other) = (watch("*.log"), watch("a.log"), watch("b.log"));
        for text in ["one\n", "two\n"] {
            fs::write(place.path().join("a.log"), text).unwrap();
            timeout(SOON, one.woken()).await.expect("its file");
            timeout(SOON, glob.woken()).await.expect("one of its files");
        }
        // One writing makes several notices; those of others come in their order behind them.
        for round in 0..2 {
            fs::write(place.path().join("c.txt"), "x").unwrap();
            fs::write(place.path().join("b.log"), "x").unwrap();
            timeout(SOON, other.woken()).await.expect("its file");
            assert!(!is_woken(&one).await || round == 0, "a.log was not written to");
        }
        assert_eq!(watcher.lock().directories.len(), 1, "one directory is one watch");
        drop((glob, one));
        fs::write(place.path().join("b.log"), "y").unwrap();
        timeout(SOON, other.woken()).await.expect("others may leave");
        drop(other);
        assert!(watcher.lock().directories.is_empty());
    }

    #[tokio::test]
    async fn a_directory_that_goes_is_lost_and_watched_again_when_it_is_back() {
        let place = tempfile::tempdir().unwrap();
        let logs = place.path().join("logs");
        let watcher = Watcher::default();
        let pattern = pattern(&logs, "a.log");
        assert!(watcher.watch(&pattern).is_none(), "it is not there yet");
        for round in 0..2 {
            fs::create_dir(&logs).unwrap();
            let watch = watcher.watch(&pattern).unwrap();
            if round == 0 {
                fs::rename(&logs, place.path().join("old")).unwrap();
            } else {
                fs::remove_dir(&logs).unwrap();
            }
            timeout(SOON, async {
                while !watch.is_lost() {
                    watch.woken().await;
                    tokio::task::yield_now().await;
                }
            })
            .await
            .expect("it says so");
            assert!(watcher.lock().directories.is_empty());
        }
        assert!(!watcher.lock().complained, "that is nothing to complain of");
    }

    #[tokio::test]
    async fn what_the_kernel_refuses_is_said_once() {
        let watcher = Watcher::default();
        let mut state = watcher.lock();
        for (error, is_said) in [(Errno::ENOENT, false), (Errno::ENOSPC, true)] {
            state.complain(Path::new("/var/log"), &io::Error::from(error));
            assert_eq!(state.complained, is_said, "{error}");
        }
    }
}
