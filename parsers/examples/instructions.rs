//! Runs one reader over a seeded corpus, to be counted by callgrind; see `benches/README.md`.
//!
//! ```sh
//! valgrind --tool=callgrind target/release/examples/instructions record 20000
//! ```
//!
//! The reader `none` only makes the corpus and splits it: subtract it. A third argument reads the corpus so many times, for measuring
//! processor time where the machine is shared.

use std::hint::black_box;

use ccxwatch_parsers::{parse, testing::corpus::corpus, triage};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let reader = arguments.next().unwrap_or_default();
    let mut number = |default| arguments.next().and_then(|number| number.parse().ok()).unwrap_or(default);
    let (lines, times): (usize, usize) = (number(20_000), number(1));
    let corpus = corpus(4, lines);
    let mut sum = 0_usize;
    for _ in 0..times {
        for line in corpus.split(|&byte| byte == b'\n') {
            sum = sum.wrapping_add(match reader.as_str() {
                "triage" => triage(black_box(line)).map_or(1, |found| found.facility.len() + found.mnemonic.len()),
                "record" => {
                    let record = parse(black_box(line));
                    let params = record.event.iter().flat_map(ccxwatch_parsers::Event::params);
                    params.map(|(key, value)| key.len() ^ value.len()).sum::<usize>() + record.envelope.message.len()
                }
                _ => black_box(line).len(),
            });
        }
    }
    println!("{sum}");
}
