//! What page, API and notifiers ask, on a connection of its own that cannot write.

use super::{AlertQuery, AlertState, Explained, Message, StoreError, StoredAlert, history, ledger, open::DATABASE};
use ccxwatch_alerts::notification::Notification;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A notification as it was told, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredNotification {
    /// Its number.
    pub id: i64,
    /// What was told.
    pub notification: Notification,
    /// To whom, and with what result.
    pub deliveries: Vec<Delivery>,
}

/// One notification on its way to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The receiver's name.
    pub receiver: String,
    /// The recipient: a mail address, or empty where the receiver is its own recipient.
    pub recipient: String,
    /// How far it is.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// What went wrong at the last attempt that failed.
    pub last_error: Option<String>,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// The receiver's name.
    pub receiver: String,
    /// The recipient: a mail address, or empty where the receiver is its own recipient.
    pub recipient: String,
    /// When it was to be told.
    pub created_at: Timestamp,
    /// Attempts that were made.
    pub attempts: u32,
    /// What went wrong at the last.
    pub error: Option<String>,
    /// When it was given up.
    pub given_up_at: Option<Timestamp>,
    /// What it was to tell.
    pub summary: String,
    /// Why.
    pub reason: String,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not yet delivered.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// It will not be tried again.
    GivenUp,
}

/// Reads the store. Cheap to clone; it outlives the store and then answers from what was committed.
#[derive(Clone, Debug)]
pub struct Reader {
    path: PathBuf,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl Reader {
    /// A reader of the store in a data directory, which it opens at the first question.
    pub fn of(directory: &Path) -> Self {
        Self::new(directory.join(DATABASE))
    }

    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, connection: Arc::default() }
    }

    /// The newest notifications, newest first, with the state of each delivery.
    pub fn recent_notifications(&self, limit: usize) -> Result<Vec<StoredNotification>, StoreError> {
        self.with(|connection| recent(connection, limit))
    }

    /// The alerts of the past that a query asks for, the latest first.
    pub fn alerts(&self, query: &AlertQuery) -> Result<Vec<Value>, StoreError> {
        self.with(|connection| history::read(connection, query))
    }

    /// The alerts that ended last, the latest first.
    pub fn ended_alerts(&self, limit: u32) -> Result<Vec<StoredAlert>, StoreError> {
        let query = AlertQuery { state: Some(AlertState::Resolved), limit: Some(limit), ..AlertQuery::default() };
        let read = self.alerts(&query)?;
        read.into_iter().map(|json| serde_json::from_value(json).map_err(StoreError::from)).collect()
    }

    /// The oldest messages that wait to be delivered, with numbers above `after`.
    pub fn pending(&self, after: i64, limit: usize) -> Result<Vec<Message>, StoreError> {
        self.with(|connection| pending(connection, None, after, limit))
    }

    /// The same for one recipient of one receiver.
    pub fn pending_for(
        &self,
        receiver: &str,
        recipient: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.with(|connection| pending(connection, Some((receiver, recipient)), after, limit))
    }

    /// What the receiver was told of these episodes, oldest first; the newest `limit` of all that it was told are looked through.
    pub fn told_to(
        &self,
        receiver: &str,
        episodes: &BTreeSet<String>,
        limit: usize,
    ) -> Result<Vec<Notification>, StoreError> {
        self.with(|connection| told_to(connection, receiver, episodes, limit))
    }

    /// The messages that were given up, newest first.
    pub fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.with(|connection| dead_letters(connection, limit))
    }

    /// What became of the messages of one episode.
    pub fn deliveries(&self, episode: &str) -> Result<Vec<Delivery>, StoreError> {
        let failed = StoreError::sqlite("reading deliveries");
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT receiver, recipient, outbox.state, attempts, last_error, finished_at FROM outbox
                     JOIN notifications ON notifications.id = outbox.notification
                     WHERE notifications.id IN (SELECT id FROM notifications ORDER BY id DESC LIMIT 1000)
                     AND json_extract(json, '$.episode') = ?1 ORDER BY outbox.id",
                )
                .and_then(|mut statement| statement.query_map([episode], delivery)?.collect())
                .map_err(&failed)
        })
    }

    /// What became of everything that the episodes of an alert had to tell, oldest first: at most the newest 1,000 entries.
    pub fn explain(&self, fingerprint: &str) -> Result<Vec<Explained>, StoreError> {
        self.with(|connection| ledger::explain(connection, fingerprint))
    }

    /// Lets go of the file: after it was replaced, the next question opens the new one.
    pub(super) fn forget(&self) {
        *self.slot() = None;
    }

    fn with<T>(&self, ask: impl Fn(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let failed = StoreError::sqlite("opening the database for reading");
        let mut slot = self.slot();
        let connection = if let Some(connection) = slot.take() {
            connection
        } else {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&self.path, flags).map_err(&failed)?;
            connection.busy_timeout(std::time::Duration::from_millis(500)).map_err(&failed)?;
            connection
        };
        let answer = ask(&connection)?;
        // After a fault the connection is not kept: the file may have been replaced.
        *slot = Some(connection);
        Ok(answer)
    }

    fn slot(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn recent(connection: &Connection, limit: usize) -> Result<Vec<StoredNotification>, StoreError> {
    let failed = StoreError::sqlite("reading recent notifications");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut newest = connection
        .prepare_cached("SELECT id, json FROM notifications WHERE reason <> 'heartbeat' ORDER BY id DESC LIMIT ?1")
        .map_err(&failed)?;
    let mut deliveries = connection
        .prepare_cached(
            "SELECT receiver, recipient, state, attempts, last_error, finished_at FROM outbox
             WHERE notification = ?1 ORDER BY id",
        )
        .map_err(&failed)?;
    let rows = newest.query_map([limit], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).map_err(&failed)?;
    let mut all = Vec::new();
    for row in rows {
        let (id, json) = row.map_err(&failed)?;
        // Written by an older version in a way that this one no longer reads: it is history, and not worth a failing page.
        let Ok(notification) = serde_json::from_str(&json) else { continue };
        let deliveries = deliveries
            .query_map([id], delivery)
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(&failed)?;
        all.push(StoredNotification { id, notification, deliveries });
    }
    Ok(all)
}

fn is_about(notification: &Notification, episodes: &BTreeSet<String>) -> bool {
    let mut members = notification.grouped.iter().flat_map(|grouped| &grouped.members);
    episodes.contains(&notification.episode) || members.any(|member| episodes.contains(&member.episode))
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        receiver: row.get(0)?,
        recipient: row.get(1)?,
        state: match row.get_ref(2)?.as_str()? {
            "delivered" => DeliveryState::Delivered,
            "given_up" => DeliveryState::GivenUp,
            _ => DeliveryState::Pending,
        },
        attempts: row.get(3)?,
        last_error: row.get(4)?,
        finished_at: row.get::<_, Option<i64>>(5)?.map(time),
    })
}

