use super::*;
use ccxwatch_alerts::notification::{EvidenceSummary, Reason};
use ccxwatch_parsers::severity::Severity;
use rusqlite::Connection;
use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::Path};
use tempfile::TempDir;

fn notification(episode: &str, told_as: &str) -> Arc<Notification> {
    Arc::new(Notification {
        at: Timestamp::UNIX_EPOCH,
        elapsed_s: 1.5,
        reason: Reason::OutOfCompliance,
        alertname: "SmartLicenseOutOfCompliance".to_owned(),
        cluster: Some("prod".to_owned()),
        node: None,
        severity: Severity::Emergency,
        episode: episode.to_owned(),
        told_as: told_as.to_owned(),
        receivers: vec!["ops".to_owned()],
        since: None,
        deadline: None,
        days_left: None,
        time_zone: None,
        summary: "out of compliance".to_owned(),
        description: String::new(),
        runbook: Vec::new(),
        history: Vec::new(),
        flags: Vec::new(),
        evidence: EvidenceSummary::default(),
    })
}

fn message(notification: &Arc<Notification>, receiver: &str, recipient: &str) -> NewMessage {
    NewMessage {
        receiver: receiver.to_owned(),
        recipient: recipient.to_owned(),
        notification: Arc::clone(notification),
    }
}

fn row(key: &str, json: &str) -> SavedRow {
    SavedRow { key: key.to_owned(), json: Some(json.to_owned()) }
}

fn messages(messages: Vec<NewMessage>) -> Transaction {
    Transaction { messages, ..Transaction::default() }
}

fn outcome(id: Option<i64>, result: DeliveryResult) -> Transaction {
    let outcome = Outcome { id, receiver: "ops".to_owned(), at: Timestamp::UNIX_EPOCH, result };
    Transaction { outcomes: vec![outcome], ..Transaction::default() }
}

#[expect(clippy::result_large_err, reason = "the error gives the transaction back")]
fn commit(store: &Store, transaction: Transaction) -> Result<Committed, CommitError> {
    store.commit(transaction).blocking_recv().unwrap()
}

