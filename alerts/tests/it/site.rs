//! A site under test: one engine, a virtual clock that stops at every deadline, and short ways to say what happens.

use ccxwatch_alerts::{
    engine::{AlertView, ClusterView, Engine, Outbox},
    fact::{Channel, Fact, Origin},
    input::{Input, OperatorAction, OperatorCommand},
    notification::{Notification, Reason},
    now::Now,
    settings::{ClusterSettings, FeedSettings, NodeSettings, Settings},
};
use ccxwatch_parsers::{
    license::{LicenseEvent, LicenseEventKind},
    severity::Severity,
    stamp::{Accuracy, Stamp, Zone},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::{collections::BTreeMap, net::IpAddr};

/// 2026-11-24 09:00 UTC, in seconds: minute 0 of every test.
const START: i64 = 1_795_510_800;

/// The time of a minute of the test.
pub(crate) fn minute(minutes: i64) -> Timestamp {
    second(60 * minutes)
}

/// The time of a second of the test.
pub(crate) fn second(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).expect("a time near now")
}

/// Two clusters of two nodes, and a relay.
pub(crate) fn settings() -> Settings {
    let node = |id: &str, address: &str, role: &str| NodeSettings {
        id: id.to_owned(),
        addresses: vec![address.parse().expect("an address")],
        role: role.to_owned(),
    };
    let cluster = |name: &str, release: &str, nodes| ClusterSettings {
        name: name.to_owned(),
        former_names: Vec::new(),
        release: release.to_owned(),
        time_zone: TimeZone::UTC,
        purchased: Some(100),
        labels: BTreeMap::new(),
        nodes,
    };
    Settings {
        clusters: vec![
            cluster(
                "north",
                "12.5(1)SU2",
                vec![node("ccx-n1", "10.0.0.11", "publisher"), node("ccx-n2", "10.0.0.12", "subscriber")],
            ),
            cluster("south", "15.0", vec![node("ccx-s1", "10.0.1.11", "publisher")]),
        ],
        relays: vec!["10.0.9.9".parse().expect("an address")],
        receivers: vec!["desk".to_owned()],
        feeds: FeedSettings {
            // Far beyond every license test: feeds have tests of their own.
            silent_floor: SignedDuration::from_hours(100_000),
            silent_ceiling: SignedDuration::from_hours(100_000),
            never_heard_after: SignedDuration::from_hours(100_000),
        },
        ..Settings::default()
    }
}

/// What a license line says.
pub(crate) use LicenseEventKind::{
    EnteringOutOfCompliance as Enter, EnteringOutOfComplianceShortly as Shortly, OutOfCompliance as Ooc,
};

/// A line before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) fact: Fact,
}

/// A license line with its own time, over UDP from the first node.
pub(crate) fn line(kind: LicenseEventKind, minutes: Option<u16>, at: Timestamp) -> Line {
    let mnemonic = match kind {
        Enter => "SYSTEM_TO_ENTER_OOC_STATE",
        Shortly => "SYSTEM_TO_ENTER_OOC_STATE_SHORTLY",
        Ooc => "SYSTEM_IN_OOC_STATE",
        LicenseEventKind::Unclassified => "SOMETHING_NEW",
    };
    Line {
        fact: Fact {
            version: Fact::VERSION,
            received_at: at,
            origin: Origin {
                channel: Channel::Udp,
                sender: Some(IpAddr::from([10, 0, 0, 11])),
                source: "127.0.0.1:5514".to_owned(),
                node: None,
            },
            stamp: Some(stamp(at)),
            host: Some("ccx-n1".to_owned()),
            node_id: Some("ccx-n1".to_owned()),
            app_id: Some("Cisco Unified CCX Cluster View Daemon".to_owned()),
            sequence: Some(7),
            process: None,
            facility: "UC_LIB_LICENSE".to_owned(),
            mnemonic: mnemonic.to_owned(),
            severity: Severity::Alert,
            license: Some(LicenseEvent { kind, minutes_left: minutes }),
            params: Vec::new(),
            raw: format!("%UC_LIB_LICENSE-1-{mnemonic}: test line"),
            copies: 1,
            catching_up: false,
            rtmt: None,
        },
    }
}

/// A stamp that says everything.
pub(crate) fn stamp(at: Timestamp) -> Stamp {
    let civil = at.to_zoned_datetime(TimeZone::UTC).datetime();
    Stamp {
        year: Some(civil.year()),
        month: civil.month().unsigned_abs(),
        day: civil.day().unsigned_abs(),
        hour: civil.hour().unsigned_abs(),
        minute: civil.minute().unsigned_abs(),
        second: civil.second().unsigned_abs(),
        nanosecond: civil.subsec_nanosecond().unsigned_abs(),
        zone: Zone::Offset(0),
        accuracy: Accuracy::Unmarked,
    }
}

