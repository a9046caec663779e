//! What a mail says, and that no text from outside can make it say anything else.

use super::{
    super::{
        check::check_receiver,
        content::{Audience, Content},
        email::mailbox,
        html,
        message::{Addressing, Templates, build},
        plain, texts,
    },
    message, notification, time,
};
use ccxwatch_alerts::notification::{EvidenceSummary, Notification, Reason};
use jiff::tz::TimeZone;
use std::sync::Arc;

pub(super) fn addressing(zone: &str) -> Addressing {
    Addressing {
        from: mailbox("ccxwatch <ccxwatch@example.com>").unwrap(),
        to: mailbox("Operations <a@example.com>").unwrap(),
        audience: Audience {
            receiver: "ops".to_owned(),
            recipient: "a@example.com".to_owned(),
            others: vec!["b@example.com".to_owned()],
            zone: TimeZone::get(zone).unwrap(),
            external_url: Some("https://ccxwatch.example.com/".to_owned()),
        },
        templates: Arc::new(Templates::default()),
    }
}

#[test]
fn the_body_says_what_where_when_and_what_to_do() {
    let mut notification = notification("prod/1", "countdown_started");
    notification.history = vec!["2026-11-24 10:40 UTC feed silent".to_owned()];
    notification.receivers.extend(["second".to_owned(), "console".to_owned()]);
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
    let content = Content::of(&message, &addressing("Asia/Kolkata").audience, time("2026-11-24T10:47:00Z"));
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
  Also told    b@example.com, second

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
ccxwatch, receiver ops, to a@example.com, https://ccxwatch.example.com/
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
    let page = html::write(&Content::of(&message(notification), &addressing.audience, time("2026-11-24T10:47:00Z")));
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
pub(super) fn hostile(seed: u64) -> String {
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
    let email = "type = \"email\"\nfrom = \"ccxwatch@example.com\"\nto = [\"a@example.com\"]\n";
    let bare = "type = \"email\"\nfrom = \"ccxwatch@example.com\"\n";
    let webhook = "type = \"webhook\"\n";
    let checked = |text: &str| -> Result<(), String> {
        let receiver = toml::from_str(&format!("name = \"ops\"\n{text}")).map_err(|error| error.to_string())?;
        check_receiver(&receiver)
    };
    for good in [
        email.to_owned(),
        format!("{email}username = \"me\"\npassword_credential = \"smtp\""),
        format!("{webhook}url = \"https://example.com/hook?key=1\"\nheaders = {{ X-Team = \"ops\" }}"),
        format!("{webhook}url = {{ credential = \"hook\" }}\npreset = \"teams\"\nhmac_secret = {{ env = \"KEY\" }}"),
        "type = \"alertmanager\"\nurls = [\"http://a:9093\", \"https://b/am\"]\nresend_interval = \"30s\"".to_owned(),
    ] {
        assert_eq!(checked(&good), Ok(()), "{good}");
    }
    for (text, more, error) in [
        (bare, "", "`to` is missing"),
        (bare, "to = []", "`to` is empty"),
        (bare, "to = [\"nobody\"]", "\"nobody\" is no mail address"),
        (bare, "to = [\"A\\r\\nBcc: b@example.com <a@example.com>\"]", "control character"),
        (bare, "to = [\"a@exämple.com\"]", "letters beyond ASCII"),
        (email, "timezone = \"Mars/Base\"", "`timezone` \"Mars/Base\" is not known"),
        (email, "username = \"me\"", "set `password_file`, `password_env` or `password_credential`"),
        (email, "password_env = \"P\"", "no `username`"),
        (email, "username = \"me\"\npassword_env = \"P\"\npassword_file = \"/p\"", "keep one"),
        (email, "host = \"a b\"", "`host`"),
        (email, "timeout = \"0s\"", "`timeout`"),
        (email, "tls = \"none\"\nca_file = \"/ca\"", "`ca_file`"),
        (email, "ca_file = \"/ca\"\ndanger_accept_invalid_certs = true", "`ca_file`"),
        (email, "url = \"https://example.com\"", "`url` has no use with type = \"email\""),
        (email, "colour = \"red\"", "unknown field `colour`"),
        (webhook, "", "`url` is missing"),
        (webhook, "url = \"example.com/hook\"", "`url` is no URL"),
        (webhook, "url = \"https://me:pw@example.com/\"", "without a user"),
        (webhook, "url = { fil = \"/x\" }", "{ file = \"…\" }"),
        (webhook, "url = \"https://a/\"\nto = [\"a@example.com\"]", "`to` has no use"),
        (webhook, "url = \"https://a/\"\npreset = \"webex\"\nbody = \"/b\"", "keep one"),
        (webhook, "url = \"https://a/\"\nheaders = { \"a b\" = \"x\" }", "header name"),
        (webhook, "url = \"https://a/\"\nheaders = { A = \"x\\r\\nB: y\" }", "value of header"),
        (webhook, "url = \"https://a/\"\nheaders = { Host = \"x\" }", "not yours to set"),
        ("type = \"alertmanager\"\n", "urls = []", "`urls` is empty"),
        ("type = \"alertmanager\"\n", "urls = [\"am:9093\"]", "no URL"),
        ("type = \"alertmanager\"\n", "urls = [\"http://a\"]\nresend_interval = \"0s\"", "`resend_interval`"),
        ("type = \"pager\"\n", "", "unknown variant `pager`"),
    ] {
        let found = checked(&format!("{text}{more}")).unwrap_err();
        assert!(found.contains(error), "{text}{more}: {found}");
    }
}
