//! A flood to a slow server, a dead one and a quick one beside it.

use super::{
    bench::{Bench, ops},
    notification, receiver,
    server::{Answer, Server},
};
use crate::{
    config::Receiver,
    store::{DeliveryResult, NewMessage},
};
use ccxwatch_alerts::notification::Notification;
use ccxwatch_parsers::severity::Severity;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use toml::Spanned;

/// Notifications told at once.
const AT_ONCE: usize = 250;

/// Messages of one episode, one after the other.
const EPISODE: usize = 5;

fn named(name: &str, receiver: Receiver) -> Receiver {
    Receiver { name: Spanned::new(0..0, name.to_owned()), ..receiver }
}

/// With `CCXWATCH_TEST_FULL` there are ten thousand notifications, otherwise one thousand.
#[tokio::test]
async fn a_flood_delays_nobody_else_keeps_its_order_and_stays_bounded() {
    let count = if std::env::var_os("CCXWATCH_TEST_FULL").is_some() { 10_000 } else { 1_000 };
    let mut slow = Server::start(|heard| (heard.line == ".").then_some(Answer::Slowly(Duration::from_millis(1)))).await;
    let mut quick = Server::start(|_| None).await;
    let to = r#"["a@example.com"]"#;
    let dead = receiver("host = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nto = [\"a@example.com\"]");
    let receivers = [ops(slow.port, to), named("dead", dead), named("quick", ops(quick.port, to))];
    let mut bench = Bench::start(&receivers);
    let message = |receiver: &str, notification: &Arc<Notification>| NewMessage {
        receiver: receiver.to_owned(),
        recipient: "a@example.com".to_owned(),
        notification: Arc::clone(notification),
    };
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut taken = 0;
    for start in (0..count).step_by(AT_ONCE) {
        let new = (start..start + AT_ONCE).flat_map(|number| {
            // None is worse than the one before it: those would be told together.
            let severity = [Severity::Critical, Severity::Error, Severity::Warning, Severity::Notice, Severity::Debug];
            let told = notification(&format!("prod/{}", number / EPISODE), &format!("{}", number % EPISODE));
            let told = Arc::new(Notification { severity: severity[number % EPISODE], ..told });
            [message("ops", &told), message("dead", &told)]
        });
        bench.tell(new.collect()).await;
        let urgent = Arc::new(notification(&format!("test/{start}"), "x"));
        bench.tell(vec![message("quick", &urgent)]).await;
        // It comes while the others have everything still before them.
        quick.mail().await;
        for health in bench.dispatcher.health() {
            assert!(health.queued <= 1_500, "{health:?}");
        }
        while let Ok(mail) = slow.accepted.try_recv() {
            note(&mail, &mut seen, &mut ids);
            taken += 1;
        }
        while bench.outcomes.try_recv().is_ok() {}
    }
    while taken < count {
        tokio::select! {
            mail = slow.mail() => {
                note(&mail, &mut seen, &mut ids);
                taken += 1;
            }
            outcome = bench.outcomes.recv() => {
                let outcome = outcome.unwrap();
                assert!(outcome.receiver == "dead" || outcome.result == DeliveryResult::Delivered, "{outcome:?}");
            }
        }
    }
    assert_eq!(ids.len(), count, "each arrived once");
    assert!(seen.values().all(|told| *told == EPISODE));
    let health = bench.dispatcher.health();
    assert!(health[0].receiver == "dead" && health[0].failing && health[0].queued <= 1_500, "{health:?}");
}

fn note(mail: &super::server::Heard, seen: &mut BTreeMap<String, usize>, ids: &mut BTreeSet<String>) {
    let told: usize = mail.header("X-Ccxwatch-Told-As").unwrap().parse().unwrap();
    let next = seen.entry(mail.header("References").unwrap()).or_default();
    assert_eq!(told, *next, "in the order of its episode");
    *next += 1;
    ids.insert(mail.header("Message-ID").unwrap());
}
