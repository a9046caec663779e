//! Runs one reader over a seeded corpus, to be counted by callgrind; see `benches/README.md`.
//!
//! ```sh
//! valgrind --tool=callgrind target/release/examples/instructions record 2000 21
//! ```
//!
//! Readers are `none` (only splits lines), `triage`, `record`, and `relayed`: the whole record of the same lines under an RFC 3164 header.
//! The second argument is the number of lines, the third how often they are read: two runs that differ in it alone tell what reading
//! costs without making the corpus.

use std::hint::black_box;

use ccxwatch_parsers::{
    testing::{
        checksum,
        corpus::{corpus, under_rfc3164},
    },
    triage,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let reader = arguments.next().unwrap_or_default();
    let mut number = |default| arguments.next().and_then(|number| number.parse().ok()).unwrap_or(default);
    let (lines, times): (usize, usize) = (number(20_000), number(1));
    let read: fn(&[u8]) -> u64 = match reader.as_str() {
        "triage" => |line| triage(line).map_or(1, |found| (found.facility.len() + found.mnemonic.len()) as u64),
        "record" | "relayed" => checksum::of_line,
        _ => |line| line.len() as u64,
    };
    let corpus = corpus(4, lines);
    let corpus = if reader == "relayed" { under_rfc3164(&corpus) } else { corpus };
    let mut sum = 0_u64;
    for _ in 0..times {
        let mut rest = corpus.as_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            sum = sum.wrapping_add(read(black_box(&rest[..end])));
            rest = &rest[end + 1..];
        }
    }
    println!("{sum}");
}
