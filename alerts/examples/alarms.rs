//! What alarms cost: `cargo run --release -p ccxwatch-alerts --example alarms -- rules|engine …`
//!
//! `rules [RULES] [LINES] [TIMES]`: the first look and the engine's interest, over the mixed corpus, with so many rules of the user,
//! each with a regular expression, none of which wants a line. Compare with 0 rules.
//!
//! `engine [FACTS] [CLUSTERS]`: so many mixed alarms, through the whole engine, in virtual time; rows are taken every 1,000 facts, as
//! a commit takes them. Says how much memory is resident after the first tenth and at the end.

use ccxwatch_alerts::{
    engine::{Engine, Outbox},
    fact::{Channel, Fact, Origin},
    input::Input,
    interest::Interest,
    now::Now,
    rules::user::{PatternSettings, RuleSettings, UserRules},
    settings::{ClusterSettings, FeedSettings, NodeSettings, Settings},
};
use ccxwatch_parsers::{parse, severity::Severity, testing::corpus::corpus, triage};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::{collections::BTreeMap, fs, hint::black_box, net::IpAddr, sync::Arc};

/// Seconds of CPU of this process, and its resident memory in KiB.
fn cost() -> (f64, u64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: u32 =
        stat.rsplit(')').next().unwrap_or_default().split(' ').skip(12).take(2).flat_map(str::parse::<u32>).sum();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    (f64::from(ticks) / 100.0, resident.trim().trim_end_matches(" kB").parse().unwrap_or_default())
}

/// Rules as people write them: most name a mnemonic, some a facility or a pattern, each searches the text.
fn rules(count: usize) -> Result<UserRules, String> {
    let rule = |at: usize| {
        let mut raise = PatternSettings {
            regex: Some(format!("queue {at} (?P<state>\\w+) in \\d+ s")),
            ..PatternSettings::default()
        };
        match at % 10 {
            0 => raise.facility = vec![format!("UC_SITE{at}")],
            1 => raise.mnemonic = vec![format!("Queue{at}*"), format!("*Overflow{at}")],
            2 => {
                raise.facility = vec!["SITE_*".to_owned()];
                raise.severity = Some(Severity::Error);
            }
            _ => raise.mnemonic = vec![format!("Queue{at}Full")],
        }
        let labels = vec![("state".to_owned(), "${state}".to_owned())];
        RuleSettings { name: format!("Rule{at}"), raise, labels, ..RuleSettings::default() }
    };
    let rules: Vec<RuleSettings> = (0..count).map(rule).collect();
    UserRules::compile(&rules).map_err(|errors| format!("{errors:?}"))
}

fn lines(corpus: &[u8]) -> impl Iterator<Item = &[u8]> {
    corpus.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn of_rules(count: usize, number: usize, times: usize) -> Result<(), String> {
    let mut settings = Settings::default();
    settings.rules.user = Arc::new(rules(count)?);
    let interest = Interest::from(&settings);
    let corpus = corpus(4, number);
    let (before, _) = cost();
    let mut wanted = 0_u64;
    for _ in 0..times {
        for line in lines(&corpus) {
            wanted += triage(black_box(line)).map_or(0, |first| u64::from(interest.wants(&first, line)));
        }
    }
    let (after, resident) = cost();
    let all = f64::from(u32::try_from(number * times).unwrap_or(u32::MAX));
    println!(
        "{count} rules: {:.1} ns a line, {wanted} of {} wanted, {} MiB",
        (after - before) * 1e9 / all,
        number * times,
        resident / 1024
    );
    Ok(())
}

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

fn of_engine(number: usize, clusters: usize) -> Result<(), String> {
    let far = SignedDuration::from_hours(100_000);
    let settings = Settings {
        clusters: (0..clusters).map(site).collect(),
        receivers: vec!["desk".to_owned()],
        feeds: FeedSettings { silent_floor: far, silent_ceiling: far, never_heard_after: far },
        ..Settings::default()
    };
    let interest = Interest::from(&settings);
    let start = Timestamp::from_second(1_795_510_800).map_err(|error| error.to_string())?;
    let mut facts = Vec::new();
    for (at, line) in lines(&corpus(4, 20_000)).enumerate() {
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
    let mut now = Now { wall: start, elapsed: SignedDuration::ZERO };
    let mut engine = Engine::new(settings, now);
    let mut out = Outbox::default();
    let (mut told, mut records, mut saved, mut bytes, mut steps) = (0, 0, 0, 0, 0_u64);
    let (before, _) = cost();
    let mut warm = 0;
    for (at, fact) in facts.iter().cycle().take(number).enumerate() {
        // A hundred a second.
        let next = now.wall + SignedDuration::from_millis(10);
        while let Some(due) =
            engine.next_deadline().elapsed.filter(|due| *due < now.elapsed + SignedDuration::from_millis(10))
        {
            now = Now { wall: now.wall + (due - now.elapsed), elapsed: due };
            engine.handle(now, Input::Tick, &mut out);
            steps += 1;
        }
        now = Now { wall: next, elapsed: now.elapsed + now.wall.duration_until(next) };
        let fact = Fact { received_at: now.wall, ..fact.clone() };
        engine.handle(now, Input::Fact(Box::new(fact)), &mut out);
        steps += 1;
        if at % 1000 == 999 {
            let rows = engine.take_saved();
            saved += rows.len();
            bytes += rows.iter().filter_map(|row| row.json.as_ref()).map(String::len).sum::<usize>();
            told += out.notifications.len();
            records += out.records.len();
            out = Outbox::default();
        }
        if at == number / 10 {
            warm = cost().1;
        }
    }
    let (after, resident) = cost();
    let millions = f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / 1e6;
    println!("{number} facts of {} kinds, {clusters} clusters, {steps} steps", facts.len());
    println!("told {told}, records {records}, rows {saved} of {} KiB", bytes / 1024 / saved.max(1));
    println!(
        "CPU {:.2} s per million facts; resident {warm} KiB after a tenth, {resident} KiB at the end",
        (after - before) / millions
    );
    println!("alerts {}", engine.alerts().len());
    Ok(())
}

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: usize| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    match arguments.first().map(String::as_str) {
        Some("rules") => of_rules(number(1, 1000), number(2, 20_000), number(3, 200)),
        Some("engine") => of_engine(number(1, 1_000_000), number(2, 10)),
        _ => Err("say rules or engine; the beginning of this file says more".to_owned()),
    }
}
