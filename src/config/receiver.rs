//! `[[receiver]]`: who is told, and how.

mod kinds;
mod written;

pub use kinds::{Alertmanager, BodyTemplate, Email, Login, MailTemplates, Preset, ReceiverKind, Tls, Webhook};

use super::secret::{SecretSource, Text};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::Spanned;
use written::Written;

/// One receiver.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Receiver {
    /// Its name, unique.
    pub name: Spanned<String>,
    /// What it is, and what only such a receiver has.
    pub kind: ReceiverKind,
    /// The IANA zone of its times.
    pub timezone: Spanned<String>,
    /// How long one delivery may take as a whole.
    pub timeout: SignedDuration,
    /// A file of PEM certificates to trust beside the system's.
    pub ca_file: Option<Spanned<PathBuf>>,
    /// Takes any certificate: whoever is in between can read and change what is sent.
    pub danger_accept_invalid_certs: bool,
}

impl Receiver {
    /// The files that it is made of: secrets, certificates, templates.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = self.ca_file.iter().map(|file| file.get_ref().clone()).collect();
        let login = |login: &Option<Login>| login.as_ref().and_then(|login| login.password.path());
        match &self.kind {
            ReceiverKind::Email(email) => {
                files.extend(login(&email.login));
                files.extend(email.templates.files());
            }
            ReceiverKind::Webhook(webhook) => {
                files.extend(login(&webhook.login));
                files.extend(webhook.hmac_secret.as_ref().and_then(SecretSource::path));
                let texts = webhook.headers.values().chain(webhook.values.values()).chain([webhook.url.get_ref()]);
                files.extend(texts.filter_map(|text| match text {
                    Text::Kept(source) => source.path(),
                    Text::Plain(_) => None,
                }));
                if let BodyTemplate::File(file) = &webhook.body {
                    files.push(file.clone());
                }
            }
            ReceiverKind::Alertmanager(alertmanager) => files.extend(login(&alertmanager.login)),
        }
        files
    }

    /// Who gets a message each: addresses of a mail receiver, URLs of Alertmanagers, or nobody but the receiver itself.
    pub fn recipients(&self) -> Vec<String> {
        let texts = |list: &[Spanned<String>]| list.iter().map(|text| text.get_ref().clone()).collect();
        match &self.kind {
            ReceiverKind::Email(email) => texts(&email.to),
            ReceiverKind::Webhook(_) => vec![String::new()],
            ReceiverKind::Alertmanager(alertmanager) => texts(&alertmanager.urls),
        }
    }
}
