//! The panels: each query of the dashboards is answered by a real Prometheus while an incident plays.

use crate::{
    dashboards::{BOARDS, annotations, board, list, panels},
    grafana::path,
    harness::{
        ccxwatch::{Ccxwatch, Site},
        http,
        lines_of_cisco::Says,
        prometheus::Prometheus,
        senders,
        smtp::Smtp,
        wait::{self, PATIENCE, poll_until},
    },
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, io::Write, net::TcpStream, os::unix::net::UnixStream, time::Duration};

/// When a query must have an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// While the countdown runs; there is none afterwards.
    Countdown,
    /// Once the cluster is out of compliance, and from then on.
    OutOfCompliance,
}

/// The numbers that are there during the countdown only. Every other one is there at the end; what would be empty by nature has
/// been made to happen by then: a message that fails first, a line that is broken, a request that is refused, an engine that fails,
/// a feed, reports of use, alarms of the license manager.
const DURING_THE_COUNTDOWN: [(&str, &str); 3] =
    [("fleet", "Least time left"), ("cluster", "Time left"), ("fleet", "Clusters by urgency: Time left")];

/// One query of a dashboard, as Grafana would send it.
struct Query {
    board: &'static str,
    /// The panel, and the column where it is a table.
    what: String,
    expression: String,
    /// One moment, or a stretch of time.
    instant: bool,
    moment: Moment,
}

/// Every query of every panel and annotation, with the variables filled in.
fn queries(variables: &BTreeMap<(&str, String), String>) -> Vec<Query> {
    let mut queries = Vec::new();
    for board_name in BOARDS {
        let board = board(board_name);
        let filled = |expression: &Value| {
            let mut text = expression.as_str().expect("an expression").replace("$__rate_interval", "4s");
            for ((of, name), value) in variables {
                if *of == board_name {
                    text = text.replace(&format!("${name}"), value);
                }
            }
            assert!(!text.contains('$'), "{board_name}: a variable is left in {text}");
            text
        };
        for panel in panels(&board) {
            let columns: Vec<String> = headings(panel);
            for (number, target) in list(&panel["targets"], board_name).iter().enumerate() {
                let title = panel["title"].as_str().expect("a title");
                let what = columns.get(number).map_or_else(|| title.to_owned(), |column| format!("{title}: {column}"));
                let during = DURING_THE_COUNTDOWN.contains(&(board_name, &what));
                queries.push(Query {
                    board: board_name,
                    expression: filled(&target["expr"]),
                    instant: target["instant"] == true,
                    moment: if during { Moment::Countdown } else { Moment::OutOfCompliance },
                    what,
                });
            }
        }
        for annotation in annotations(&board) {
            queries.push(Query {
                board: board_name,
                what: format!("annotation {}", annotation["name"]),
                expression: filled(&annotation["expr"]),
                instant: false,
                moment: Moment::OutOfCompliance,
            });
        }
    }
    queries
}

/// The headings of a table's columns, in the order of its queries.
fn headings(panel: &Value) -> Vec<String> {
    let transformations = panel["transformations"].as_array().into_iter().flatten();
    let renamed = transformations.filter_map(|one| one["options"]["renameByName"].as_object()).flatten();
    let mut renamed: Vec<_> =
        renamed.map(|(value, heading)| (value.clone(), heading.as_str().unwrap_or_default())).collect();
    renamed.sort();
    renamed.into_iter().map(|(_, heading)| heading.to_owned()).collect()
}

/// The values of the variables, asked as Grafana asks: `label_values(selector, label)`. One value is taken, all are `.*`.
fn variables(prometheus: &Prometheus) -> BTreeMap<(&'static str, String), String> {
    let mut values = BTreeMap::new();
    for board_name in BOARDS {
        for variable in list(&board(board_name)["templating"]["list"], board_name) {
            let Some(query) = variable["query"]["query"].as_str() else { continue };
            let name = variable["name"].as_str().expect("a name").to_owned();
            let inner =
                query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect("label_values");
            let (selector, label) = inner.rsplit_once(", ").expect("a selector and a label");
            let selector = selector.replace("$instance", ".*");
            let found = prometheus.ask(&format!("label/{label}/values"), &[("match[]", &selector)]);
            let first = found[0].as_str().unwrap_or_else(|| panic!("{board_name}: the variable {name} has no value"));
            let value = if variable["includeAll"] == true { ".*" } else { first };
            values.insert((board_name, name), value.to_owned());
        }
    }
    assert_eq!(values.get(&("cluster", "cluster".to_owned())).map(String::as_str), Some("berlin"));
    values
}