fn filled(directory: &Path) {
    let Opened { store, .. } = Store::open(directory).unwrap();
    let first = notification("prod/1", "out_of_compliance");
    let transaction = Transaction {
        saved: vec![row("cluster/prod", r#"{"v":1,"stage":"out_of_compliance"}"#), row("engine", r#"{"v":1}"#)],
        messages: vec![message(&first, "ops", "a@x"), message(&first, "ops", "b@x")],
        positions: vec![Position { key: "/log/a".to_owned(), json: Some(r#"{"offset":7}"#.to_owned()) }],
        outcomes: Vec::new(),
    };
    assert_eq!(commit(&store, transaction).unwrap().messages.len(), 2);
    store.close().unwrap();
}

#[test]
fn what_was_committed_is_there_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("new/data");
    filled(&path);
    let opened = Store::open(&path).unwrap();
    let keys: Vec<&str> = opened.saved.iter().map(|row| &*row.key).collect();
    assert_eq!(keys, ["cluster/prod", "engine"]);
    assert_eq!(opened.positions.len(), 1);
    assert_eq!(opened.notices, Vec::<String>::new());
    let pending: Vec<&str> = opened.pending.iter().map(|message| &*message.recipient).collect();
    assert_eq!(pending, ["a@x", "b@x"]);
    assert_eq!(*opened.pending[0].notification, *notification("prod/1", "out_of_compliance"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    for file in fs::read_dir(&path).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.path().display());
    }
}

#[test]
fn rows_are_replaced_and_deleted() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    let transaction = Transaction {
        saved: vec![row("engine", "2"), SavedRow { key: "cluster/prod".to_owned(), json: None }],
        positions: vec![Position { key: "/log/a".to_owned(), json: None }],
        ..Transaction::default()
    };
    commit(&store, transaction).unwrap();
    store.close().unwrap();
    let opened = Store::open(directory.path()).unwrap();
    assert_eq!(opened.saved, [row("engine", "2")]);
    assert_eq!(opened.positions, []);
}

#[test]
fn nobody_is_told_twice() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    let again = notification("prod/1", "out_of_compliance");
    let other = notification("prod/1", "enforcement_due");
    let copy = notification("prod/1", "enforcement_due");
    let committed = commit(
        &store,
        messages(vec![
            message(&again, "ops", "a@x"),
            message(&again, "boss", "c@x"),
            message(&other, "ops", "a@x"),
            message(&other, "ops", "b@x"),
            message(&copy, "ops", "a@x"),
        ]),
    )
    .unwrap();
    let told: Vec<(&str, &str)> =
        committed.messages.iter().map(|message| (&*message.notification.told_as, &*message.recipient)).collect();
    let expected = [("out_of_compliance", "c@x"), ("enforcement_due", "a@x"), ("enforcement_due", "b@x")];
    assert_eq!(told, expected);
}

#[test]
fn a_message_keeps_its_name() {
    let directory = TempDir::new().unwrap();
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    let one = notification("prod/1", "countdown");
    let two = notification("prod/2", "countdown");
    let new = vec![message(&one, "ops", "a@x"), message(&one, "ops", "b@x"), message(&two, "ops", "a@x")];
    let unrecorded = store.unrecorded(&new[0]);
    assert_eq!((unrecorded.id, &unrecorded.message_id), (None, &store.unrecorded(&new[0]).message_id));
    let mut names: Vec<String> =
        commit(&store, messages(new)).unwrap().messages.into_iter().map(|message| message.message_id).collect();
    store.close().unwrap();
    let opened = Store::open(directory.path()).unwrap();
    let after: Vec<String> = opened.pending.into_iter().map(|message| message.message_id).collect();
    assert_eq!(names, after);
    assert_eq!(names[0].split('.').next(), unrecorded.message_id.split('.').next());
    names.push(unrecorded.message_id);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4);
}

#[test]
fn outcomes_are_counted_and_end_the_wait() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let Opened { store, pending, .. } = Store::open(directory.path()).unwrap();
    let error = "451 later".to_owned();
    commit(&store, outcome(pending[0].id, DeliveryResult::Retry { error: error.clone() })).unwrap();
    commit(&store, outcome(pending[0].id, DeliveryResult::Retry { error })).unwrap();
    commit(&store, outcome(pending[1].id, DeliveryResult::GivenUp { error: "550 no".to_owned() })).unwrap();
    commit(&store, outcome(None, DeliveryResult::Delivered)).unwrap();
    let waiting = store.reader().pending(0, 10).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].attempts, 2);
    commit(&store, outcome(pending[0].id, DeliveryResult::Delivered)).unwrap();
    let recent = store.recent_notifications(10).unwrap();
    let states: Vec<_> = recent[0]
        .deliveries
        .iter()
        .map(|delivery| (delivery.state, delivery.attempts, delivery.last_error.as_deref()))
        .collect();
    let expected = [(DeliveryState::Delivered, 3, Some("451 later")), (DeliveryState::GivenUp, 1, Some("550 no"))];
    assert_eq!(states, expected);
    store.close().unwrap();
    let database = Connection::open(directory.path().join("ccxwatch.db")).unwrap();
    let kinds: Vec<String> = database
        .prepare("SELECT kind FROM history ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(kinds, ["notification", "retry", "given_up", "delivered", "delivered"]);
}

#[test]
fn a_notification_for_nobody_is_recorded() {
    let directory = TempDir::new().unwrap();
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    let quiet = notification("prod/1", "countdown");
    assert_eq!(commit(&store, messages(vec![message(&quiet, "", "")])).unwrap().messages.len(), 0);
    let recent = store.recent_notifications(10).unwrap();
    assert_eq!((recent.len(), recent[0].deliveries.len()), (1, 0));
}

#[test]
fn a_second_process_is_told_who_is_there() {
    let directory = TempDir::new().unwrap();
    let first = Store::open(directory.path()).unwrap();
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    assert!(error.to_string().contains("in use by another ccxwatch (process "), "{error}");
    first.store.close().unwrap();
    Store::open(directory.path()).unwrap();
}

