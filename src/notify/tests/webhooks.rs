//! Webhooks against a scripted web server, and what the presets make.

use super::{
    super::{Common, webhook::Body},
    bench::{Bench, is_retry, reason},
    message, new_message, notification,
    server::acceptor,
    time,
    web_server::{WebServer, answer},
};
use crate::{
    config::{Config, Receiver, ReceiverKind},
    store::{DeliveryResult, FailureReason, NewMessage},
};
use ccxwatch_alerts::notification::{Notification, Reason};
use serde_json::Value;
use std::{fs, time::Duration};
use tempfile::TempDir;

fn webhook(more: &str) -> Receiver {
    toml::from_str(&format!("name = \"ops\"\ntype = \"webhook\"\ntimeout = \"1s\"\n{more}")).unwrap()
}

fn told(told_as: &str) -> NewMessage {
    new_message("prod/1", told_as, "")
}

#[tokio::test]
async fn a_request_says_all_and_is_signed() {
    let mut server = WebServer::start(|_| answer("202 Accepted")).await;
    let directory = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        format!("{{ file = {path:?} }}")
    };
    let receiver = webhook(&format!(
        "url = \"http://127.0.0.1:{}/in?team=ops\"\nheaders = {{ X-Token = {}, X-Team = \"ops\" }}\nhmac_secret = {}\n\
         username = \"me\"\npassword_file = {:?}",
        server.port,
        file("token", "open sesame\n"),
        file("key", "key"),
        directory.path().join("token"),
    ));
    let mut bench = Bench::start(&[receiver]);
    let messages = bench.tell(vec![told("countdown")]).await;
    assert_eq!(bench.outcomes(1).await[0].1, DeliveryResult::Delivered);
    let request = server.request().await;
    assert_eq!(request.line, "POST /in?team=ops HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("x-token"), Some("open sesame"));
    assert_eq!(request.header("x-team"), Some("ops"));
    assert_eq!(request.header("authorization"), Some("Basic bWU6b3BlbiBzZXNhbWU="));
    assert_eq!(request.header("x-ccxwatch-message-id"), Some(&*messages[0].message_id));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"key");
    let signed = format!("{}.{}", request.header("x-ccxwatch-timestamp").unwrap(), request.body);
    let signature = request.header("x-ccxwatch-signature").unwrap().strip_prefix("sha256=").unwrap();
    let bytes: Vec<u8> =
        (0..signature.len()).step_by(2).map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap()).collect();
    ring::hmac::verify(&key, signed.as_bytes(), &bytes).unwrap();
    let body = request.json();
    for (path, expected) in [
        ("/status", "firing"),
        ("/reason", "countdown_started"),
        ("/cluster", "prod"),
        ("/deadline/utc", "2026-11-24T11:30:00Z"),
        ("/severity", "critical"),
        ("/episode", "prod/1"),
        ("/runbook/1", "Buy licenses, or log agents out."),
    ] {
        assert_eq!(body.pointer(path).and_then(Value::as_str), Some(expected), "{path}: {body}");
    }
}

