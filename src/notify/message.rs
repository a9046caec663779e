//! One notification as one mail.

use super::{
    escape::{HeaderText, visible, visible_lines},
    texts,
};
use crate::store::Message;
use ccxwatch_alerts::notification::Notification;
use ccxwatch_parsers::severity::Severity;
use jiff::{Timestamp, tz::TimeZone};
use lettre::message::{
    Mailbox, SinglePart,
    header::{HeaderName, HeaderValue},
};
use std::{
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, SystemTime},
};

/// Raw text in a body, in characters.
const RAW: usize = 2_000;

/// Any other text from outside, in characters.
const TEXT: usize = 1_000;

/// Entries of a list in a body.
const ENTRIES: usize = 50;

/// Who writes to whom.
#[derive(Clone, Debug)]
pub(super) struct Addressing {
    pub(super) from: Mailbox,
    pub(super) to: Mailbox,
    pub(super) receiver: String,
    pub(super) zone: TimeZone,
}

/// The mail as it goes over the wire. `now` is the time of the attempt: time left is counted from it.
pub(super) fn build(message: &Message, addressing: &Addressing, now: Timestamp) -> Result<Vec<u8>, String> {
    // lettre panics on some header texts. None of ours can be such, and no alarm may depend on that.
    catch_unwind(AssertUnwindSafe(|| assemble(message, addressing, now)))
        .unwrap_or_else(|_| Err("the mail library panicked".to_owned()))
        .map_err(|error| format!("the mail cannot be written ({error}): this is a fault of ccxwatch, please report it"))
}

fn assemble(message: &Message, addressing: &Addressing, now: Timestamp) -> Result<Vec<u8>, String> {
    let notification = &*message.notification;
    let domain = addressing.from.email.domain();
    let thread = thread_id(message, domain);
    let mut builder = lettre::Message::builder()
        .from(addressing.from.clone())
        .to(addressing.to.clone())
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_second().max(0).cast_unsigned()))
        .subject(texts::subject(notification, now))
        .message_id(Some(format!("<{}@{domain}>", message.message_id)))
        .in_reply_to(thread.clone())
        .references(thread)
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(header("X-Auto-Response-Suppress", "All".to_owned()))
        .raw_header(header("X-Ccxwatch-Alert", HeaderText::new(&notification.alertname, 80).into_string()))
        .raw_header(header("X-Ccxwatch-Told-As", HeaderText::new(&notification.told_as, 80).into_string()));
    if let Some(cluster) = &notification.cluster {
        builder = builder.raw_header(header("X-Ccxwatch-Cluster", HeaderText::new(cluster, 80).into_string()));
    }
    if message.id.is_none() {
        builder = builder.raw_header(header("X-Ccxwatch-Not-Recorded", "the store is failing".to_owned()));
    }
    if notification.severity <= Severity::Critical {
        builder = builder
            .raw_header(header("X-Priority", "1 (Highest)".to_owned()))
            .raw_header(header("Importance", "high".to_owned()));
    }
    let mail =
        builder.singlepart(SinglePart::plain(body(message, addressing, now))).map_err(|error| error.to_string())?;
    Ok(mail.formatted())
}

/// The root of an episode's thread: every mail of the episode answers to it.
fn thread_id(message: &Message, domain: &str) -> String {
    let store = message.message_id.split('.').next().unwrap_or_default();
    format!("<{store}.episode.{:016x}@{domain}>", crate::store::fingerprint(&[&message.notification.episode]))
}

fn header(name: &'static str, text: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), text)
}

/// The plain text of a message.
pub(super) fn body(message: &Message, addressing: &Addressing, now: Timestamp) -> String {
    let notification = &*message.notification;
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push_str("\r\n");
    };
    if message.id.is_none() {
        line("NOT RECORDED: the store of ccxwatch is failing. This message may come again after a restart.");
        line("");
    }
    let whose = notification.cluster.as_deref().unwrap_or("ccxwatch");
    line(&format!("{}: {}", visible(whose, 100), visible(&texts::headline(notification, now), TEXT)));
    line("");
    line(&visible(&notification.summary, TEXT));
    line("");
    for (name, text) in facts(notification, &addressing.zone, now) {
        line(&format!("  {name:<13}{text}"));
    }
    let mut section = |title: &str, entries: &[String], numbered: bool| {
        if entries.is_empty() {
            return;
        }
        line("");
        line(title);
        for (at, entry) in entries.iter().take(ENTRIES).enumerate() {
            let mark = if numbered { format!("{}.", at + 1) } else { "-".to_owned() };
            line(&format!("  {mark} {}", visible(entry, TEXT)));
        }
        if entries.len() > ENTRIES {
            line(&format!("  … ({} more)", entries.len() - ENTRIES));
        }
    };
    if !notification.description.is_empty() {
        section("What it means", std::slice::from_ref(&notification.description), false);
    }
    section("What to do", &notification.runbook, true);
    section("What came before", &notification.history, false);
    let flags: Vec<String> = notification.flags.iter().map(|flag| texts::flag(flag)).collect();
    section("Please note", &flags, false);
    for text in evidence(notification) {
        line(&text);
    }
    line("");
    line("-- ");
    line(&format!("ccxwatch, receiver {}, to {}", visible(&addressing.receiver, 100), addressing.to.email));
    out
}

fn facts(notification: &Notification, zone: &TimeZone, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(cluster) = &notification.cluster {
        facts.push(("Cluster", visible(cluster, 100)));
    }
    if let Some(node) = &notification.node {
        facts.push(("Node", visible(node, 100)));
    }
    facts.push(("Alert", visible(&notification.alertname, 100)));
    facts.push(("Severity", notification.severity.name().to_owned()));
    let mut times = |name: &'static str, at: Timestamp, rest: String| {
        facts.push((name, format!("{}{rest}", texts::time(at, zone))));
        if zone.iana_name() != Some("UTC") {
            facts.push(("", texts::time(at, &TimeZone::UTC)));
        }
    };
    if let Some(since) = notification.since {
        times("Since", since, String::new());
    }
    if let Some(deadline) = notification.deadline {
        let left = format!(", {}", texts::time_left(deadline, now));
        times(texts::deadline_name(notification.reason), deadline, left);
    }
    facts
}

fn evidence(notification: &Notification) -> Vec<String> {
    let evidence = &notification.evidence;
    let mut lines = Vec::new();
    if evidence.count == 0 && evidence.first_raw.is_none() && evidence.last_raw.is_none() {
        return lines;
    }
    let list = |names: &[String]| -> String {
        let names: Vec<String> = names.iter().take(ENTRIES).map(|name| visible(name, 100)).collect();
        names.join(", ")
    };
    let mut title = format!("Evidence: {} line{}", evidence.count, if evidence.count == 1 { "" } else { "s" });
    // Writing to a string cannot fail.
    if !evidence.nodes.is_empty() {
        let _ = write!(title, ", said by {}", list(&evidence.nodes));
    }
    if !evidence.sources.is_empty() {
        let _ = write!(title, ", heard by {}", list(&evidence.sources));
    }
    lines.extend([String::new(), title]);
    let differs = evidence.last_raw.as_ref().filter(|last| Some(*last) != evidence.first_raw.as_ref());
    for (name, raw) in [("first", &evidence.first_raw), ("last", &differs.cloned())] {
        if let Some(raw) = raw {
            if differs.is_some() {
                lines.push(format!("  {name}:"));
            }
            lines.extend(visible_lines(raw, RAW).into_iter().map(|line| format!("  | {line}")));
        }
    }
    lines
}
