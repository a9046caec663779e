//! Connections: kept, made ahead, protected, logged in.

use super::{
    bench::{Bench, is_retry, once, one, reason},
    new_message, receiver,
    server::{Answer, Protection, Server},
};
use crate::{
    config::Receiver,
    store::{DeliveryResult, FailureReason},
};
use tempfile::TempDir;

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_costs_no_retry() {
    let mut server = Server::start(|heard| {
        (heard.connection == 1 && heard.line.starts_with("MAIL") && heard.to == "a@example.com").then_some(Answer::Cut)
    })
    .await;
    let mut bench = Bench::start(&one(server.port));
    for told_as in ["countdown", "out_of_compliance"] {
        bench.tell(vec![new_message("prod/1", told_as, "a@example.com")]).await;
        assert_eq!(bench.outcomes(1).await[0].1, DeliveryResult::Delivered);
    }
    assert_eq!([server.mail().await.connection, server.mail().await.connection], [1, 2]);
}

#[tokio::test]
async fn a_kept_connection_that_fell_silent_is_left_before_the_time_is_up() {
    let mut server = Server::start(|heard| {
        let silent = heard.connection == 1 && heard.line.starts_with("MAIL") && heard.to == "a@example.com";
        silent.then_some(Answer::Hang)
    })
    .await;
    let receivers = [receiver(&format!(
        "host = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nto = [\"a@example.com\"]\ntimeout = \"30s\"",
        server.port
    ))];
    let mut bench = Bench::start(&receivers);
    for told_as in ["countdown", "out_of_compliance"] {
        bench.tell(vec![new_message("prod/1", told_as, "a@example.com")]).await;
        assert_eq!(bench.outcomes(1).await[0].1, DeliveryResult::Delivered);
    }
    assert_eq!([server.mail().await.connection, server.mail().await.connection], [1, 2]);
}

#[tokio::test]
async fn the_connection_is_made_ahead_and_kept() {
    let mut server = Server::start(|_| None).await;
    let mut bench = Bench::start(&one(server.port));
    let new = new_message("prod/1", "countdown", "a@example.com");
    bench.dispatcher.expect(std::slice::from_ref(&new));
    server.heard(|heard| heard.line.starts_with("EHLO")).await;
    for told_as in ["countdown", "countdown_shortly", "out_of_compliance"] {
        bench.tell(vec![new_message("prod/1", told_as, "a@example.com")]).await;
        bench.outcomes(1).await;
        assert_eq!(server.mail().await.connection, 1);
    }
}

#[tokio::test]
async fn without_the_tls_that_was_asked_for_nothing_is_said() {
    let mut server = Server::start(|_| None).await;
    let receivers = [receiver(&format!("host = \"127.0.0.1\"\nport = {}\nto = [\"a@example.com\"]", server.port))];
    let mut bench = Bench::start(&receivers);
    bench.tell(vec![new_message("prod/1", "countdown", "a@example.com")]).await;
    let outcomes = bench.outcomes(1).await;
    assert!(is_retry(&outcomes[0].1, "STARTTLS is not supported"), "{outcomes:?}");
    while let Ok(heard) = server.heard.try_recv() {
        assert!(!heard.line.starts_with("MAIL"), "{heard:?}");
    }
}

fn tls_receiver(port: u16, host: &str, more: &str) -> Vec<Receiver> {
    vec![receiver(&format!("host = \"{host}\"\nport = {port}\nto = [\"a@example.com\"]\n{more}"))]
}

#[tokio::test]
async fn mail_goes_over_both_kinds_of_tls_when_the_authority_is_trusted() {
    let authority = format!("ca_file = \"{}/src/notify/tests/tls/ca.pem\"", env!("CARGO_MANIFEST_DIR"));
    for (protection, tls) in [(Protection::Starttls, ""), (Protection::Implicit, "\ntls = \"implicit\"")] {
        let mut server = Server::protected(protection, |_| None).await;
        let mut bench = Bench::start(&tls_receiver(server.port, "localhost", &format!("{authority}{tls}")));
        for told_as in ["countdown", "out_of_compliance"] {
            bench.tell(vec![new_message("prod/1", told_as, "a@example.com")]).await;
            assert_eq!(bench.outcomes(1).await[0].1, DeliveryResult::Delivered, "{protection:?}");
            assert_eq!(server.mail().await.connection, 1);
        }
    }
}

#[tokio::test]
async fn whoever_wants_it_so_is_told_by_anybody() {
    for (protection, tls) in [(Protection::Starttls, "starttls"), (Protection::Implicit, "implicit")] {
        let mut server = Server::protected(protection, |_| None).await;
        let more = format!("tls = \"{tls}\"\ndanger_accept_invalid_certs = true");
        let bench = Bench::start(&tls_receiver(server.port, "127.0.0.1", &more));
        bench.tell(vec![new_message("prod/1", "countdown", "a@example.com")]).await;
        server.mail().await;
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_gets_nothing() {
    let authority = format!("ca_file = \"{}/src/notify/tests/tls/ca.pem\"", env!("CARGO_MANIFEST_DIR"));
    for (protection, tls) in [(Protection::Starttls, "starttls"), (Protection::Implicit, "implicit")] {
        for (host, more, error) in
            [("localhost", "", "UnknownIssuer"), ("127.0.0.1", &*authority, "not valid for name")]
        {
            let mut server = Server::protected(protection, |_| None).await;
            let mut bench = Bench::start(&tls_receiver(server.port, host, &format!("tls = \"{tls}\"\n{more}")));
            bench.tell(vec![new_message("prod/1", "countdown", "a@example.com")]).await;
            let outcomes = bench.outcomes(1).await;
            assert!(is_retry(&outcomes[0].1, error), "{tls} {host}: {outcomes:?}");
            assert_eq!(reason(&outcomes[0].1), Some(FailureReason::Tls), "{tls} {host}: {outcomes:?}");
            assert!(server.accepted.try_recv().is_err());
        }
    }
}

#[tokio::test]
async fn the_password_is_read_from_its_file_and_a_refused_one_gives_nothing_up() {
    // It repeats what it was sent, plainly and coded.
    let refused = once("AUTH", Answer::Say("535 5.7.8 bad credentials sesame AG1lAHNlc2FtZQ=="));
    let mut server = Server::start(refused).await;
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "sesame\n").unwrap();
    let receivers = [receiver(&format!(
        "host = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nto = [\"a@example.com\"]\nusername = \"me\"\npassword_file = {file:?}",
        server.port
    ))];
    let mut bench = Bench::start(&receivers);
    let messages = bench.commit(vec![new_message("prod/1", "countdown", "a@example.com")]).await;
    bench.dispatcher.submit(messages[0].clone());
    let first = bench.outcomes(1).await;
    assert!(is_retry(&first[0].1, "bad credentials"), "{first:?}");
    assert_eq!(reason(&first[0].1), Some(FailureReason::Auth));
    let shown = format!("{first:?} {:?}", bench.dispatcher);
    assert!(!shown.contains("sesame") && !shown.contains("AG1lAHNlc2FtZQ"), "{shown}");
    assert_eq!(bench.outcomes(1).await[0].1, DeliveryResult::Delivered);
    // base64 of NUL me NUL sesame
    server.heard(|heard| heard.line == "AUTH PLAIN AG1lAHNlc2FtZQ==").await;
}
