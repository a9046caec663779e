//! One HTTP request to a receiver: a connection of its own, no redirects followed, the answer bounded.

use super::{NotifyError, escape::visible, failure::Failure, stream, tls};
use crate::{
    clock,
    config::{Login, Receiver, Secret},
    store::FailureReason,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Request, StatusCode, Uri,
    body::Bytes,
    client::conn::http1,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822;
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// So much of an answer is read, in bytes; the rest tells nobody anything.
const ANSWER: usize = 16 * 1024;

/// So much of it is shown, in characters.
const SHOWN: usize = 200;

/// Where requests of a receiver go.
pub(super) struct Endpoint {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Path and query, as the request line has them. They may be secret: no error shows them.
    target: String,
    authority: String,
    limit: Duration,
}

/// A server's answer that is no success.
struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: String,
}

impl Endpoint {
    /// Reads a URL: `https://host:port/path?query`. `path` is added to its own.
    pub(super) fn new(receiver: &Receiver, url: &str, path: &str) -> Result<Self, NotifyError> {
        let fault = |message: &str| NotifyError::of(receiver, message.to_owned());
        let uri: Uri = url.trim().parse().map_err(|_| fault("the URL cannot be read; write https://HOST/PATH"))?;
        let authority = uri.authority().ok_or_else(|| fault("the URL has no host; write https://HOST/PATH"))?;
        if authority.as_str().contains('@') {
            return Err(fault("the URL holds a user; write `username` and `password_file` instead"));
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let (tls, port) = match uri.scheme_str() {
            Some("https") => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| fault("the URL's host is no name that a certificate can have"))?;
                (Some((tls::connector(receiver)?, name)), 443)
            }
            Some("http") => (None, 80),
            _ => return Err(fault("the URL begins neither with https:// nor with http://")),
        };
        let own = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if path.is_empty() { own.to_owned() } else { format!("{}{path}", own.trim_end_matches('/')) };
        Ok(Self {
            port: uri.port_u16().unwrap_or(port),
            tls,
            target,
            authority: authority.to_string(),
            host,
            limit: receiver.timeout.unsigned_abs(),
        })
    }

    /// Host and port, for errors.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// One POST, bounded in time as a whole.
    pub(super) async fn post(&self, headers: HeaderMap, body: Vec<u8>) -> Result<(), Failure> {
        let answer = timeout(self.limit, self.exchange(headers, body)).await.unwrap_or_else(|_| {
            Err(Failure::unreachable(
                FailureReason::Timeout,
                format!("{} did not answer within {:?}; it may or may not have taken it", self.place(), self.limit),
            ))
        })?;
        self.judge(&answer)
    }

    async fn exchange(&self, headers: HeaderMap, body: Vec<u8>) -> Result<Answer, Failure> {
        let tcp = stream::connect(&self.host, self.port)
            .await
            .map_err(|error| Failure::unreachable(FailureReason::Connect, error))?;
        match &self.tls {
            None => self.talk(tcp, headers, body).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), tcp).await.map_err(|error| {
                    Failure::unreachable(FailureReason::Tls, format!("{}: TLS failed: {error}", self.place()))
                })?;
                self.talk(stream, headers, body).await
            }
        }
    }

    async fn talk(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let broken = |error: hyper::Error| {
            let text = format!("{}: the connection broke: {error}", self.place());
            Failure::unreachable(FailureReason::Connect, visible(&text, 300))
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let connection = tokio::spawn(connection);
        let mut request = Request::post(&self.target)
            .header(header::HOST, &self.authority)
            .header(header::USER_AGENT, concat!("ccxwatch/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Failure::never(FailureReason::Template, format!("no request can be made: {error}")))?;
        request.headers_mut().extend(headers);
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(retry_after);
        // A body that is too long, or breaks off, changes nothing about the status.
        let body = Limited::new(response.into_body(), ANSWER).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes);
        connection.abort();
        let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        Ok(Answer { status, retry_after, body })
    }

    /// What a status means (RFC 9110, section 15).
    fn judge(&self, answer: &Answer) -> Result<(), Failure> {
        let status = answer.status;
        if status.is_success() {
            return Ok(());
        }
        let said = visible(answer.body.trim(), SHOWN);
        let separator = if said.is_empty() { "" } else { ": " };
        let text = format!("{} answers {status}{separator}{said}", self.place());
        let failure = match status {
            StatusCode::TOO_MANY_REQUESTS => Failure::unreachable(FailureReason::RateLimited, text),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Failure::unreachable(FailureReason::Auth, text)
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Failure::later(FailureReason::Timeout, text),
            // The URL is wrong, not the message: all wait until it is corrected.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => {
                Failure::unreachable(FailureReason::Rejected, format!("{text}; check the URL"))
            }
            _ if status.is_redirection() => Failure::unreachable(
                FailureReason::Rejected,
                format!("{text}; redirects are not followed: configure the URL that it leads to"),
            ),
            _ if status.is_server_error() => Failure::later(FailureReason::Unavailable, text),
            _ => Failure::never(FailureReason::Rejected, text),
        };
        Err(match failure.consequence {
            super::failure::Consequence::GiveUp => failure,
            _ => failure.after(answer.retry_after),
        })
    }
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(clock::wall().duration_until(at)).unwrap_or_default())
}

/// One header of a request; a secret one never prints.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let bad = "write letters, digits and hyphens; the value in ASCII on one line";
    let name: HeaderName = name.parse().map_err(|_| format!("the header name {name:?} is none: {bad}"))?;
    if [header::HOST, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING].contains(&name) {
        return Err(format!("the header {name} is not yours to set; remove it"));
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| format!("the value of header {name} is none: {bad}"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The header of HTTP basic authentication, and what must not show.
pub(super) fn basic(login: &Login) -> Result<(HeaderValue, Vec<Secret>), String> {
    let password = login.password.read()?;
    let coded = BASE64_STANDARD.encode(format!("{}:{}", login.username.get_ref(), password.reveal()));
    let (_, value) = header("authorization", &format!("Basic {coded}"))?;
    Ok((value, vec![password, Secret::new(&coded)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |text: &str| retry_after(&HeaderValue::from_str(text).unwrap());
        assert_eq!(read("90"), Some(Duration::from_secs(90)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(read("Fri, 01 Jan 2100 00:00:00 GMT") > Some(Duration::from_hours(24)));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }
}
