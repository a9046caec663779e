//! A client of the control socket.

use super::Failure;
use crate::{config::Config, control::SOCKET};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{fmt::Write, path::Path, time::Duration};
use tokio::net::UnixStream;

/// A command that takes longer has not reached a working process.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer that is read.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// Asks the process that runs with this configuration. `body` makes it a POST.
pub(super) fn ask(config: &Config, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
    ask_at(&config.store.path.get_ref().join(SOCKET), path, body)
}

/// Asks the process whose control socket this is.
pub(super) fn ask_at(socket: &Path, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::running)?;
    runtime.block_on(async {
        tokio::time::timeout(TIMEOUT, exchange(socket, path, body)).await.unwrap_or_else(|_| {
            Err(Failure::Control(format!("no answer from {} within {} s", socket.display(), TIMEOUT.as_secs())))
        })
    })
}

/// A cluster's name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    name.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

async fn exchange(socket: &Path, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
    let unreachable = |error: &dyn std::fmt::Display| {
        Failure::Control(format!(
            "no ccxwatch answers at {}: {error}. Is `ccxwatch run` running with this configuration, as this user?",
            socket.display()
        ))
    };
    let stream = UnixStream::connect(socket).await.map_err(|error| unreachable(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
    tokio::spawn(connection);
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let content = body.map(Value::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(content)))
        .map_err(Failure::running)?;
    let response = sender.send_request(request).await.map_err(|error| unreachable(&error))?;
    let status = response.status();
    let bytes = Limited::new(response.into_body(), ANSWER_MAX).collect().await.map_err(Failure::running)?.to_bytes();
    let answer = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(answer);
    }
    let said = answer.get("error").and_then(Value::as_str).map_or_else(|| status.to_string(), str::to_owned);
    Err(Failure::Control(said))
}
