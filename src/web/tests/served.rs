//! The web listener over real sockets, asked by a client that speaks no more HTTP than it must.

use super::{super::*, sample};
use crate::web::limits::Limits;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

struct Server {
    address: SocketAddr,
    state: WebState,
    stop: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start(snapshot: Snapshot, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = WebState {
            view: Arc::new(ArcSwap::from_pointee(snapshot)),
            metrics: Arc::new(Metrics::new()),
            config: Arc::new(ArcSwap::from_pointee(config::Web {
                hosts: vec!["ccxwatch.example".to_owned()],
                ..config::Web::default()
            })),
            reader: Reader::of(std::path::Path::new("/nonexistent")),
            ready: Arc::new(AtomicBool::new(true)),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve_within(listener, state.clone(), limits, stop.clone()));
        Self { address, state, stop, task }
    }

    async fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        Answer::read(&mut stream).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)).await
    }

    async fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        serde_json::from_str(&answer.body).unwrap()
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

#[tokio::test]
async fn every_address_answers() {
    let server = Server::start(sample(), Limits::DEFAULT).await;
    for path in ["/", "/page.css", "/page.js", "/icon.svg", "/metrics", "/-/healthy", "/-/ready", "/api/v1/clusters"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty(), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
    let head = server.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4"));
    assert!(metrics.body.contains("ccxwatch_web_requests_total{code=\"200\"}"));
}

#[tokio::test]
async fn the_api_shows_the_snapshot() {
    let server = Server::start(sample(), Limits::DEFAULT).await;
    let clusters = server.json("/api/v1/clusters").await;
    assert_eq!(clusters["at"], "2026-11-24T10:30:00Z");
    assert_eq!(clusters["clusters"][2]["name"], "berlin");
    assert_eq!(clusters["clusters"][2]["deadline"], "2026-11-24T10:45:00Z");
    let alerts = server.json("/api/v1/alerts").await;
    assert_eq!(alerts["alerts"][0]["labels"]["cluster"], "berlin");
    assert_eq!(alerts["alerts"][0]["status"], "firing");
    let notifications = server.json("/api/v1/notifications").await;
    assert_eq!(notifications["notifications"][0]["reason"], "countdown_started");
    assert_eq!(notifications["notifications"][0]["deliveries"][0]["state"], "pending");
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_said() {
    let server = Server::start(sample(), Limits::DEFAULT).await;
    let missing = server.get("/api/v1/nothing").await;
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("application/json")));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&missing.body).unwrap()["status"], 404);
    let missing = server.get("/nothing").await;
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("text/plain; charset=utf-8")));
    for (path, kind) in [("/api/v1/clusters", "application/json"), ("/", "text/plain; charset=utf-8")] {
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        let refused = server.ask(&request).await;
        assert_eq!((refused.status, refused.header("content-type")), (405, Some(kind)));
        assert_eq!(refused.header("allow"), Some("GET,HEAD"));
    }
    server.state.ready.store(false, Ordering::Release);
    assert_eq!(server.get("/-/ready").await.status, 503);
    assert_eq!(server.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused() {
    let server = Server::start(sample(), Limits::DEFAULT).await;
    let ask = async |head: &str| {
        server.ask(&format!("{head}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")).await.status
    };
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: ccxwatch.example").await, 200);
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: evil.example").await, 403);
    assert_eq!(ask("GET /metrics HTTP/1.1\r\nHost: evil.example:9914").await, 403);
    assert_eq!(ask("GET / HTTP/1.0\r\nX: y").await, 403);
    assert_eq!(ask("POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example").await, 403);
    assert_eq!(ask("POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost").await, 405);
    let metrics = server.get("/metrics").await.body;
    assert!(metrics.contains("ccxwatch_web_refused_total{reason=\"host\"} 3"), "{metrics}");
    assert!(metrics.contains("ccxwatch_web_refused_total{reason=\"origin\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_client_that_dawdles_or_talks_too_much_is_left() {
    let limits = Limits { head_time: Duration::from_millis(50), ..Limits::DEFAULT };
    let server = Server::start(sample(), limits).await;
    let slow = server.ask("GET / HTTP/1.1\r\nHost: local").await;
    assert_ne!(slow.status, 200);
    let idle = server.ask("").await;
    assert_ne!(idle.status, 200);
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "y".repeat(20_000));
    assert_eq!(server.ask(&long).await.status, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(70));
    assert_eq!(server.ask(&many).await.status, 431);
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_counted() {
    let limits = Limits { connections: 1, ..Limits::DEFAULT };
    let server = Server::start(sample(), limits).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut begin = [0; 15];
    first.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200 OK");
    let mut second = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0, "nobody speaks on the second");
    first.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let metrics = Answer::read(&mut first).await;
    assert!(metrics.body.contains("ccxwatch_web_refused_total{reason=\"connections\"} 1"), "{}", metrics.body);
    assert!(metrics.body.contains("ccxwatch_web_connections 1"));
}

#[tokio::test]
async fn the_server_leaves_when_it_is_told_to() {
    let limits = Limits { shutdown_time: Duration::from_millis(50), ..Limits::DEFAULT };
    let server = Server::start(sample(), limits).await;
    let mut dawdler = TcpStream::connect(server.address).await.unwrap();
    dawdler.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(server.get("/-/healthy").await.status, 200);
    server.stop.cancel();
    server.task.await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
