//! The web listener over real sockets, asked by a client that speaks no more HTTP than it must.

use super::{limits::Limits, *};
use crate::{
    notify::ReceiverHealth,
    store::{Delivery, DeliveryState, StoredNotification},
};
use ccxwatch_alerts::{
    alert::{AlertStatus, AlertView},
    notification::{EvidenceSummary, Notification, Reason},
    view::{ClusterView, NodeView},
};
use ccxwatch_parsers::severity::Severity;
use jiff::{Timestamp, tz::TimeZone};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{self, JoinHandle},
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
            config: config::Web { hosts: vec!["ccxwatch.example".to_owned()], ..config::Web::default() },
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

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cluster(name: &str, stage: &'static str) -> ClusterView {
    ClusterView {
        name: name.to_owned(),
        stage,
        since: Some(time("2026-11-24T10:00:00Z")),
        deadline: None,
        enforcement_at: None,
        evidence: 3,
        flags: Vec::new(),
        last_heard: Some(time("2026-11-24T10:29:00Z")),
        acknowledged_by: None,
        release: "12.5(1)SU2".to_owned(),
        mapped: true,
        nodes: vec![NodeView {
            id: format!("{name}-pub"),
            role: "publisher".to_owned(),
            last_heard: Some(time("2026-11-24T10:29:00Z")),
            engine: "in_service",
            cluster_view_daemon: "unknown",
        }],
    }
}

fn alert() -> AlertView {
    AlertView {
        labels: BTreeMap::from([("cluster".to_owned(), "berlin".to_owned())]),
        annotations: BTreeMap::new(),
        status: AlertStatus::Firing,
        severity: Severity::Critical,
        starts_at: time("2026-11-24T10:00:00Z"),
        ends_at: None,
        fingerprint: "0123456789abcdef".to_owned(),
        episode: "berlin/1".to_owned(),
        acknowledged: None,
        evidence: EvidenceSummary::default(),
        end: None,
        flags: Vec::new(),
        deadline: Some(time("2026-11-24T10:45:00Z")),
    }
}

fn notification(summary: &str, raw: &str) -> StoredNotification {
    let notification = Notification {
        at: time("2026-11-24T10:00:01Z"),
        elapsed_s: 1.0,
        reason: Reason::CountdownStarted,
        alertname: "SmartLicenseEnteringOutOfCompliance".to_owned(),
        cluster: Some("berlin".to_owned()),
        node: None,
        severity: Severity::Critical,
        episode: "berlin/1".to_owned(),
        told_as: "countdown".to_owned(),
        receivers: vec!["uc-team".to_owned()],
        since: None,
        deadline: Some(time("2026-11-24T10:45:00Z")),
        days_left: None,
        time_zone: None,
        summary: summary.to_owned(),
        description: String::new(),
        runbook: Vec::new(),
        history: Vec::new(),
        flags: Vec::new(),
        evidence: EvidenceSummary { last_raw: Some(raw.to_owned()), ..EvidenceSummary::default() },
    };
    let delivery = Delivery {
        receiver: "uc-team".to_owned(),
        recipient: "oncall@example.com".to_owned(),
        state: DeliveryState::Pending,
        attempts: 3,
        last_error: Some("connection refused".to_owned()),
        finished_at: None,
    };
    StoredNotification { id: 7, notification, deliveries: vec![delivery] }
}

fn sample() -> Snapshot {
    let countdown = ClusterView { deadline: Some(time("2026-11-24T10:45:00Z")), ..cluster("berlin", "countdown") };
    let out =
        ClusterView { enforcement_at: Some(time("2027-02-22T10:00:00Z")), ..cluster("agra", "out_of_compliance") };
    let clusters = vec![cluster("quiet", "compliant"), out, countdown];
    Snapshot {
        at: time("2026-11-24T10:30:00Z"),
        alerts: vec![alert()],
        clusters,
        time_zones: Arc::new(BTreeMap::from([("berlin".to_owned(), TimeZone::get("Europe/Berlin").unwrap())])),
        notifications: vec![notification("berlin: license countdown", "%UC_LIB_LICENSE-1-X: y")],
        receivers: vec![ReceiverHealth {
            receiver: "uc-team".to_owned(),
            failing: true,
            last_error: Some("connection refused".to_owned()),
            next_try: Some(time("2026-11-24T10:31:00Z")),
            queued: 2,
        }],
        store_failing: false,
        listening: vec!["listening udp 127.0.0.1:5514".to_owned(), "page http://127.0.0.1:9914/".to_owned()],
    }
}

