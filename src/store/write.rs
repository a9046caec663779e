//! One [`Transaction`] as one `SQLite` transaction: all or nothing.

use super::{DeliveryResult, Message, NewMessage, Outcome, StoreError, Transaction, checksum, history, ledger};
use ccxwatch_alerts::notification::Notification;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::{collections::HashMap, ptr, sync::Arc};

/// Writes the transaction and commits it. What comes back may leave.
pub(super) fn commit(
    connection: &mut Connection,
    identity: &str,
    transaction: &Transaction,
    at: Timestamp,
) -> Result<(Vec<Message>, Vec<Message>), StoreError> {
    let failed = StoreError::sqlite("committing");
    let writing = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    for row in &transaction.saved {
        keep(&writing, "state", &row.key, row.json.as_deref()).map_err(&failed)?;
    }
    for position in &transaction.positions {
        keep(&writing, "positions", &position.key, position.json.as_deref()).map_err(&failed)?;
    }
    let queued = queue(&writing, identity, &transaction.messages, at)?;
    ledger::enter(&writing, &transaction.ledger, &queued).map_err(&failed)?;
    let messages = queued.messages;
    for alert in &transaction.records {
        history::keep(&writing, alert)?;
    }
    for outcome in &transaction.outcomes {
        record(&writing, outcome).map_err(&failed)?;
    }
    if let Some(born) = transaction.heartbeat {
        // A row that changes: without one, a commit would not show that the disk takes anything.
        writing
            .prepare_cached(
                "INSERT INTO meta (key, value) VALUES ('heartbeat', ?1)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )
            .and_then(|mut keep| keep.execute([born.to_string()]))
            .map_err(&failed)?;
    }
    let mut resent = Vec::new();
    for id in &transaction.resent {
        resent.extend(resend(&writing, *id, at)?);
    }
    writing.commit().map_err(&failed)?;
    Ok((messages, resent))
}

/// The id of a message: the same at every attempt and after every restart.
fn message_id(identity: &str, number: i64, message: &NewMessage) -> String {
    format!("{identity}.{number}.{:016x}", checksum::fnv(&[&message.receiver, &message.recipient]))
}

/// The message as it leaves while the store takes no transactions. Its id has no number, but is as stable.
pub(super) fn unrecorded(identity: &str, message: &NewMessage, at: Timestamp) -> Message {
    let notification = &message.notification;
    let what = checksum::fnv(&[&notification.episode, &notification.told_as]);
    let whom = checksum::fnv(&[&message.receiver, &message.recipient]);
    Message {
        id: None,
        message_id: format!("{identity}.u{what:016x}.{whom:016x}"),
        receiver: message.receiver.clone(),
        recipient: message.recipient.clone(),
        notification: Arc::clone(notification),
        created_at: at,
        attempts: 0,
    }
}

fn keep(writing: &Connection, table: &str, key: &str, json: Option<&str>) -> rusqlite::Result<()> {
    match json {
        Some(json) => writing
            .prepare_cached(&format!(
                "INSERT INTO {table} (key, json, checksum) VALUES (?1, ?2, ?3)
                 ON CONFLICT (key) DO UPDATE SET json = excluded.json, checksum = excluded.checksum"
            ))?
            .execute(params![key, json, checksum::of(&[key, json])])?,
        None => writing.prepare_cached(&format!("DELETE FROM {table} WHERE key = ?1"))?.execute([key])?,
    };
    Ok(())
}

/// What of a transaction's messages is new.
pub(super) struct Queued<'a> {
    messages: Vec<Message>,
    /// The numbers of the notifications.
    numbers: HashMap<*const Notification, i64>,
    /// Episode, what was told of it, and to whom: by which notification of this transaction; `None`: by an earlier transaction.
    told: HashMap<(&'a str, &'a str, &'a str), Option<*const Notification>>,
}

impl Queued<'_> {
    /// The number of a notification that leaves to a receiver now; none where the receiver was told before.
    pub(super) fn number(&self, notification: &Arc<Notification>, receiver: Option<&str>) -> Option<i64> {
        let this = Arc::as_ptr(notification);
        let key = (&*notification.episode, &*notification.told_as, receiver.unwrap_or_default());
        let by = self.told.get(&key).copied().flatten();
        by.filter(|by| ptr::eq(*by, this)).and_then(|by| self.numbers.get(&by).copied())
    }
}

