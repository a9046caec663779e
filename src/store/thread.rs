//! [`Store`]: the handle, and the thread behind it that alone writes.

use super::{
    CommitError, Message, NewMessage, Opened, Reader, StoreError, StoredNotification, Transaction, files, open, rescue,
    write,
};
use crate::clock;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::oneshot;

/// Transactions that wait for the thread: one in flight is the rule, so more than a few mean that the disk hangs.
const QUEUE: usize = 4;

/// The log is moved into the database after this much quiet, or when it has grown beyond [`LOG_LIMIT`].
const QUIET: Duration = Duration::from_secs(1);

/// Size of the log at which it is moved into the database although there is no quiet.
const LOG_LIMIT: u64 = 32 << 20;

/// How often old history is forgotten, and how many rows at once.
const PRUNE_EVERY: Duration = Duration::from_hours(1);
const PRUNE_AT_ONCE: u32 = 500;

/// What was told is remembered at least this long, however short the history: it guards against telling twice.
const TOLD_DAYS: u32 = 400;

/// A heartbeat that has arrived is of no use for longer than this.
const HEARTBEAT_DAYS: u32 = 2;

/// What a commit brought.
#[derive(Debug)]
pub struct Committed {
    /// The messages that may leave now, in the order of the transaction; those already told are not among them.
    pub messages: Vec<Message>,
    /// Messages that had been given up and may leave again.
    pub resent: Vec<Message>,
    /// How long the transaction took, its wait in the queue not counted.
    pub took: Duration,
}

type Reply = oneshot::Sender<Result<Committed, CommitError>>;

/// The store. Dropping it commits what is queued, too; [`Store::close`] also waits for that.
#[derive(Debug)]
pub struct Store {
    jobs: SyncSender<(Transaction, Reply)>,
    thread: JoinHandle<Result<(), StoreError>>,
    reader: Reader,
    identity: Arc<str>,
    history_days: Arc<AtomicU32>,
    history_cut: Arc<AtomicU64>,
}

impl Store {
    /// Opens the store in a data directory, which is made where there is none. Only one process can have it open.
    pub fn open(directory: &Path) -> Result<Opened, StoreError> {
        open::open(directory)
    }

    pub(super) fn start(
        connection: Connection,
        path: PathBuf,
        identity: String,
        lock: files::Lock,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let reader = Reader::new(path.clone());
        let identity: Arc<str> = identity.into();
        let history_days = Arc::new(AtomicU32::new(TOLD_DAYS));
        let history_cut = Arc::new(AtomicU64::new(0));
        let file = files::identity(&path);
        let writer = Writer {
            connection,
            identity: Arc::clone(&identity),
            file,
            lost: false,
            log_stays: false,
            reader: reader.clone(),
            history_days: Arc::clone(&history_days),
            history_cut: Arc::clone(&history_cut),
            path: path.clone(),
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&queue))
            .map_err(|source| StoreError::Unwritable { path, source })?;
        Ok(Self { jobs, thread, reader, identity, history_days, history_cut })
    }

    /// Hands a transaction to the thread. It never blocks; the answer comes when it is durable, or gives the transaction back.
    pub fn commit(&self, transaction: Transaction) -> oneshot::Receiver<Result<Committed, CommitError>> {
        let (reply, answer) = oneshot::channel();
        if let Err(refused) = self.jobs.try_send((transaction, reply)) {
            let ((transaction, reply), error) = match refused {
                TrySendError::Full(job) => (job, StoreError::Busy),
                TrySendError::Disconnected(job) => (job, StoreError::Closed),
            };
            // The caller holds the other end.
            let _ = reply.send(Err(CommitError { transaction, error }));
        }
        answer
    }

    /// The message as it leaves while the store takes no transactions: without a number, and saying so.
    pub fn unrecorded(&self, message: &NewMessage) -> Message {
        write::unrecorded(&self.identity, message, clock::wall())
    }

    /// The newest notifications, newest first, with the state of each delivery.
    pub fn recent_notifications(&self, limit: usize) -> Result<Vec<StoredNotification>, StoreError> {
        self.reader.recent_notifications(limit)
    }

    /// For whoever reads beside the pipeline: page, API, notifiers.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Sets how long the history is kept.
    pub fn keep_history(&self, days: u32) {
        self.history_days.store(days, Ordering::Relaxed);
    }

    /// How many alerts the history forgot since the start because it was full.
    pub fn history_cut(&self) -> u64 {
        self.history_cut.load(Ordering::Relaxed)
    }

    /// Commits what is queued and waits for the thread's end.
    pub fn close(self) -> Result<(), StoreError> {
        let Self { jobs, thread, .. } = self;
        drop(jobs);
        thread.join().unwrap_or(Err(StoreError::Closed))
    }
}

struct Writer {
    connection: Connection,
    path: PathBuf,
    file: Option<(u64, u64)>,
    /// A damaged database could not be replaced yet: the connection is to nothing.
    lost: bool,
    /// The log could not be moved into the database, which was said.
    log_stays: bool,
    identity: Arc<str>,
    reader: Reader,
    history_days: Arc<AtomicU32>,
    history_cut: Arc<AtomicU64>,
    _lock: files::Lock,
}

