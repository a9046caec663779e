//! Prints lines of the mixed corpus that the benches read: `corpus LINES [SEED]`.

use ccxwatch_parsers::testing::corpus::corpus;
use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse::<u64>().ok());
    let lines = numbers.next().and_then(|lines| usize::try_from(lines).ok()).unwrap_or(10_000);
    io::stdout().lock().write_all(&corpus(numbers.next().unwrap_or(4), lines))
}
