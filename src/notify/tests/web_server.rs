//! A web server that does as it is told, on a real socket.

use super::server::Wire;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Method and target.
    pub(super) line: String,
    /// The head, names in lower case.
    pub(super) head: Vec<(String, String)>,
    /// The body.
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A running server. It lives as long as the test's runtime.
pub(super) struct WebServer {
    pub(super) port: u16,
    requests: mpsc::UnboundedReceiver<Request>,
}

impl WebServer {
    /// Answers the n-th request (from 0) with status line, headers and body as `script` says; nothing cuts the connection.
    pub(super) async fn start(script: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        Self::protected(None, script).await
    }

    /// The same behind TLS, where there is an acceptor.
    pub(super) async fn protected(
        tls: Option<TlsAcceptor>,
        script: impl Fn(usize) -> String + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (hear, requests) = mpsc::unbounded_channel();
        let script = Arc::new(script);
        let count = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (hear, script, count) = (hear.clone(), Arc::clone(&script), Arc::clone(&count));
                let tls = tls.clone();
                tokio::spawn(async move {
                    let stream: Box<dyn Wire> = match tls {
                        None => Box::new(stream),
                        // A client that does not believe us leaves.
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    let mut stream = BufReader::new(stream);
                    let mut line = String::new();
                    if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                        return;
                    }
                    let mut fields = Vec::new();
                    loop {
                        let mut field = String::new();
                        stream.read_line(&mut field).await.unwrap();
                        let Some((name, value)) = field.trim_end().split_once(':') else { break };
                        fields.push((name.to_lowercase(), value.trim().to_owned()));
                    }
                    let length = fields.iter().find(|(name, _)| name == "content-length");
                    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
                    stream.read_exact(&mut body).await.unwrap();
                    let answer = script(count.fetch_add(1, Ordering::Relaxed));
                    let body = String::from_utf8(body).unwrap();
                    let _ = hear.send(Request { line: line.trim_end().to_owned(), head: fields, body });
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { port, requests }
    }

    pub(super) async fn request(&mut self) -> Request {
        self.requests.recv().await.unwrap()
    }
}

/// An answer without a body.
pub(super) fn answer(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")
}
