//! The why-ledger: what became of each notification, for whom and why, as long as the history is kept.

use super::{NewLedgerEntry, StoreError, write::Queued};
use ccxwatch_alerts::routing::ledger::Verdict;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Entries of all alerts together, at most: the oldest are forgotten.
const ENTRIES_MAX: i64 = 500_000;
/// Entries that are kept of one alert, the newest.
pub(super) const ENTRIES_OF_AN_ALERT: i64 = 500;
/// Entries of one explanation, the newest.
const EXPLAINED_MAX: i64 = 1_000;

/// What became of a notification, for one receiver or one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// When.
    pub at: Timestamp,
    /// Of which alert: an episode of a license has another one in each stage.
    pub fingerprint: String,
    /// Of which episode.
    pub episode: String,
    /// Why somebody would be told.
    pub reason: String,
    /// What of the episode.
    pub told_as: String,
    /// Whom.
    pub receiver: Option<String>,
    /// The recipient, for a delivery.
    pub recipient: Option<String>,
    /// `sent`, `held`, `grouped`, `dropped`, `inhibited`, `silenced`, `muted`; `delivered`, `retried`, `given_up`.
    pub outcome: String,
    /// By which rule of the configuration.
    pub rule: Option<String>,
    /// Why, or until when; the error of a delivery.
    pub detail: Option<String>,
}

/// Enters what a transaction decided, and keeps each alert within its bound.
pub(super) fn enter(writing: &Connection, entries: &[NewLedgerEntry], queued: &Queued<'_>) -> rusqlite::Result<()> {
    let mut insert = writing.prepare_cached(
        "INSERT INTO ledger (at, fingerprint, episode, reason, told_as, receiver, verdict, rule, detail, notification)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let mut alerts: BTreeSet<&str> = BTreeSet::new();
    for NewLedgerEntry { entry, notification } in entries {
        let number = notification.as_ref().and_then(|sent| queued.number(sent, entry.receiver.as_deref()));
        let again = notification.is_some() && number.is_none();
        let verdict = if again { Verdict::Dropped } else { entry.verdict };
        let detail = if again { Some("this receiver was told it before") } else { entry.detail.as_deref() };
        insert.execute(params![
            entry.at.as_millisecond(),
            entry.fingerprint,
            entry.episode,
            entry.reason.name(),
            entry.told_as,
            entry.receiver,
            verdict.name(),
            entry.rule,
            detail,
            number,
        ])?;
        alerts.insert(&entry.fingerprint);
    }
    let mut bound = writing.prepare_cached(
        "DELETE FROM ledger WHERE fingerprint = ?1 AND id <=
         (SELECT id FROM ledger WHERE fingerprint = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?;
    for alert in alerts {
        bound.execute(params![alert, ENTRIES_OF_AN_ALERT])?;
    }
    Ok(())
}

/// Forgets what is older than `before`, and the oldest of too many; at most `limit` rows. Says how many.
pub(super) fn prune(writing: &Connection, before: i64, limit: u32) -> rusqlite::Result<usize> {
    let old = writing.execute(
        "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE at < ?1 ORDER BY at LIMIT ?2)",
        params![before, limit],
    )?;
    let many = writing.execute(
        "DELETE FROM ledger WHERE id IN
         (SELECT id FROM ledger ORDER BY id LIMIT min(?2, max(0, (SELECT count(*) FROM ledger) - ?1)))",
        params![ENTRIES_MAX, limit],
    )?;
    Ok(old.max(many))
}

/// What became of everything that an alert's episodes had to tell, oldest first, at most the newest 1,000.
pub(super) fn explain(connection: &Connection, fingerprint: &str) -> Result<Vec<Explained>, StoreError> {
    let failed = StoreError::sqlite("reading the ledger");
    let mut select = connection
        .prepare_cached(
            "WITH mine AS (SELECT * FROM ledger WHERE episode IN
                 (SELECT episode FROM ledger WHERE fingerprint = ?1 ORDER BY id DESC LIMIT 1000))
             SELECT at, fingerprint, episode, reason, told_as, receiver, NULL, verdict, rule, detail, 0 AS kind, id
                 FROM mine
             UNION ALL
             SELECT history.at, mine.fingerprint, mine.episode, mine.reason, mine.told_as, mine.receiver, outbox.recipient,
                 iif(history.kind = 'retry', 'retried', history.kind), mine.rule, history.detail, 1 AS kind, history.id
                 FROM mine
                 JOIN history ON history.notification = mine.notification AND history.receiver = mine.receiver
                 LEFT JOIN outbox ON outbox.id = history.outbox
             ORDER BY 1 DESC, kind DESC, id DESC LIMIT ?2",
        )
        .map_err(&failed)?;
    let rows = select.query_map(params![fingerprint, EXPLAINED_MAX], explained).map_err(&failed)?;
    let mut all = rows.collect::<rusqlite::Result<Vec<_>>>().map_err(&failed)?;
    all.reverse();
    Ok(all)
}

fn explained(row: &Row<'_>) -> rusqlite::Result<Explained> {
    Ok(Explained {
        at: Timestamp::from_millisecond(row.get(0)?).unwrap_or(Timestamp::UNIX_EPOCH),
        fingerprint: row.get(1)?,
        episode: row.get(2)?,
        reason: row.get(3)?,
        told_as: row.get(4)?,
        receiver: row.get(5)?,
        recipient: row.get::<_, Option<String>>(6)?.filter(|recipient| !recipient.is_empty()),
        outcome: row.get(7)?,
        rule: row.get(8)?,
        detail: row.get(9)?,
    })
}