fn dead_letters(connection: &Connection, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "SELECT outbox.id, receiver, recipient, outbox.created_at, attempts, last_error, finished_at, summary, reason
             FROM outbox JOIN notifications ON notifications.id = outbox.notification
             WHERE state = 'given_up' ORDER BY outbox.id DESC LIMIT ?1",
        )
        .and_then(|mut statement| {
            let rows = statement.query_map([limit], |row| {
                Ok(DeadLetter {
                    id: row.get(0)?,
                    receiver: row.get(1)?,
                    recipient: row.get(2)?,
                    created_at: time(row.get(3)?),
                    attempts: row.get(4)?,
                    error: row.get(5)?,
                    given_up_at: row.get::<_, Option<i64>>(6)?.map(time),
                    summary: row.get(7)?,
                    reason: row.get(8)?,
                })
            })?;
            rows.collect()
        })
        .map_err(StoreError::sqlite("reading the messages that were given up"))
}

fn told_to(
    connection: &Connection,
    receiver: &str,
    episodes: &BTreeSet<String>,
    limit: usize,
) -> Result<Vec<Notification>, StoreError> {
    let failed = StoreError::sqlite("reading what was told");
    let mut statement = connection
        .prepare_cached(
            "SELECT json FROM notifications WHERE id IN (SELECT notification FROM outbox WHERE receiver = ?1)
             ORDER BY id DESC LIMIT ?2",
        )
        .map_err(&failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![receiver, limit], |row| row.get::<_, String>(0)).map_err(&failed)?;
    let mut told = Vec::new();
    for row in rows {
        // What an older version wrote and this one cannot read is history.
        let Ok(notification) = serde_json::from_str::<Notification>(&row.map_err(&failed)?) else { continue };
        if is_about(&notification, episodes) {
            told.push(notification);
        }
    }
    told.reverse();
    Ok(told)
}

/// The messages that wait, oldest first.
pub(super) fn pending(
    connection: &Connection,
    to: Option<(&str, &str)>,
    after: i64,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let failed = StoreError::sqlite("reading the messages that wait");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let columns = "SELECT outbox.id, message_id, receiver, recipient, created_at, attempts, notification, json
         FROM outbox JOIN notifications ON notifications.id = outbox.notification WHERE state = 'pending'";
    let mut messages = Vec::new();
    let mut last: Option<(i64, Arc<Notification>)> = None;
    let mut take = |row: &Row<'_>| -> rusqlite::Result<()> {
        let number: i64 = row.get(6)?;
        let notification = match &last {
            Some((same, notification)) if *same == number => Arc::clone(notification),
            _ => match serde_json::from_str(row.get_ref(7)?.as_str()?) {
                Ok(notification) => Arc::new(notification),
                Err(error) => {
                    tracing::error!(number, %error, "a waiting notification cannot be read and is left in the store");
                    return Ok(());
                }
            },
        };
        last = Some((number, Arc::clone(&notification)));
        messages.push(Message {
            id: Some(row.get(0)?),
            message_id: row.get(1)?,
            receiver: row.get(2)?,
            recipient: row.get(3)?,
            notification,
            created_at: time(row.get(4)?),
            attempts: row.get(5)?,
        });
        Ok(())
    };
    let mut read = || -> rusqlite::Result<()> {
        let mut statement;
        let mut rows = match to {
            None => {
                statement =
                    connection.prepare_cached(&format!("{columns} AND outbox.id > ?1 ORDER BY outbox.id LIMIT ?2"))?;
                statement.query(params![after, limit])?
            }
            Some((receiver, recipient)) => {
                statement = connection.prepare_cached(&format!(
                    "{columns} AND receiver = ?1 AND recipient = ?2 AND outbox.id > ?3 ORDER BY outbox.id LIMIT ?4"
                ))?;
                statement.query(params![receiver, recipient, after, limit])?
            }
        };
        while let Some(row) = rows.next()? {
            take(row)?;
        }
        Ok(())
    };
    read().map_err(&failed)?;
    Ok(messages)
}

fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