impl Writer {
    fn run(mut self, queue: &mpsc::Receiver<(Transaction, Reply)>) -> Result<(), StoreError> {
        let mut log_is_old = false;
        let mut wait_for_prune = QUIET;
        let mut pruned_at = clock::elapsed();
        loop {
            match queue.recv_timeout(if log_is_old { QUIET } else { wait_for_prune }) {
                Ok((transaction, reply)) => {
                    // Nobody waits any more: what is not told to have failed must be durable all the same.
                    let _ = reply.send(self.commit(transaction));
                    log_is_old = true;
                    if self.log_size() > LOG_LIMIT {
                        self.checkpoint();
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if log_is_old {
                self.checkpoint();
                log_is_old = false;
            }
            if (clock::elapsed() - pruned_at).unsigned_abs() >= wait_for_prune {
                pruned_at = clock::elapsed();
                wait_for_prune = if self.prune() { QUIET } else { PRUNE_EVERY };
            }
        }
        // Closing the last connection moves the log into the database.
        self.reader.forget();
        self.connection.close().map_err(|(_, source)| StoreError::Sqlite { doing: "closing the database", source })
    }

    #[expect(clippy::result_large_err, reason = "the error gives the transaction back")]
    fn commit(&mut self, transaction: Transaction) -> Result<Committed, CommitError> {
        let started = clock::elapsed();
        let result = self
            .still_there()
            .and_then(|()| write::commit(&mut self.connection, &self.identity, &transaction, clock::wall()));
        match result {
            Ok((messages, resent)) => {
                Ok(Committed { messages, resent, took: (clock::elapsed() - started).unsigned_abs() })
            }
            Err(error) => {
                if error.is_damage() {
                    self.rescue(&error);
                }
                Err(CommitError { transaction, error })
            }
        }
    }

    /// The database was damaged while in use: it is moved aside like at a start, and the next transaction goes into the new one.
    fn rescue(&mut self, fault: &StoreError) {
        self.reader.forget();
        // The damaged file must be let go of before another one takes its name.
        let Ok(nothing) = Connection::open_in_memory() else { return };
        drop(std::mem::replace(&mut self.connection, nothing));
        let mut notices = Vec::new();
        match rescue::replace(&self.path, fault, &mut notices) {
            Ok(loaded) => {
                self.adopt(loaded);
                for notice in notices {
                    tracing::error!("{notice}");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the damaged database could not be replaced; it is tried again");
                self.lost = true;
            }
        }
    }

    fn adopt(&mut self, loaded: open::Loaded) {
        self.connection = loaded.connection;
        self.identity = loaded.identity.into();
        self.file = files::identity(&self.path);
        self.lost = false;
        self.reader.forget();
    }

    /// `SQLite` would go on writing into a file that has been removed. Then all is written again under the name.
    fn still_there(&mut self) -> Result<(), StoreError> {
        if self.lost {
            let loaded = open::load(&self.path)?;
            self.adopt(loaded);
        }
        if self.file.is_some() && files::identity(&self.path) == self.file {
            return Ok(());
        }
        let gone = |reason: String| StoreError::Gone { path: self.path.clone(), reason };
        if self.path.exists() {
            return Err(gone("another file has its name: move that away".to_owned()));
        }
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(files::side_file(&self.path, suffix));
        }
        let copy = files::side_file(&self.path, ".again");
        let _ = std::fs::remove_file(&copy);
        files::make_private(&copy)?;
        self.connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map_err(|error| gone(error.to_string()))?;
        std::fs::rename(&copy, &self.path).map_err(files::unwritable(&self.path))?;
        self.connection = open::connect(&self.path)?;
        if let Some(directory) = self.path.parent() {
            files::sync_directory(directory)?;
        }
        self.file = files::identity(&self.path);
        self.reader.forget();
        tracing::warn!(path = %self.path.display(), "the database had been removed; it has been written again");
        Ok(())
    }

    fn log_size(&self) -> u64 {
        std::fs::metadata(files::side_file(&self.path, "-wal")).map_or(0, |metadata| metadata.len())
    }

    fn checkpoint(&mut self) {
        let moved = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = &moved
            && !self.log_stays
        {
            tracing::warn!(%error, "the store's log could not be moved into the database; it grows until that works");
        }
        self.log_stays = moved.is_err();
    }

    /// Says whether more is left to forget.
    fn prune(&mut self) -> bool {
        let days = self.history_days.load(Ordering::Relaxed);
        let before = |days: u32| -> Timestamp {
            clock::wall().saturating_sub(SignedDuration::from_hours(i64::from(days) * 24)).unwrap_or(Timestamp::MIN)
        };
        match write::prune(
            &mut self.connection,
            before(days),
            before(HEARTBEAT_DAYS),
            before(days.max(TOLD_DAYS)),
            PRUNE_AT_ONCE,
        ) {
            Ok(forgotten) => {
                self.history_cut.fetch_add(forgotten.cut as u64, Ordering::Relaxed);
                forgotten.more
            }
            Err(error) => {
                tracing::warn!(%error, "old history could not be forgotten; it is tried again in an hour");
                false
            }
        }
    }
}
