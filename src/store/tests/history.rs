//! The alerts of the past.

use super::*;
use crate::store::history::{self, Pruned};
use ccxwatch_alerts::alert::{AlertStatus, AlertView};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An alert of a cluster: its episode, and the hours of the day at which it began and ended.
fn alert(cluster: &str, episode: &str, began: u8, ended: Option<u8>) -> AlertView {
    let at = |hour: u8| time(&format!("2026-11-24T{hour:02}:00:00Z"));
    let labels = [("alertname", "Noise"), ("cluster", cluster)];
    AlertView {
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        annotations: BTreeMap::new(),
        status: if ended.is_some() { AlertStatus::Resolved } else { AlertStatus::Firing },
        severity: Severity::Error,
        starts_at: at(began),
        ends_at: ended.map(at),
        fingerprint: "0123456789abcdef".to_owned(),
        episode: episode.to_owned(),
        acknowledged: None,
        suppressed: None,
        evidence: EvidenceSummary::default(),
        end: None,
        flags: Vec::new(),
        deadline: None,
    }
}

fn records(records: Vec<AlertView>) -> Transaction {
    Transaction { records, ..Transaction::default() }
}

fn episodes(store: &Store, query: &AlertQuery) -> Vec<String> {
    let found = store.reader().alerts(query).unwrap();
    found.iter().map(|alert| alert["episode"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn alerts_of_the_past_are_found() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    commit(&store, records(vec![alert("a", "a/1", 1, None), alert("b", "b/1", 2, None)])).unwrap();
    commit(&store, records(vec![alert("a", "a/1", 1, Some(3)), alert("a", "a/2", 4, None)])).unwrap();
    let all = AlertQuery::default();
    let check = |query: &AlertQuery, expected: &[&str]| assert_eq!(episodes(&store, query), expected, "{query:?}");
    check(&all, &["a/2", "b/1", "a/1"]);
    check(&AlertQuery { since: Some(time("2026-11-24T03:00:00Z")), ..all.clone() }, &["a/2", "b/1", "a/1"]);
    check(&AlertQuery { since: Some(time("2026-11-24T03:00:01Z")), ..all.clone() }, &["a/2", "b/1"]);
    check(&AlertQuery { cluster: Some("a".to_owned()), ..all.clone() }, &["a/2", "a/1"]);
    check(&AlertQuery { state: Some(AlertState::Resolved), ..all.clone() }, &["a/1"]);
    check(&AlertQuery { limit: Some(1), ..all.clone() }, &["a/2"]);
    let ended = store.reader().ended_alerts(10).unwrap();
    assert_eq!((ended.len(), ended[0].ends_at), (1, Some(time("2026-11-24T03:00:00Z"))));
    store.close().unwrap();
}

#[test]
fn old_alerts_are_forgotten_and_what_fires_is_not() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    commit(
        &store,
        records(vec![alert("a", "a/1", 1, Some(2)), alert("a", "a/2", 1, Some(4)), alert("a", "a/3", 1, None)]),
    )
    .unwrap();
    store.close().unwrap();
    let connection = Connection::open(folder.path().join("ccxwatch.db")).unwrap();
    let prune = |most| history::prune(&connection, time("2026-11-24T03:00:00Z"), most, 500).unwrap();
    assert_eq!(prune(history::ROWS_MAX), Pruned { old: 1, surplus: 0 });
    let left = history::read(&connection, &AlertQuery::default()).unwrap();
    assert_eq!(left.iter().map(|alert| alert["episode"].as_str().unwrap()).collect::<Vec<_>>(), ["a/3", "a/2"]);
    // Where it is too much, what ended first goes, and is counted.
    assert_eq!(prune(1), Pruned { old: 0, surplus: 1 });
    assert_eq!(history::read(&connection, &AlertQuery::default()).unwrap()[0]["episode"], "a/3");
}

#[test]
fn a_database_of_an_older_build_gets_the_table() {
    let folder = TempDir::new().unwrap();
    Store::open(folder.path()).unwrap().store.close().unwrap();
    let connection = Connection::open(folder.path().join("ccxwatch.db")).unwrap();
    connection.execute_batch("DROP TABLE alerts").unwrap();
    connection.close().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    commit(&store, records(vec![alert("a", "a/1", 1, None)])).unwrap();
    assert_eq!(episodes(&store, &AlertQuery::default()), ["a/1"]);
    store.close().unwrap();
}
