//! A `[[receiver]]` as the file has it: flat keys. Which of them a receiver may have follows from its `type`.

use super::{
    super::secret::{SecretSource, Text},
    Alertmanager, BodyTemplate, Email, Login, MailTemplates, Preset, Receiver, ReceiverKind, Tls, Webhook,
};
use jiff::{SignedDuration, fmt::serde::duration::friendly::compact};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use toml::Spanned;

/// All keys of all types.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: Spanned<String>,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    timezone: Option<Spanned<String>>,
    #[serde(default, serialize_with = "compact::optional")]
    timeout: Option<SignedDuration>,
    #[serde(default)]
    ca_file: Option<Spanned<PathBuf>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    danger_accept_invalid_certs: bool,
    #[serde(default)]
    username: Option<Spanned<String>>,
    #[serde(default)]
    password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
    #[serde(default)]
    password_credential: Option<String>,
    // email
    #[serde(default)]
    host: Option<Spanned<String>>,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    tls: Option<Tls>,
    #[serde(default)]
    from: Option<Spanned<String>>,
    #[serde(default)]
    to: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    subject: Option<PathBuf>,
    #[serde(default)]
    text: Option<PathBuf>,
    #[serde(default)]
    html: Option<PathBuf>,
    // webhook
    #[serde(default)]
    url: Option<Spanned<Text>>,
    #[serde(default)]
    preset: Option<Preset>,
    #[serde(default)]
    body: Option<PathBuf>,
    #[serde(default)]
    headers: Option<BTreeMap<String, Text>>,
    #[serde(default)]
    values: Option<BTreeMap<String, Text>>,
    #[serde(default)]
    hmac_secret: Option<SecretSource>,
    // alertmanager
    #[serde(default)]
    urls: Option<Vec<Spanned<String>>>,
    #[serde(default, serialize_with = "compact::optional")]
    resend_interval: Option<SignedDuration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Email,
    Webhook,
    Alertmanager,
}

const HALF_A_MINUTE: SignedDuration = SignedDuration::from_secs(30);
const ONE_MINUTE: SignedDuration = SignedDuration::from_mins(1);

impl TryFrom<Written> for Receiver {
    type Error = String;

    fn try_from(mut written: Written) -> Result<Self, String> {
        let name = written.name.clone();
        let about = |error: String| format!("receiver {:?}: {error}", name.get_ref());
        let login = written.take_login().map_err(about)?;
        let kind = match written.kind {
            Kind::Email => ReceiverKind::Email(Email {
                host: written.host.take().unwrap_or_else(|| spanless("localhost")),
                port: written.port.take(),
                tls: written.tls.take().unwrap_or_default(),
                login,
                from: needed(written.from.take(), "from").map_err(about)?,
                to: needed(written.to.take(), "to").map_err(about)?,
                templates: MailTemplates {
                    subject: written.subject.take(),
                    text: written.text.take(),
                    html: written.html.take(),
                },
            }),
            Kind::Webhook => ReceiverKind::Webhook(Webhook {
                url: needed(written.url.take(), "url").map_err(about)?,
                body: match (written.preset.take(), written.body.take()) {
                    (Some(_), Some(_)) => {
                        return Err(about("`preset` and `body` are both set; keep one".to_owned()));
                    }
                    (preset, None) => BodyTemplate::Preset(preset.unwrap_or_default()),
                    (None, Some(file)) => BodyTemplate::File(file),
                },
                headers: written.headers.take().unwrap_or_default(),
                values: written.values.take().unwrap_or_default(),
                hmac_secret: written.hmac_secret.take(),
                login,
            }),
            Kind::Alertmanager => ReceiverKind::Alertmanager(Alertmanager {
                urls: needed(written.urls.take(), "urls").map_err(about)?,
                resend_interval: written.resend_interval.take().unwrap_or(ONE_MINUTE),
                login,
            }),
        };
        if let Some(key) = written.left_over() {
            return Err(about(format!("`{key}` has no use with type = {:?}; remove it", kind.name())));
        }
        Ok(Self {
            name: written.name,
            kind,
            timezone: written.timezone.unwrap_or_else(|| spanless("UTC")),
            timeout: written.timeout.unwrap_or(HALF_A_MINUTE),
            ca_file: written.ca_file,
            danger_accept_invalid_certs: written.danger_accept_invalid_certs,
        })
    }
}

