//! Real peers: who sends lines to the program, and who takes its mail.

use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    lines_of_cisco::Says,
    mta::Exim,
    senders::{self, Rsyslog},
    smtp::{Smtp, unquoted},
    wait::poll_until,
};
use jiff::Timestamp;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

/// A cluster behind a relay: its lines come from loopback and name their node.
const RELAYED: &str = "relays = [\"127.0.0.1\"]\n[[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\n";

fn relayed() -> Site {
    let site = Site::new("");
    site.configure_exactly(&format!(
        "[web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{{DIR}}/data\"\n[sources]\n\
         udp = [{{ listen = \"127.0.0.1:0\" }}]\ntcp = [{{ listen = \"127.0.0.1:0\" }}]\n{RELAYED}"
    ));
    site
}

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[track_caller]
fn check_reaches_berlin(running: &Ccxwatch, sender: &str) {
    poll_until(&format!("{sender}'s line to reach the cluster"), || {
        let clusters: serde_json::Value = serde_json::from_str(&running.page("/api/v1/clusters")).expect("it is JSON");
        let clusters = clusters.as_array().or_else(|| clusters["clusters"].as_array()).expect("a list").clone();
        let berlin = clusters.iter().find(|cluster| cluster["name"] == "berlin")?;
        let stage = berlin["stage"].as_str().expect("a stage").to_owned();
        assert!(stage == "unknown" || clusters.len() == 1, "{sender}: {clusters:?}");
        (stage == "out_of_compliance").then_some(())
    });
}

#[test]
fn logger_in_every_dialect() {
    let dialects: &[&[&str]] = &[
        &["--udp", "--rfc3164"],
        &["--udp", "--rfc5424"],
        &["--tcp", "--rfc3164"],
        &["--tcp", "--rfc5424"],
        &["--tcp", "--rfc5424", "--octet-count"],
        &["--tcp", "--rfc3164", "--octet-count"],
    ];
    for dialect in dialects {
        let site = relayed();
        let running = site.start();
        let to = if dialect.contains(&"--udp") { running.udp() } else { running.tcp() };
        let options = [dialect, &["--priority", "local7.alert", "--tag", "uccx"][..]].concat();
        senders::logger(to, &options, &Says::OutOfCompliance.ciscolog(8_004, "uccxpub", now()));
        check_reaches_berlin(&running, &format!("logger {dialect:?}"));
    }
}

#[test]
fn rsyslog_in_every_dialect() {
    let dialects = [
        "Protocol=\"udp\"",
        "Protocol=\"tcp\"",
        "Protocol=\"tcp\" TCP_Framing=\"octet-counted\"",
        "Protocol=\"tcp\" Template=\"RSYSLOG_SyslogProtocol23Format\"",
        "Protocol=\"udp\" Template=\"RSYSLOG_ForwardFormat\"",
    ];
    for dialect in dialects {
        let site = relayed();
        let running = site.start();
        let to = if dialect.contains("udp") { running.udp() } else { running.tcp() };
        let rsyslog = Rsyslog::start(to, dialect);
        rsyslog.forward(&Says::OutOfCompliance.ciscolog(8_004, "uccxpub", now()));
        check_reaches_berlin(&running, &format!("rsyslog {dialect}"));
    }
}

#[test]
fn exim_takes_the_mail() {
    let exim = Exim::start();
    let site = Site::new(&format!(
        "[[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\naddresses = [\"127.0.0.2\"]\n{}",
        exim.receiver("team", &["uc-team@example.com", "second@example.com"])
    ));
    let running = site.start();
    let line = Says::OutOfCompliance.syslog(8_004, "uccxpub", now());
    senders::udp([127, 0, 0, 2].into(), running.udp(), line.as_bytes());
    let mails = exim.wait_for(2);
    for to in ["uc-team@example.com", "second@example.com"] {
        let mail = mails.iter().find(|mail| mail.contains(&format!("Envelope-to: {to}"))).expect("each has a mail");
        for part in ["berlin", "Message-ID: <", "Subject: ", "SYSTEM_IN_OOC_STATE"] {
            assert!(unquoted(mail).contains(part), "{part:?} is not in:\n{mail}");
        }
    }
    poll_until("both deliveries to be recorded", || running.outbox_is_empty().filter(|empty| *empty));
}

