//! What a mail says, and that no text from outside can make it say anything else.

use super::{
    super::{
        check::check_receiver,
        content::Content,
        email::mailbox,
        html,
        message::{Addressing, build},
        plain, texts,
    },
    message, notification, receiver, time,
};
use ccxwatch_alerts::notification::{EvidenceSummary, Notification, Reason};
use jiff::tz::TimeZone;

fn addressing(zone: &str) -> Addressing {
    Addressing {
        from: mailbox("ccxwatch <ccxwatch@example.com>").unwrap(),
        to: mailbox("Operations <a@example.com>").unwrap(),
        receiver: "ops".to_owned(),
        zone: TimeZone::get(zone).unwrap(),
    }
}

#[test]
fn the_body_says_what_where_when_and_what_to_do() {
    let mut notification = notification("prod/1", "countdown_started");
    notification.history = vec!["2026-11-24 10:40 UTC feed silent".to_owned()];
    notification.flags = vec!["clock_skew".to_owned(), "something_new".to_owned()];
    notification.evidence = EvidenceSummary {
        count: 6,
        first_raw: Some("51617: Nov 24 16:15:00.000 IST %MCVD-LIB_LICENSE-1-X: \u{1b}[31m45\0 minutes\n".to_owned()),
        last_raw: Some("<185>8004: \u{202e}last\r\nBcc: x@example.com".to_owned()),
        nodes: vec!["uccxpub".to_owned(), "uccxsub".to_owned()],
        sources: vec!["udp 10.0.0.5".to_owned()],
    };
    let mut message = message(notification);
    message.id = None;
    let content = Content::of(&message, &addressing("Asia/Kolkata"), time("2026-11-24T10:47:00Z"));
    let text = plain::write(&content).replace("\r\n", "\n");
    let expected = "\
NOT RECORDED: the store of ccxwatch is failing. This message may come again after a restart.

prod: licenses out of compliance in 43 min

The licenses of prod run out of compliance at 11:30 UTC

  Cluster      prod
  Node         uccxpub
  Alert        SmartLicenseEnteringOutOfCompliance
  Severity     Critical
  Since        Tue 24 Nov 2026 16:15:00 IST (Asia/Kolkata)
               Tue 24 Nov 2026 10:45:00 UTC
  Until        Tue 24 Nov 2026 17:00:00 IST (Asia/Kolkata), 43 min left
               Tue 24 Nov 2026 11:30:00 UTC

What it means
  More licenses are in use than were bought.

What to do
  1. Look at License Usage.
  2. Buy licenses, or log agents out.

What came before
  - 2026-11-24 10:40 UTC feed silent

Please note
  - clock_skew: The clock of the box or of this server is wrong by more than two minutes; the time of receipt counts.
  - something_new

Evidence: 6 lines, said by uccxpub, uccxsub, heard by udp 10.0.0.5
  first:
  | 51617: Nov 24 16:15:00.000 IST %MCVD-LIB_LICENSE-1-X: \\x1b[31m45\\x00 minutes
  last:
  | <185>8004: \\u{202e}last
  | Bcc: x@example.com

-- 
ccxwatch, receiver ops, to a@example.com
";
    assert_eq!(text, expected);
}

#[test]
fn hostile_text_is_no_markup() {
    let script = "<script>alert('x')</script>\"&lt;";
    let mut notification = notification("prod/1", "countdown_started");
    notification.cluster = Some(script.to_owned());
    notification.summary = script.to_owned();
    notification.runbook = vec![script.to_owned()];
    notification.flags = vec![script.to_owned()];
    notification.evidence.count = 1;
    notification.evidence.last_raw = Some(format!("</pre>{script}"));
    let addressing = addressing("UTC");
    let page = html::write(&Content::of(&message(notification), &addressing, time("2026-11-24T10:47:00Z")));
    assert!(!page.contains("<script") && page.matches("</pre>").count() == 1, "{page}");
    let text = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;lt;";
    assert!(page.matches(text).count() >= 6, "{page}");
}

#[test]
fn the_head_makes_an_episode_a_thread() {
    let mail = |told_as: &str, number: u32| {
        let mut message = message(notification("prod/1", told_as));
        message.message_id = format!("0123456789abcdef.{number}.00000000000000aa");
        let mail = build(&message, &addressing("UTC"), time("2026-11-24T10:47:00Z")).unwrap();
        String::from_utf8(mail).unwrap()
    };
    let (one, two) = (mail("countdown", 1), mail("out_of_compliance", 2));
    for line in [
        "From: ccxwatch <ccxwatch@example.com>",
        "To: Operations <a@example.com>",
        "Date: Tue, 24 Nov 2026 10:47:00 +0000",
        "Subject: prod: licenses out of compliance in 43 min",
        "Message-ID: <0123456789abcdef.1.00000000000000aa@example.com>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "X-Priority: 1 (Highest)",
        "Importance: high",
    ] {
        assert!(one.contains(&format!("{line}\r\n")), "{line}\n{one}");
    }
    let field = |mail: &str, name: &str| mail.lines().find(|line| line.starts_with(name)).map(str::to_owned).unwrap();
    assert_eq!(field(&one, "References:"), field(&two, "References:"));
    assert_eq!(field(&one, "In-Reply-To: <0123456789abcdef.episode."), field(&two, "In-Reply-To:"));
    assert!(!one.contains("Not-Recorded"));
}

#[test]
fn subjects_fit_and_say_the_time_left() {
    let now = time("2026-11-24T10:45:20Z");
    let reasons = [
        (Reason::CountdownStarted, "prod: licenses out of compliance in 45 min"),
        (Reason::CountdownRestarted, "prod: licenses out of compliance in 45 min (a new countdown)"),
        (Reason::CountdownUnconfirmed, "prod: license deadline passed, nothing heard since: check compliance"),
        (Reason::OutOfCompliance, "prod: licenses OUT OF COMPLIANCE, enforcement in 45 min"),
        (Reason::EnforcementReminder, "prod: still out of compliance, license enforcement in 7 days"),
        (Reason::EnforcementDue, "prod: LICENSE ENFORCEMENT IS DUE"),
        (Reason::ConfirmedCompliant, "prod: licenses confirmed compliant"),
        (Reason::Test, "prod: test message, nothing is wrong"),
    ];
    for (reason, expected) in reasons {
        let notification = Notification { reason, days_left: Some(7), ..notification("prod/1", "x") };
        assert_eq!(texts::subject(&notification, now), expected);
    }
    let late = texts::subject(&notification("prod/1", "x"), time("2026-11-24T13:30:00Z"));
    assert_eq!(late, "prod: license deadline passed 2 h 00 min ago, compliance not known");
    let long = Notification { cluster: Some("c".repeat(300)), ..notification("prod/1", "x") };
    assert!(texts::subject(&long, now).ends_with("…: licenses out of compliance in 45 min"));
}

/// A small generator of nasty text; the same every time.
fn hostile(seed: u64) -> String {
    const PIECES: &[&str] = &[
        "\r\n",
        "\n",
        "\r",
        "\0",
        "\u{1b}[2J",
        "Bcc: x@example.com",
        "\r\n.\r\n",
        "\r\n\r\n<script>",
        "=?utf-8?Q?a?=",
        "\u{202e}",
        "\u{2028}",
        "\u{feff}",
        "\u{e0041}",
        "漢字",
        "\u{1f600}",
        "é",
        " ",
        "\t",
        "%s",
        "\u{85}",
        "a",
        ":",
        "<",
        "\"",
        "\\",
        "..",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    let mut text = String::new();
    for _ in 0..next() % 40 {
        let piece = PIECES[next() % PIECES.len()];
        text.push_str(&piece.repeat(if next() % 400 == 0 { 1_200 } else { 1 }));
    }
    text
}

#[test]
fn hostile_text_stays_text() {
    let addressing = addressing("Europe/Berlin");
    let now = time("2026-11-24T10:47:00Z");
    let names = |mail: &str| -> Vec<String> {
        let head = mail.split("\r\n\r\n").next().unwrap();
        head.split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect()
    };
    let plain = build(&message(notification("prod/1", "x")), &addressing, now).unwrap();
    let expected = names(&String::from_utf8(plain).unwrap());
    // Eleven hostile texts a mail: more than ten thousand.
    for seed in 0..1_000 {
        let mut notification = notification(&hostile(seed + 1), &hostile(seed + 2));
        notification.reason = if seed % 2 == 0 { Reason::Firing } else { Reason::OutOfCompliance };
        notification.alertname = hostile(seed + 3);
        notification.cluster = Some(hostile(seed + 4));
        notification.node = Some(hostile(seed + 5));
        notification.summary = hostile(seed + 6);
        notification.description = hostile(seed + 7);
        notification.runbook = vec![hostile(seed + 8)];
        notification.flags = vec![hostile(seed + 9)];
        notification.evidence.first_raw = Some(hostile(seed + 10));
        notification.evidence.sources = vec![hostile(seed + 11)];
        let mail = build(&message(notification), &addressing, now).unwrap();
        let mail = String::from_utf8(mail).unwrap();
        assert!(mail.is_ascii(), "seed {seed}");
        assert_eq!(names(&mail), expected, "seed {seed}");
        for line in mail.split("\r\n") {
            assert!(line.len() <= 998 && !line.contains(['\r', '\n', '\0', '\u{1b}']), "seed {seed}: {line:?}");
        }
    }
}

#[test]
fn a_receiver_is_checked_before_it_is_started() {
    let good = "to = [\"a@example.com\"]";
    assert_eq!(check_receiver(&receiver(good)), Ok(()));
    for (more, error) in [
        ("to = []", "`to` is empty"),
        ("to = [\"nobody\"]", "\"nobody\" is no mail address"),
        ("to = [\"A\\r\\nBcc: b@example.com <a@example.com>\"]", "control character"),
        ("to = [\"a@exämple.com\"]", "letters beyond ASCII"),
        ("to = [\"a@example.com\"]\ntimezone = \"Mars/Base\"", "`timezone` \"Mars/Base\" is not known"),
        ("to = [\"a@example.com\"]\nusername = \"me\"", "set `password_file` or `password_env`"),
        ("to = [\"a@example.com\"]\npassword_env = \"P\"", "no `username`"),
        ("to = [\"a@example.com\"]\nusername = \"me\"\npassword_env = \"P\"\npassword_file = \"/p\"", "keep one"),
        ("to = [\"a@example.com\"]\nhost = \"a b\"", "`host`"),
        ("to = [\"a@example.com\"]\ntimeout = \"0s\"", "`timeout`"),
        ("to = [\"a@example.com\"]\ntls = \"none\"\nca_file = \"/ca\"", "`ca_file`"),
    ] {
        let found = check_receiver(&receiver(more)).unwrap_err();
        assert!(found.contains(error), "{more}: {found}");
    }
}