fn queue<'a>(
    writing: &Connection,
    identity: &str,
    new: &'a [NewMessage],
    at: Timestamp,
) -> Result<Queued<'a>, StoreError> {
    let failed = StoreError::sqlite("queueing messages");
    let mut told: HashMap<(&str, &str, &str), Option<*const Notification>> = HashMap::new();
    let mut numbers: HashMap<*const Notification, i64> = HashMap::new();
    let mut messages = Vec::with_capacity(new.len());
    for message in new {
        let notification = &message.notification;
        let this = Arc::as_ptr(notification);
        let key = (&*notification.episode, &*notification.told_as, &*message.receiver);
        let by = if let Some(by) = told.get(&key) {
            *by
        } else {
            let by = tell(writing, key, at).map_err(&failed)?.then_some(this);
            told.insert(key, by);
            by
        };
        if !by.is_some_and(|by| ptr::eq(by, this)) {
            tracing::info!(episode = key.0, told_as = key.1, receiver = key.2, "already told; not queued again");
            continue;
        }
        let number = if let Some(number) = numbers.get(&this) {
            *number
        } else {
            let number = store(writing, notification)?;
            numbers.insert(this, number);
            number
        };
        if message.receiver.is_empty() {
            continue;
        }
        let message_id = message_id(identity, number, message);
        let id = writing
            .prepare_cached(
                "INSERT INTO outbox (notification, receiver, recipient, message_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut insert| {
                insert.insert(params![number, message.receiver, message.recipient, message_id, at.as_millisecond()])
            })
            .map_err(&failed)?;
        messages.push(Message {
            id: Some(id),
            message_id,
            receiver: message.receiver.clone(),
            recipient: message.recipient.clone(),
            notification: Arc::clone(notification),
            created_at: at,
            attempts: 0,
        });
    }
    Ok(Queued { messages, numbers, told })
}

/// Notes that the receiver is told; `false` where it was told before.
fn tell(writing: &Connection, key: (&str, &str, &str), at: Timestamp) -> rusqlite::Result<bool> {
    let mut insert = writing
        .prepare_cached("INSERT OR IGNORE INTO told (episode, told_as, receiver, at) VALUES (?1, ?2, ?3, ?4)")?;
    Ok(insert.execute(params![key.0, key.1, key.2, at.as_millisecond()])? > 0)
}

fn store(writing: &Connection, notification: &Notification) -> Result<i64, StoreError> {
    let failed = StoreError::sqlite("keeping a notification");
    let json = serde_json::to_string(notification)?;
    let reason = serde_json::to_value(notification.reason)?;
    let number = writing
        .prepare_cached(
            "INSERT INTO notifications (at, cluster, alertname, reason, summary, json, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .and_then(|mut insert| {
            insert.insert(params![
                notification.at.as_millisecond(),
                notification.cluster,
                notification.alertname,
                reason.as_str().unwrap_or_default(),
                notification.summary,
                json,
                checksum::of(&[&json])
            ])
        })
        .map_err(&failed)?;
    writing
        .prepare_cached("INSERT INTO history (at, kind, notification, detail) VALUES (?1, 'notification', ?2, ?3)")
        .and_then(|mut insert| insert.execute(params![notification.at.as_millisecond(), number, notification.summary]))
        .map_err(&failed)?;
    Ok(number)
}

