//! Deliveries against a scripted mail server, a real store behind them.

use super::{
    super::dispatcher::{Dispatcher, Prepared},
    bench::{Bench, QUICK, config, is_retry, once, one, ops, reason, world},
    new_message, notification, receiver,
    server::{Answer, Server},
};
use crate::{
    clock,
    config::Receiver,
    store::{DeliveryResult, FailureReason, NewMessage, Store},
};
use ccxwatch_alerts::notification::Notification;
use ccxwatch_parsers::severity::Severity;
use jiff::SignedDuration;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn one_of_three_recipients_is_refused_and_the_others_get_it() {
    let server = Server::start(|heard| {
        heard.line.starts_with("RCPT TO:<b@").then_some(Answer::Say("550 5.1.1 no such user here"))
    });
    let mut server = server.await;
    let to = r#"["a@example.com", "Bert <b@example.com>", "c@example.com"]"#;
    let mut bench = Bench::start(&[ops(server.port, to)]);
    let all = ["a@example.com", "Bert <b@example.com>", "c@example.com"];
    let notification = new_message("prod/1", "countdown", "").notification;
    let to_all = all.map(|to| NewMessage {
        receiver: "ops".to_owned(),
        recipient: to.to_owned(),
        notification: notification.clone(),
    });
    let sent = bench.tell(to_all.to_vec()).await;
    let outcomes = bench.outcomes(3).await;
    assert_eq!(outcomes[0].1, DeliveryResult::Delivered);
    assert!(
        matches!(&outcomes[1].1, DeliveryResult::GivenUp { error, .. } if error.contains("no such user")),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[2].1, DeliveryResult::Delivered);
    let got = BTreeSet::from([server.mail().await.to, server.mail().await.to]);
    assert_eq!(got, BTreeSet::from(["a@example.com".to_owned(), "c@example.com".to_owned()]));
    let health = bench.dispatcher.health();
    assert!(health[0].failing && health[0].queued == 0, "{health:?}");
    assert_eq!(sent.len(), 3);
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_under_the_same_name() {
    for (line, answer, why, error) in [
        (".", Answer::Say("451 4.3.0 try later"), FailureReason::Unavailable, "try later"),
        ("MAIL", Answer::Say("421 4.7.0 too many"), FailureReason::Unavailable, "too many"),
        ("MAIL", Answer::Say("530 5.7.0 log in first"), FailureReason::Auth, "log in first"),
        ("RCPT", Answer::Say("450 4.2.0 greylisted"), FailureReason::RateLimited, "greylisted"),
        ("connect", Answer::Say("554 not now"), FailureReason::Unavailable, "not now"),
        ("connect", Answer::Cut, FailureReason::Connect, "incomplete response"),
        ("DATA", Answer::Cut, FailureReason::Connect, "incomplete response"),
        (".", Answer::Cut, FailureReason::Connect, "incomplete response"),
        (".", Answer::Hang, FailureReason::Timeout, "did not finish within 1s"),
    ] {
        let mut server = Server::start(once(line, answer)).await;
        let mut bench = Bench::start(&one(server.port));
        // Not announced: the first attempt must see the fault, not the connection that is made ahead.
        let messages = bench.commit(vec![new_message("prod/1", "countdown", "a@example.com")]).await;
        bench.dispatcher.submit(messages[0].clone());
        let first = bench.outcomes(1).await;
        assert!(is_retry(&first[0].1, error), "{line} {answer:?}: {first:?}");
        assert_eq!(reason(&first[0].1), Some(why), "{line} {answer:?}: {first:?}");
        assert_eq!(bench.outcomes(1).await[0].1, DeliveryResult::Delivered, "{line} {answer:?}");
        let mail = server.mail().await;
        let name = format!("<{}@example.com>", messages[0].message_id);
        assert_eq!(mail.header("Message-ID"), Some(name.clone()));
        if line == "." {
            let first = server.heard(|heard| heard.line == ".").await;
            assert_eq!(first.header("Message-ID"), Some(name), "a copy that the protocol cannot exclude has its name");
        }
        assert!(!bench.dispatcher.health()[0].failing);
    }
}

#[tokio::test]
async fn a_dead_receiver_delays_no_other_and_is_visible() {
    let mut server = Server::start(|_| None).await;
    let dead = receiver("host = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nto = [\"d@example.com\"]");
    let dead = Receiver { name: toml::Spanned::new(0..0, "dead".to_owned()), ..dead };
    let mut bench = Bench::start(&[ops(server.port, r#"["a@example.com"]"#), dead]);
    let to_dead = NewMessage { receiver: "dead".to_owned(), ..new_message("prod/1", "countdown", "d@example.com") };
    bench.tell(vec![to_dead, new_message("prod/2", "countdown", "a@example.com")]).await;
    assert_eq!(server.mail().await.to, "a@example.com");
    loop {
        let outcome = bench.outcomes.recv().await.unwrap();
        if outcome.receiver == "dead" {
            assert!(is_retry(&outcome.result, "127.0.0.1:1: cannot connect"), "{outcome:?}");
            break;
        }
    }
    let health = bench.dispatcher.health();
    assert_eq!((health[0].receiver.as_str(), health[0].failing, health[0].queued), ("dead", true, 1));
    assert!(health[0].next_try.is_some() && health[0].last_error.is_some());
}

#[tokio::test]
async fn an_episode_keeps_its_order_and_holds_up_no_other() {
    let count = AtomicUsize::new(0);
    let mut server = Server::start(move |heard| {
        let first = heard.line == "." && heard.mail.contains("X-Ccxwatch-Told-As: one");
        (first && count.fetch_add(1, Ordering::Relaxed) < 3).then_some(Answer::Say("451 later"))
    })
    .await;
    let bench = Bench::start(&one(server.port));
    // None is worse than the one before it: those would be told together.
    let of = |episode: &str, told_as: &str, severity: Severity| NewMessage {
        notification: Arc::new(Notification { severity, ..notification(episode, told_as) }),
        ..new_message(episode, told_as, "a@example.com")
    };
    let new = vec![
        of("prod/1", "one", Severity::Critical),
        of("prod/1", "two", Severity::Warning),
        of("prod/1", "three", Severity::Notice),
        of("test/1", "other", Severity::Debug),
    ];
    bench.tell(new).await;
    let mut order = Vec::new();
    for _ in 0..4 {
        order.push(server.mail().await.header("X-Ccxwatch-Told-As").unwrap());
    }
    order.retain(|told_as| told_as != "other");
    assert_eq!(order, ["one", "two", "three"]);
}

#[tokio::test]
async fn worse_news_overtakes_and_names_what_it_overtook() {
    let mut server = Server::start(|heard| {
        let held = heard.line == "." && !heard.mail.contains("X-Ccxwatch-Told-As: worse");
        held.then_some(Answer::Say("451 later"))
    })
    .await;
    let mut bench = Bench::start(&one(server.port));
    let mut messages = bench.tell(vec![new_message("prod/1", "bad", "a@example.com")]).await;
    assert!(is_retry(&bench.outcomes(1).await[0].1, "later"));
    messages.extend(bench.tell(vec![new_message("prod/1", "worse", "a@example.com")]).await);
    let mail = server.mail().await;
    assert_eq!(mail.header("Message-ID"), Some(format!("<{}@example.com>", messages[1].message_id)));
    assert!(mail.mail.contains("could not be delivered then"), "{}", mail.mail);
    let mut delivered = BTreeSet::new();
    while delivered.len() < 2 {
        let outcome = bench.outcomes.recv().await.unwrap();
        if outcome.result == DeliveryResult::Delivered {
            delivered.insert(outcome.id);
        }
    }
}

#[tokio::test]
async fn what_left_unrecorded_does_not_leave_again_when_it_is_recorded() {
    let mut server = Server::start(|_| None).await;
    let mut bench = Bench::start(&one(server.port));
    let new = new_message("prod/1", "countdown", "a@example.com");
    bench.dispatcher.submit(bench.store.unrecorded(&new));
    let mail = server.mail().await;
    assert_eq!(mail.header("X-Ccxwatch-Not-Recorded").as_deref(), Some("the store is failing"));
    assert_eq!(bench.outcomes(1).await, [(0, DeliveryResult::Delivered)]);
    let messages = bench.tell(vec![new]).await;
    assert_eq!(bench.outcomes(1).await, [(messages[0].id.unwrap(), DeliveryResult::Delivered)]);
    assert!(server.accepted.try_recv().is_err());
}

#[tokio::test]
async fn what_waits_unrecorded_gives_way_to_its_recorded_twin() {
    let gate = Arc::new(AtomicBool::new(true));
    let closed = gate.clone();
    let mut server = Server::start(move |heard| {
        (heard.line == "." && closed.load(Ordering::Relaxed)).then_some(Answer::Say("451 later"))
    })
    .await;
    let mut bench = Bench::start(&one(server.port));
    let new = new_message("prod/1", "countdown", "a@example.com");
    bench.dispatcher.submit(bench.store.unrecorded(&new));
    assert!(is_retry(&bench.outcomes(1).await[0].1, "later"));
    let messages = bench.tell(vec![new]).await;
    while bench.outcomes.recv().await.unwrap().id.is_none() {}
    gate.store(false, Ordering::Relaxed);
    let mail = server.mail().await;
    assert_eq!(mail.header("Message-ID"), Some(format!("<{}@example.com>", messages[0].message_id)));
    while bench.outcomes.recv().await.unwrap().result != DeliveryResult::Delivered {}
    assert_eq!(bench.dispatcher.health()[0].queued, 0);
    assert!(server.accepted.try_recv().is_err());
}

#[tokio::test]
async fn what_waited_at_the_end_goes_out_after_the_start() {
    let mut dead =
        Bench::start(&[receiver("host = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nto = [\"a@example.com\"]")]);
    let messages = dead.tell(vec![new_message("prod/1", "countdown", "a@example.com")]).await;
    dead.outcomes(1).await;
    let Bench { store, dispatcher, directory, .. } = dead;
    dispatcher.stop().await;
    store.close().unwrap();
    let mut server = Server::start(|_| None).await;
    let mut bench = Bench::with(&one(server.port), 100, directory);
    assert_eq!(bench.outcomes(1).await, [(messages[0].id.unwrap(), DeliveryResult::Delivered)]);
    let name = format!("<{}@example.com>", messages[0].message_id);
    assert_eq!(server.mail().await.header("Message-ID"), Some(name));
    // Whoever hands over what the store had said waits, too, tells nobody twice.
    bench.dispatcher.submit(messages[0].clone());
    bench.tell(vec![new_message("prod/1", "out_of_compliance", "a@example.com")]).await;
    assert_eq!(server.mail().await.header("X-Ccxwatch-Told-As").as_deref(), Some("out_of_compliance"));
}

#[tokio::test]
async fn a_flood_stays_in_the_store_and_each_arrives_once() {
    let mut server = Server::start(|_| None).await;
    let mut bench = Bench::start(&one(server.port));
    let of = |number: usize| new_message(&format!("prod/{number}"), "countdown", "a@example.com");
    for start in (0..3_000).step_by(500) {
        bench.tell((start..start + 500).map(of).collect()).await;
        assert!(bench.dispatcher.health()[0].queued <= 1_500);
    }
    let ids: Vec<i64> = bench.outcomes(3_000).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, (1..=3_000).collect::<Vec<_>>());
    let mut names = BTreeSet::new();
    for _ in 0..3_000 {
        names.insert(server.mail().await.header("Message-ID").unwrap());
    }
    assert_eq!(names.len(), 3_000);
    assert!(server.accepted.try_recv().is_err());
}

#[tokio::test]
async fn a_pipeline_that_takes_no_outcomes_delays_no_mail() {
    let mut server = Server::start(|_| None).await;
    let mut bench = Bench::with(&one(server.port), 1, TempDir::new().unwrap());
    let of = |number: usize| new_message(&format!("prod/{number}"), "countdown", "a@example.com");
    bench.tell((0..50).map(of).collect()).await;
    for _ in 0..50 {
        server.mail().await;
    }
    assert_eq!(bench.outcomes(50).await.len(), 50);
}

#[tokio::test]
async fn who_is_no_longer_configured_is_not_told() {
    let server = Server::start(|_| None).await;
    let mut bench = Bench::start(&one(server.port));
    bench.tell(vec![new_message("prod/1", "countdown", "gone@example.com")]).await;
    let outcomes = bench.outcomes(1).await;
    assert!(
        matches!(&outcomes[0].1, DeliveryResult::GivenUp { error, .. } if error.contains("no longer in the configuration")),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn two_days_are_enough() {
    let bench = Bench::start(&[receiver("host = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nto = [\"a@example.com\"]")]);
    let mut messages = bench.commit(vec![new_message("prod/1", "countdown", "a@example.com")]).await;
    let Bench { store, dispatcher, mut outcomes, directory, .. } = bench;
    dispatcher.stop().await;
    let shutdown = CancellationToken::new();
    let (sender, fresh) = mpsc::channel(10);
    outcomes.close();
    outcomes = fresh;
    // An inbox that has not looked into the store takes what it is given.
    let broken = Store::open(&directory.path().join("other")).unwrap();
    let receivers = [receiver("host = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nto = [\"a@example.com\"]")];
    let prepared = Prepared::new(&config(&receivers)).unwrap();
    let world = world(broken.store.reader());
    let dispatcher = Dispatcher::start_with(prepared, &world, &sender, &shutdown, QUICK);
    let mut old = messages.remove(0);
    old.created_at = clock::wall() - SignedDuration::from_hours(49);
    dispatcher.submit(old);
    let outcome = outcomes.recv().await.unwrap();
    assert!(
        matches!(&outcome.result, DeliveryResult::GivenUp { error, .. } if error.starts_with("not delivered within 48 h")),
        "{outcome:?}"
    );
    drop(store);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_server_that_hangs() {
    let mut server = Server::start(|heard| (heard.line == "DATA").then_some(Answer::Hang)).await;
    let bench = Bench::start(&one(server.port));
    bench.tell(vec![new_message("prod/1", "countdown", "a@example.com")]).await;
    server.heard(|heard| heard.line == "DATA").await;
    bench.shutdown.cancel();
    bench.dispatcher.stop().await;
    assert_eq!(bench.store.reader().pending(0, 10).unwrap().len(), 1);
}