impl Line {
    /// Received later than it happened.
    pub(crate) fn received(mut self, at: Timestamp) -> Self {
        self.fact.received_at = at;
        self
    }

    /// From another address.
    pub(crate) fn from(mut self, sender: &str) -> Self {
        self.fact.origin.sender = Some(sender.parse().expect("an address"));
        self
    }

    /// By a file.
    pub(crate) fn file(mut self, node: Option<&str>) -> Self {
        self.fact.origin = Origin {
            channel: Channel::File,
            sender: None,
            source: "/var/log/uccx/MCVD001.log".to_owned(),
            node: node.map(ToOwned::to_owned),
        };
        self
    }

    /// Claims to be of a node.
    pub(crate) fn node(mut self, id: &str) -> Self {
        self.fact.node_id = Some(id.to_owned());
        self.fact.host = Some(id.to_owned());
        self
    }

    /// Part of a backlog.
    pub(crate) fn catching_up(mut self) -> Self {
        self.fact.catching_up = true;
        self
    }
}

/// One engine and its clock.
pub(crate) struct Site {
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
    pub(crate) now: Now,
    pub(crate) told: Vec<Notification>,
    pub(crate) records: Vec<AlertView>,
    pub(crate) rows: BTreeMap<String, String>,
}

impl Site {
    /// Minute 0, nothing heard.
    pub(crate) fn new(settings: Settings) -> Self {
        let now = Now { wall: minute(0), elapsed: SignedDuration::from_secs(1000) };
        let mut site = Self {
            engine: Engine::new(settings.clone(), now),
            settings,
            now,
            told: Vec::new(),
            records: Vec::new(),
            rows: BTreeMap::new(),
        };
        site.save();
        site
    }

    fn save(&mut self) {
        for row in self.engine.take_saved() {
            match row.json {
                Some(json) => self.rows.insert(row.key, json),
                None => self.rows.remove(&row.key),
            };
        }
    }

    /// Steps to every deadline up to `until`, and to `until` itself.
    pub(crate) fn pass(&mut self, until: Timestamp) {
        while self.now.wall < until {
            let due = self.engine.next_deadline();
            let by_elapsed = due.elapsed.map(|at| self.now.wall + (at - self.now.elapsed));
            let next = [by_elapsed, due.wall].into_iter().flatten().min().map_or(until, |at| at.min(until));
            self.at(next.max(self.now.wall));
            if next < until {
                self.tick();
            }
        }
    }

    /// Both clocks go on together.
    fn at(&mut self, wall: Timestamp) {
        self.now.elapsed += self.now.wall.duration_until(wall);
        self.now.wall = wall;
    }

    /// Deadlines that are due fire.
    pub(crate) fn tick(&mut self) {
        self.input(Input::Tick);
        let due = self.engine.next_deadline();
        assert!(due.elapsed.is_none_or(|at| at > self.now.elapsed), "elapsed deadline {due:?} at {:?}", self.now);
        assert!(due.wall.is_none_or(|at| at > self.now.wall), "wall deadline {due:?} at {:?}", self.now);
    }

    /// One input at the present time.
    pub(crate) fn input(&mut self, input: Input) {
        let mut out = Outbox::default();
        self.engine.handle(self.now, input, &mut out);
        self.told.extend(out.notifications);
        self.records.extend(out.records);
        self.save();
    }

    /// A line, at the time of its receipt.
    pub(crate) fn hear(&mut self, line: Line) {
        self.pass(line.fact.received_at);
        self.input(Input::Fact(Box::new(line.fact)));
    }

    /// An operator's command.
    pub(crate) fn operator(&mut self, action: OperatorAction, cluster: &str) {
        self.input(Input::Operator(OperatorCommand {
            action,
            cluster: cluster.to_owned(),
            comment: Some("bought ten".to_owned()),
            who: Some("lee".to_owned()),
        }));
    }

    /// The process ends and starts again after `down`.
    pub(crate) fn restart(&mut self, down: SignedDuration) {
        let rows = self
            .rows
            .iter()
            .map(|(key, json)| ccxwatch_alerts::engine::SavedRow { key: key.clone(), json: Some(json.clone()) });
        self.now = Now { wall: self.now.wall + down, elapsed: SignedDuration::from_secs(5) };
        self.engine = Engine::restore(self.settings.clone(), self.now, rows.collect()).expect("own rows");
    }

    /// What was told since the last call.
    pub(crate) fn reasons(&mut self) -> Vec<Reason> {
        self.told.drain(..).map(|told| told.reason).collect()
    }

    /// One cluster.
    pub(crate) fn cluster(&self, name: &str) -> ClusterView {
        self.engine.clusters().into_iter().find(|cluster| cluster.name == name).expect("the cluster")
    }

    /// The stage of the cluster `north`.
    pub(crate) fn stage(&self) -> &'static str {
        self.cluster("north").stage
    }
}