const CONFIG: &str = "
[[cluster]]
name = \"berlin\"
release = \"12.5(1)SU2\"
purchased = 100
[[cluster.node]]
id = \"uccxpub\"
addresses = [\"127.20.0.5\"]
role = \"publisher\"
[[cluster.node]]
id = \"uccxsub\"
addresses = [\"127.20.0.6\"]
role = \"subscriber\"
[[sources.file]]
path = \"{DIR}/*.log\"
node = \"uccxpub\"
";

/// The incident, played to the process in real time.
struct Incident {
    site: Site,
    mail: Smtp,
    running: Ccxwatch,
    sequence: u32,
    /// A stream that stays open.
    stream: TcpStream,
}

impl Incident {
    fn start() -> Self {
        let mut mail = Smtp::start();
        mail.script(&["451 4.3.0 try again"]);
        let site = Site::new("");
        fs::write(site.path().join("mcvd.log"), "").expect("the log can be made");
        let receiver = mail.receiver("team", &["uc-team@example.com"]);
        site.configure(&format!("# own files\n{CONFIG}{receiver}"));
        let running = site.start();
        let stream = TcpStream::connect(running.tcp()).expect("it listens");
        Self { site, mail, running, sequence: 8_000, stream }
    }

    fn syslog(&mut self, node: &str, priority: u32, event: &str) {
        self.sequence += 1;
        let stamp = now().to_zoned_datetime(TimeZone::UTC).strftime("%b %d %Y %H:%M:%S.%3f UTC");
        let line = format!("<{priority}>{}: {node}: {stamp} : %{event}", self.sequence);
        let from = if node == "uccxpub" { [127, 20, 0, 5] } else { [127, 20, 0, 6] };
        senders::udp(from.into(), self.running.udp(), line.as_bytes());
    }

    fn alarms(&mut self) {
        let tags = "[ClusterID=][NodeID=uccxpub]";
        let engine = "ServiceName=Cisco Unified CCX Engine";
        let daemon = "ServiceName=Cisco Unified CCX Cluster View Daemon";
        for (severity, event) in [
            (6, format!("UC_GENERIC-6-ServiceStarted: %[{daemon}]{tags}: started")),
            (2, format!("UC_SERVICEMANAGER-2-ServiceFailed: %[{engine}]{tags}: failed")),
            (4, format!("UC_SLMALARMCATALOG-4-SmartLicenseRegistrationExpiringSoon: %[Reason=x]{tags}: soon")),
            (1, format!("UC_SLMALARMCATALOG-1-SmartLicenseInOverage_AuthorizationExpired: %[Reason=x]{tags}: over")),
        ] {
            self.syslog("uccxpub", 184 + severity, &event);
        }
        self.stream.write_all(b"<190>not an event\n").expect("it reads");
        senders::udp(
            [127, 20, 0, 6].into(),
            self.running.udp(),
            b"<187>7: uccxsub: %UC_LIB_LICENSE-3-NEW_MESSAGE: \xff\xfe",
        );
        let foreign = "Host: evil.example\r\n";
        assert_ne!(http::request(self.running.web, "GET", "/", foreign).status, 200);
    }

    fn report(&self, used: u32, at: Timestamp) {
        let body = json!({ "used": used, "time": at }).to_string();
        let request = format!(
            "POST /api/v1/clusters/berlin/usage HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let socket = UnixStream::connect(self.site.data().join("control.sock")).expect("the process listens there");
        let answer = http::exchange_on(socket, &request).expect("the process answers");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[expect(clippy::disallowed_methods, reason = "the program under test and Prometheus live in real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn unix(at: Timestamp) -> f64 {
    SignedDuration::from_millis(at.as_millisecond()).as_secs_f64()
}

/// Waits until all queries of a moment have an answer, and says which have none.
fn all_answered(prometheus: &Prometheus, queries: &[Query], moment: Moment, began: Timestamp) {
    let mut open: Vec<&Query> = queries.iter().filter(|query| query.moment == moment).collect();
    assert!(!open.is_empty());
    let start = wait::now();
    loop {
        open.retain(|query| {
            let range = (!query.instant).then(|| (unix(began), unix(now())));
            prometheus.numbers(&query.expression, range) == 0
        });
        if open.is_empty() {
            return;
        }
        let left: Vec<_> = open.iter().map(|query| [query.board, &query.what, &query.expression].join(": ")).collect();
        assert!(start.elapsed() < PATIENCE, "{moment:?}: no answer to\n{}", left.join("\n"));
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

#[test]
fn every_query_has_an_answer_when_it_should() {
    let mut incident = Incident::start();
    let prometheus = Prometheus::start(incident.running.web, &path("prometheus/ccxwatch-rules.yaml"));
    let began = now();
    let line = Says::Entering.trace(1, began);
    senders::append(&incident.site.path().join("mcvd.log"), format!("{line}\n").as_bytes());
    incident.alarms();
    incident.report(80, began - SignedDuration::from_mins(90));
    poll_until("the first scrape of the countdown", || {
        (prometheus.numbers("ccxwatch_license_deadline_timestamp_seconds", None) > 0).then_some(())
    });
    let variables = variables(&prometheus);
    let queries = queries(&variables);
    assert!(queries.len() > 100, "{} queries", queries.len());
    for (board, what) in DURING_THE_COUNTDOWN {
        assert!(queries.iter().any(|query| query.board == board && query.what == what), "{board} has no {what}");
    }
    all_answered(&prometheus, &queries, Moment::Countdown, began);
    // Five reports in a row over the purchase lock the peak.
    for (number, used) in (1..).zip([110, 130, 120, 115, 111]) {
        incident.report(used, began - SignedDuration::from_mins(90 - 15 * number));
    }
    let says = Says::OutOfCompliance.syslog(9_000, "uccxsub", now());
    senders::udp([127, 20, 0, 6].into(), incident.running.udp(), says.as_bytes());
    incident.mail.wait_for(2);
    all_answered(&prometheus, &queries, Moment::OutOfCompliance, began);
    for query in queries.iter().filter(|query| query.moment == Moment::Countdown) {
        assert_eq!(prometheus.numbers(&query.expression, None), 0, "{} after the countdown", query.what);
    }
    println!("{} queries answered", queries.len());
}
