//! The benches of `../lines.rs` and, in the same run, `syslog_loose` on lines that it accepts. `--interleaved` measures processor time
//! instead, for machines that are shared.

mod interleaved;
#[path = "../../readers/mod.rs"]
mod readers;

use std::{hint::black_box, time::Duration};

use ccxwatch_parsers::testing::{
    checksum,
    corpus::{corpus, under_rfc3164},
};
use criterion::{Criterion, Throughput, criterion_group};
use readers::{LINES, over_lines};

/// `syslog_loose` cannot read Cisco's own header: both read the same texts under one of RFC 3164.
fn peers(criterion: &mut Criterion) {
    let accepted = under_rfc3164(&corpus(4, LINES));
    let mut group = criterion.benchmark_group("peers");
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(20).measurement_time(Duration::from_secs(4));
    group.bench_function("syslog_loose", |bencher| {
        bencher.iter(|| over_lines(black_box(&accepted), loose));
    });
    group.bench_function("record, on the same lines", |bencher| {
        bencher.iter(|| over_lines(black_box(&accepted), checksum::of_line));
    });
    group.finish();
}

fn loose(line: &[u8]) -> u64 {
    let text = core::str::from_utf8(line).unwrap_or_default();
    let message = syslog_loose::parse_message_with_year(text, |_| 2025, syslog_loose::Variant::RFC3164);
    message.msg.len() as u64 + u64::from(message.timestamp.is_some())
}

criterion_group!(benches, readers::lines, peers);

fn main() {
    if std::env::args().any(|argument| argument == "--interleaved") {
        interleaved::run();
    } else {
        benches();
        Criterion::default().configure_from_args().final_summary();
    }
}
