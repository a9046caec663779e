//! What an operator does to alerts, by the command line, the control socket and `replay`; and rules of the user from line to page.

use crate::harness::{
    ccxwatch::{Ccxwatch, Site, program},
    http::get,
};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    net::UdpSocket,
    process::Output,
    sync::atomic::{AtomicU32, Ordering},
};

const CONFIG: &str = "
[[cluster]]
name = \"berlin\"
[[cluster.node]]
id = \"uccxpub\"
addresses = [\"127.0.0.1\"]
[[rule]]
name = \"QueueFull\"
match = { facility = [\"UC_QUEUES\"], mnemonic = [\"QueueFull\"], regex = 'queue (?P<queue>\\w+) is full' }
clear = { mnemonic = [\"QueueDrained\"], regex = 'queue (?P<queue>\\w+) is drained' }
labels = { queue = \"${queue}\" }
summary = \"Queue ${queue} is full\"
examples = [\"%UC_QUEUES-3-QueueFull: %[NodeID=uccxpub]: the queue sales is full\"]
[[alert]]
name = \"CcxEnginePartialService\"
enable = false
";

#[expect(clippy::disallowed_methods, reason = "the lines of a live process bear the time of the machine")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// Sends a line with a sequence number of its own: with an old one it would be a copy.
fn send(ccxwatch: &Ccxwatch, text: &str) {
    static SEQUENCE: AtomicU32 = AtomicU32::new(1);
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    let now = now().strftime("%b %d %Y %H:%M:%S.000 UTC");
    let line = format!("<187>{sequence}: uccxpub: {now} : %{text}");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.send_to(line.as_bytes(), ccxwatch.udp()).expect("it is sent");
}

fn alerts(site: &Site, arguments: &[&str]) -> Output {
    site.command("alerts").args(arguments).output().expect("it starts")
}

fn done(site: &Site, arguments: &[&str]) -> String {
    let output = alerts(site, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn refused(site: &Site, arguments: &[&str]) -> String {
    let output = alerts(site, arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn list(site: &Site, arguments: &[&str]) -> Vec<Value> {
    let mut all = vec!["list", "--json"];
    all.extend(arguments);
    let text = done(site, &all);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn an_alert_lives_and_is_remembered() {
    let site = Site::new(CONFIG);
    let ccxwatch = site.start();
    // A silence from before: nobody is told.
    let silence = done(&site, &["silence", "add", "queue=\"support\"", "--for", "1h", "--comment", "known"]);
    let silence = silence.strip_prefix("done: ").expect("an id");
    send(&ccxwatch, "UC_QUEUES-3-QueueFull: %[NodeID=uccxpub]: the queue support is full");
    send(&ccxwatch, "UC_QUEUES-3-QueueFull: %[NodeID=uccxpub]: the queue sales is full");
    ccxwatch.output.wait_for("the alert", |line| line.contains("Queue sales is full").then_some(()));
    let firing = list(&site, &["--state", "firing"]);
    assert_eq!(firing.len(), 2, "{firing:#?}");
    let of = |queue: &str| firing.iter().find(|alert| alert["labels"]["queue"] == queue).expect("an alert");
    assert_eq!(of("support")["suppressed"]["by"], "silence");
    assert_eq!(of("support")["suppressed"]["comment"], "known");
    let page = ccxwatch.page("/");
    assert!(page.contains("Queue sales is full") && page.contains("suppressed by silence"), "{page}");
    // Seen, and over.
    let sales = of("sales")["fingerprint"].as_str().expect("a fingerprint");
    done(&site, &["acknowledge", "berlin", "--alert", sales, "--for", "4h", "--who", "lee"]);
    assert_eq!(list(&site, &["--state", "acknowledged"])[0]["acknowledged"]["who"], "lee");
    done(&site, &["silence", "expire", silence]);
    ccxwatch.output.wait_for("what was silenced", |line| line.contains("Queue support is full").then_some(()));
    send(&ccxwatch, "UC_QUEUES-6-QueueDrained: %[NodeID=uccxpub]: the queue support is drained");
    ccxwatch.output.wait_for("its end", |line| {
        line.contains("Queue support is full on uccxpub (support): resolved").then_some(())
    });
    done(&site, &["resolve", "berlin", sales, "--comment", "agents added"]);
    ccxwatch.output.wait_for("its end", |line| line.contains("(sales): resolved").then_some(()));
    ccxwatch.terminate();
    // The history outlives the process.
    let ccxwatch = site.start();
    let past = list(&site, &["--since", "1h", "--cluster", "berlin"]);
    let ends: Vec<_> = past.iter().map(|alert| alert["end"]["reason"].as_str().unwrap_or_default()).collect();
    assert_eq!(past.len(), 2, "{past:#?}");
    assert!(ends.contains(&"operator") && ends.contains(&"cleared_by_event"), "{ends:?}");
    let body: Value = serde_json::from_str(&ccxwatch.page("/api/v1/alerts?state=resolved&limit=1")).expect("JSON");
    assert_eq!(body["alerts"].as_array().map(Vec::len), Some(1), "{body}");
    assert_eq!(list(&site, &["--since", "1h", "--cluster", "paris"]), [] as [Value; 0]);
}

#[test]
fn a_change_is_announced() {
    let site = Site::new(CONFIG);
    let ccxwatch = site.start();
    let window = done(&site, &["maintenance", "start", "--cluster", "berlin", "--for", "2h", "--comment", "patches"]);
    let window = window.strip_prefix("done: ").expect("an id");
    done(&site, &["suspend", "berlin", "--node", "uccxpub"]);
    let listed = done(&site, &["maintenance", "list"]);
    assert!(listed.contains(window) && listed.contains("node=uccxpub") && listed.contains("patches"), "{listed}");
    send(&ccxwatch, "UC_QUEUES-3-QueueFull: %[NodeID=uccxpub]: the queue sales is full");
    // Both must end before anybody is told.
    done(&site, &["maintenance", "end", window]);
    done(&site, &["resume", "berlin", "--node", "uccxpub"]);
    ccxwatch.output.wait_for("the alert", |line| line.contains("Queue sales is full").then_some(()));
    // What cannot be done says why.
    let cases: [(&[&str], &str); 7] = [
        (&["maintenance", "end", window], "is open or planned"),
        (&["resume", "berlin"], "not suspended"),
        (&["suspend", "paris"], "no cluster \"paris\""),
        (&["silence", "add", "queue", "--for", "1h"], "one of = != =~ !~"),
        (&["silence", "add", "queue=a", "--until", "2020-01-01T00:00:00Z"], "later"),
        (&["silence", "add", "queue=a"], "--for"),
        (&["resolve", "berlin", "0000"], "no alert"),
    ];
    for (arguments, said) in cases {
        let error = refused(&site, arguments);
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    let answer = get(ccxwatch.web, "/api/v1/alerts?state=asleep");
    assert_eq!(answer.status, 400);
    let body = answer.body;
    assert!(body.contains("firing, acknowledged, suppressed, resolved"), "{body}");
}

#[test]
fn a_rule_is_checked_and_shown() {
    let site = Site::new(CONFIG);
    let line = "<187>1: uccxpub: Nov 24 2026 10:45:00.000 UTC : %UC_QUEUES-3-QueueFull: %[NodeID=uccxpub]: the queue sales is full";
    let log = site.path().join("log");
    std::fs::write(&log, format!("{line}\n")).expect("it can be written");
    let output = site.command("parse").arg("--rules").arg(&log).output().expect("it starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("[raises QueueFull]"), "{shown}");
    let output = site.command("parse").args(["--rules", "--json"]).arg(&log).output().expect("it starts");
    let record: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(record["rules"][0]["rule"], "QueueFull", "{record}");
    site.configure(&CONFIG.replace("queue sales is full\"", "queue sales overflows\""));
    let output = site.command("check").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success()
            && said.contains("rule \"QueueFull\": this line does not raise it: the regex finds nothing"),
        "{said}"
    );
}

#[test]
fn replay_takes_the_same_commands() {
    let site = Site::new(CONFIG);
    let row = |at: &str, rest: &str| format!("{{\"at\": \"2026-11-24T{at}Z\", {rest}}}\n");
    let line = |minute: &str| {
        let raw = format!(
            "<187>1: uccxpub: Nov 24 2026 10:{minute}:00.000 UTC : %UC_QUEUES-3-QueueFull: %[NodeID=uccxpub]: the queue sales is full"
        );
        format!("\"source\": \"udp\", \"from\": \"127.0.0.1\", \"raw\": \"{raw}\"")
    };
    let rows = [
        row(
            "10:00:00",
            "\"operator\": {\"add_silence\": {\"matchers\": \"{queue=\\\"sales\\\"}\", \"until\": \"2026-11-24T10:10:00Z\"}}",
        ),
        row("10:05:00", &line("05")),
        row("10:20:00", "\"operator\": {\"suspend\": {}}, \"cluster\": \"berlin\""),
    ];
    let timeline = site.path().join("timeline.jsonl");
    std::fs::write(&timeline, rows.concat()).expect("it can be written");
    let output = site.command("replay").arg(&timeline).output().expect("it starts");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(
        (told["reason"].as_str(), told["at"].as_str()),
        (Some("firing"), Some("2026-11-24T10:10:00Z")),
        "{told}"
    );
}

#[test]
fn who_has_read_enough_ends_a_command_quietly() {
    for arguments in [&["check", "--default"][..], &["families"], &["alerts", "names"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = program().args(arguments).stdout(writer).output().expect("it starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}
