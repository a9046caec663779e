//! What can go wrong with the store: whose fault it is, and what to do next.

use super::Transaction;
use rusqlite::ErrorCode;
use std::{io, path::PathBuf};

/// What is wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process uses the data directory.
    #[error(
        "the data directory {} is in use by another ccxwatch{}; stop that one, or give this one a [store] path of its own",
        directory.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked {
        /// Which directory.
        directory: PathBuf,
        /// The other process, where it has said so.
        pid: Option<u32>,
    },
    /// The data directory or a file in it cannot be made or written.
    #[error(
        "cannot write {}: {source}; it must belong to the user that ccxwatch runs as, on a disk that is not read-only",
        path.display()
    )]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A newer ccxwatch has written the database.
    #[error(
        "the database {} has version {found}, this ccxwatch knows up to {known}; start the newer ccxwatch, or give this \
         one a [store] path of its own",
        path.display()
    )]
    NewerVersion {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database file was removed or replaced while it was in use.
    #[error("the database {} was removed or replaced while in use, and could not be written again: {reason}", path.display())]
    Gone {
        /// The database.
        path: PathBuf,
        /// Why it could not be written again.
        reason: String,
    },
    /// `SQLite` refused.
    #[error("{doing}: {source}{}", next_step(source))]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: rusqlite::Error,
    },
    /// A notification cannot be written as JSON: a fault of ccxwatch.
    #[error("a notification cannot be written as JSON ({0}): this is a fault of ccxwatch, please report it")]
    Json(#[from] serde_json::Error),
    /// More transactions than the store's queue takes.
    #[error("the store has not finished the transactions before this one; its disk is slow or hangs")]
    Busy,
    /// The store's thread has ended.
    #[error("the store has been closed")]
    Closed,
}

impl StoreError {
    /// For `map_err`: what was being done when `SQLite` refused.
    pub(super) fn sqlite(doing: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { doing, source }
    }

    /// Whether the database itself is damaged, so that it must be moved aside.
    pub(super) fn is_damage(&self) -> bool {
        let Self::Sqlite { source, .. } = self else { return false };
        match source {
            rusqlite::Error::SqliteFailure(error, message) => {
                let text = message.as_deref().unwrap_or_default();
                matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                    || text.starts_with("no such table")
                    || text.starts_with("no such column")
            }
            rusqlite::Error::SqlInputError { msg, .. } => msg.starts_with("no such "),
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::Utf8Error(..) => true,
            _ => false,
        }
    }
}

/// A transaction that was not committed, and why. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct CommitError {
    /// The transaction, unchanged, to be tried again.
    pub transaction: Transaction,
    /// Why.
    pub error: StoreError,
}

fn next_step(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "; free space on the disk of the data directory",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; make the data directory writable for the user that ccxwatch runs as"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "; another program holds the database: end it (sqlite3, a backup)"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; the database is damaged: it is moved aside, and what can be read of it is kept"
        }
        Some(ErrorCode::SystemIoFailure) => "; look at the disk of the data directory (dmesg)",
        _ => "",
    }
}
