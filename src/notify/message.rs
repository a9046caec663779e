//! One notification as one mail.

use super::{content::Content, escape::HeaderText, html, plain, texts};
use crate::store::Message;
use ccxwatch_parsers::severity::Severity;
use jiff::{Timestamp, tz::TimeZone};
use lettre::message::{
    Mailbox, MultiPart,
    header::{HeaderName, HeaderValue},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, SystemTime},
};

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
    let content = Content::of(message, addressing, now);
    let mail = builder
        .multipart(MultiPart::alternative_plain_html(plain::write(&content), html::write(&content)))
        .map_err(|error| error.to_string())?;
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
