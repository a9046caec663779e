//! Measurements, on the release build only: `tests/run.sh` runs them with `--release`.

mod fleet;

use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    lines_of_cisco::Says,
    senders,
    smtp::Smtp,
    wait::now,
};
use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

const TRIALS: u8 = 200;

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

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn from_the_line_to_the_mail_it_adds_little() {
    let mail = Smtp::start();
    // Each trial has a cluster of its own, because a cluster's stage is told once. Even ones come by syslog, through
    // `logger` on a relay; odd ones by a tailed file.
    let cluster = |trial: u8| {
        let file = format!("[[sources.file]]\npath = \"{{DIR}}/{trial}.log\"\nnode = \"node-{trial}\"\n");
        let file = if trial % 2 == 1 { file.as_str() } else { "" };
        format!("{file}[[cluster]]\nname = \"site-{trial}\"\n[[cluster.node]]\nid = \"node-{trial}\"\n")
    };
    let clusters: Vec<_> = (0..TRIALS).map(cluster).collect();
    let site = Site::new("");
    site.configure_exactly(&format!(
        "[sources]\nrelays = [\"127.0.0.1\"]\nudp = [{{ listen = \"127.0.0.1:0\" }}]\ntcp = []\n\
         [web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{{DIR}}/data\"\n{}{}",
        clusters.concat(),
        mail.receiver("team", &["uc-team@example.com"])
    ));
    for trial in (1..TRIALS).step_by(2) {
        fs::write(site.path().join(format!("{trial}.log")), "").expect("the log can be made");
    }
    let running = site.start();
    let (mut syslog, mut tailed, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for trial in 0..TRIALS {
        let start = monotonic_ns();
        if trial % 2 == 0 {
            let line = Says::OutOfCompliance.ciscolog(u32::from(trial), &format!("node-{trial}"), wall());
            senders::logger(
                running.udp(),
                &["--udp", "--rfc3164", "--priority", "local7.alert", "--tag", "uccx"],
                &line,
            );
        } else {
            let line = Says::OutOfCompliance.trace(u32::from(trial), wall());
            senders::append(&site.path().join(format!("{trial}.log")), format!("{line}\n").as_bytes());
        }
        let accepted = mail.wait_for(2 * usize::from(trial) + 1).pop().expect("it was accepted");
        assert!(accepted.data.contains(&format!("site-{trial}")), "{}", accepted.data);
        let took = Duration::from_nanos(accepted.monotonic_ns - start);
        if trial % 2 == 0 {
            syslog.push(took);
        } else {
            tailed.push(took);
        }
        let start = monotonic_ns();
        bare_dialogue(site.path(), mail.port, &accepted.data);
        let accepted = mail.wait_for(2 * usize::from(trial) + 2).pop().expect("it was accepted");
        bare.push(Duration::from_nanos(accepted.monotonic_ns - start));
    }
    assert!(running.terminate().status.success());
    let both = [syslog.clone(), tailed.clone()].concat();
    let show = |name: &str, took: &[Duration]| {
        let at = |percent| percentile(took.to_vec(), percent);
        println!("{name}: median {:?}, p99 {:?}, of {}", at(50), at(99), took.len());
        (at(50), at(99))
    };
    show("line by syslog to accepted mail", &syslog);
    show("line in a tailed file to accepted mail", &tailed);
    let (median, p99) = show("line to accepted mail", &both);
    let (bare_median, bare_p99) = show("bare fsync and bare SMTP dialogue", &bare);
    let (median, p99) = (median.saturating_sub(bare_median), p99.saturating_sub(bare_p99));
    println!("added: median {median:?}, p99 {p99:?}");
    assert!(median < Duration::from_millis(10), "added median: {median:?}");
    assert!(p99 < Duration::from_millis(30), "added p99: {p99:?}");
}

/// What no program that keeps its promise can do without: one durable write and one SMTP dialogue.
fn bare_dialogue(directory: &Path, port: u16, message: &str) {
    let mut file = File::options().create(true).append(true).open(directory.join("bare")).expect("it can be opened");
    file.write_all(&[b'x'; 4096]).and_then(|()| file.sync_data()).expect("it can be written");
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_nodelay(true).expect("it is a TCP socket");
    let mut answers = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut commands = stream;
    let mut answer = move || {
        let mut line = String::new();
        while line.as_bytes().get(3) != Some(&b' ') {
            line.clear();
            answers.read_line(&mut line).expect("the server answers");
        }
    };
    answer();
    for command in
        ["EHLO test", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA", &format!("{message}\r\n.")]
    {
        commands.write_all(format!("{command}\r\n").as_bytes()).expect("the server reads");
        answer();
    }
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
