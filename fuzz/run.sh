#!/bin/sh
# Runs every fuzz target for some seconds, without cargo-fuzz and without a nightly compiler:
#
#     fuzz/run.sh [seconds] [targets...]
#
# The seeds are written by a test from the shared samples and from the shapes that broke other parsers.
set -eu
cd "$(dirname "$0")/.."
seconds="${1:-180}"
[ $# -gt 0 ] && shift
targets="${*:-frames records stamps bodies alert_logs}"
FUZZ_SEEDS=1 cargo test --quiet -p ccxwatch-parsers --test seeds
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
coverage="$coverage -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
cd fuzz
# A target must be named, or the flags would reach build scripts too.
triple="$(rustc -vV | sed -n 's/^host: //p')"
RUSTFLAGS="$coverage -Ccodegen-units=1 --cfg fuzzing" CARGO_TARGET_DIR="$PWD/target" cargo build --quiet --release --target "$triple"
for target in $targets; do
    mkdir -p "corpus/$target" "artifacts/$target"
    "target/$triple/release/$target" "corpus/$target" -max_total_time="$seconds" -timeout=5 -max_len=16384 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1
done
