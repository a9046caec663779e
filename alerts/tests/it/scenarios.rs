//! The files of `tests/scenarios/` through the engine alone, in the way of `ccxwatch replay`. The program's own tests run the same
//! files through the program.
//!
//! With `SCENARIOS=write` in the environment the expectations are written anew, to be read before they are believed.

use ccxwatch_alerts::{
    engine::{ClusterView, Engine, Outbox},
    fact::{Channel, Fact, Heard, Origin},
    input::{Input, OperatorAction, OperatorCommand, UsageReport},
    interest::Interest,
    notification::Notification,
    now::Now,
    routing::settings::RoutingSettings,
    settings::{ClusterSettings, FeedSettings, LicenseSettings, MappedTransition, NodeSettings, Settings},
};
use ccxwatch_parsers::{parse, triage};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

/// What of the program's configuration the engine takes.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    cluster: Vec<ClusterConfig>,
    #[serde(default)]
    license: LicenseConfig,
    #[serde(default)]
    feeds: FeedConfig,
    #[serde(default)]
    sources: SourceConfig,
}

#[derive(Deserialize)]
struct ClusterConfig {
    name: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    timezone: Option<String>,
    #[serde(default)]
    purchased: Option<u32>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    node: Vec<NodeConfig>,
}

#[derive(Deserialize)]
struct NodeConfig {
    id: String,
    #[serde(default)]
    addresses: Vec<IpAddr>,
    #[serde(default)]
    role: String,
}

#[derive(Default, Deserialize)]
struct LicenseConfig {
    merge_tolerance: Option<SignedDuration>,
    unconfirmed_grace: Option<SignedDuration>,
    late_after: Option<SignedDuration>,
    enforcement_after_days: Option<u32>,
    reminder_days: Option<Vec<u32>>,
    #[serde(default)]
    mnemonics: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct FeedConfig {
    silent_floor: Option<SignedDuration>,
    silent_ceiling: Option<SignedDuration>,
    never_heard_after: Option<SignedDuration>,
}

#[derive(Default, Deserialize)]
struct SourceConfig {
    #[serde(default)]
    relays: Vec<IpAddr>,
}

fn settings(config: Config) -> Settings {
    let license = LicenseSettings::default();
    let feeds = FeedSettings::default();
    Settings {
        clusters: config.cluster.into_iter().map(cluster).collect(),
        license: LicenseSettings {
            merge_tolerance: config.license.merge_tolerance.unwrap_or(license.merge_tolerance),
            unconfirmed_grace: config.license.unconfirmed_grace.unwrap_or(license.unconfirmed_grace),
            late_after: config.license.late_after.unwrap_or(license.late_after),
            enforcement_after_days: config.license.enforcement_after_days.unwrap_or(license.enforcement_after_days),
            reminder_days: config.license.reminder_days.unwrap_or(license.reminder_days),
            mnemonics: config.license.mnemonics.into_iter().map(|(name, does)| (name, transition(&does))).collect(),
            ..LicenseSettings::default()
        },
        relays: config.sources.relays,
        receivers: vec!["console".to_owned()],
        routing: RoutingSettings::default(),
        feeds: FeedSettings {
            silent_floor: config.feeds.silent_floor.unwrap_or(feeds.silent_floor),
            silent_ceiling: config.feeds.silent_ceiling.unwrap_or(feeds.silent_ceiling),
            never_heard_after: config.feeds.never_heard_after.unwrap_or(feeds.never_heard_after),
        },
        ..Settings::default()
    }
}

fn cluster(config: ClusterConfig) -> ClusterSettings {
    let zone = config.timezone.as_deref().unwrap_or("UTC");
    ClusterSettings {
        name: config.name,
        former_names: Vec::new(),
        release: config.release,
        time_zone: TimeZone::get(zone).expect("a zone"),
        purchased: config.purchased,
        labels: config.labels,
        nodes: config
            .node
            .into_iter()
            .map(|node| NodeSettings { id: node.id, addresses: node.addresses, role: node.role })
            .collect(),
    }
}

fn transition(name: &str) -> MappedTransition {
    match name {
        "countdown" => MappedTransition::Countdown,
        "countdown_shortly" => MappedTransition::CountdownShortly,
        "out_of_compliance" => MappedTransition::OutOfCompliance,
        "compliant" => MappedTransition::Compliant,
        "ignore" => MappedTransition::Ignore,
        other => panic!("{other} is no transition"),
    }
}

/// One row of a timeline.
#[derive(Deserialize)]
struct Row {
    at: Timestamp,
    elapsed_s: Option<f64>,
    source: Option<Channel>,
    from: Option<IpAddr>,
    node: Option<String>,
    file: Option<String>,
    raw: Option<String>,
    operator: Option<OperatorAction>,
    cluster: Option<String>,
    comment: Option<String>,
    who: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    used: Option<u32>,
    purchased: Option<u32>,
}

impl Row {
    fn input(self, interest: &Interest) -> Option<Input> {
        if let Some(action) = self.operator {
            let cluster = self.cluster.expect("an operator names a cluster");
            return Some(Input::Operator(OperatorCommand { action, cluster, comment: self.comment, who: self.who }));
        }
        if let Some(Usage { used, purchased }) = self.usage {
            let cluster = self.cluster.expect("a report names a cluster");
            return Some(Input::Usage(UsageReport { cluster, at: self.at, used, purchased }));
        }
        let raw = self.raw?.into_bytes();
        let origin = Origin {
            channel: self.source.expect("a line has a source"),
            sender: self.from,
            source: self.file.unwrap_or_else(|| "replay".to_owned()),
            node: self.node,
        };
        let wanted = triage(&raw).is_some_and(|triage| interest.wants(&triage, &raw));
        let fact = wanted.then(|| Fact::of_record(&parse(&raw), self.at, origin.clone(), false).pop()).flatten();
        Some(match fact {
            Some(fact) => Input::Fact(Box::new(fact)),
            None => Input::Heard(Heard { origin, host: None, last: self.at, lines: 1 }),
        })
    }
}

/// An engine and a virtual clock, which stops at every deadline. Between two rows the wall clock runs with the monotonic one.
struct Timeline {
    engine: Engine,
    now: Now,
    told: Vec<Notification>,
}

impl Timeline {
    fn step(&mut self, input: Input) {
        let mut out = Outbox::default();
        self.engine.handle(self.now, input, &mut out);
        self.told.extend(out.notifications);
    }

