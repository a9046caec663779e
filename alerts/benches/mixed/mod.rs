//! Mixed alarms and an engine that hears them, a hundred a second of virtual time.

use ccxwatch_alerts::{
    engine::{Engine, Outbox},
    fact::{Channel, Fact, Origin},
    input::Input,
    interest::Interest,
    now::Now,
    settings::{ClusterSettings, FeedSettings, NodeSettings, Settings},
};
use ccxwatch_parsers::{parse, testing::corpus::corpus, triage};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::{collections::BTreeMap, net::IpAddr};

/// Between two alarms.
const APART: SignedDuration = SignedDuration::from_millis(10);
/// 2026-11-24 09:00 UTC.
const START: i64 = 1_795_510_800;

fn address(cluster: usize, node: usize) -> IpAddr {
    let [.., a, b] = cluster.to_be_bytes();
    IpAddr::from([10, a, b, u8::try_from(node + 1).unwrap_or(1)])
}

fn site(cluster: usize) -> ClusterSettings {
    let node = |node: usize| NodeSettings {
        id: format!("ccx-{cluster}-{node}"),
        addresses: vec![address(cluster, node)],
        role: String::new(),
    };
    ClusterSettings {
        name: format!("cluster-{cluster}"),
        former_names: Vec::new(),
        release: "12.5(1)SU2".to_owned(),
        time_zone: TimeZone::UTC,
        purchased: None,
        labels: BTreeMap::new(),
        nodes: vec![node(0), node(1)],
    }
}

/// An engine, its clock, and the alarms that it hears in turn.
pub(crate) struct Hearing {
    pub(crate) engine: Engine,
    pub(crate) out: Outbox,
    pub(crate) facts: Vec<Fact>,
    pub(crate) steps: u64,
    now: Now,
    next: usize,
}

impl Hearing {
    /// Of so many clusters of two nodes. What the engine does not want of 20,000 lines is left out, as a source does.
    pub(crate) fn new(clusters: usize) -> Self {
        let far = SignedDuration::from_hours(100_000);
        let settings = Settings {
            clusters: (0..clusters).map(site).collect(),
            receivers: vec!["desk".to_owned()],
            feeds: FeedSettings { silent_floor: far, silent_ceiling: far, never_heard_after: far },
            ..Settings::default()
        };
        let interest = Interest::from(&settings);
        let start = Timestamp::from_second(START).unwrap_or_default();
        let text = corpus(4, 20_000);
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut facts = Vec::new();
        for (at, line) in lines.enumerate() {
            let origin = Origin {
                channel: Channel::Udp,
                sender: Some(address(at % clusters, at / clusters % 2)),
                source: "0.0.0.0:514".to_owned(),
                node: None,
            };
            if triage(line).is_some_and(|first| interest.wants(&first, line)) {
                facts.extend(Fact::of_record(&parse(line), start, origin, false));
            }
        }
        let now = Now { wall: start, elapsed: SignedDuration::ZERO };
        Self { engine: Engine::new(settings, now), out: Outbox::default(), facts, steps: 0, now, next: 0 }
    }

    /// The next alarm, and what is due before it.
    pub(crate) fn hear(&mut self) {
        let until = self.now.elapsed + APART;
        let wall = self.now.wall + APART;
        while let Some(due) = self.engine.next_deadline().elapsed.filter(|due| *due < until) {
            self.now = Now { wall: self.now.wall + (due - self.now.elapsed), elapsed: due };
            self.engine.handle(self.now, Input::Tick, &mut self.out);
            self.steps += 1;
        }
        self.now = Now { wall, elapsed: until };
        let fact = Fact { received_at: wall, ..self.facts[self.next % self.facts.len()].clone() };
        self.engine.handle(self.now, Input::Fact(Box::new(fact)), &mut self.out);
        self.steps += 1;
        self.next += 1;
    }
}
