//! The tables, and their version.

/// Version of the schema, kept in `PRAGMA user_version`.
pub(super) const VERSION: i64 = 1;

/// Kept in `PRAGMA application_id`, so that `file` and a person can tell whose database it is: "ccxw".
pub(super) const APPLICATION: i64 = 0x6363_7877;

/// Everything of version 1. Times are milliseconds since 1970, UTC.
pub(super) const CREATE: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The engine's rows and the sources' positions: versioned JSON that the store does not look into.
CREATE TABLE state (key TEXT PRIMARY KEY, json TEXT NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (key TEXT PRIMARY KEY, json TEXT NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;

-- What was told to whom. Written with the outbox row; no delivery changes it.
CREATE TABLE told (
    episode TEXT NOT NULL,
    told_as TEXT NOT NULL,
    receiver TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (episode, told_as, receiver)
) WITHOUT ROWID;

CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    cluster TEXT,
    alertname TEXT NOT NULL,
    reason TEXT NOT NULL,
    summary TEXT NOT NULL,
    json TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE INDEX notifications_at ON notifications (at);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    notification INTEGER NOT NULL REFERENCES notifications (id),
    receiver TEXT NOT NULL,
    recipient TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'given_up')),
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    finished_at INTEGER
);
CREATE INDEX outbox_notification ON outbox (notification);
CREATE INDEX outbox_pending ON outbox (receiver, recipient, id) WHERE state = 'pending';

-- Every notification and every delivery outcome, in order.
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('notification', 'delivered', 'retry', 'given_up')),
    notification INTEGER,
    outbox INTEGER,
    receiver TEXT,
    detail TEXT
);
CREATE INDEX history_at ON history (at);
";

/// What came later. Made at every start where it is missing; an older build leaves it alone.
pub(super) const ADDED: &str = "
-- Every alert that fired, as it was last.
CREATE TABLE IF NOT EXISTS alerts (
    episode TEXT PRIMARY KEY,
    cluster TEXT,
    alertname TEXT NOT NULL,
    resolved INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER,
    json TEXT NOT NULL,
    checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alerts_ends_at ON alerts (ends_at);
CREATE INDEX IF NOT EXISTS alerts_starts_at ON alerts (starts_at);

-- What became of each notification, for whom, by which rule and why.
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    episode TEXT NOT NULL,
    reason TEXT NOT NULL,
    told_as TEXT NOT NULL,
    receiver TEXT,
    verdict TEXT NOT NULL,
    rule TEXT,
    detail TEXT,
    notification INTEGER
);
CREATE INDEX IF NOT EXISTS ledger_fingerprint ON ledger (fingerprint, id);
CREATE INDEX IF NOT EXISTS ledger_episode ON ledger (episode, id);
CREATE INDEX IF NOT EXISTS ledger_at ON ledger (at);
CREATE INDEX IF NOT EXISTS history_notification ON history (notification);
";

/// The tables and their columns, as a rescue copies them; the first that matter most.
pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("meta", "key, value"),
    ("state", "key, json, checksum"),
    ("told", "episode, told_as, receiver, at"),
    ("notifications", "id, at, cluster, alertname, reason, summary, json, checksum"),
    (
        "outbox",
        "id, notification, receiver, recipient, message_id, created_at, state, attempts, last_error, finished_at",
    ),
    ("positions", "key, json, checksum"),
    ("alerts", "episode, cluster, alertname, resolved, starts_at, ends_at, json, checksum"),
    ("history", "id, at, kind, notification, outbox, receiver, detail"),
    ("ledger", "id, at, fingerprint, episode, reason, told_as, receiver, verdict, rule, detail, notification"),
];