#[test]
fn a_failing_commit_gives_the_transaction_back_and_the_next_one_works() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    let other = Connection::open(directory.path().join("ccxwatch.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let one = notification("prod/2", "countdown");
    let transaction = Transaction { saved: vec![row("engine", "2")], ..messages(vec![message(&one, "ops", "a@x")]) };
    let CommitError { transaction, error } = commit(&store, transaction).unwrap_err();
    assert!(error.to_string().contains("another program holds the database"), "{error}");
    assert_eq!((transaction.saved.len(), transaction.messages.len()), (1, 1));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.recent_notifications(10).unwrap().len(), 1, "nothing half-written");
    assert_eq!(commit(&store, transaction).unwrap().messages.len(), 1);
}

#[test]
fn a_full_disk_is_an_error_with_a_next_step() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    // SQLite's own limit stands for the disk's.
    let path = directory.path().join("ccxwatch.db");
    let mut connection = open::connect(&path).unwrap();
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    let big = Transaction { saved: vec![row("big", &"x".repeat(100_000))], ..Transaction::default() };
    let error = write::commit(&mut connection, "id", &big, Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(error.to_string().contains("free space on the disk"), "{error}");
    let small = Transaction { saved: vec![row("engine", "3")], ..Transaction::default() };
    write::commit(&mut connection, "id", &small, Timestamp::UNIX_EPOCH).unwrap();
}

#[test]
fn a_newer_database_is_refused() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let database = Connection::open(directory.path().join("ccxwatch.db")).unwrap();
    database.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(database);
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::NewerVersion { found: 99, .. }), "{error}");
}

#[test]
fn an_unwritable_directory_is_named() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("data")).unwrap_err();
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_moved_aside() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("ccxwatch.db"), "this is not a database at all".repeat(100)).unwrap();
    let opened = Store::open(directory.path()).unwrap();
    assert_eq!(opened.notices.len(), 1);
    assert!(
        opened.notices[0].contains("was damaged") && opened.notices[0].contains("moved to"),
        "{:?}",
        opened.notices
    );
    assert!(opened.saved.is_empty());
    commit(&opened.store, Transaction { saved: vec![row("engine", "1")], ..Transaction::default() }).unwrap();
}

#[test]
fn a_flipped_byte_costs_its_row_only() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let path = directory.path().join("ccxwatch.db");
    let opened = Store::open(directory.path()).unwrap();
    let before = opened.pending;
    opened.store.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let needle = br#"{"v":1,"stage""#;
    let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    bytes[at + 5] = b'9';
    fs::write(&path, bytes).unwrap();
    let opened = Store::open(directory.path()).unwrap();
    assert!(opened.notices[0].contains("state 1 (not all)"), "{:?}", opened.notices);
    assert_eq!(opened.saved, [row("engine", r#"{"v":1}"#)]);
    assert_eq!(opened.pending.len(), 2, "what waits still goes out");
    assert_eq!(opened.pending[0].message_id, before[0].message_id);
    // The engine may count episodes anew: what was told before must not silence them.
    let again = notification("prod/1", "out_of_compliance");
    let committed = commit(&opened.store, messages(vec![message(&again, "ops", "a@x")])).unwrap();
    assert_eq!(committed.messages.len(), 1);
    assert_ne!(committed.messages[0].message_id.split('.').next(), before[0].message_id.split('.').next());
}

#[test]
fn damage_while_in_use_is_survived() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let path = directory.path().join("ccxwatch.db");
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    // A table that is gone stands for damage that shows at a commit.
    Connection::open(&path).unwrap().execute_batch("DROP TABLE told").unwrap();
    let one = notification("prod/2", "countdown");
    let CommitError { transaction, .. } = commit(&store, messages(vec![message(&one, "ops", "a@x")])).unwrap_err();
    assert_eq!(commit(&store, transaction).unwrap().messages.len(), 1);
    assert_eq!(store.recent_notifications(10).unwrap().len(), 2);
    store.close().unwrap();
    let opened = Store::open(directory.path()).unwrap();
    assert_eq!((opened.saved.len(), opened.pending.len(), opened.notices.len()), (2, 3, 0));
}

#[test]
fn a_rescue_that_fails_leaves_the_damaged_database_where_it_is() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let path = directory.path().join("ccxwatch.db");
    let fault = open::damaged("testing", "a test");
    // A directory in the way of the new database.
    fs::create_dir(directory.path().join("ccxwatch.db.rescue")).unwrap();
    let before = fs::read(&path).unwrap();
    rescue::replace(&path, &fault, &mut Vec::new()).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn every_damaged_page_is_survived() {
    let original = TempDir::new().unwrap();
    filled(original.path());
    let bytes = fs::read(original.path().join("ccxwatch.db")).unwrap();
    for page in 0..bytes.len() / 4096 {
        let directory = TempDir::new().unwrap();
        let mut damaged = bytes.clone();
        damaged[page * 4096..page * 4096 + 64].fill(0xa5);
        fs::write(directory.path().join("ccxwatch.db"), damaged).unwrap();
        let opened = Store::open(directory.path()).unwrap();
        assert_eq!(opened.notices.len(), 1, "page {page}");
        commit(&opened.store, Transaction { saved: vec![row("engine", "1")], ..Transaction::default() }).unwrap();
        opened.store.close().unwrap();
        assert_eq!(Store::open(directory.path()).unwrap().notices.len(), 0, "page {page}");
    }
}

#[test]
fn a_missing_database_is_said() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    fs::remove_file(directory.path().join("ccxwatch.db")).unwrap();
    let opened = Store::open(directory.path()).unwrap();
    assert!(opened.notices[0].contains("is missing although"), "{:?}", opened.notices);
}

