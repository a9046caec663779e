//! The rows of a scenario, played to the real process: each row's line really comes by a socket or a file, at the moment
//! that the row says, on a clock that the test moves.

use super::{
    ccxwatch::{Ccxwatch, Site},
    clock::MovedClock,
    http, senders,
    smtp::Smtp,
    store,
    wait::poll_until,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Command,
};

/// A running program to which a scenario is played.
pub(crate) struct Live<'a> {
    site: &'a Site,
    clock: MovedClock,
    started_at: SignedDuration,
    mail: Smtp,
    running: Ccxwatch,
    files: BTreeMap<String, PathBuf>,
}

impl<'a> Live<'a> {
    /// Starts the program on the scenario's configuration: its clusters and rules, but ports, files and a mail server of
    /// this test, and each address moved into 127.0.0.0/8, where this machine can send from it.
    pub(crate) fn start(site: &'a Site, config: &str, rows: &[Value]) -> Self {
        let mail = Smtp::start();
        let files = files(site, rows);
        let mut config: toml::Table = config.parse().expect("the scenario's configuration is TOML");
        config.iter_mut().for_each(|(_, value)| move_to_loopback(value));
        let table = |key: &str, value: &str| {
            toml::Value::Table(toml::Table::from_iter([(key.to_owned(), toml::Value::from(value))]))
        };
        let sources = config.entry("sources").or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let sources = sources.as_table_mut().expect("[sources] is a table");
        for kind in ["udp", "tcp"] {
            sources.insert(kind.to_owned(), toml::Value::Array(vec![table("listen", "127.0.0.1:0")]));
        }
        sources.insert("file".to_owned(), toml::Value::Array(file_sources(rows, &files)));
        config.insert("web".to_owned(), table("listen", "127.0.0.1:0"));
        config.insert("store".to_owned(), table("path", &site.data().display().to_string()));
        config.remove("receiver");
        let config = format!("{config}\n{}", mail.receiver("team", &["uc-team@example.com"]));
        site.configure_exactly(&config);
        let mut clock = MovedClock::new(site.path());
        let started_at = clock.elapsed();
        if let Some(first) = rows.first() {
            clock.set(at(first), started_at, SignedDuration::ZERO);
        }
        let mut command = site.command("run");
        clock.govern(&mut command);
        let running = Ccxwatch::start(command).unwrap_or_else(|ended| panic!("it did not start: {ended:?}\n{config}"));
        Self { site, clock, started_at, mail, running, files }
    }

    /// Plays the rows, stopping as well at the moments at which the replay told something; returns what was told by mail,
    /// in order, as the program keeps it.
    pub(crate) fn play(mut self, rows: &[Value], replayed: &[Value]) -> Vec<Value> {
        for (moment, row) in moments(rows, replayed) {
            self.clock.set(moment.wall + MILLISECOND, self.started_at, moment.elapsed + MILLISECOND);
            let batches = self.running.metric("ccxwatch_batch_facts_count");
            let mut is_line = true;
            match row {
                Some(row) if row.get("operator").is_some() => {
                    self.operate(row);
                    is_line = false;
                }
                Some(row) if row.get("usage").is_some() => {
                    self.report(row);
                    is_line = false;
                }
                Some(row) if row.get("source").is_some() => self.send(row),
                // Only time passes: somebody else's line makes the program look at its clock.
                _ => senders::udp(senders::LOCALHOST, self.running.udp(), b"<190>the clock moved"),
            }
            if is_line {
                poll_until("the line to reach the engine", || {
                    (self.running.metric("ccxwatch_batch_facts_count") > batches).then_some(())
                });
            }
            if row.is_none() {
                // What the replay told until now has been told here, too.
                let due = replayed.iter().filter(|told| elapsed(told).is_some_and(|at| at <= moment.elapsed)).count();
                self.mail.wait_for(due);
            }
        }
        self.mail.wait_for(replayed.len());
        let ended = self.running.terminate();
        assert!(ended.status.success(), "{ended:?}");
        let told: Vec<_> = store::told(&self.site.data()).into_iter().filter(|told| told.receiver == "team").collect();
        let mails = self.mail.accepted();
        let kept: Vec<_> = told.iter().map(|told| told.message_id.as_str()).collect();
        let sent: Vec<_> = mails.iter().map(|mail| mail.message_id.as_str()).collect();
        assert_eq!(kept.len(), mails.len(), "each kept message was sent once: {kept:?} {sent:?}");
        for id in kept {
            assert_eq!(sent.iter().filter(|sent| sent.contains(id)).count(), 1, "{id} was sent once: {sent:?}");
        }
        told.into_iter().map(|told| told.notification).collect()
    }

