//! What it costs to ask whether a line is wanted: CPU time per line of the mixed corpus, with and without the question.
//!
//! `cargo run --release -p ccxwatch-alerts --example interest [ROUNDS]`

use ccxwatch_alerts::{interest::Interest, settings::Settings};
use ccxwatch_parsers::{Triage, testing::corpus::corpus, triage};
use std::{fs, hint::black_box};

/// Seconds of CPU of this process.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u32 = fields.split(' ').skip(12).take(2).flat_map(str::parse::<u32>).sum();
    f64::from(ticks) / 100.0
}

fn main() {
    let rounds: u32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    let corpus = corpus(11, 20_000);
    let lines: Vec<&[u8]> = corpus.split(|byte| *byte == b'\n').collect();
    let interest = Interest::from(&Settings::default());
    let measure = |what: &str, ask: &dyn Fn(&Triage<'_>, &[u8]) -> bool| {
        let before = cpu();
        let mut wanted = 0_u64;
        for _ in 0..rounds {
            for line in &lines {
                wanted += u64::from(triage(black_box(line)).is_some_and(|triage| ask(&triage, line)));
            }
        }
        let asked = f64::from(rounds) * lines.len() as f64;
        println!(
            "{what}: {:.1} ns of CPU per line, {:.1} % wanted",
            (cpu() - before) / asked * 1e9,
            100.0 * wanted as f64 / asked
        );
    };
    measure("triage alone", &|triage, _| black_box(triage).facility.is_empty());
    measure("triage and interest", &|triage, line| interest.wants(triage, line));
}
