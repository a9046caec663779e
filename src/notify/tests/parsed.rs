//! Mails as an independent parser (Python's `email`) reads them: every reason, and ten thousand hostile texts.

use super::{
    super::{message::build, sample},
    mails::{addressing, hostile},
    message, notification, time,
};
use crate::config::Config;
use ccxwatch_alerts::notification::{Notification, Reason};
use serde::Deserialize;
use std::{
    io::Write,
    process::{Command, Stdio},
};

#[derive(Debug, Deserialize)]
struct Parsed {
    names: Vec<String>,
    subject: String,
    to: Vec<String>,
    date: String,
    types: Vec<String>,
    texts: Vec<String>,
    defects: Vec<String>,
}

fn parse(mails: Vec<Vec<u8>>) -> Vec<Parsed> {
    let mut parser = Command::new("/usr/bin/python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/notify/tests/parse_mails.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed by tests/run.sh");
    let mut input = parser.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        for mail in mails {
            writeln!(input, "{}", mail.len()).unwrap();
            input.write_all(&mail).unwrap();
        }
    });
    let output = parser.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const NAMES: [&str; 14] = [
    "From",
    "To",
    "Date",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Ccxwatch-Alert",
    "X-Ccxwatch-Told-As",
    "X-Ccxwatch-Cluster",
    "MIME-Version",
    "Content-Type",
];

#[test]
fn every_reason_is_a_mail_that_others_can_read() {
    let config = Config::default();
    let now = time("2026-11-24T10:45:00Z");
    let mails = Reason::ALL.map(|reason| {
        let message = message(sample::sample(&config, reason, now));
        build(&message, &addressing("Europe/Berlin"), now).unwrap()
    });
    for (reason, parsed) in Reason::ALL.into_iter().zip(parse(mails.to_vec())) {
        assert_eq!(parsed.defects, Vec::<String>::new(), "{reason:?}");
        assert_eq!(parsed.types, ["text/plain", "text/html"], "{reason:?}");
        assert_eq!(parsed.to, ["a@example.com"], "{reason:?}");
        assert_eq!(parsed.date, "2026-11-24T10:45:00+00:00", "{reason:?}");
        let known =
            |name: &String| NAMES.contains(&name.as_str()) || ["X-Priority", "Importance"].contains(&name.as_str());
        assert!(parsed.names.iter().all(known), "{reason:?}: {:?}", parsed.names);
        assert!(parsed.subject.chars().count() < 100 && !parsed.subject.is_empty(), "{reason:?}: {}", parsed.subject);
        assert!(parsed.texts.iter().all(|text| text.contains("ccxwatch, receiver ops")), "{reason:?}");
    }
}

/// With `CCXWATCH_TEST_FULL` there are ten hostile texts in each of ten thousand mails, otherwise in each of one thousand.
#[test]
fn ten_thousand_hostile_texts_change_nothing_but_the_text() {
    let addressing = addressing("Europe/Berlin");
    let now = time("2026-11-24T10:47:00Z");
    let count = if std::env::var_os("CCXWATCH_TEST_FULL").is_some() { 10_000 } else { 1_000 };
    let mails = (0..count).map(|seed| {
        let text = |number: u64| hostile(seed * 16 + number);
        let mut notification = notification(&text(1), &text(2));
        notification.reason = Reason::ALL[usize::try_from(seed).unwrap() % Reason::ALL.len()];
        notification.alertname = text(3);
        notification.cluster = Some(text(4));
        notification.node = Some(text(5));
        notification.summary = text(6);
        notification.description = text(7);
        notification.runbook = vec![text(8)];
        notification.flags = vec![text(9)];
        notification.evidence.last_raw = Some(format!("{}\n<!-- </pre><script>raw</script> -->", text(10)));
        build(&message(Notification { history: vec![text(11)], ..notification }), &addressing, now).unwrap()
    });
    let all = parse(mails.collect());
    assert_eq!(all.len() as u64, count);
    for (seed, parsed) in all.into_iter().enumerate() {
        assert_eq!(parsed.defects, Vec::<String>::new(), "mail {seed}");
        assert_eq!(parsed.to, ["a@example.com"], "mail {seed}");
        let names: Vec<_> =
            parsed.names.iter().filter(|name| !["X-Priority", "Importance"].contains(&name.as_str())).collect();
        assert_eq!(names, NAMES.iter().collect::<Vec<_>>(), "mail {seed}");
        assert!(parsed.subject.chars().count() < 100, "mail {seed}: {}", parsed.subject);
        assert!(!parsed.subject.contains(char::is_control), "mail {seed}: {}", parsed.subject);
        let [text, html] = &parsed.texts[..] else { panic!("mail {seed} has {} parts", parsed.texts.len()) };
        let hidden = |text: &str| text.contains(|c: char| c.is_control() && c != '\n' && c != '\r');
        assert!(!hidden(text) && !hidden(html), "mail {seed}");
        assert!(!html.contains("<script") && html.matches("</pre>").count() <= 2, "mail {seed}: {html}");
    }
}
