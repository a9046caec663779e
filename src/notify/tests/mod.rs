mod alertmanagers;
mod bench;
mod connections;
mod delivery;
mod flood;
mod golden;
mod mails;
mod parsed;
mod server;
mod web_server;
mod webhooks;

use crate::{
    config::Receiver,
    store::{Message, NewMessage},
};
use ccxwatch_alerts::notification::{EvidenceSummary, Notification, Reason};
use ccxwatch_parsers::severity::Severity;
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn notification(episode: &str, told_as: &str) -> Notification {
    Notification {
        at: time("2026-11-24T10:45:00Z"),
        elapsed_s: 1.5,
        reason: Reason::CountdownStarted,
        alertname: "SmartLicenseEnteringOutOfCompliance".to_owned(),
        cluster: Some("prod".to_owned()),
        node: Some("uccxpub".to_owned()),
        labels: BTreeMap::new(),
        fingerprint: String::new(),
        severity: Severity::Critical,
        episode: episode.to_owned(),
        told_as: told_as.to_owned(),
        continues: Vec::new(),
        grouped: None,
        receivers: vec!["ops".to_owned()],
        since: Some(time("2026-11-24T10:45:00Z")),
        deadline: Some(time("2026-11-24T11:30:00Z")),
        days_left: None,
        time_zone: Some("Asia/Kolkata".to_owned()),
        summary: "The licenses of prod run out of compliance at 11:30 UTC".to_owned(),
        description: "More licenses are in use than were bought.".to_owned(),
        runbook: vec!["Look at License Usage.".to_owned(), "Buy licenses, or log agents out.".to_owned()],
        history: Vec::new(),
        flags: Vec::new(),
        evidence: EvidenceSummary::default(),
    }
}

fn new_message(episode: &str, told_as: &str, recipient: &str) -> NewMessage {
    NewMessage {
        receiver: "ops".to_owned(),
        recipient: recipient.to_owned(),
        notification: Arc::new(notification(episode, told_as)),
    }
}

fn message(notification: Notification) -> Message {
    Message {
        id: Some(1),
        message_id: "0123456789abcdef.1.00000000000000aa".to_owned(),
        receiver: "ops".to_owned(),
        recipient: "a@example.com".to_owned(),
        notification: Arc::new(notification),
        created_at: time("2026-11-24T10:45:00Z"),
        attempts: 0,
    }
}

fn receiver(more: &str) -> Receiver {
    let text = format!("name = \"ops\"\ntype = \"email\"\nfrom = \"ccxwatch <ccxwatch@example.com>\"\n{more}");
    toml::from_str(&text).unwrap()
}