/// STARTTLS and a login, both required, with the right and the wrong password, authority and protection.
#[test]
fn exim_takes_the_mail_of_whoever_proves_it_and_is_proven() {
    let exim = Exim::start_guarded();
    let site = Site::new("");
    let (right, wrong) = (site.path().join("right"), site.path().join("wrong"));
    fs::write(&right, "sesame\n").expect("it can be written");
    fs::write(&wrong, "hunter2-wrong\n").expect("it can be written");
    let authority = concat!("ca_file = \"", env!("CARGO_MANIFEST_DIR"), "/src/notify/tests/tls/ca.pem\"");
    site.configure(&format!(
        "[[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\naddresses = [\"127.0.0.2\"]\n{}{}{}{}{}",
        exim.guarded_receiver("known", &right, authority),
        exim.guarded_receiver("careless", &right, "danger_accept_invalid_certs = true"),
        exim.guarded_receiver("stranger", &wrong, authority),
        exim.guarded_receiver("doubtful", &right, ""),
        exim.guarded_receiver("open", &right, "tls = \"none\"")
            .replace("username", "# username")
            .replace("password_", "# password_"),
    ));
    let running = site.start();
    let line = Says::OutOfCompliance.syslog(8_004, "uccxpub", now());
    senders::udp([127, 0, 0, 2].into(), running.udp(), line.as_bytes());
    for (receiver, reason) in [("stranger", "auth"), ("doubtful", "tls"), ("open", "refused_recipient")] {
        let series = format!("ccxwatch_notification_failures_total{{reason=\"{reason}\",receiver=\"{receiver}\"}}");
        poll_until(&series, || (running.metric(&series) >= 1.0).then_some(()));
    }
    let mails = exim.wait_for(2);
    for to in ["known@example.com", "careless@example.com"] {
        assert!(mails.iter().any(|mail| mail.contains(&format!("Envelope-to: {to}"))), "{to}: {mails:?}");
    }
    let shown = [running.page("/"), running.page("/api/v1/notifications"), running.output.all().join("\n")].concat();
    assert!(!shown.contains("sesame") && !shown.contains("hunter2"), "a password shows:\n{shown}");
}

/// One SMTP dialogue by hand; the answer to the message.
fn send(port: u16, body: &str) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let mut answers = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut commands = stream;
    let mut answer = move || {
        let mut line = String::new();
        while answers.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            if line.as_bytes().get(3) == Some(&b' ') {
                return Some(line.trim_end().to_owned());
            }
            line.clear();
        }
        None
    };
    answer()?;
    for command in ["EHLO test\r\n", "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<b@example.com>\r\n", "DATA\r\n"] {
        commands.write_all(command.as_bytes()).ok()?;
        answer()?;
    }
    commands
        .write_all(format!("Message-ID: <1@example.com>\r\nSubject: test\r\n\r\n{body}\r\n.\r\n").as_bytes())
        .ok()?;
    answer()
}

#[test]
fn the_mail_server_records_and_plays_its_script() {
    let mut server = Smtp::start();
    assert_eq!(send(server.port, "one").as_deref(), Some("250 OK"));
    server.script(&["451 later", "drop", "accept, then drop"]);
    assert_eq!(send(server.port, "two").as_deref(), Some("451 later"));
    assert_eq!(send(server.port, "three"), None);
    assert_eq!(send(server.port, "four"), None);
    let accepted = server.wait_for(2);
    assert_eq!(accepted[0].header("subject").as_deref(), Some("test"));
    assert_eq!((accepted[0].from.as_str(), accepted[0].to.len()), ("a@example.com", 1));
    assert!(accepted[1].data.contains("four"), "{accepted:?}");
    assert_eq!(accepted[0].message_id, accepted[1].message_id);
    assert!(accepted[0].monotonic_ns < accepted[1].monotonic_ns);
    let refused: Vec<_> = server.refused().into_iter().map(|mail| mail.reply).collect();
    assert_eq!(refused, ["451 later", "drop"]);
    assert_eq!(server.accepted().len(), 2);
}

#[test]
fn exim_is_an_mta() {
    let exim = Exim::start();
    assert!(send(exim.port(), "one").is_some_and(|answer| answer.starts_with("250")));
    assert!(exim.wait_for(1)[0].contains("one"));
}
