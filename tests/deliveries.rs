//! What an operator sees and does of deliveries: previews, tests, messages that were given up, heartbeats.

use crate::harness::{
    ccxwatch::{Ccxwatch, Site, program},
    lines_of_cisco::Says,
    senders,
    smtp::Smtp,
    wait::poll_until,
};
use jiff::Timestamp;
use std::{fs, process::Output};

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

const CLUSTER: &str =
    "[[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\naddresses = [\"127.0.0.2\"]\n";

fn out_of_compliance(running: &Ccxwatch) {
    let line = Says::OutOfCompliance.syslog(8_004, "uccxpub", now());
    senders::udp([127, 0, 0, 2].into(), running.udp(), line.as_bytes());
}

fn alerts(site: &Site, arguments: &[&str]) -> Output {
    let mut command = program();
    command.arg("alerts").args(arguments).arg("--config").arg(site.config()).current_dir(site.path());
    command.output().expect("the program starts")
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn what_was_refused_for_good_is_listed_and_goes_out_again_on_request() {
    let mut mail = Smtp::start();
    let site = Site::new(&format!("{CLUSTER}{}", mail.receiver("team", &["a@example.com"])));
    let running = site.start();
    assert!(said(&alerts(&site, &["dead-letters"])).contains("no dead letters"));
    mail.script(&["554 5.7.1 we do not like this"]);
    out_of_compliance(&running);
    let listed = poll_until("the message to be given up", || {
        let listed = said(&alerts(&site, &["dead-letters", "list"]));
        listed.contains("we do not like this").then_some(listed)
    });
    assert!(listed.contains("a@example.com") && listed.contains("berlin"), "{listed}");
    assert!(running.metric("ccxwatch_notification_failures_total{reason=\"rejected\",receiver=\"team\"}") >= 1.0);
    assert!((running.metric("ccxwatch_notifications_given_up_total{receiver=\"team\"}") - 1.0).abs() < 0.1);
    let page = running.page("/api/v1/notifications");
    assert!(page.contains("\"reason\":\"rejected\""), "{page}");
    let refused = alerts(&site, &["dead-letters", "resend", "4711"]);
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    assert!(said(&alerts(&site, &["dead-letters", "resend", "--all"])).contains("resent: 1"));
    let mails = mail.wait_for(1);
    assert_eq!(mail.refused()[0].message_id, mails[0].message_id, "it is the same message");
    poll_until("the list to be empty", || {
        said(&alerts(&site, &["dead-letters"])).contains("no dead letters").then_some(())
    });
    poll_until("the receiver to be well again", || {
        (!running.page("/api/v1/notifications").contains("\"failing\":true")).then_some(())
    });
}

#[test]
fn the_other_receivers_hear_of_one_that_fails_until_it_works_again() {
    let mut broken = Smtp::start();
    let well = Smtp::start();
    let site = Site::new(&format!(
        "{CLUSTER}{}{}",
        broken.receiver("broken", &["a@example.com"]),
        well.receiver("well", &["b@example.com"])
    ));
    let running = site.start();
    broken.script(&["554 5.7.1 no"]);
    out_of_compliance(&running);
    let mails = well.wait_for(2);
    let told = mails.iter().find(|mail| mail.header("X-Ccxwatch-Alert").as_deref() == Some("NotificationFailing"));
    let told = told.unwrap_or_else(|| panic!("{mails:?}"));
    assert!(told.text().contains("broken"), "{}", told.text());
    let firing = || {
        said(&alerts(&site, &["list"]))
            .lines()
            .any(|line| line.starts_with("firing") && line.contains("NotificationFailing"))
    };
    poll_until("the alert to fire", || firing().then_some(()));
    said(&alerts(&site, &["send-test", "--receiver", "broken"]));
    poll_until("the alert to clear", || (!firing()).then_some(()));
    assert!(
        broken.accepted().iter().all(|mail| !mail.data.contains("NotificationFailing")),
        "nobody is told of himself"
    );
}

#[test]
fn a_test_is_sent_by_the_process_or_without_one() {
    let mut mail = Smtp::start();
    let site = Site::new(&mail.receiver("team", &["a@example.com", "b@example.com"]));
    let direct = said(&alerts(&site, &["send-test", "--receiver", "team"]));
    assert!(direct.contains("this command sends it") && direct.contains("b@example.com: accepted"), "{direct}");
    let running = site.start();
    let by_process = said(&alerts(&site, &["send-test", "--receiver", "team"]));
    assert!(by_process.contains("the running process sends it"), "{by_process}");
    assert!(by_process.contains("a@example.com: accepted"), "{by_process}");
    let mails = mail.wait_for(4);
    assert!(mails.iter().all(|mail| mail.header("subject").is_some_and(|subject| subject.contains("test"))));
    mail.script(&["550 no", "550 no"]);
    let refused = alerts(&site, &["send-test", "--receiver", "team"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("2 of 2 recipients"), "{refused:?}");
    let unknown = alerts(&site, &["send-test", "--receiver", "nobody"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("known are: team"), "{unknown:?}");
    drop(running);
}

#[test]
fn a_message_is_looked_at_before_it_is_needed() {
    let site = Site::new(&format!(
        "{CLUSTER}[[receiver]]\nname = \"team\"\ntype = \"email\"\nfrom = \"c@example.com\"\nto = [\"a@example.com\"]\n\
         subject = \"{{DIR}}/subject.j2\"\ntimezone = \"Europe/Berlin\"\n\
         [[receiver]]\nname = \"chat\"\ntype = \"webhook\"\npreset = \"webex\"\nurl = {{ file = \"/nowhere\" }}\n\
         [[receiver]]\nname = \"am\"\ntype = \"alertmanager\"\nurls = [\"http://127.0.0.1:1\"]\n"
    ));
    fs::write(site.path().join("subject.j2"), "[{{ severity }}] {{ cluster }}: {{ headline }}")
        .expect("it can be written");
    let mail = said(&alerts(&site, &["preview", "--receiver", "team", "--reason", "countdown_shortly"]));
    assert!(mail.starts_with("Subject: [alert] berlin: licenses out of compliance in 15 min\n"), "{mail}");
    assert!(mail.contains("(Europe/Berlin)") && mail.contains("Also told    chat, am"), "{mail}");
    said(&alerts(&site, &["preview", "--receiver", "team", "--reason", "firing", "--output", "mail.html"]));
    let html = fs::read_to_string(site.path().join("mail.html")).expect("it was written");
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("&lt;b&gt;of a line&lt;/b&gt;"), "{html}");
    said(&alerts(&site, &["preview", "--receiver", "team", "--reason", "firing", "--output", "mail.eml"]));
    assert!(
        fs::read_to_string(site.path().join("mail.eml")).expect("it was written").contains("\r\nMIME-Version: 1.0\r\n")
    );
    let chat = said(&alerts(&site, &["preview", "--receiver", "chat", "--reason", "resolved"]));
    assert!(chat.contains("\"markdown\"") && chat.contains('✅'), "{chat}");
    let alert = said(&alerts(&site, &["preview", "--receiver", "am", "--reason", "out_of_compliance"]));
    assert!(alert.contains("\"alertname\": \"SmartLicenseOutOfCompliance\""), "{alert}");
    let wrong = alerts(&site, &["preview", "--receiver", "team", "--reason", "bored"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("countdown_started"), "{wrong:?}");
}

#[test]
fn check_tries_the_templates_with_every_reason() {
    let site = Site::new(
        "[templates]\nhtml = \"{DIR}/html.j2\"\n\
         [[receiver]]\nname = \"team\"\ntype = \"email\"\nfrom = \"c@example.com\"\nto = [\"a@example.com\"]\n\
         [[receiver]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\nbody = \"{DIR}/body.j2\"\n",
    );
    let check = |html: &str, body: &str| {
        fs::write(site.path().join("html.j2"), html).expect("it can be written");
        fs::write(site.path().join("body.j2"), body).expect("it can be written");
        let output = site.command("check").output().expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(check("<p>{{ summary }}</p>", "{\"text\": {{ summary }}}").0, Some(0));
    let (code, error) = check("<p>\n{{ sumary }}</p>", "{\"until\": {{ deadline.utc }}}");
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("receiver team: ") && error.contains("line 2: undefined value"), "{error}");
    // A reason without a deadline finds what the first one does not.
    assert!(
        error.contains("receiver hook: ") && error.contains("tried with the reason confirmed_compliant"),
        "{error}"
    );
    let (code, error) = check("{% if %}", "{}");
    assert!(code == Some(3) && error.contains("html.j2: line 1: "), "{error}");
}

#[test]
fn a_heartbeat_comes_once_for_each_moment_also_through_restarts() {
    let mail = Smtp::start();
    let at = now();
    // Due a moment ago: it is made up for at the start.
    let minute = at.strftime("%H:%M");
    let site = Site::new(&format!(
        "{CLUSTER}{}[[heartbeat]]\nreceiver = \"team\"\nat = \"{minute}\"\n",
        mail.receiver("team", &["a@example.com"])
    ));
    let running = site.start();
    let first = mail.wait_for(1).remove(0);
    assert!(
        first.text().contains("State of the clusters") && first.text().contains("berlin: unknown"),
        "{}",
        first.text()
    );
    poll_until("the delivery to be recorded", || running.outbox_is_empty().filter(|empty| *empty));
    drop(running.kill());
    let running = site.start();
    // Whatever the new process tells comes after its heartbeat, if it told one.
    poll_until("its first view", || (running.page("/api/v1/clusters").contains("berlin")).then_some(()));
    poll_until("two looks at the clock", || (now().duration_since(at).as_secs() > 6).then_some(()));
    out_of_compliance(&running);
    let mails = mail.wait_for(2);
    assert!(mails[1].text().contains("SYSTEM_IN_OOC_STATE"), "{}", mails[1].text());
    assert_eq!(mail.accepted().len(), 2);
}

/// One alert with four fates: sent and put off by the server, then delivered; held for the morning; and nobody at all.
#[test]
fn an_alert_explains_who_was_told_and_who_was_not() {
    let mut mail = Smtp::start();
    let other_day = (now() + jiff::SignedDuration::from_hours(72)).strftime("%a").to_string().to_lowercase();
    let site = Site::new(&format!(
        "{CLUSTER}{}{}
[[time_window]]
name = \"office\"
weekdays = [\"{other_day}\"]
from = \"08:00\"
to = \"18:00\"
[[route]]
name = \"on call\"
matchers = ['alertname=\"QueueFull\"']
receivers = [\"team\"]
continue = true
[[route]]
name = \"by day\"
matchers = ['alertname=\"QueueFull\"']
receivers = [\"desk\"]
time_windows = [\"office\"]
[[route]]
name = \"to nobody\"
receivers = []
[[rule]]
name = \"QueueFull\"
match = {{ facility = [\"UC_QUEUES\"], mnemonic = [\"QueueFull\"] }}
[[rule]]
name = \"QueueEmpty\"
match = {{ facility = [\"UC_QUEUES\"], mnemonic = [\"QueueEmpty\"] }}
",
        mail.receiver("team", &["a@example.com"]),
        mail.receiver("desk", &["desk@example.com"]),
    ));
    let running = site.start();
    mail.script(&["451 4.7.1 come back later"]);
    let stamp = now().strftime("%b %d %Y %H:%M:%S.000 UTC").to_string();
    for (sequence, mnemonic) in ["QueueFull", "QueueEmpty"].iter().enumerate() {
        let line = format!("<187>{sequence}: uccxpub: {stamp} : %UC_QUEUES-3-{mnemonic}: %[NodeID=uccxpub]: a queue");
        senders::udp([127, 0, 0, 2].into(), running.udp(), line.as_bytes());
    }
    let fingerprint = |name: &str| {
        poll_until("the alert to be listed", || {
            let listed = said(&alerts(&site, &["list", "--json"]));
            let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
            let listed = listed.as_array().or_else(|| listed["alerts"].as_array()).expect("a list").clone();
            let alert = listed.into_iter().find(|alert| alert["labels"]["alertname"] == name)?;
            Some(alert["fingerprint"].as_str().expect("a fingerprint").to_owned())
        })
    };
    let full = fingerprint("QueueFull");
    mail.wait_for(1);
    let explained = poll_until("the delivery to be in the ledger", || {
        let explained = said(&alerts(&site, &["explain", &full]));
        explained.contains("delivered").then_some(explained)
    });
    for parts in [
        ["sent", "team", "on call"],
        ["held", "desk", "office"],
        ["retried", "team (a@example.com)", "come back later"],
        ["delivered", "team (a@example.com)", ""],
    ] {
        assert!(explained.lines().any(|line| parts.iter().all(|part| line.contains(part))), "{parts:?}: {explained}");
    }
    let dropped = said(&alerts(&site, &["explain", &fingerprint("QueueEmpty")]));
    assert!(dropped.contains("dropped") && dropped.contains("to nobody"), "{dropped}");
    let json = said(&alerts(&site, &["explain", &full, "--json"]));
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok_and(|json| json["entries"][0]["at"].is_string()));
    let page = running.page(&format!("/alerts/{full}"));
    assert!(page.contains("come back later") && page.contains("by day"), "{page}");
    assert_eq!(alerts(&site, &["explain", "0000000000000000"]).status.code(), Some(7));
}
