//! One notification as one mail.

use super::{
    content::{Audience, Content},
    context::Context,
    escape::HeaderText,
    html, plain,
    template::Template,
    texts,
};
use crate::store::Message;
use ccxwatch_parsers::severity::Severity;
use jiff::Timestamp;
use lettre::message::{
    Mailbox, MultiPart,
    header::{HeaderName, HeaderValue},
};
use minijinja::{Value, value::Serde};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Who writes to whom.
#[derive(Clone, Debug)]
pub(super) struct Addressing {
    pub(super) from: Mailbox,
    pub(super) to: Mailbox,
    pub(super) audience: Audience,
    pub(super) templates: Arc<Templates>,
}

/// The operator's templates, where there are some.
#[derive(Debug, Default)]
pub(super) struct Templates {
    pub(super) subject: Option<Template>,
    pub(super) text: Option<Template>,
    pub(super) html: Option<Template>,
}

/// What a person reads of a mail.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// The parts of a mail, and what is wrong with the operator's templates: in the place of each that fails stands the built-in one.
pub(super) fn parts(message: &Message, addressing: &Addressing, now: Timestamp) -> (Parts, Vec<String>) {
    let Addressing { audience, templates, .. } = addressing;
    let content = Content::of(message, audience, now);
    let mut faults = Vec::new();
    let mut made = |template: &Option<Template>, name: &str| {
        let template = template.as_ref()?;
        let names = Value::from(Serde(Context::of(message, audience, now)));
        template.render(&names).map_err(|error| faults.push(format!("template `{name}`: {error}"))).ok()
    };
    let subject = made(&templates.subject, "subject")
        .map(|text| texts::bounded_subject(&text))
        .filter(|subject| !subject.is_empty())
        .unwrap_or_else(|| texts::subject(&message.notification, now));
    let lines = |text: String| text.replace("\r\n", "\n").replace('\n', "\r\n");
    let text = made(&templates.text, "text").map_or_else(|| plain::write(&content), lines);
    let html = made(&templates.html, "html").map_or_else(|| html::write(&content), lines);
    (Parts { subject, text, html }, faults)
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
    let (Parts { subject, text, html }, faults) = parts(message, addressing, now);
    for error in faults {
        // An alarm that does not look as it should is better than none.
        tracing::error!(receiver = addressing.audience.receiver, error, "a template fails; the built-in one is used");
    }
    let mut builder = lettre::Message::builder()
        .from(addressing.from.clone())
        .to(addressing.to.clone())
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_second().max(0).cast_unsigned()))
        .subject(subject)
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
    let mail = builder.multipart(MultiPart::alternative_plain_html(text, html)).map_err(|error| error.to_string())?;
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
