//! What each kind of receiver has of its own.

use super::super::secret::{SecretSource, Text};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use toml::Spanned;

/// The kinds of receivers.
#[derive(Clone, Debug, PartialEq)]
pub enum ReceiverKind {
    /// Mail over SMTP.
    Email(Email),
    /// JSON to a URL.
    Webhook(Webhook),
    /// Prometheus Alertmanager, by its v2 API.
    Alertmanager(Alertmanager),
}

impl ReceiverKind {
    /// As `type` writes it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Webhook(_) => "webhook",
            Self::Alertmanager(_) => "alertmanager",
        }
    }
}

/// `type = "email"`
#[derive(Clone, Debug, PartialEq)]
pub struct Email {
    /// The mail server.
    pub host: Spanned<String>,
    /// Its port: by default 587 for STARTTLS, 465 for implicit TLS, 25 for none.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: Tls,
    /// How to log in, where the server wants that.
    pub login: Option<Login>,
    /// The sender's address: `ccxwatch <ccxwatch@example.com>`.
    pub from: Spanned<String>,
    /// The recipients' addresses. Each gets a message of their own.
    pub to: Vec<Spanned<String>>,
    /// Templates of its own.
    pub templates: MailTemplates,
}

/// `type = "webhook"`
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Where to; a URL may be a secret.
    pub url: Spanned<Text>,
    /// What the body is made by.
    pub body: BodyTemplate,
    /// Headers beside our own.
    pub headers: BTreeMap<String, Text>,
    /// Values for the template, such as a routing key.
    pub values: BTreeMap<String, Text>,
    /// The key of the signature, where one is wanted.
    pub hmac_secret: Option<SecretSource>,
    /// For HTTP basic authentication.
    pub login: Option<Login>,
}

/// `type = "alertmanager"`
#[derive(Clone, Debug, PartialEq)]
pub struct Alertmanager {
    /// The Alertmanagers, without `/api/v2`. Each is sent every alert.
    pub urls: Vec<Spanned<String>>,
    /// How often firing alerts are sent again.
    pub resend_interval: SignedDuration,
    /// For HTTP basic authentication.
    pub login: Option<Login>,
}

/// A user and where the password is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    /// The user.
    pub username: Spanned<String>,
    /// The password.
    pub password: SecretSource,
}

/// Templates of mails: files. What is absent is built in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailTemplates {
    /// The subject.
    pub subject: Option<PathBuf>,
    /// The text.
    pub text: Option<PathBuf>,
    /// The HTML.
    pub html: Option<PathBuf>,
}

impl MailTemplates {
    /// The files.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        [&self.subject, &self.text, &self.html].into_iter().flatten().cloned()
    }
}

/// What makes the body of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyTemplate {
    /// A built-in template.
    Preset(Preset),
    /// A template of the operator's.
    File(PathBuf),
}

/// The built-in templates of webhooks: `src/notify/presets` has one file each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Everything that is known of a notification.
    #[default]
    Ccxwatch,
    /// An incoming webhook or a bot of Webex.
    Webex,
    /// A workflow of Microsoft Teams.
    Teams,
    /// `PagerDuty` Events API v2. Needs `values.routing_key`.
    Pagerduty,
    /// `ServiceNow` event management (`em_event`).
    Servicenow,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// STARTTLS, required.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// None: for a relay on this machine.
    None,
}
