//! Alarms of Unified Communications through the real process: raised, wrapped, logged by RTMT, and over.

use crate::harness::{
    ccxwatch::{Site, program},
    senders,
    smtp::Smtp,
    wait::poll_until,
};
use jiff::Timestamp;
use serde_json::Value;
use std::fs;

const CONFIG: &str = "
# own files
[[sources.file]]
path = \"{DIR}/AlertLog*.csv\"
node = \"pub\"
[[cluster]]
name = \"berlin\"
[[cluster.node]]
id = \"pub\"
addresses = [\"127.0.0.21\"]
[[cluster.node]]
id = \"sub\"
addresses = [\"127.0.0.22\"]
";

const HEADER: &str = "Time Stamp,Alert Type,Alert Name,Alert Message,Monitored Object Name,Severity,PollValue,Action,Node ID,Group ID \n";

/// The clock of the test.
#[expect(clippy::disallowed_methods, reason = "lines carry the time at which they are sent")]
fn wall() -> Timestamp {
    Timestamp::now()
}

/// What RTMT says of a service that is down, 30 seconds after it went.
fn body(at: &str) -> String {
    format!("Service operational status is DOWN. Cisco Tomcat. The alert is generated on {at} on node 127.0.0.22.")
}

#[test]
fn an_alarm_its_wrapper_and_the_alert_log_are_one_alert_until_it_is_over() {
    let site = Site::new(CONFIG);
    let running = site.start();
    let now = wall();
    let syslog = now.strftime("%b %d %Y %H:%M:%S.000 UTC").to_string();
    let java = now.strftime("%a %b %d %H:%M:%S UTC %Y").to_string();
    let send =
        |from: &str, line: String| senders::udp(from.parse().expect("an address"), running.udp(), line.as_bytes());
    let alerts = || -> Vec<Value> {
        let page: Value = serde_json::from_str(&running.page("/api/v1/alerts")).expect("JSON");
        page.as_array().or_else(|| page["alerts"].as_array()).expect("a list").clone()
    };
    let wait_for = |status: &str| {
        poll_until("the alert", || {
            alerts().into_iter().find(|alert| {
                alert["labels"]["alertname"] == "CriticalServiceDown" && alert["status"].as_str() == Some(status)
            })
        })
    };
    let tags = "[AppID=Cisco Service Manager][ClusterID=][NodeID=sub]";
    let failed = format!(
        "812: sub: {syslog} :  %UC_SERVICEMANAGER-2-ServiceFailed: %[ServiceName=Cisco Tomcat][Reason=x]{tags}: Down."
    );
    send("127.0.0.22", format!("<186>{failed}"));
    let alert = wait_for("firing");
    assert_eq!((&alert["labels"]["node"], &alert["labels"]["service_name"]), (&"sub".into(), &"Cisco Tomcat".into()));
    assert!(alert["annotations"]["runbook"].as_str().is_some_and(|runbook| !runbook.is_empty()), "{alert}");
    // The copy, RTMT's line and RTMT's log say nothing new.
    send("127.0.0.22", format!("<14>{failed}"));
    let rtmt = format!(
        "<186>91: pub: {syslog} : %UC_RTMT-2-RTMT_ALERT: %[AlertName=CriticalServiceDown][AlertDetail= {}][NodeID=pub]: RTMT Alert",
        body(&java)
    );
    send("127.0.0.21", rtmt);
    let row =
        |name: &str, message: &str| format!("{},2,{name},{message},pub,2,0,Default,pub,System\n", now.as_millisecond());
    let log = site.path().join("AlertLog_11_24_2026_00_00.csv");
    let counter = format!("Processor load over 90 %. The alert is generated on {java} on node 127.0.0.22.");
    senders::append(
        &log,
        (HEADER.to_owned() + &row("CriticalServiceDown", &body(&java)) + &row("CpuPegging", &counter)).as_bytes(),
    );
    poll_until("the alert log", || {
        alerts().iter().any(|alert| alert["labels"]["alertname"] == "CpuPegging").then_some(())
    });
    let down = alerts().into_iter().filter(|alert| alert["labels"]["alertname"] == "CriticalServiceDown");
    assert_eq!(down.count(), 1);
    poll_until("the copies to be counted", || (running.metric("ccxwatch_copies_folded_total") >= 3.0).then_some(()));
    let started = format!(
        "<190>813: sub: {syslog} :  %UC_GENERIC-6-ServiceStarted: %[ServiceName=Cisco Tomcat][ProcessID=8]{tags}: Up."
    );
    send("127.0.0.22", started);
    wait_for("resolved");
}

#[test]
fn an_alert_log_is_imported() {
    let site = Site::new(CONFIG);
    let log = site.path().join("old.csv");
    let row = |at: &str, name: &str| {
        let at: Timestamp = at.parse().expect("a time");
        format!("{},2,{name},one, two, three,pub,3,0,Default,sub,System\n", at.as_millisecond())
    };
    let text = HEADER.to_owned()
        + &row("2026-11-20T10:00:00Z", "CoreDumpFileFound")
        + &row("2026-11-20T10:05:00Z", "MyOwnAlert")
        + "not a row\n";
    fs::write(&log, text).expect("it can be written");
    let mut replay = program();
    replay.arg("replay").arg("--config").arg(site.config()).args(["--node", "pub"]).arg(&log);
    let output = replay.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let rows: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> = rows.iter().map(|row| [&row["at"], &row["alertname"], &row["node"], &row["reason"]]).collect();
    assert_eq!(
        told,
        [
            ["2026-11-20T10:00:00Z", "CoreDumpFileFound", "sub", "firing"],
            ["2026-11-20T10:05:00Z", "MyOwnAlert", "sub", "firing"],
        ]
    );
}

#[test]
fn the_known_alerts_are_listed() {
    let run = |arguments: &[&str]| {
        let output = program().arg("families").args(arguments).output().expect("it starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, lines, _) = run(&[]);
    assert!(code == Some(0) && lines.lines().count() > 200, "{lines}");
    let (code, json, _) = run(&["--json"]);
    let known: Vec<Value> = serde_json::from_str(&json).expect("JSON");
    assert!(code == Some(0) && known.len() == lines.lines().count());
    // The name of an alarm finds its alert, whatever its case.
    let (code, found, _) = run(&["sdllinkoos"]);
    assert_eq!(code, Some(0));
    for part in ["SDLLinkOutOfService", "cleared by CALLMANAGER-SDLLinkISV", "one for each remote_node_id", "  do  "] {
        assert!(found.contains(part), "{part} is not in:\n{found}");
    }
    let (code, found, said) = run(&["nonsense"]);
    assert_eq!((code, found.as_str()), (Some(1), ""));
    assert!(said.contains("ccxwatch families"), "{said}");
}

/// 40 different alarms of one node, and one of its neighbor: five mails of the first, one of all the others, one of the neighbor.
#[test]
fn a_storm_of_one_node_is_one_mail() {
    let server = Smtp::start();
    let storm = "[storm]\ngroup_wait = \"2s\"\ngroup_interval = \"2s\"\n";
    let site = Site::new(&format!("{CONFIG}{storm}{}", server.receiver("team", &["uc-team@example.com"])));
    let running = site.start();
    let stamp = wall().strftime("%b %d %Y %H:%M:%S.000 UTC").to_string();
    let send = |from: &str, node: &str, number: usize, alarm: &str, parameters: &str| {
        let line = format!("<186>{number}: {node}: {stamp} : %{alarm}: %{parameters}[NodeID={node}]: It happened.");
        senders::udp(from.parse().expect("an address"), running.udp(), line.as_bytes());
    };
    // What the storm gathers has an end that the storm tells.
    let service = |number: usize, alarm: &str| {
        send("127.0.0.22", "sub", number, alarm, "[ServiceName=Cisco Tomcat][AppID=Cisco Service Manager]");
    };
    for number in 0..39 {
        send("127.0.0.22", "sub", number, &format!("UC_STRANGE-2-Strange{number}"), "");
    }
    service(39, "UC_SERVICEMANAGER-2-ServiceFailed");
    send("127.0.0.21", "pub", 1, "UC_STRANGE-2-Neighbor", "");
    let mails = server.wait_for(7);
    let subject = |mail: &crate::harness::smtp::Mail| mail.header("Subject").unwrap_or_default();
    let (tables, single): (Vec<_>, Vec<_>) = mails.iter().partition(|mail| subject(mail).contains("storm"));
    assert_eq!((tables.len(), single.len()), (1, 6), "{:?}", mails.iter().map(subject).collect::<Vec<_>>());
    let table = tables[0].text();
    assert!(subject(tables[0]).starts_with("berlin: storm, 35 alerts fire on sub: "), "{}", subject(tables[0]));
    for text in ["Severity", "CriticalServiceDown", "service_name=Cisco Tomcat", "mnemonic=Strange38"] {
        assert!(table.contains(text), "{text} is not in {table}");
    }
    assert!(tables[0].data.contains("<th "), "{}", tables[0].data);
    // Why each went as it did.
    let alerts: Value = serde_json::from_str(&running.page("/api/v1/alerts")).expect("JSON");
    let alerts = alerts.as_array().or_else(|| alerts["alerts"].as_array()).expect("a list");
    let down = alerts.iter().find(|alert| alert["labels"]["alertname"] == "CriticalServiceDown").expect("it fires");
    let why = running.page(&format!("/api/v1/alerts/{}/explain", down["fingerprint"].as_str().expect("a fingerprint")));
    assert!(why.contains("storm: many alerts of one node") && why.contains("as one of 35 in group/"), "{why}");
    // The end of one of them is told in the next table, and nothing else is told.
    service(40, "UC_GENERIC-6-ServiceStarted");
    let end = server.nth(8);
    assert!(
        subject(&end).starts_with("berlin: still firing: storm, 34 alerts fire, 1 ended on sub"),
        "{}",
        subject(&end)
    );
    running.terminate();
    assert_eq!(server.accepted().len(), 8);
}
