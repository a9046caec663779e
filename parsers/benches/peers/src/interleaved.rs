//! Processor time, reader by reader in turn: what else the machine does then hits all alike, and the best turn of each is hardly hit.

use std::hint::black_box;

use ccxwatch_parsers::testing::{
    checksum,
    corpus::{corpus, under_rfc3164},
};
use nix::time::{ClockId, clock_gettime};

use crate::{
    loose,
    readers::{checksum_of_triage, over_lines},
};

const LINES: usize = 2_000;
const TURNS: usize = 60;
/// So many times a reader reads the corpus in its turn.
const TIMES: usize = 5;

/// Prints the best turn of every reader, and how much faster the record is than `syslog_loose` on the same lines.
pub(crate) fn run() {
    let mixed = corpus(4, LINES);
    let relayed = under_rfc3164(&mixed);
    type Reader = fn(&[u8]) -> u64;
    let readers: [(&str, &[u8], Reader); 4] = [
        ("triage", &mixed, checksum_of_triage),
        ("record", &mixed, checksum::of_line),
        ("record, on the peer's lines", &relayed, checksum::of_line),
        ("syslog_loose", &relayed, loose),
    ];
    let mut best = [f64::MAX; 4];
    for _ in 0..TURNS {
        for (best, (_, lines, read)) in best.iter_mut().zip(readers) {
            let began = processor_time();
            for _ in 0..TIMES {
                black_box(over_lines(black_box(lines), read));
            }
            *best = best.min((processor_time() - began) / (TIMES * LINES) as f64);
        }
    }
    for (seconds, (name, ..)) in best.iter().zip(readers) {
        println!("{name:28} {:4.0} ns a line, {:5.2} million lines/s", seconds * 1e9, 1e-6 / seconds);
    }
    println!("record to syslog_loose: {:.2} times as fast", best[3] / best[2]);
}

/// Seconds that this thread ran.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock");
    time.tv_sec() as f64 + time.tv_nsec() as f64 * 1e-9
}
