//! One step of the engine: `cargo bench -p ccxwatch-alerts`. The README beside it says what the figures mean.

mod mixed;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mixed::Hearing;

/// Mixed alarms, after the engine has heard each of them once.
fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(1));
    for clusters in [10, 1_000] {
        let mut hearing = Hearing::new(clusters);
        for _ in 0..hearing.facts.len() {
            hearing.hear();
        }
        group.bench_function(format!("mixed alarms of {clusters} clusters"), |bencher| {
            bencher.iter(|| {
                hearing.hear();
                // What a commit would take.
                if hearing.out.records.len() > 1_000 {
                    hearing.out = ccxwatch_alerts::engine::Outbox::default();
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
