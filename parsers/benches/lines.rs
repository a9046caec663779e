//! How fast lines are read, beside the floor (splitting lines and one `memmem` each) and `rg`. See `README.md` here.

mod readers;

use criterion::{criterion_group, criterion_main};

criterion_group!(benches, readers::lines);
criterion_main!(benches);
