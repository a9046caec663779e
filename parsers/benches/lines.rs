//! How fast lines are read, beside the floor (splitting lines and one `memmem` each) and beside peers. See `README.md` here.

use std::{
    fs,
    hint::black_box,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use ccxwatch_parsers::{
    framing::{Framer, Mode},
    parse,
    testing::corpus::corpus,
    triage,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const LINES: usize = 20_000;

/// Reads every field, so that nothing can be skipped.
fn checksum_of_record(line: &[u8]) -> u64 {
    let record = parse(line);
    let mut sum = record.envelope.message.len() as u64;
    sum += record.envelope.pri.map_or(0, |pri| u64::from(pri.value()));
    if let Some(stamp) = record.stamp() {
        sum += u64::from(stamp.second) + u64::from(stamp.nanosecond) + u64::from(stamp.hour);
    }
    if let Some(event) = &record.event {
        sum += event.sequence.unwrap_or(0) + u64::from(event.severity.number());
        sum += (event.facility.len() + event.mnemonic.len() + event.text.len()) as u64;
        sum += event.host.map_or(0, |host| host.len() as u64);
        for (key, value) in event.params() {
            sum += (key.len() ^ value.len()) as u64 + u64::from(value.first().copied().unwrap_or(0));
        }
    }
    sum + record.defects.iter().count() as u64
}

fn checksum_of_triage(line: &[u8]) -> u64 {
    triage(line)
        .map_or(1, |found| u64::from(found.severity.number()) + (found.facility.len() ^ found.mnemonic.len()) as u64)
}

fn floor(line: &[u8]) -> u64 {
    memchr::memmem::find(line, b"%UC_").map_or(1, |at| at as u64)
}

fn over_lines(corpus: &[u8], read: impl Fn(&[u8]) -> u64) -> u64 {
    let mut sum = 0_u64;
    let mut framer = Framer::new(Mode::Lf, 64 * 1024);
    for block in corpus.chunks(256 * 1024) {
        framer.push(block, &mut |frame| sum = sum.wrapping_add(read(frame.bytes)));
    }
    sum
}

fn lines(criterion: &mut Criterion) {
    let corpus = corpus(4, LINES);
    println!("corpus: {} lines, {:.0} bytes on average", LINES, corpus.len() as f64 / LINES as f64);
    let mut group = criterion.benchmark_group("lines");
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(30).measurement_time(Duration::from_secs(4));
    let mut bench = |name: &str, read: fn(&[u8]) -> u64| {
        group.bench_with_input(BenchmarkId::from_parameter(name), &corpus, |bencher, corpus| {
            bencher.iter(|| over_lines(black_box(corpus), read));
        });
    };
    bench("floor: split + memmem", floor);
    bench("triage", checksum_of_triage);
    bench("record", checksum_of_record);
    group.finish();
}

/// `syslog_loose` on lines that it accepts: the same corpus under an RFC 3164 header without Cisco's own.
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
    ripgrep(&mut group);
    group.finish();
}

/// `rg` on a file of a million lines, so that its start does not count; one thread, lines counted.
fn ripgrep(group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>) {
    const TIMES: usize = 50;
    if Command::new("rg").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("rg is not installed: skipped");
        return;
    }
    let path = std::env::temp_dir().join("ccxwatch-bench-corpus.log");
    let written = fs::write(&path, corpus(4, LINES).repeat(TIMES));
    assert!(written.is_ok(), "the corpus must be writable");
    group.throughput(Throughput::Elements((LINES * TIMES) as u64)).sample_size(10);
    group.bench_function("rg, a regex of alarms", |bencher| {
        bencher.iter_custom(|times| {
            let start = Instant::now();
            for _ in 0..times {
                let rg = Command::new("rg")
                    .args(["--threads=1", "--count", "--no-mmap", r"%[A-Za-z0-9_]+-[0-7]-[A-Za-z0-9_]+ ?:"])
                    .arg(&path)
                    .stdout(Stdio::null())
                    .status();
                assert!(rg.is_ok_and(|status| status.success()));
            }
            start.elapsed()
        });
    });
    let _ = fs::remove_file(path);
}

criterion_group!(benches, lines, peers);
criterion_main!(benches);
