//! The incident that all this is for, on both channels and both nodes, each line three times: three notifications.

use crate::harness::{
    ccxwatch::{Site, program},
    lines_of_cisco::Says,
    live::Live,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::fs;

const CONFIG: &str = "
[[cluster]]
name = \"berlin\"
release = \"12.5(1)SU2\"
timezone = \"Europe/Berlin\"
[[cluster.node]]
id = \"uccxpub\"
addresses = [\"10.20.0.5\"]
role = \"publisher\"
[[cluster.node]]
id = \"uccxsub\"
addresses = [\"10.20.0.6\"]
role = \"subscriber\"
";

/// 45 → 15 → out of compliance, from `start`: each line three times from each node by syslog and in each node's trace.
fn rows(start: Timestamp) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut said_at = start;
    let mut sequence = 8_000;
    for (says, minutes) in Says::INCIDENT {
        for (copy, (node, from)) in (0..).zip([("uccxpub", "10.20.0.5"), ("uccxsub", "10.20.0.6")].repeat(3)) {
            sequence += 1;
            // A node writes its line once; its copies come later, as they were.
            let said = said_at + SignedDuration::from_millis(250 * (copy % 2));
            let at = said + SignedDuration::from_secs(copy);
            rows.push(json!({ "at": at, "source": "udp", "from": from, "raw": says.syslog(sequence, node, said) }));
            rows.push(json!({ "at": at, "source": "file", "node": node, "raw": says.trace(sequence, said) }));
        }
        said_at += SignedDuration::from_mins(minutes);
    }
    rows
}

/// The three notifications: reason, alert, severity, and the deadline to the second.
fn expected(start: Timestamp) -> [(&'static str, &'static str, &'static str, Timestamp); 3] {
    let ooc = start + SignedDuration::from_mins(45);
    [
        ("countdown_started", "SmartLicenseEnteringOutOfCompliance", "critical", ooc),
        ("countdown_shortly", "SmartLicenseEnteringOutOfComplianceShortly", "alert", ooc),
        ("out_of_compliance", "SmartLicenseOutOfCompliance", "emergency", ooc + SignedDuration::from_hours(90 * 24)),
    ]
}

fn check(told: &[Value], start: Timestamp) {
    let expected = expected(start);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, (reason, alertname, severity, deadline)) in told.iter().zip(expected) {
        assert_eq!(told["reason"], reason, "{told}");
        assert_eq!(told["alertname"], alertname, "{told}");
        let named = told["severity"].as_str().unwrap_or_default();
        assert!(named.eq_ignore_ascii_case(severity), "{told}");
        assert_eq!(told["cluster"], "berlin", "{told}");
        let until: Timestamp = told["deadline"].as_str().expect("a deadline").parse().expect("a time");
        assert_eq!(until.as_second(), deadline.as_second(), "{told}");
    }
}

#[test]
fn each_stage_is_told_once() {
    let start: Timestamp = "2026-11-24T10:00:00Z".parse().expect("a time");
    let rows = rows(start);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (config, timeline) = (folder.path().join("incident.toml"), folder.path().join("incident.jsonl"));
    fs::write(&config, CONFIG).expect("it can be written");
    let lines: Vec<_> = rows.iter().map(Value::to_string).collect();
    fs::write(&timeline, lines.join("\n")).expect("it can be written");
    let mut replay = program();
    let output = replay.arg("replay").arg("--config").arg(&config).arg(&timeline).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect();
    check(&told, start);
    // The real process, with sockets, files and a mail server, tells the same.
    let site = Site::new("");
    let mailed = Live::start(&site, CONFIG, &rows).play(&rows, &told);
    check(&mailed, start);
}
