//! A fleet in virtual time: how much the engine costs. `cargo run --release -p ccxwatch-alerts --example fleet [CLUSTERS] [DAYS]`
//!
//! Each cluster of two nodes has one incident a week (countdown, shortly, out of compliance; each line three times from both
//! nodes by syslog and by file: 36 lines) and is confirmed two hours later. Rows are saved after each stage of each incident; the
//! engine starts anew from its rows every day.

use ccxwatch_alerts::{
    engine::{Engine, Outbox, SavedRow},
    fact::{Channel, Fact, Origin},
    input::{Input, OperatorAction, OperatorCommand},
    now::Now,
    settings::{ClusterSettings, FeedSettings, NodeSettings, Settings},
};
use ccxwatch_parsers::{
    license::{LicenseEvent, LicenseEventKind},
    severity::Severity,
    stamp::{Accuracy, Stamp, Zone},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    net::IpAddr,
};

const STAGES: [(LicenseEventKind, &str, Option<u16>, i64); 3] = [
    (LicenseEventKind::EnteringOutOfCompliance, "SYSTEM_TO_ENTER_OOC_STATE", Some(45), 0),
    (LicenseEventKind::EnteringOutOfComplianceShortly, "SYSTEM_TO_ENTER_OOC_STATE_SHORTLY", Some(15), 30),
    (LicenseEventKind::OutOfCompliance, "SYSTEM_IN_OOC_STATE", None, 45),
];

fn address(cluster: usize, node: usize) -> IpAddr {
    let [.., a, b] = cluster.to_be_bytes();
    IpAddr::from([10, a, b, u8::try_from(node + 1).unwrap_or(1)])
}

fn settings(clusters: usize) -> Settings {
    let far = SignedDuration::from_hours(100_000);
    let node = |cluster: usize, node: usize| NodeSettings {
        id: format!("ccx-{cluster}-{node}"),
        addresses: vec![address(cluster, node)],
        role: String::new(),
    };
    Settings {
        clusters: (0..clusters)
            .map(|cluster| ClusterSettings {
                name: format!("cluster-{cluster}"),
                former_names: Vec::new(),
                release: "12.5(1)SU2".to_owned(),
                time_zone: TimeZone::UTC,
                purchased: Some(100),
                labels: BTreeMap::new(),
                nodes: vec![node(cluster, 0), node(cluster, 1)],
            })
            .collect(),
        receivers: vec!["desk".to_owned()],
        feeds: FeedSettings { silent_floor: far, silent_ceiling: far, never_heard_after: far },
        ..Settings::default()
    }
}

fn fact(cluster: usize, node: usize, file: bool, stage: usize, at: Timestamp) -> Fact {
    let (kind, mnemonic, minutes_left, _) = STAGES[stage];
    let civil = at.to_zoned_datetime(TimeZone::UTC).datetime();
    let id = format!("ccx-{cluster}-{node}");
    Fact {
        version: Fact::VERSION,
        received_at: at,
        origin: Origin {
            channel: if file { Channel::File } else { Channel::Udp },
            sender: (!file).then(|| address(cluster, node)),
            source: if file { format!("/srv/{id}/MCVD001.log") } else { "0.0.0.0:514".to_owned() },
            node: file.then(|| id.clone()),
        },
        stamp: Some(Stamp {
            year: Some(civil.year()),
            month: civil.month().unsigned_abs(),
            day: civil.day().unsigned_abs(),
            hour: civil.hour().unsigned_abs(),
            minute: civil.minute().unsigned_abs(),
            second: civil.second().unsigned_abs(),
            nanosecond: 0,
            zone: Zone::Offset(0),
            accuracy: Accuracy::Unmarked,
        }),
        host: Some(id.clone()),
        node_id: Some(id),
        app_id: Some("Cisco Unified CCX Cluster View Daemon".to_owned()),
        sequence: Some(1),
        process: None,
        facility: "UC_LIB_LICENSE".to_owned(),
        mnemonic: mnemonic.to_owned(),
        severity: Severity::Alert,
        license: Some(LicenseEvent { kind, minutes_left }),
        params: Vec::new(),
        raw: format!("%UC_LIB_LICENSE-1-{mnemonic}: {}", "x".repeat(200)),
        copies: 1,
        catching_up: false,
        rtmt: None,
    }
}

struct Fleet {
    engine: Engine,
    rows: HashMap<String, String>,
    now: Now,
    out: Outbox,
    steps: u64,
    facts: u64,
    told: u64,
    saved: u64,
}

