mod faults;
mod history;
mod ledger;

use super::*;
use ccxwatch_alerts::notification::{EvidenceSummary, Reason};
use ccxwatch_parsers::severity::Severity;
use rusqlite::Connection;
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};
use tempfile::TempDir;

fn notification(episode: &str, told_as: &str) -> Arc<Notification> {
    Arc::new(Notification {
        at: Timestamp::UNIX_EPOCH,
        elapsed_s: 1.5,
        reason: Reason::OutOfCompliance,
        alertname: "SmartLicenseOutOfCompliance".to_owned(),
        cluster: Some("prod".to_owned()),
        node: None,
        labels: BTreeMap::new(),
        fingerprint: String::new(),
        severity: Severity::Emergency,
        episode: episode.to_owned(),
        told_as: told_as.to_owned(),
        continues: Vec::new(),
        grouped: None,
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
        ledger: Vec::new(),
        saved: vec![row("cluster/prod", r#"{"v":1,"stage":"out_of_compliance"}"#), row("engine", r#"{"v":1}"#)],
        messages: vec![message(&first, "ops", "a@x"), message(&first, "ops", "b@x")],
        positions: vec![Position { key: "/log/a".to_owned(), json: Some(r#"{"offset":7}"#.to_owned()) }],
        outcomes: Vec::new(),
        heartbeat: None,
        ..Transaction::default()
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
    commit(
        &store,
        outcome(pending[0].id, DeliveryResult::Retry { reason: FailureReason::Unavailable, error: error.clone() }),
    )
    .unwrap();
    commit(&store, outcome(pending[0].id, DeliveryResult::Retry { reason: FailureReason::Unavailable, error }))
        .unwrap();
    commit(
        &store,
        outcome(pending[1].id, DeliveryResult::GivenUp { reason: FailureReason::Rejected, error: "550 no".to_owned() }),
    )
    .unwrap();
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
fn old_history_is_forgotten_and_what_waits_is_not() {
    let directory = TempDir::new().unwrap();
    filled(directory.path());
    let Opened { store, pending, .. } = Store::open(directory.path()).unwrap();
    commit(&store, outcome(pending[0].id, DeliveryResult::Delivered)).unwrap();
    store.close().unwrap();
    let path = directory.path().join("ccxwatch.db");
    let mut connection = open::connect(&path).unwrap();
    let day = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
    assert!(!write::prune(&mut connection, day(1), Timestamp::MIN, Timestamp::MIN, 100).unwrap().more);
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM history"), 0);
    assert_eq!(count("SELECT count(*) FROM outbox"), 1);
    assert_eq!(count("SELECT count(*) FROM notifications"), 1);
    assert_eq!(count("SELECT count(*) FROM told"), 1);
}
