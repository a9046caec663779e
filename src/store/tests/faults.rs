//! Damaged, missing, full and locked databases.

use super::{super::*, commit, filled, message, messages, notification, row};
use rusqlite::Connection;
use std::{fs, io::Write};
use tempfile::TempDir;

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
