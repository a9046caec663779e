//! What the program made durable, read from its database as a person with `sqlite3` would.

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::path::Path;

/// One notification to one recipient.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The notification, as the program keeps it.
    pub(crate) notification: Value,
    /// Its receiver.
    pub(crate) receiver: String,
    /// The local part of its Message-ID.
    pub(crate) message_id: String,
    /// `pending`, `delivered` or `given_up`.
    pub(crate) state: String,
}

impl Told {
    /// A text of the notification.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.notification[key].as_str().unwrap_or_default()
    }
}

/// All that was told to anybody, in the order in which it was decided. The process has ended or goes on, as it likes.
pub(crate) fn told(data: &Path) -> Vec<Told> {
    let database = data.join("ccxwatch.db");
    let connection = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .unwrap_or_else(|error| panic!("{}: {error}", database.display()));
    let mut statement = connection
        .prepare(
            "SELECT notifications.json, outbox.receiver, outbox.message_id, outbox.state
             FROM outbox JOIN notifications ON notifications.id = outbox.notification ORDER BY outbox.id",
        )
        .expect("the tables are there");
    let rows = statement.query_map((), |row| {
        let json: String = row.get(0)?;
        let notification = serde_json::from_str(&json).expect("notifications are kept as JSON");
        Ok(Told { notification, receiver: row.get(1)?, message_id: row.get(2)?, state: row.get(3)? })
    });
    rows.expect("the query runs").collect::<Result<_, _>>().expect("the rows can be read")
}