    fn send(&self, row: &Value) {
        let raw = match (row["raw"].as_str(), row["raw_base64"].as_str()) {
            (Some(raw), _) => raw.as_bytes().to_vec(),
            (None, Some(coded)) => BASE64_STANDARD.decode(coded).expect("the row's bytes are base64"),
            (None, None) => panic!("a row of a source has a line: {row}"),
        };
        let from =
            row["from"].as_str().map_or(senders::LOCALHOST, |from| on_loopback(from.parse().expect("an address")));
        let line = [&raw[..], b"\n"].concat();
        match row["source"].as_str() {
            Some("udp") => senders::udp(from, self.running.udp(), &raw),
            Some("tcp") => senders::tcp(from, self.running.tcp(), &line),
            Some("file") => senders::append(&self.files[&file_key(row)], &line),
            other => panic!("no way to play source {other:?}"),
        }
    }

    /// One report of license use, over the socket of the running process.
    fn report(&self, row: &Value) {
        let socket = UnixStream::connect(self.site.data().join("control.sock")).expect("the process listens there");
        let cluster = row["cluster"].as_str().expect("a report names a cluster");
        let mut body = row["usage"].clone();
        body["time"] = row["at"].clone();
        let body = body.to_string();
        let request = format!(
            "POST /api/v1/clusters/{cluster}/usage HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = http::exchange_on(socket, &request).expect("the process answers");
        assert_eq!(answer.status, 200, "{row}: {}", answer.body);
    }

    fn operate(&self, row: &Value) {
        let action = row["operator"].as_str().expect("an operator's action").replace('_', "-");
        let mut command: Command = super::ccxwatch::program();
        command.args(["alerts", &action]).arg("--config").arg(self.site.config());
        if let Some(comment) = row["comment"].as_str() {
            command.args(["--comment", comment]);
        }
        command.arg(row["cluster"].as_str().expect("an operator names a cluster"));
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{row}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A little later than a row: what is due at that moment is due then.
const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// A moment of a scenario, on both clocks.
#[derive(Clone, Copy)]
struct Moment {
    wall: Timestamp,
    elapsed: SignedDuration,
}

/// The rows and the replay's notifications (`None`) in one order, by the clock that nobody sets.
fn moments<'r>(rows: &'r [Value], replayed: &[Value]) -> Vec<(Moment, Option<&'r Value>)> {
    let mut moments: Vec<(Moment, Option<&Value>)> = Vec::new();
    let mut last: Option<Moment> = None;
    for row in rows {
        let wall = at(row);
        // A row without its own elapsed time trusts the wall clock.
        let passed = |last: Moment| last.elapsed + wall.duration_since(last.wall).max(SignedDuration::ZERO);
        let elapsed = elapsed(row).or_else(|| last.map(passed)).unwrap_or_default();
        let moment = Moment { wall, elapsed };
        last = Some(moment);
        moments.push((moment, Some(row)));
    }
    for told in replayed {
        moments.push((Moment { wall: at(told), elapsed: elapsed(told).expect("the replay says it") }, None));
    }
    moments.sort_by_key(|(moment, row)| (moment.elapsed, row.is_none()));
    moments
}

fn elapsed(row: &Value) -> Option<SignedDuration> {
    row["elapsed_s"].as_f64().map(SignedDuration::from_secs_f64)
}

fn at(row: &Value) -> Timestamp {
    row["at"].as_str().and_then(|at| at.parse().ok()).unwrap_or_else(|| panic!("a row has a time: {row}"))
}

fn file_key(row: &Value) -> String {
    format!("{}-{}", row["node"].as_str().unwrap_or("any"), row["file"].as_str().unwrap_or("trace.log"))
        .replace('/', "-")
}

/// An empty file for each that the rows write to.
fn files(site: &Site, rows: &[Value]) -> BTreeMap<String, PathBuf> {
    let from_files = rows.iter().filter(|row| row["source"] == "file");
    let files: BTreeMap<_, _> = from_files.map(file_key).map(|key| (key.clone(), site.path().join(key))).collect();
    for file in files.values() {
        fs::write(file, "").expect("the log can be made");
    }
    files
}

fn file_sources(rows: &[Value], files: &BTreeMap<String, PathBuf>) -> Vec<toml::Value> {
    let mut sources = BTreeMap::new();
    for row in rows.iter().filter(|row| row["source"] == "file") {
        let path = files[&file_key(row)].display().to_string();
        let mut source = toml::Table::from_iter([("path".to_owned(), toml::Value::from(path))]);
        if let Some(node) = row["node"].as_str() {
            source.insert("node".to_owned(), node.into());
        }
        sources.insert(file_key(row), toml::Value::Table(source));
    }
    sources.into_values().collect()
}

/// Moves every IPv4 address of a configuration into 127.0.0.0/8.
fn move_to_loopback(value: &mut toml::Value) {
    match value {
        toml::Value::String(text) => {
            if let Ok(address) = text.parse::<IpAddr>() {
                *text = on_loopback(address).to_string();
            }
        }
        toml::Value::Array(values) => values.iter_mut().for_each(move_to_loopback),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| move_to_loopback(value)),
        _ => {}
    }
}

fn on_loopback(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [_, b, c, d] = address.octets();
            Ipv4Addr::new(127, b, c, d).into()
        }
        IpAddr::V6(address) => address.into(),
    }
}