impl Fleet {
    fn step(&mut self, input: Input) {
        self.engine.handle(self.now, input, &mut self.out);
        self.steps += 1;
        self.told += u64::try_from(self.out.notifications.len()).unwrap_or_default();
        self.out.notifications.clear();
    }

    fn pass(&mut self, until: Timestamp) {
        loop {
            let due = self.engine.next_deadline();
            let by_elapsed = due.elapsed.map(|at| self.now.wall + (at - self.now.elapsed));
            let Some(next) = [by_elapsed, due.wall].into_iter().flatten().min().filter(|at| *at <= until) else {
                break;
            };
            self.move_to(next.max(self.now.wall));
            self.step(Input::Tick);
        }
        self.move_to(until);
    }

    fn move_to(&mut self, wall: Timestamp) {
        self.now.elapsed += self.now.wall.duration_until(wall);
        self.now.wall = wall;
    }

    fn save(&mut self) {
        for row in self.engine.take_saved() {
            self.saved += 1;
            match row.json {
                Some(json) => self.rows.insert(row.key, json),
                None => self.rows.remove(&row.key),
            };
        }
    }

    fn restart(&mut self, settings: &Settings) -> Result<(), String> {
        self.save();
        // The old process is gone before the new one starts.
        self.engine = Engine::new(Settings::default(), self.now);
        let rows =
            self.rows.iter().map(|(key, json)| SavedRow { key: key.clone(), json: Some(json.clone()) }).collect();
        self.now.elapsed = SignedDuration::ZERO;
        self.engine = Engine::restore(settings.clone(), self.now, rows).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// Seconds of CPU of this process, and its largest resident memory in MiB.
fn cost() -> (f64, u64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: u32 =
        stat.rsplit(')').next().unwrap_or_default().split(' ').skip(12).take(2).flat_map(str::parse::<u32>).sum();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or_default();
    (f64::from(ticks) / 100.0, kib / 1024)
}

fn main() -> Result<(), String> {
    let number =
        |at: usize, default: usize| std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (clusters, days) = (number(1, 10_000), number(2, 90));
    let settings = settings(clusters);
    let start = Timestamp::from_second(1_795_510_800).map_err(|error| error.to_string())?;
    let now = Now { wall: start, elapsed: SignedDuration::ZERO };
    let mut fleet = Fleet {
        engine: Engine::new(settings.clone(), now),
        rows: HashMap::new(),
        now,
        out: Outbox::default(),
        steps: 0,
        facts: 0,
        told: 0,
        saved: 0,
    };
    for day in 0..days {
        let day_start = start + SignedDuration::from_hours(24 * i64::try_from(day).map_err(|error| error.to_string())?);
        // What happens today, by the second: a stage of an incident, or (3) its confirmation.
        let mut today: Vec<(i64, usize, usize)> = Vec::new();
        for cluster in (day % 7..clusters).step_by(7) {
            let at = i64::try_from(cluster * 37 % 1200).map_err(|error| error.to_string())?;
            today.extend(STAGES.iter().enumerate().map(|(stage, (.., minutes))| ((at + minutes) * 60, cluster, stage)));
            today.push(((at + 165) * 60, cluster, 3));
        }
        today.sort_unstable();
        for (second, cluster, stage) in today {
            let at = day_start + SignedDuration::from_secs(second);
            fleet.pass(at);
            if stage == 3 {
                let cluster = format!("cluster-{cluster}");
                let command =
                    OperatorCommand { action: OperatorAction::ConfirmCompliant, cluster, comment: None, who: None };
                fleet.step(Input::Operator(command));
            } else {
                for copy in 0..12 {
                    fleet.facts += 1;
                    fleet.step(Input::Fact(Box::new(fact(cluster, copy % 2, copy % 4 > 1, stage, at))));
                }
            }
            fleet.save();
        }
        fleet.pass(day_start + SignedDuration::from_hours(24));
        fleet.restart(&settings)?;
    }
    let (seconds, mib) = cost();
    let millions = f64::from(u32::try_from(fleet.facts).unwrap_or(u32::MAX)) / 1e6;
    println!("{clusters} clusters, {days} days, {days} restarts");
    println!("facts {}, steps {}, notifications {}, rows saved {}", fleet.facts, fleet.steps, fleet.told, fleet.saved);
    println!("CPU {seconds:.1} s, {:.2} s per million facts; peak memory {mib} MiB", seconds / millions);
    Ok(())
}