#[test]
fn a_database_removed_while_in_use_is_written_again() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    store.recent_notifications(1).unwrap();
    for name in ["ccxwatch.db", "ccxwatch.db-wal", "ccxwatch.db-shm"] {
        let _ = fs::remove_file(directory.path().join(name));
    }
    commit(&store, Transaction { saved: vec![row("engine", "2")], ..Transaction::default() }).unwrap();
    assert_eq!(store.recent_notifications(1).unwrap().len(), 1);
    store.close().unwrap();
    let opened = Store::open(directory.path()).unwrap();
    assert_eq!(opened.saved.len(), 2);
    assert_eq!(opened.saved[1], row("engine", "2"));
    assert_eq!(opened.pending.len(), 2);
}

#[test]
fn old_history_is_forgotten_and_what_waits_is_not() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let Opened { store, pending, .. } = Store::open(directory.path()).unwrap();
    commit(&store, outcome(pending[0].id, DeliveryResult::Delivered)).unwrap();
    store.close().unwrap();
    let path = directory.path().join("ccxwatch.db");
    let mut connection = open::connect(&path).unwrap();
    let day = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
    assert!(!write::prune(&mut connection, day(1), Timestamp::MIN, 100).unwrap());
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM history"), 0);
    assert_eq!(count("SELECT count(*) FROM outbox"), 1);
    assert_eq!(count("SELECT count(*) FROM notifications"), 1);
    assert_eq!(count("SELECT count(*) FROM told"), 1);
}

#[test]
fn a_log_that_ends_in_garbage_loses_nothing_committed() {
    let directory = TempDir::new().unwrap();
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    commit(&store, Transaction { saved: vec![row("engine", "1")], ..Transaction::default() }).unwrap();
    // As kill -9 leaves it: database and log copied while the process lives.
    let after = TempDir::new().unwrap();
    for name in ["ccxwatch.db", "ccxwatch.db-wal"] {
        fs::copy(directory.path().join(name), after.path().join(name)).unwrap();
    }
    let mut log = fs::OpenOptions::new().append(true).open(after.path().join("ccxwatch.db-wal")).unwrap();
    log.write_all(&[0x5a; 5_000]).unwrap();
    let opened = Store::open(after.path()).unwrap();
    assert_eq!(opened.saved, [row("engine", "1")]);
    assert_eq!(opened.notices, Vec::<String>::new());
}
