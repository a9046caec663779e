//! What a thousand files cost while nothing happens, and that the last of them is seen soon.

use super::{processor_time, resident};
use crate::harness::{
    ccxwatch::Site,
    lines_of_cisco::Says,
    senders,
    wait::{now, poll_until},
};
use std::{fs, path::Path, time::Duration};

const FILES: usize = 1_000;
/// A window of the measurement.
const WINDOW: Duration = Duration::from_secs(5);
/// Processor time in such a window: 1 % of it.
const LITTLE: Duration = Duration::from_millis(50);
/// Sooner than any poll of a file that is at rest.
const SOON: Duration = Duration::from_secs(1);

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn one_glob_of_a_thousand_files_costs_little_at_rest() {
    check("one glob", "[[sources.file]]\npath = \"{DIR}/logs/*.log\"\nnode = \"uccxpub\"\n");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn a_thousand_entries_share_one_inotify_instance_and_cost_little_at_rest() {
    let entry = |number| format!("[[sources.file]]\npath = \"{{DIR}}/logs/{number}.log\"\nnode = \"uccxpub\"\n");
    check("1,000 entries", &(0..FILES).map(entry).collect::<String>());
}

#[track_caller]
fn check(what: &str, sources: &str) {
    let site = Site::new("");
    let logs = site.path().join("logs");
    fs::create_dir(&logs).expect("the name is free");
    for number in 0..FILES {
        let line = format!("1: Nov 24 10:00:00.000 UTC: %MCVD-LIB_X-7-Y: text {number}\n");
        fs::write(logs.join(format!("{number}.log")), line).expect("it can be written");
    }
    let configure = |more: &str| {
        site.configure_exactly(&format!(
            "[web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{{DIR}}/data\"\n[sources]\nudp = []\ntcp = []\n{sources}{more}\
             [[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\n"
        ));
    };
    configure("");
    let running = site.start();
    poll_until("all files to be read", || {
        (running.count("ccxwatch_source_lines_total", "") == FILES as u64).then_some(())
    });
    // A file that has just changed is looked at more often for ten seconds.
    let mut costs = Vec::new();
    let cost = loop {
        let before = processor_time(&running);
        std::thread::park_timeout(WINDOW);
        let cost = processor_time(&running).saturating_sub(before);
        costs.push(cost);
        if cost <= LITTLE || costs.len() == 6 {
            break cost;
        }
    };
    println!("{what}: {costs:?} of processor time in windows of {WINDOW:?}; resident: {} kB", resident(&running));
    assert!(cost <= LITTLE, "{what}: {costs:?}");
    assert_eq!(instances(running.id()), 1, "{what}");

    let began = now();
    let line = Says::EnteringShortly.trace(2, super::wall());
    senders::append(&logs.join(format!("{}.log", FILES - 1)), format!("{line}\n").as_bytes());
    running.output.wait_for("the last file's line", |line| line.contains("berlin").then_some(()));
    let took = began.elapsed();
    println!("{what}: the last file's line was told after {took:?}");
    assert!(took < SOON, "{what}: {took:?}");

    // Also across a reload that brings one more.
    configure("[[sources.file]]\npath = \"{DIR}/logs/*.txt\"\n");
    running.hang_up();
    running.output.wait_for("the reload", |line| line.contains("was reloaded").then_some(()));
    fs::write(logs.join("new.txt"), "1: Nov 24 10:00:00.000 UTC: %MCVD-LIB_X-7-Y: text\n").expect("it can be");
    poll_until("the new source", || {
        (running.count("ccxwatch_source_lines_total", "txt") + running.count("ccxwatch_source_lines_total", "other")
            > 0)
        .then_some(())
    });
    assert_eq!(instances(running.id()), 1, "{what}, after a reload");
    assert!(running.terminate().status.success());
}

/// The inotify instances of a process.
fn instances(process: u32) -> usize {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("the process is there");
    let links = descriptors.flatten().filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
    links.filter(|link| link == Path::new("anon_inode:inotify")).count()
}
