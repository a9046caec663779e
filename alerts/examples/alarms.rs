//! What alarms cost: `cargo run --release -p ccxwatch-alerts --example alarms -- rules|engine …`
//!
//! `rules [RULES] [LINES] [TIMES]`: the first look and the engine's interest, over the mixed corpus, with so many rules of the user,
//! each with a regular expression, none of which wants a line. Compare with 0 rules.
//!
//! `engine [FACTS] [CLUSTERS]`: so many mixed alarms, through the whole engine, in virtual time; rows are taken every 1,000 facts, as
//! a commit takes them. Says how much memory is resident on the way. `benches/README.md` has the figures.

#[path = "../benches/mixed/mod.rs"]
mod mixed;

use ccxwatch_alerts::{
    interest::Interest,
    rules::user::{PatternSettings, RuleSettings, UserRules},
    settings::Settings,
};
use ccxwatch_parsers::{severity::Severity, testing::corpus::corpus, triage};
use mixed::Hearing;
use std::{fs, hint::black_box, sync::Arc};

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

fn of_engine(number: usize, clusters: usize) {
    let mut hearing = Hearing::new(clusters);
    let (mut told, mut records, mut saved, mut bytes) = (0, 0, 0, 0);
    let mut resident = Vec::new();
    let (before, _) = cost();
    for at in 1..=number {
        hearing.hear();
        if at % 1000 == 0 {
            let rows = hearing.engine.take_saved();
            saved += rows.len();
            bytes += rows.iter().filter_map(|row| row.json.as_ref()).map(String::len).sum::<usize>();
            let out = std::mem::take(&mut hearing.out);
            told += out.notifications.len();
            records += out.records.len();
        }
        if [number / 5, number * 3 / 5, number].contains(&at) {
            resident.push(cost().1);
        }
    }
    let (after, _) = cost();
    let millions = f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / 1e6;
    println!("{number} facts of {} kinds, {clusters} clusters, {} steps", hearing.facts.len(), hearing.steps);
    println!("told {told}, records {records}, rows {saved} of {} KiB", bytes / 1024 / saved.max(1));
    println!("CPU {:.2} s per million facts", (after - before) / millions);
    println!("resident after 20 %, 60 % and 100 %: {resident:?} KiB; alerts {}", hearing.engine.alerts().len());
}

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: usize| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    match arguments.first().map(String::as_str) {
        Some("rules") => of_rules(number(1, 1000), number(2, 20_000), number(3, 200)),
        Some("engine") => {
            of_engine(number(1, 1_000_000), number(2, 10));
            Ok(())
        }
        _ => Err("say rules or engine; the beginning of this file says more".to_owned()),
    }
}
