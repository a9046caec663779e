//! JSON to a URL: what the body says is a template's matter, that it arrives once in order is ours.

use super::{
    Common, NotifyError,
    content::Audience,
    context::Context,
    failure::Failure,
    http::{self, Endpoint},
    template::{Form, Template},
};
use crate::{
    clock,
    config::{BodyTemplate, Preset, Receiver, Secret, Text, Webhook as Settings},
    store::{FailureReason, Message},
};
use hyper::{
    HeaderMap,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use jiff::Timestamp;
use minijinja::{Value, value::Serde};
use ring::hmac;
use std::collections::BTreeMap;

/// The id of the message, the same at every attempt: whoever saw it before need not act again.
const MESSAGE_ID: HeaderName = HeaderName::from_static("x-ccxwatch-message-id");
/// When it was signed, in seconds since 1970.
const TIMESTAMP: HeaderName = HeaderName::from_static("x-ccxwatch-timestamp");
/// `sha256=` and the HMAC-SHA256 of timestamp, `.` and body, in hexadecimal digits.
const SIGNATURE: HeaderName = HeaderName::from_static("x-ccxwatch-signature");

/// One webhook.
pub(super) struct Webhook {
    endpoint: Endpoint,
    headers: HeaderMap,
    body: Body,
    key: Option<hmac::Key>,
    secrets: Vec<Secret>,
}

impl Webhook {
    pub(super) fn start(receiver: &Receiver, webhook: &Settings, common: &Common) -> Result<Self, NotifyError> {
        let fault = |message: String| NotifyError::of(receiver, message);
        let mut secrets = Vec::new();
        let mut read = |text: &Text, what: &str| -> Result<String, NotifyError> {
            let (value, secret) = text.read().map_err(|error| fault(format!("{what}: {error}")))?;
            let text = value.reveal().to_owned();
            if secret {
                secrets.push(value);
            }
            Ok(text)
        };
        let url = read(webhook.url.get_ref(), "`url`")?;
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        for (name, value) in &webhook.headers {
            let value = read(value, &format!("`headers.{name}`"))?;
            let (name, value) = http::header(name, &value).map_err(fault)?;
            headers.insert(name, value);
        }
        let mut values = BTreeMap::new();
        for (name, value) in &webhook.values {
            values.insert(name.clone(), read(value, &format!("`values.{name}`"))?);
        }
        if let Some(login) = &webhook.login {
            let (value, hidden) = http::basic(login).map_err(fault)?;
            headers.insert(hyper::header::AUTHORIZATION, value);
            secrets.extend(hidden);
        }
        let key = match &webhook.hmac_secret {
            None => None,
            Some(source) => {
                let secret = source.read().map_err(|error| fault(format!("`hmac_secret`: {error}")))?;
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
                secrets.push(secret);
                Some(key)
            }
        };
        // What follows the host of a secret URL is as secret as the whole.
        if let (Text::Kept(_), Some((_, rest))) = (webhook.url.get_ref(), url.split_once("://")) {
            secrets.extend(rest.split_once('/').map(|(_, path)| Secret::new(path)));
        }
        Ok(Self {
            endpoint: Endpoint::new(receiver, &url, "")?,
            headers,
            body: Body {
                template: template(webhook, receiver)?,
                fallback: preset(Preset::Ccxwatch).map_err(fault)?,
                values,
                audience: common.audience(receiver, ""),
            },
            key,
            secrets,
        })
    }

    /// One attempt, bounded as a whole.
    pub(super) async fn deliver(&self, message: &Message) -> Result<(), Failure> {
        let now = clock::wall();
        let body = self.body.write(message, now).unwrap_or_else(|error| {
            // An alarm that does not look as it should is better than none.
            tracing::error!(receiver = self.body.audience.receiver, error, "the template fails; plain JSON is sent");
            self.body.plain(message, now)
        });
        let mut headers = self.headers.clone();
        if let Ok(id) = HeaderValue::from_str(&message.message_id) {
            headers.insert(MESSAGE_ID, id);
        }
        if let Some(key) = &self.key {
            let (timestamp, signature) = sign(key, now, body.as_bytes());
            let value = |text: &str| {
                HeaderValue::from_str(text).map_err(|error| Failure::never(FailureReason::Template, error.to_string()))
            };
            headers.insert(TIMESTAMP, value(&timestamp)?);
            headers.insert(SIGNATURE, value(&signature)?);
        }
        self.endpoint.post(headers, body.into_bytes()).await.map_err(|failure| failure.without(&self.secrets))
    }
}

/// What makes the body.
pub(super) struct Body {
    template: Template,
    fallback: Template,
    values: BTreeMap<String, String>,
    audience: Audience,
}

impl Body {
    /// For a preview: secrets are not read.
    pub(super) fn preview(receiver: &Receiver, webhook: &Settings, common: &Common) -> Result<Self, NotifyError> {
        let shown = |text: &Text| match text {
            Text::Plain(text) => text.clone(),
            Text::Kept(_) => "(secret)".to_owned(),
        };
        Ok(Self {
            template: template(webhook, receiver)?,
            fallback: preset(Preset::Ccxwatch).map_err(|error| NotifyError::of(receiver, error))?,
            values: webhook.values.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
            audience: common.audience(receiver, ""),
        })
    }

    pub(super) fn write(&self, message: &Message, now: Timestamp) -> Result<String, String> {
        self.template.render(&self.context(message, now))
    }

    fn plain(&self, message: &Message, now: Timestamp) -> String {
        self.fallback.render(&self.context(message, now)).unwrap_or_else(|_| "{}".to_owned())
    }

    fn context(&self, message: &Message, now: Timestamp) -> Value {
        let all = Value::from(Serde(Context::of(message, &self.audience, now)));
        minijinja::context! { all => all.clone(), values => self.values.clone(), ..all }
    }
}

fn template(webhook: &Settings, receiver: &Receiver) -> Result<Template, NotifyError> {
    match &webhook.body {
        BodyTemplate::Preset(Preset::Pagerduty) if !webhook.values.contains_key("routing_key") => {
            Err("PagerDuty wants a routing key; write `values = { routing_key = { file = \"…\" } }`".to_owned())
        }
        BodyTemplate::Preset(chosen) => preset(*chosen),
        BodyTemplate::File(file) => Template::load(file, Form::Json),
    }
    .map_err(|error| NotifyError::of(receiver, error))
}

fn preset(preset: Preset) -> Result<Template, String> {
    let source = match preset {
        Preset::Ccxwatch => include_str!("presets/ccxwatch.json.j2"),
        Preset::Webex => include_str!("presets/webex.json.j2"),
        Preset::Teams => include_str!("presets/teams.json.j2"),
        Preset::Pagerduty => include_str!("presets/pagerduty.json.j2"),
        Preset::Servicenow => include_str!("presets/servicenow.json.j2"),
    };
    Template::compile(source, Form::Json)
}

fn sign(key: &hmac::Key, now: Timestamp, body: &[u8]) -> (String, String) {
    use std::fmt::Write as _;
    let timestamp = now.as_second().to_string();
    let tag = hmac::sign(key, &[timestamp.as_bytes(), b".", body].concat());
    let hex = tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    (timestamp, format!("sha256={hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes() {
        // printf 1700000000.{} | openssl dgst -sha256 -hmac key
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        let (timestamp, signature) = sign(&key, Timestamp::from_second(1_700_000_000).unwrap(), b"{}");
        assert_eq!(timestamp, "1700000000");
        assert_eq!(signature, "sha256=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
    }
}