fn record(writing: &Connection, outcome: &Outcome) -> rusqlite::Result<()> {
    let (kind, state, reason, error) = match &outcome.result {
        DeliveryResult::Delivered => ("delivered", "delivered", None, None),
        DeliveryResult::Retry { reason, error } => ("retry", "pending", Some(reason), Some(error)),
        DeliveryResult::GivenUp { reason, error } => ("given_up", "given_up", Some(reason), Some(error)),
    };
    let detail = reason.zip(error).map(|(reason, error)| format!("{}: {error}", reason.name()));
    let at = outcome.at.as_millisecond();
    let mut notification: Option<i64> = None;
    if let Some(id) = outcome.id {
        let before: Option<(i64, Option<String>)> = writing
            .prepare_cached("SELECT notification, last_error FROM outbox WHERE id = ?1 AND state = 'pending'")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        // Delivered by an attempt that was thought lost, or pruned: nothing to change.
        let Some((number, last_error)) = before else { return Ok(()) };
        notification = Some(number);
        writing
            .prepare_cached(
                "UPDATE outbox SET state = ?2, attempts = attempts + 1, last_error = coalesce(?3, last_error),
                 finished_at = iif(?2 = 'pending', NULL, ?4) WHERE id = ?1",
            )?
            .execute(params![id, state, error, at])?;
        // A server that says the same for two days makes one row of history.
        if kind == "retry" && last_error.as_ref() == error {
            return Ok(());
        }
    }
    writing
        .prepare_cached(
            "INSERT INTO history (at, kind, notification, outbox, receiver, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![at, kind, notification, outcome.id, outcome.receiver, detail])?;
    Ok(())
}

/// Makes a message that was given up wait again, as if it were new; `None` where it was not given up.
fn resend(writing: &Connection, id: i64, at: Timestamp) -> Result<Option<Message>, StoreError> {
    let changed = writing
        .prepare_cached(
            "UPDATE outbox SET state = 'pending', created_at = ?2, finished_at = NULL WHERE id = ?1 AND state = 'given_up'",
        )
        .and_then(|mut update| update.execute(params![id, at.as_millisecond()]))
        .map_err(StoreError::sqlite("resending a message"))?;
    if changed == 0 {
        return Ok(None);
    }
    let pending = super::read::pending(writing, None, id - 1, 1)?;
    Ok(pending.into_iter().find(|message| message.id == Some(id)))
}

/// What pruning did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forgotten {
    /// More is left to forget.
    pub(super) more: bool,
    /// So many alerts went before their time.
    pub(super) cut: usize,
}

/// Forgets what is older than `before`, at most `limit` rows a table. Says whether more is left.
pub(super) fn prune(
    connection: &mut Connection,
    before: Timestamp,
    heartbeats_before: Timestamp,
    told_before: Timestamp,
    limit: u32,
) -> Result<Forgotten, StoreError> {
    let failed = StoreError::sqlite("pruning the history");
    let writing = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let at = before.as_millisecond();
    let mut most = 0;
    for sql in [
        "DELETE FROM history WHERE id IN (SELECT id FROM history WHERE at < ?1 LIMIT ?2)",
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state <> 'pending' AND finished_at < ?1 LIMIT ?2)",
        "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE at < ?1
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.notification = notifications.id) LIMIT ?2)",
    ] {
        most = most.max(writing.execute(sql, params![at, limit]).map_err(&failed)?);
    }
    let heartbeats = heartbeats_before.max(before).as_millisecond();
    for sql in [
        "DELETE FROM history WHERE id IN (SELECT history.id FROM history JOIN notifications ON notifications.id = notification
         WHERE reason = 'heartbeat' AND history.at < ?1 LIMIT ?2)",
        "DELETE FROM outbox WHERE id IN (SELECT outbox.id FROM outbox JOIN notifications ON notifications.id = notification
         WHERE reason = 'heartbeat' AND state <> 'pending' AND finished_at < ?1 LIMIT ?2)",
        "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE reason = 'heartbeat' AND at < ?1
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.notification = notifications.id) LIMIT ?2)",
    ] {
        most = most.max(writing.execute(sql, params![heartbeats, limit]).map_err(&failed)?);
    }
    writing
        .execute("DELETE FROM told WHERE episode GLOB 'ccxwatch/heartbeat/*' AND at < ?1", [heartbeats])
        .map_err(&failed)?;
    let alerts = history::prune(&writing, before, history::ROWS_MAX, limit)?;
    most = most.max(alerts.old).max(alerts.surplus);
    most = most.max(ledger::prune(&writing, at, limit).map_err(&failed)?);
    writing
        .execute(
            "DELETE FROM told WHERE episode IN
             (SELECT episode FROM told GROUP BY episode HAVING max(at) < ?1 LIMIT ?2)",
            params![told_before.as_millisecond(), limit],
        )
        .map_err(&failed)?;
    writing.commit().map_err(&failed)?;
    Ok(Forgotten { more: most >= usize::try_from(limit).unwrap_or(usize::MAX), cut: alerts.surplus })
}
