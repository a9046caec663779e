//! What the benches measure, and on which lines.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use ccxwatch_parsers::{
    framing::{Framer, Mode},
    testing::{checksum, corpus::corpus},
    triage,
};
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, measurement::WallTime};

pub(crate) const LINES: usize = 20_000;

pub(crate) fn checksum_of_triage(line: &[u8]) -> u64 {
    triage(line)
        .map_or(1, |found| u64::from(found.severity.number()) + (found.facility.len() ^ found.mnemonic.len()) as u64)
}

fn floor(line: &[u8]) -> u64 {
    static FINDER: std::sync::LazyLock<memchr::memmem::Finder<'static>> =
        std::sync::LazyLock::new(|| memchr::memmem::Finder::new(b"%UC_"));
    FINDER.find(line).map_or(1, |at| at as u64)
}

pub(crate) fn over_lines(corpus: &[u8], read: impl Fn(&[u8]) -> u64) -> u64 {
    let mut sum = 0_u64;
    let mut framer = Framer::new(Mode::Lf, 64 * 1024);
    for block in corpus.chunks(256 * 1024) {
        framer.push(block, &mut |frame| sum = sum.wrapping_add(read(frame.bytes)));
    }
    sum
}

/// The floor, triage and the whole record on the mixed corpus, and `rg` on a file of it.
pub(crate) fn lines(criterion: &mut Criterion) {
    let corpus = corpus(4, LINES);
    println!("corpus: {} lines, {:.0} bytes on average", LINES, corpus.len() as f64 / LINES as f64);
    let mut group = criterion.benchmark_group("lines");
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(30).measurement_time(Duration::from_secs(4));
    let mut bench = |name: &str, read: fn(&[u8]) -> u64| {
        group.bench_with_input(BenchmarkId::from_parameter(name), &corpus, |bencher, corpus| {
            bencher.iter(|| over_lines(std::hint::black_box(corpus), read));
        });
    };
    bench("floor: split + memmem", floor);
    bench("triage", checksum_of_triage);
    bench("record", checksum::of_line);
    ripgrep(&mut group);
    group.finish();
}

/// `rg` on a file of a million lines, so that its start does not count; one thread, lines counted.
fn ripgrep(group: &mut BenchmarkGroup<'_, WallTime>) {
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
        bencher.iter(|| {
            let rg = Command::new("rg")
                .args(["--threads=1", "--count", "--no-mmap", r"%[A-Za-z0-9_]+-[0-7]-[A-Za-z0-9_]+ ?:"])
                .arg(&path)
                .stdout(Stdio::null())
                .status();
            assert!(rg.is_ok_and(|status| status.success()));
        });
    });
    let _ = fs::remove_file(path);
}