#[tokio::test]
async fn only_a_server_that_proves_its_name_gets_a_request() {
    let authority = format!("ca_file = \"{}/src/notify/tests/tls/ca.pem\"", env!("CARGO_MANIFEST_DIR"));
    let anybody = "danger_accept_invalid_certs = true";
    for (host, more, error) in [
        ("localhost", &*authority, None),
        ("127.0.0.1", anybody, None),
        ("localhost", "", Some("UnknownIssuer")),
        ("127.0.0.1", &*authority, Some("not valid for name")),
    ] {
        let mut server = WebServer::protected(Some(acceptor()), |_| answer("200 OK")).await;
        let mut bench = Bench::start(&[webhook(&format!("url = \"https://{host}:{}/\"\n{more}", server.port))]);
        bench.tell(vec![told("countdown")]).await;
        let outcome = bench.outcomes(1).await.remove(0).1;
        match error {
            None => {
                assert_eq!(outcome, DeliveryResult::Delivered, "{host} {more}");
                assert_eq!(server.request().await.header("host"), Some(&*format!("{host}:{}", server.port)));
            }
            Some(error) => {
                assert_eq!(reason(&outcome), Some(FailureReason::Tls), "{host} {more}: {outcome:?}");
                assert!(is_retry(&outcome, error), "{host} {more}: {outcome:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_an_answer_means() {
    for (status, more, retried, why) in [
        ("400 Bad Request", "", false, FailureReason::Rejected),
        ("413 Content Too Large", "Retry-After: 1\r\n", false, FailureReason::Rejected),
        ("401 Unauthorized", "", true, FailureReason::Auth),
        ("404 Not Found", "", true, FailureReason::Rejected),
        ("429 Too Many Requests", "", true, FailureReason::RateLimited),
        ("503 Service Unavailable", "", true, FailureReason::Unavailable),
        ("302 Found", "Location: http://127.0.0.1:1/\r\n", true, FailureReason::Rejected),
    ] {
        let first = format!("HTTP/1.1 {status}\r\n{more}Content-Length: 8\r\n\r\nno token");
        let server = WebServer::start(move |n| if n == 0 { first.clone() } else { answer("200 OK") }).await;
        let mut bench = Bench::start(&[webhook(&format!("url = \"http://127.0.0.1:{}/secret-path\"", server.port))]);
        bench.tell(vec![told("countdown")]).await;
        let outcome = bench.outcomes(1).await.remove(0).1;
        assert_eq!(reason(&outcome), Some(why), "{status}: {outcome:?}");
        let shown = format!("{outcome:?}");
        assert!(shown.contains(&status[..3]) && !shown.contains("secret-path"), "{shown}");
        if retried {
            assert!(matches!(outcome, DeliveryResult::Retry { .. }), "{status}: {outcome:?}");
            assert_eq!(bench.outcomes(1).await[0].1, DeliveryResult::Delivered, "{status}");
        } else {
            assert!(matches!(outcome, DeliveryResult::GivenUp { .. }), "{status}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn who_asks_for_a_pause_gets_it_even_from_the_urgent() {
    let mut server =
        WebServer::start(|n| if n == 0 { answer("429 Too Many Requests\r\nRetry-After: 1") } else { answer("200 OK") })
            .await;
    let bench = Bench::start(&[webhook(&format!("url = \"http://127.0.0.1:{}/\"", server.port))]);
    bench.tell(vec![told("countdown")]).await;
    server.request().await;
    let refused_at = crate::clock::timer();
    bench.tell(vec![new_message("test/1", "countdown", "")]).await;
    server.request().await;
    let waited = crate::clock::timer() - refused_at;
    assert!(waited > Duration::from_millis(900), "{waited:?}");
}

#[tokio::test]
async fn a_broken_answer_is_no_success_and_an_endless_one_no_burden() {
    for (first, why) in [
        (String::new(), FailureReason::Connect),
        ("hello\r\n\r\n".to_owned(), FailureReason::Connect),
        (
            format!("HTTP/1.1 500 Oops\r\nContent-Length: 9999999\r\n\r\n{}", "x".repeat(100_000)),
            FailureReason::Unavailable,
        ),
    ] {
        let server = WebServer::start(move |n| if n == 0 { first.clone() } else { answer("200 OK") }).await;
        let mut bench = Bench::start(&[webhook(&format!("url = \"http://127.0.0.1:{}/\"", server.port))]);
        bench.tell(vec![told("countdown")]).await;
        let outcome = bench.outcomes(1).await.remove(0).1;
        assert_eq!(reason(&outcome), Some(why), "{outcome:?}");
        assert!(format!("{outcome:?}").len() < 600);
    }
}

#[tokio::test]
async fn a_secret_that_is_sent_back_does_not_show() {
    let body = "bad key: hunter2-token for https://x/path-secret-1";
    let server =
        WebServer::start(move |_| format!("HTTP/1.1 400 No\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("token"), "hunter2-token").unwrap();
    fs::write(directory.path().join("url"), format!("http://127.0.0.1:{}/path-secret-1", server.port)).unwrap();
    let receiver = webhook(&format!(
        "url = {{ file = {:?} }}\nvalues = {{ key = {{ file = {:?} }} }}",
        directory.path().join("url"),
        directory.path().join("token")
    ));
    let shown = format!("{receiver:?} {}", toml::to_string(&receiver).unwrap());
    assert!(!shown.contains("hunter2") && !shown.contains("path-secret"), "{shown}");
    let mut bench = Bench::start(&[receiver]);
    bench.tell(vec![told("countdown")]).await;
    let outcome = bench.outcomes(1).await.remove(0).1;
    let shown = format!("{outcome:?} {:?} {:?}", bench.dispatcher, bench.dispatcher.health());
    assert!(shown.contains("(secret)"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("path-secret"), "{shown}");
}

#[tokio::test]
async fn a_template_that_fails_at_night_costs_the_looks_and_not_the_alarm() {
    let mut server = WebServer::start(|_| answer("200 OK")).await;
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("body.json.j2");
    fs::write(&file, "{\"text\": {{ summary }}, \"at\": {{ 1 // (severity_number - 2) }}}").unwrap();
    let receiver = webhook(&format!("url = \"http://127.0.0.1:{}/\"\nbody = {file:?}", server.port));
    let bench = Bench::start(&[receiver]);
    bench.tell(vec![told("countdown")]).await;
    assert_eq!(server.request().await.json()["alertname"], "SmartLicenseEnteringOutOfCompliance");
}

/// Each preset makes JSON of every reason, hostile text included, and what matters is where its service looks for it.
#[test]
fn presets_make_what_their_services_take() {
    let made = |preset: &str, notification: Notification| -> Value {
        let receiver =
            webhook(&format!("url = \"https://x/\"\npreset = \"{preset}\"\nvalues = {{ routing_key = \"R\" }}"));
        let ReceiverKind::Webhook(settings) = &receiver.kind else { panic!() };
        let body = Body::preview(&receiver, settings, &Common::of(&Config::default())).unwrap();
        let text = body.write(&message(notification), time("2026-11-24T10:47:00Z"));
        serde_json::from_str(&text.unwrap_or_else(|error| panic!("{preset}: {error}"))).unwrap()
    };
    let hostile = "**x** [a](http://evil) \"}]\u{1b}\r\n<b>";
    for preset in ["ccxwatch", "webex", "teams", "pagerduty", "servicenow"] {
        for reason in Reason::ALL {
            let mut bare = Notification { reason, ..notification("prod/1", "x") };
            made(preset, bare.clone());
            (bare.cluster, bare.node, bare.since, bare.deadline) = (None, None, None, None);
            bare.runbook = Vec::new();
            bare.summary = hostile.to_owned();
            bare.evidence.last_raw = Some(hostile.to_owned());
            made(preset, bare);
        }
    }
    let start = || notification("prod/1", "x");
    let end = || Notification { reason: Reason::ConfirmedCompliant, ..notification("prod/1", "y") };
    let bad = || Notification { summary: hostile.to_owned(), ..start() };
    for (preset, notification, path, expected) in [
        ("pagerduty", start(), "/event_action", "trigger"),
        ("pagerduty", start(), "/routing_key", "R"),
        ("pagerduty", start(), "/dedup_key", "ccxwatch/prod/1"),
        ("pagerduty", start(), "/payload/severity", "critical"),
        ("pagerduty", start(), "/payload/source", "uccxpub"),
        ("pagerduty", end(), "/event_action", "resolve"),
        ("pagerduty", end(), "/dedup_key", "ccxwatch/prod/1"),
        ("servicenow", start(), "/records/0/severity", "1"),
        ("servicenow", end(), "/records/0/severity", "0"),
        ("servicenow", end(), "/records/0/resolution_state", "Closing"),
        ("servicenow", start(), "/records/0/message_key", "ccxwatch/prod/1"),
        ("servicenow", start(), "/records/0/time_of_event", "2026-11-24 10:45:00"),
        ("teams", start(), "/attachments/0/content/type", "AdaptiveCard"),
        ("teams", start(), "/attachments/0/content/body/0/color", "Attention"),
        ("teams", end(), "/attachments/0/content/body/0/color", "Good"),
        (
            "teams",
            bad(),
            "/attachments/0/content/body/1/text",
            "\\*\\*x\\*\\* \\[a\\]\\(http://evil\\) \"\\}\\]\\\\x1b\\\\r\\\\n\\<b\\>",
        ),
    ] {
        let json = made(preset, notification);
        assert_eq!(json.pointer(path).and_then(Value::as_str), Some(expected), "{preset} {path}: {json}");
    }
    let webex = made("webex", bad());
    let markdown = webex["markdown"].as_str().unwrap();
    assert!(markdown.starts_with("🔴 **prod: licenses out of compliance in 43 min**\n\n"), "{markdown}");
    assert!(markdown.contains("\\[a\\]"), "{markdown}");
}