fn rendered(snapshot: &Snapshot) -> String {
    page::rendered(snapshot, time("2026-11-24T10:30:00Z")).unwrap()
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

#[test]
fn the_most_urgent_cluster_stands_first() {
    let page = rendered(&sample());
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is not on the page"));
    assert!(at(">berlin<") < at(">agra<") && at(">agra<") < at(">quiet<"));
    for text in [
        "(2) ccxwatch",
        "15 min 00 s",
        "2026-11-24 11:45:00 CET",
        "2026-11-24 10:45:00 UTC",
        "89 days",
        "1 min 00 s ago",
    ] {
        at(text);
    }
    for text in ["connection refused", "failed, will be tried again, 3 attempts", "cannot be reached, 2 waiting"] {
        at(text);
    }
    assert!(!page.contains("page http"), "the page itself is not a source");
}

#[test]
fn hostile_text_is_shown_as_text() {
    let hostile = "<script>alert(1)</script>\u{202e}\0\"'&";
    let shown = "&#60;script&#62;alert(1)&#60;/script&#62;\u{fffd}\u{fffd}&#34;&#39;&#38;";
    let mut snapshot = sample();
    let view = &mut snapshot.clusters[0];
    view.name = hostile.to_owned();
    view.release = hostile.to_owned();
    view.flags = vec![hostile.to_owned()];
    view.acknowledged_by = Some(hostile.to_owned());
    view.nodes[0].id = hostile.to_owned();
    snapshot.notifications = vec![notification(hostile, hostile)];
    snapshot.receivers[0].last_error = Some(hostile.to_owned());
    snapshot.listening.push(hostile.to_owned());
    let page = rendered(&snapshot);
    assert_eq!(page.matches(shown).count(), 9, "{page}");
    assert!(!page.contains("<script>") && !page.contains('\u{202e}') && !page.contains('\0'));
}

#[test]
fn the_page_has_nothing_inline() {
    let page = rendered(&sample());
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script src=\"/page.js\" defer></script>"));
    for inline in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
        assert!(!page.contains(inline), "{inline}");
    }
}

#[test]
fn an_empty_page_says_what_to_do_next() {
    let listening = vec!["listening udp 0.0.0.0:5514".to_owned()];
    let page = rendered(&Snapshot { listening, ..Snapshot::default() });
    for text in
        ["Nothing was heard yet", "/dev/udp/127.0.0.1/5514", "Alarm → Configuration", "ccxwatch check --suggest"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.contains("there is no <code>[[receiver]]</code>"));
    assert!(!rendered(&sample()).contains("Nothing was heard yet"));
}

#[test]
fn a_large_fleet_is_cut_where_it_is_quiet() {
    let mut snapshot = sample();
    snapshot.clusters.extend((0..1000).map(|number| cluster(&format!("site-{number:04}"), "compliant")));
    let page = rendered(&snapshot);
    assert!(page.contains("503 less urgent clusters are not on this page"));
    assert!(page.contains("2 of 1003 need somebody"));
    assert!(page.contains(">berlin<"));
}

#[test]
fn a_failing_store_is_said_first() {
    let snapshot = Snapshot { store_failing: true, ..sample() };
    let page = rendered(&snapshot);
    assert!(page.find("The store takes no transactions").unwrap() < page.find("<table").unwrap());
}

#[tokio::test]
async fn the_test_event_to_copy_arrives_as_an_appliance_sends_it() {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let listening = format!("listening udp {}", socket.local_addr().unwrap());
    let command = page::test_command(&listening).unwrap();
    let status = task::spawn_blocking(|| std::process::Command::new("bash").arg("-c").arg(command).status());
    assert!(status.await.unwrap().unwrap().success());
    let mut line = [0; 1024];
    let length = socket.recv(&mut line).await.unwrap();
    let line = str::from_utf8(&line[..length]).unwrap();
    let (head, event) = line.split_once(" : %").unwrap();
    assert!(head.starts_with("<184>1: test: ") && head.ends_with(" UTC"), "{head}");
    assert_eq!(
        event,
        "UC_LIB_LICENSE-0-SYSTEM_TO_ENTER_OOC_STATE_SHORTLY: %[The time remaining to enter OOC state=15 minutes]\
         [AppID=Cisco Unified CCX Cluster View Daemon][ClusterID=][NodeID=test]: This is a test.\n"
    );
}
