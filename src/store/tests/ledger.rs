//! The why-ledger: what is entered, what is kept, and how it is read.

use super::{super::ledger::ENTRIES_OF_AN_ALERT, *};
use ccxwatch_alerts::routing::ledger::Verdict;

/// An entry of the alert with this fingerprint.
fn entry(of: &Arc<Notification>, verdict: Verdict, sent: bool) -> NewLedgerEntry {
    let entry = LedgerEntry::of(of, of.at, verdict).to("ops").because("a reason");
    NewLedgerEntry { entry, notification: sent.then(|| Arc::clone(of)) }
}

fn of_alert(fingerprint: &str, episode: &str, told_as: &str) -> Arc<Notification> {
    Arc::new(Notification { fingerprint: fingerprint.to_owned(), ..(*notification(episode, told_as)).clone() })
}

/// Outcome, recipient and detail of each entry.
#[track_caller]
fn check(store: &Store, fingerprint: &str, expected: &[(&str, Option<&str>, Option<&str>)]) {
    let explained = store.reader().explain(fingerprint).unwrap();
    let found: Vec<_> =
        explained.iter().map(|it| (it.outcome.as_str(), it.recipient.as_deref(), it.detail.as_deref())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_decision_and_its_deliveries_are_one_story() {
    let directory = TempDir::new().unwrap();
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    let told = of_alert("aa", "prod/1", "countdown");
    let held = of_alert("aa", "prod/1", "unconfirmed");
    let transaction = Transaction {
        messages: vec![message(&told, "ops", "a@example.com"), message(&told, "console", "")],
        ledger: vec![entry(&told, Verdict::Sent, true), entry(&held, Verdict::Held, false)],
        ..Transaction::default()
    };
    let id = commit(&store, transaction).unwrap().messages[0].id;
    commit(
        &store,
        outcome(id, DeliveryResult::Retry { reason: FailureReason::Unavailable, error: "451 later".to_owned() }),
    )
    .unwrap();
    commit(&store, outcome(id, DeliveryResult::Delivered)).unwrap();
    // The next stage is another alert of the same episode; another episode is another story.
    let next = of_alert("bb", "prod/1", "out_of_compliance");
    let other = of_alert("cc", "prod/2", "countdown");
    for later in [&next, &other] {
        let transaction = Transaction {
            messages: vec![message(later, "ops", "a@example.com")],
            ledger: vec![entry(later, Verdict::Sent, true)],
            ..Transaction::default()
        };
        commit(&store, transaction).unwrap();
    }
    let story = [
        ("sent", None, Some("a reason")),
        ("held", None, Some("a reason")),
        ("sent", None, Some("a reason")),
        ("retried", Some("a@example.com"), Some("unavailable: 451 later")),
        ("delivered", Some("a@example.com"), None),
    ];
    check(&store, "aa", &story);
    check(&store, "bb", &story);
    check(&store, "cc", &[("sent", None, Some("a reason"))]);
    check(&store, "dd", &[]);
}

#[test]
fn what_a_receiver_was_told_before_is_not_called_sent() {
    let directory = TempDir::new().unwrap();
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    let told = of_alert("aa", "prod/1", "countdown");
    let twice = || Transaction {
        messages: vec![message(&told, "ops", "a@example.com")],
        ledger: vec![entry(&told, Verdict::Sent, true)],
        ..Transaction::default()
    };
    commit(&store, twice()).unwrap();
    commit(&store, twice()).unwrap();
    let again = Some("this receiver was told it before");
    check(&store, "aa", &[("sent", None, Some("a reason")), ("dropped", None, again)]);
}

#[test]
fn an_alert_that_talks_much_keeps_its_newest_entries_and_those_of_others() {
    let directory = TempDir::new().unwrap();
    let Opened { store, .. } = Store::open(directory.path()).unwrap();
    let quiet = of_alert("aa", "prod/1", "countdown");
    let loud = of_alert("bb", "prod/2", "countdown");
    commit(&store, Transaction { ledger: vec![entry(&quiet, Verdict::Held, false)], ..Transaction::default() })
        .unwrap();
    let many = usize::try_from(ENTRIES_OF_AN_ALERT).unwrap() + 7;
    let mut ledger: Vec<_> = (0..many).map(|_| entry(&loud, Verdict::Held, false)).collect();
    ledger.push(entry(&loud, Verdict::Dropped, false));
    commit(&store, Transaction { ledger, ..Transaction::default() }).unwrap();
    let kept = store.reader().explain("bb").unwrap();
    assert_eq!(kept.len(), usize::try_from(ENTRIES_OF_AN_ALERT).unwrap());
    assert_eq!(kept.last().map(|it| it.outcome.as_str()), Some("dropped"));
    check(&store, "aa", &[("held", None, Some("a reason"))]);
}

#[test]
fn a_database_from_before_the_ledger_gets_one_and_keeps_what_it_has() {
    let directory = TempDir::new().unwrap();
    {
        let Opened { store, .. } = Store::open(directory.path()).unwrap();
        let told = notification("prod/1", "countdown");
        commit(&store, messages(vec![message(&told, "ops", "a@example.com")])).unwrap();
        store.close().unwrap();
    }
    // What an older build did not make.
    let database = Connection::open(directory.path().join("ccxwatch.db")).unwrap();
    database.execute_batch("DROP TABLE ledger; DROP INDEX history_notification;").unwrap();
    drop(database);
    let Opened { store, pending, notices, .. } = Store::open(directory.path()).unwrap();
    assert_eq!((pending.len(), notices.len()), (1, 0));
    let told = of_alert("aa", "prod/2", "countdown");
    commit(&store, Transaction { ledger: vec![entry(&told, Verdict::Held, false)], ..Transaction::default() }).unwrap();
    check(&store, "aa", &[("held", None, Some("a reason"))]);
}