    fn pass(&mut self, until: SignedDuration, inclusive: bool) {
        loop {
            let due = self.engine.next_deadline();
            let by_wall = due.wall.map(|at| self.now.elapsed + self.now.wall.duration_until(at));
            let Some(next) = [due.elapsed, by_wall].into_iter().flatten().min() else { return };
            let next = next.max(self.now.elapsed);
            if next > until || (next == until && !inclusive) {
                return;
            }
            self.now = Now { wall: self.now.wall + (next - self.now.elapsed), elapsed: next };
            self.step(Input::Tick);
        }
    }
}

fn run(config: &Path) -> Vec<Value> {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parsed: Config = toml::from_str(&read(config)).unwrap_or_else(|error| panic!("{}: {error}", config.display()));
    let settings = settings(parsed);
    let interest = Interest::from(&settings);
    let text = read(&config.with_extension("jsonl"));
    let rows: Vec<Row> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {line}: {error}", config.display())))
        .collect();
    let elapsed = |row: &Row| row.elapsed_s.map(SignedDuration::from_secs_f64);
    let first = rows.first().expect("a timeline has a row");
    let now = Now { wall: first.at, elapsed: elapsed(first).unwrap_or_default() };
    let mut timeline = Timeline { engine: Engine::new(settings, now), now, told: Vec::new() };
    for row in rows {
        let gap = timeline.now.wall.duration_until(row.at).max(SignedDuration::ZERO);
        let until = elapsed(&row).unwrap_or(timeline.now.elapsed + gap);
        timeline.pass(until, false);
        timeline.now = Now { wall: row.at, elapsed: until.max(timeline.now.elapsed) };
        if let Some(input) = row.input(&interest) {
            timeline.step(input);
        }
    }
    let end = timeline.now.elapsed;
    timeline.pass(end, true);
    timeline.step(Input::Tick);
    let mut printed: Vec<Value> = timeline.told.iter().map(notification).collect();
    printed.push(state(timeline.engine.clusters()));
    printed
}

fn notification(told: &Notification) -> Value {
    json!({
        "at": told.at, "reason": told.reason.name(), "alertname": told.alertname, "cluster": told.cluster,
        "severity": told.severity.name(), "deadline": told.deadline, "days_left": told.days_left,
    })
}

fn state(clusters: Vec<ClusterView>) -> Value {
    let clusters: serde_json::Map<String, Value> = clusters
        .into_iter()
        .map(|cluster| {
            let state = json!({
                "stage": cluster.stage, "since": cluster.since, "deadline": cluster.deadline,
                "enforcement_at": cluster.enforcement_at, "evidence": cluster.evidence, "flags": cluster.flags,
            });
            (cluster.name, state)
        })
        .collect();
    json!({ "clusters": clusters })
}

#[test]
fn every_scenario_tells_what_it_should() {
    let mut configs = Vec::new();
    find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios"), &mut configs);
    configs.sort();
    assert!(!configs.is_empty(), "no scenario");
    let mut faults = Vec::new();
    for config in configs {
        let told = run(&config);
        let expected = config.with_extension("expected.jsonl");
        let text = told.iter().map(Value::to_string).chain([String::new()]).collect::<Vec<_>>().join("\n");
        if std::env::var("SCENARIOS").is_ok_and(|wish| wish == "write") {
            fs::write(&expected, text).expect("the folder can be written");
            continue;
        }
        let known = fs::read_to_string(&expected).unwrap_or_default();
        let known: Vec<Value> = known.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let told: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if known != told {
            faults.push(format!("{}:\n{text}", config.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn find(folder: &Path, configs: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            find(&path, configs);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            configs.push(path);
        }
    }
}
