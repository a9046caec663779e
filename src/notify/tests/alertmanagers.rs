//! What an Alertmanager is told; `tests/alertmanager.rs` asks a real one.

use super::{
    bench::{Bench, reason},
    new_message, notification, time,
    web_server::{Request, WebServer, answer},
};
use crate::{
    config::Receiver,
    store::{DeliveryResult, FailureReason, NewMessage},
    web::Snapshot,
};
use ccxwatch_alerts::{
    alert::{AlertStatus, AlertView},
    notification::{EvidenceSummary, Notification, Reason},
};
use ccxwatch_parsers::severity::Severity;
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};

fn receiver(ports: &[u16]) -> Receiver {
    let urls: Vec<String> = ports.iter().map(|port| format!("http://127.0.0.1:{port}/am/")).collect();
    toml::from_str(&format!(
        "name = \"ops\"\ntype = \"alertmanager\"\ntimeout = \"1s\"\nresend_interval = \"1s\"\nurls = {urls:?}"
    ))
    .unwrap()
}

fn told(alertname: &str, reason: Reason, port: u16) -> NewMessage {
    let notification = Notification {
        alertname: alertname.to_owned(),
        reason,
        at: crate::clock::wall(),
        since: Some(time("2026-11-24T10:45:00Z")),
        labels: [
            ("alertname", alertname),
            ("cluster", "prod"),
            ("severity", "critical"),
            ("9 lives", "x"),
            ("empty", ""),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect(),
        fingerprint: format!("{alertname}/prod"),
        ..notification("prod/1", &format!("{alertname} {}", reason.name()))
    };
    NewMessage {
        notification: Arc::new(notification),
        ..new_message("prod/1", alertname, &format!("http://127.0.0.1:{port}/am/"))
    }
}

fn view(status: AlertStatus) -> Snapshot {
    let now = crate::clock::wall();
    let alert = AlertView {
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        status,
        severity: Severity::Critical,
        starts_at: now,
        ends_at: (status == AlertStatus::Resolved).then_some(now),
        fingerprint: String::new(),
        episode: "prod/1".to_owned(),
        acknowledged: None,
        evidence: EvidenceSummary::default(),
        end: None,
        flags: Vec::new(),
        deadline: None,
        suppressed: None,
    };
    Snapshot { at: now, alerts: vec![alert], ..Snapshot::default() }
}

/// Names of the alerts of a request that fire, and of those that have ended.
fn names(request: &Request) -> (Vec<String>, Vec<String>) {
    let now = crate::clock::wall();
    let (mut firing, mut ended) = (Vec::new(), Vec::new());
    for alert in request.json().as_array().unwrap() {
        let ends_at: Timestamp = alert["endsAt"].as_str().unwrap().parse().unwrap();
        let list = if ends_at > now { &mut firing } else { &mut ended };
        list.push(alert["labels"]["alertname"].as_str().unwrap().to_owned());
    }
    (firing, ended)
}

/// Waits for a request that says so.
async fn wait_for(server: &mut WebServer, firing: &[String], ended: &[String]) {
    loop {
        let said = names(&server.request().await);
        if (said.0.as_slice(), said.1.as_slice()) == (firing, ended) {
            return;
        }
    }
}

#[tokio::test]
async fn every_stage_fires_to_the_end_of_the_episode_also_after_a_restart() {
    let mut server = WebServer::start(|_| answer("200 OK")).await;
    let bench = Bench::start(&[receiver(&[server.port])]);
    bench.tell(vec![told("Entering", Reason::CountdownStarted, server.port)]).await;
    let first = server.request().await;
    assert_eq!(first.line, "POST /am/api/v2/alerts HTTP/1.1");
    let alert = first.json()[0].clone();
    assert_eq!(alert["startsAt"], "2026-11-24T10:45:00Z");
    assert_eq!(
        alert["labels"],
        serde_json::json!({"alertname": "Entering", "cluster": "prod", "severity": "critical", "_9_lives": "x"})
    );
    assert_eq!(alert["annotations"]["deadline"], "2026-11-24T11:30:00Z");
    assert_eq!(names(&first), (vec!["Entering".to_owned()], vec![]));
    bench.tell(vec![told("OutOfCompliance", Reason::OutOfCompliance, server.port)]).await;
    let both = vec!["Entering".to_owned(), "OutOfCompliance".to_owned()];
    wait_for(&mut server, &both, &[]).await;
    // It goes on by itself, and after a restart, from what was told.
    bench.snapshot.store(Arc::new(view(AlertStatus::Firing)));
    assert_eq!(names(&server.request().await), (both.clone(), vec![]));
    let Bench { store, dispatcher, directory, .. } = bench;
    dispatcher.stop().await;
    store.close().unwrap();
    let bench = Bench::with(&[receiver(&[server.port])], 100, directory);
    bench.snapshot.store(Arc::new(view(AlertStatus::Firing)));
    wait_for(&mut server, &both, &[]).await;
    // The end is told of all stages, and again for those that were away.
    bench.tell(vec![told("OutOfCompliance", Reason::ConfirmedCompliant, server.port)]).await;
    wait_for(&mut server, &[], &both).await;
    assert_eq!(names(&server.request().await), (vec![], both));
}

#[tokio::test]
async fn what_ends_in_silence_ends_here_too() {
    let mut server = WebServer::start(|_| answer("200 OK")).await;
    let bench = Bench::start(&[receiver(&[server.port])]);
    bench.tell(vec![told("Entering", Reason::CountdownStarted, server.port)]).await;
    assert_eq!(names(&server.request().await).0.len(), 1);
    bench.snapshot.store(Arc::new(view(AlertStatus::Resolved)));
    assert_eq!(names(&server.request().await), (vec![], vec!["Entering".to_owned()]));
}

#[tokio::test]
async fn each_of_several_is_told_and_a_dead_one_delays_no_other() {
    let mut server = WebServer::start(|_| answer("200 OK")).await;
    let mut bench = Bench::start(&[receiver(&[1, server.port])]);
    let to_dead = told("Entering", Reason::CountdownStarted, 1);
    let recipient = format!("http://127.0.0.1:{}/am/", server.port);
    bench.tell(vec![to_dead.clone(), NewMessage { recipient, ..to_dead }]).await;
    assert_eq!(names(&server.request().await).0.len(), 1);
    let (mut delivered, mut failed) = (false, false);
    while !(delivered && failed) {
        let (id, result) = bench.outcomes(1).await.remove(0);
        delivered |= result == DeliveryResult::Delivered;
        failed |= reason(&result) == Some(FailureReason::Connect);
        assert_eq!(id == 1, result != DeliveryResult::Delivered);
    }
    assert!(bench.dispatcher.health()[0].failing);
}

#[tokio::test]
async fn a_test_fires_for_a_while_and_a_heartbeat_is_no_alert() {
    let mut server = WebServer::start(|_| answer("200 OK")).await;
    let bench = Bench::start(&[receiver(&[server.port])]);
    bench.tell(vec![told("Alive", Reason::Heartbeat, server.port), told("Test", Reason::Test, server.port)]).await;
    let mut request = server.request().await;
    while request.body == "[]" {
        request = server.request().await;
    }
    assert_eq!(names(&request), (vec!["Test".to_owned()], vec![]));
}
