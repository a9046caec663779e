//! The benches of `../lines.rs` and, in the same run, `syslog_loose` on lines that it accepts.

#[path = "../../readers/mod.rs"]
mod readers;

use std::{hint::black_box, time::Duration};

use ccxwatch_parsers::testing::corpus::corpus;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use readers::{LINES, checksum_of_record, over_lines};

/// The same corpus under an RFC 3164 header in place of Cisco's own, which `syslog_loose` cannot read.
fn peers(criterion: &mut Criterion) {
    let accepted: Vec<u8> = corpus(4, LINES)
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .flat_map(|line| {
            let text = memchr::memchr(b'%', line).map_or(line, |at| &line[at..]);
            [b"<189>Oct 14 05:50:19 ucx1 cisco[17]: ", text, b"\n"].concat()
        })
        .collect();
    let mut group = criterion.benchmark_group("peers");
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(20).measurement_time(Duration::from_secs(4));
    group.bench_function("syslog_loose", |bencher| {
        bencher.iter(|| {
            over_lines(black_box(&accepted), |line| {
                let text = core::str::from_utf8(line).unwrap_or_default();
                let message = syslog_loose::parse_message_with_year(text, |_| 2025, syslog_loose::Variant::RFC3164);
                message.msg.len() as u64 + u64::from(message.timestamp.is_some())
            })
        });
    });
    group.bench_function("record, on the same lines", |bencher| {
        bencher.iter(|| over_lines(black_box(&accepted), checksum_of_record));
    });
    group.finish();
}

criterion_group!(benches, readers::lines, peers);
criterion_main!(benches);
