//! Measurements, on the release build only: `tests/run.sh` runs them with `--release`.

mod files;
mod fleet;
mod mail;

use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    wait::now,
};
use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};
use std::{fs, time::Duration};

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn it_is_ready_soon_and_small() {
    let site = Site::new("");
    let starts: Vec<Duration> = (0..5)
        .map(|_| {
            let start = now();
            let running = site.start();
            let took = start.elapsed();
            assert!(running.terminate().status.success());
            took
        })
        .collect();
    println!("start to ready: {starts:?}");
    let median = percentile(starts, 50);
    let running = site.start();
    running.page("/");
    running.page("/metrics");
    let memory = resident(&running);
    println!("idle memory: {memory} kB; start to ready, median: {median:?}");
    assert!(median < Duration::from_millis(200), "start to ready: {median:?}");
    assert!(memory < 40_000, "idle memory: {memory} kB");
}

/// The resident memory of a process in kB.
fn resident(running: &Ccxwatch) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The processor time that a process has used, from `/proc`, in steps of 10 ms.
fn processor_time(running: &Ccxwatch) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", running.id())).expect("the process is there");
    let (_, after_name) = stat.rsplit_once(") ").expect("Linux says it");
    let ticks =
        after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

fn percentile(mut took: Vec<Duration>, percent: usize) -> Duration {
    took.sort();
    took[(took.len() * percent).div_ceil(100).saturating_sub(1)]
}

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn wall() -> Timestamp {
    Timestamp::now()
}

/// The clock that the mail server reads as well.
fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has it");
    u64::try_from(time.tv_sec() * 1_000_000_000 + time.tv_nsec()).expect("it counts from the start of the machine")
}
