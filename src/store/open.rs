//! Opening the store: the lock, the database and its version, and what was known at the last commit.

use super::{Message, Store, StoreError, checksum, files, read, rescue, schema};
use crate::sources::Position;
use ccxwatch_alerts::engine::SavedRow;
use rusqlite::{Connection, OpenFlags};
use std::{path::Path, time::Duration};

/// The name of the database in the data directory.
pub(super) const DATABASE: &str = "ccxwatch.db";

/// How many waiting messages are handed out at once; a notifier asks [`super::Reader::pending`] for more.
pub(super) const PENDING_AT_ONCE: usize = 1_000;

/// How long a commit waits for another program that holds the database.
const BUSY: Duration = Duration::from_secs(2);

/// Up to this size the whole database is checked at every start; of a larger one everything but the history.
const CHECKED_WHOLE: u64 = 8 << 20;

/// A store that is ready, and what it knew.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// The engine's rows.
    pub saved: Vec<SavedRow>,
    /// How far the sources were read.
    pub positions: Vec<Position>,
    /// The oldest messages that are not delivered yet, at most 1,000: [`super::Reader::pending`] has the others.
    pub pending: Vec<Message>,
    /// What a person should know about this start: a database that was damaged and moved aside.
    pub notices: Vec<String>,
}

/// An open database and its contents.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) connection: Connection,
    pub(super) identity: String,
    pub(super) saved: Vec<SavedRow>,
    pub(super) positions: Vec<Position>,
    pub(super) pending: Vec<Message>,
}

pub(super) fn open(directory: &Path) -> Result<Opened, StoreError> {
    files::make_directory(directory)?;
    let lock = files::lock(directory)?;
    let path = directory.join(DATABASE);
    let mut notices = Vec::new();
    if !path.exists() {
        rescue::without_database(&path, lock.used_before, &mut notices)?;
    }
    let loaded = match load(&path) {
        Err(error) if error.is_damage() => rescue::replace(&path, &error, &mut notices)?,
        other => other?,
    };
    files::sync_directory(directory)?;
    let Loaded { connection, identity, saved, positions, pending } = loaded;
    let store = Store::start(connection, path, identity, lock)?;
    Ok(Opened { store, saved, positions, pending, notices })
}

/// Opens a database, makes or checks its tables, and reads what is needed to go on.
pub(super) fn load(path: &Path) -> Result<Loaded, StoreError> {
    let connection = connect(path)?;
    check(&connection, path)?;
    let identity = connection
        .query_row("SELECT value FROM meta WHERE key = 'identity'", [], |row| row.get(0))
        .map_err(StoreError::sqlite("reading the store's own id"))?;
    let saved = rows(&connection, "SELECT key, json, checksum FROM state ORDER BY key")?
        .into_iter()
        .map(|(key, json)| SavedRow { key, json: Some(json) })
        .collect();
    let positions = rows(&connection, "SELECT key, json, checksum FROM positions ORDER BY key")?
        .into_iter()
        .map(|(key, json)| Position { key, json: Some(json) })
        .collect();
    let pending = read::pending(&connection, None, 0, PENDING_AT_ONCE)?;
    Ok(Loaded { connection, identity, saved, positions, pending })
}

/// Opens a database for writing, with the settings that make a commit durable.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let failed = StoreError::sqlite("opening the database");
    files::make_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    connection.busy_timeout(BUSY).map_err(&failed)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(&failed)?;
    if mode != "wal" {
        tracing::warn!(%mode, "the disk of the data directory cannot do write-ahead logging; commits are slower");
    }
    // The thread moves the log into the database when it is idle, never within a commit that somebody waits for.
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216;",
        )
        .map_err(&failed)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = StoreError::sqlite("checking the database");
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(&failed);
    let found = number("PRAGMA user_version")?;
    if found > schema::VERSION {
        return Err(StoreError::NewerVersion { path: path.to_owned(), found, known: schema::VERSION });
    }
    if found == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return create(connection);
    }
    if number("PRAGMA application_id")? != schema::APPLICATION {
        return Err(damaged("checking the database", "it is not a database of ccxwatch"));
    }
    let small =
        number("PRAGMA page_count")?.saturating_mul(number("PRAGMA page_size")?).cast_unsigned() < CHECKED_WHOLE;
    let tables: &[&str] = if small { &[""] } else { &["meta", "state", "positions", "told", "outbox"] };
    for table in tables {
        let sql =
            if table.is_empty() { "PRAGMA quick_check(1)".to_owned() } else { format!("PRAGMA quick_check({table})") };
        let answer: String = connection.query_row(&sql, [], |row| row.get(0)).map_err(&failed)?;
        if answer != "ok" {
            return Err(damaged("checking the database", &answer));
        }
    }
    connection.execute_batch(schema::ADDED).map_err(StoreError::sqlite("adding what this build keeps"))
}

fn create(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(&format!(
            "BEGIN IMMEDIATE;
             {}{}
             INSERT INTO meta VALUES ('identity', lower(hex(randomblob(8))));
             PRAGMA application_id = {};
             PRAGMA user_version = {};
             COMMIT;",
            schema::CREATE,
            schema::ADDED,
            schema::APPLICATION,
            schema::VERSION
        ))
        .map_err(StoreError::sqlite("making the database"))
}

fn rows(connection: &Connection, sql: &'static str) -> Result<Vec<(String, String)>, StoreError> {
    let failed = StoreError::sqlite("reading the saved state");
    let mut statement = connection.prepare(sql).map_err(&failed)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)))
        .map_err(&failed)?;
    let mut all = Vec::new();
    for row in rows {
        let (key, json, sum) = row.map_err(&failed)?;
        if checksum::of(&[&key, &json]) != sum {
            return Err(damaged("reading the saved state", "a row's checksum is wrong"));
        }
        all.push((key, json));
    }
    Ok(all)
}

/// A fault that `SQLite` did not see itself.
pub(super) fn damaged(doing: &'static str, what: &str) -> StoreError {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    StoreError::Sqlite { doing, source: rusqlite::Error::SqliteFailure(code, Some(what.to_owned())) }
}
