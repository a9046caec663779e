//! What a `[[receiver]]` must be, said before anything is started.

use super::{email, http};
use crate::config::{Alertmanager, Email, Receiver, ReceiverKind, Text, Tls, Webhook};
use hyper::Uri;
use jiff::{SignedDuration, tz::TimeZone};

/// The least and the most that alerts may be sent again in.
const RESEND: [SignedDuration; 2] = [SignedDuration::from_secs(1), SignedDuration::from_hours(1)];

/// Says what is wrong with a receiver and what to do, without touching the network or reading secrets.
pub fn check_receiver(receiver: &Receiver) -> Result<(), String> {
    let name = receiver.name.get_ref();
    if name.trim().is_empty() || name.chars().any(char::is_control) || name.chars().count() > 64 {
        return Err("`name` must be 1 to 64 characters without line breaks".to_owned());
    }
    let zone = receiver.timezone.get_ref();
    TimeZone::get(zone)
        .map_err(|_| format!("`timezone` {zone:?} is not known; write an IANA name such as Europe/Berlin"))?;
    let timeout = receiver.timeout;
    if timeout < SignedDuration::from_secs(1) || timeout > SignedDuration::from_secs(600) {
        return Err("`timeout` must be between 1s and 10m".to_owned());
    }
    if receiver.danger_accept_invalid_certs && receiver.ca_file.is_some() {
        return Err(
            "`ca_file` has no use where danger_accept_invalid_certs takes any certificate; remove one".to_owned()
        );
    }
    match &receiver.kind {
        ReceiverKind::Email(email) => check_email(receiver, email),
        ReceiverKind::Webhook(webhook) => check_webhook(webhook),
        ReceiverKind::Alertmanager(alertmanager) => check_alertmanager(alertmanager),
    }
}

/// Whether the text is a URL that a browser can follow and that holds no user.
pub fn is_http_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
}

fn check_email(receiver: &Receiver, settings: &Email) -> Result<(), String> {
    let host = settings.host.get_ref();
    if host.is_empty() || !host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c)) {
        return Err(format!("`host` {host:?} is no host name or address; the port has a key of its own"));
    }
    email::mailbox(settings.from.get_ref()).map_err(|error| format!("`from`: {error}"))?;
    if settings.to.is_empty() {
        return Err("`to` is empty, nobody would be told; name at least one address".to_owned());
    }
    for to in &settings.to {
        email::mailbox(to.get_ref()).map_err(|error| format!("`to`: {error}"))?;
    }
    if settings.tls == Tls::None && receiver.ca_file.is_some() {
        return Err("`ca_file` has no use with tls = \"none\"; remove one of them".to_owned());
    }
    if settings.tls == Tls::None && receiver.danger_accept_invalid_certs {
        return Err("`danger_accept_invalid_certs` has no use with tls = \"none\"; remove it".to_owned());
    }
    Ok(())
}

fn check_webhook(webhook: &Webhook) -> Result<(), String> {
    if let Text::Plain(url) = webhook.url.get_ref()
        && !is_http_url(url)
    {
        return Err("`url` is no URL without a user in it; write https://HOST/PATH, or { file = \"…\" }".to_owned());
    }
    for (name, value) in &webhook.headers {
        let value = if let Text::Plain(value) = value { value } else { "" };
        http::header(name, value).map_err(|error| format!("`headers`: {error}"))?;
    }
    if let Some(name) = webhook.values.keys().find(|name| !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    {
        return Err(format!("`values`: {name:?} is no name for a template; use letters, digits and _"));
    }
    if webhook.login.is_some() && webhook.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
        return Err("`username` and `headers.Authorization` are both set; keep one".to_owned());
    }
    Ok(())
}

fn check_alertmanager(alertmanager: &Alertmanager) -> Result<(), String> {
    if alertmanager.urls.is_empty() {
        return Err("`urls` is empty, nobody would be told; name at least one Alertmanager".to_owned());
    }
    if let Some(url) = alertmanager.urls.iter().find(|url| !is_http_url(url.get_ref())) {
        return Err(format!("`urls`: {:?} is no URL without a user in it; write http://HOST:9093", url.get_ref()));
    }
    if !(RESEND[0]..=RESEND[1]).contains(&alertmanager.resend_interval) {
        return Err("`resend_interval` must be between 1s and 1h".to_owned());
    }
    Ok(())
}