impl Written {
    fn take_login(&mut self) -> Result<Option<Login>, String> {
        let sources: Vec<SecretSource> = [
            self.password_file.take().map(SecretSource::File),
            self.password_env.take().map(SecretSource::Env),
            self.password_credential.take().map(SecretSource::Credential),
        ]
        .into_iter()
        .flatten()
        .collect();
        match (self.username.take(), <[SecretSource; 1]>::try_from(sources)) {
            (Some(username), Ok([password])) => Ok(Some(Login { username, password })),
            (None, Err(sources)) if sources.is_empty() => Ok(None),
            (None, _) => Err("there is a password but no `username`".to_owned()),
            (Some(_), Err(sources)) if sources.is_empty() => Err(
                "there is a `username` but no password; set `password_file`, `password_env` or `password_credential`"
                    .to_owned(),
            ),
            (Some(_), Err(_)) => {
                Err("of `password_file`, `password_env` and `password_credential` keep one".to_owned())
            }
        }
    }

    /// A key that the type did not take.
    fn left_over(&self) -> Option<&'static str> {
        let keys = [
            ("host", self.host.is_some()),
            ("port", self.port.is_some()),
            ("tls", self.tls.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            ("subject", self.subject.is_some()),
            ("text", self.text.is_some()),
            ("html", self.html.is_some()),
            ("url", self.url.is_some()),
            ("preset", self.preset.is_some()),
            ("body", self.body.is_some()),
            ("headers", self.headers.is_some()),
            ("values", self.values.is_some()),
            ("hmac_secret", self.hmac_secret.is_some()),
            ("urls", self.urls.is_some()),
            ("resend_interval", self.resend_interval.is_some()),
        ];
        keys.into_iter().find_map(|(key, there)| there.then_some(key))
    }
}

fn concealed(texts: BTreeMap<String, Text>) -> BTreeMap<String, Text> {
    texts.into_iter().map(|(name, text)| (name, text.concealed())).collect()
}

/// To be shown, not to be read again.
impl From<Receiver> for Written {
    fn from(receiver: Receiver) -> Self {
        let mut written = Self {
            name: receiver.name,
            kind: Kind::Email,
            timezone: Some(receiver.timezone),
            timeout: Some(receiver.timeout),
            ca_file: receiver.ca_file,
            danger_accept_invalid_certs: receiver.danger_accept_invalid_certs,
            username: None,
            password_file: None,
            password_env: None,
            password_credential: None,
            host: None,
            port: None,
            tls: None,
            from: None,
            to: None,
            subject: None,
            text: None,
            html: None,
            url: None,
            preset: None,
            body: None,
            headers: None,
            values: None,
            hmac_secret: None,
            urls: None,
            resend_interval: None,
        };
        let login = match receiver.kind {
            ReceiverKind::Email(email) => {
                written.host = Some(email.host);
                written.port = email.port;
                written.tls = Some(email.tls);
                written.from = Some(email.from);
                written.to = Some(email.to);
                written.subject = email.templates.subject;
                written.text = email.templates.text;
                written.html = email.templates.html;
                email.login
            }
            ReceiverKind::Webhook(webhook) => {
                written.kind = Kind::Webhook;
                written.url = Some(Spanned::new(webhook.url.span(), webhook.url.into_inner().concealed()));
                match webhook.body {
                    BodyTemplate::Preset(preset) => written.preset = Some(preset),
                    BodyTemplate::File(file) => written.body = Some(file),
                }
                written.headers = Some(concealed(webhook.headers)).filter(|headers| !headers.is_empty());
                written.values = Some(concealed(webhook.values)).filter(|values| !values.is_empty());
                written.hmac_secret = webhook.hmac_secret;
                webhook.login
            }
            ReceiverKind::Alertmanager(alertmanager) => {
                written.kind = Kind::Alertmanager;
                written.urls = Some(alertmanager.urls);
                written.resend_interval = Some(alertmanager.resend_interval);
                alertmanager.login
            }
        };
        if let Some(Login { username, password }) = login {
            written.username = Some(username);
            match password {
                SecretSource::File(path) => written.password_file = Some(path),
                SecretSource::Env(name) => written.password_env = Some(name),
                SecretSource::Credential(name) => written.password_credential = Some(name),
            }
        }
        written
    }
}

fn needed<T>(value: Option<T>, key: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("`{key}` is missing; add it"))
}

fn spanless(text: &str) -> Spanned<String> {
    Spanned::new(0..0, text.to_owned())
}
