//! From a line to the mail that a server has accepted: what this program adds to a durable write and an SMTP dialogue, alone and
//! beside a flood of other lines; and what rsyslog's `ommail` takes for the same.
//!
//! With `CCXWATCH_TEST_FULL` there are a thousand trials of each, otherwise two hundred, and a hundred beside the flood.

use super::{monotonic_ns, percentile, wall};
use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    lines_of_cisco::Says,
    senders::{self, Rsyslog},
    smtp::Smtp,
    wait::now,
};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Lines a second of the flood.
const FLOOD: u64 = 20_000;

/// Lines that the flood writes at once.
const AT_ONCE: usize = 100;

fn full() -> bool {
    std::env::var_os("CCXWATCH_TEST_FULL").is_some()
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn from_the_line_to_the_mail_it_adds_little() {
    let added = measure(if full() { 1_000 } else { 200 }, false);
    assert!(added.0 < Duration::from_millis(8), "added median: {:?}", added.0);
    assert!(added.1 < Duration::from_millis(30), "added p99: {:?}", added.1);
}

/// The machine is busy here, so that only the median is asserted, and that leniently; the figures are for people.
#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn beside_a_flood_it_adds_little_more() {
    let added = measure(if full() { 1_000 } else { 100 }, true);
    assert!(added.0 < Duration::from_millis(30), "added median: {:?}", added.0);
}

/// Median and 99th percentile of what the program adds to the bare dialogue.
fn measure(trials: u32, flood: bool) -> (Duration, Duration) {
    let mail = Smtp::start();
    // Each trial has a cluster of its own, because a cluster's stage is told once. Even ones come by syslog from a relay, odd ones
    // by a tailed file.
    let cluster =
        |trial: u32| format!("[[cluster]]\nname = \"site-{trial}\"\n[[cluster.node]]\nid = \"node-{trial}\"\n");
    let clusters: Vec<_> = (0..trials).map(cluster).collect();
    let site = Site::new("");
    site.configure_exactly(&format!(
        "[sources]\nrelays = [\"127.0.0.1\"]\nudp = [{{ listen = \"127.0.0.1:0\" }}]\ntcp = [{{ listen = \"127.0.0.1:0\" }}]\n\
         file = [{{ path = \"{{DIR}}/tailed.log\" }}]\n\
         [web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{{DIR}}/data\"\n{}{}",
        clusters.concat(),
        mail.receiver("team", &["uc-team@example.com"])
    ));
    let tailed_file = site.path().join("tailed.log");
    fs::write(&tailed_file, "").expect("the log can be made");
    let running = site.start();
    let rsyslog = Rsyslog::mailing(mail.port);
    let done = AtomicBool::new(false);
    let (mut syslog, mut tailed, mut bare, mut ommail) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        if flood {
            let (done, to) = (&done, running.tcp());
            scope.spawn(move || flood_until(done, to));
        }
        let mut accepted = 0;
        let mut next = |start: u64| {
            accepted += 1;
            let mail = mail.nth(accepted);
            (Duration::from_nanos(mail.monotonic_ns - start), mail)
        };
        for trial in 0..trials {
            let start = monotonic_ns();
            if trial % 2 == 0 {
                let line = Says::OutOfCompliance.syslog(trial, &format!("node-{trial}"), wall());
                senders::udp(senders::LOCALHOST, running.udp(), line.as_bytes());
            } else {
                let line = Says::OutOfCompliance.ciscolog(trial, &format!("node-{trial}"), wall());
                senders::append(&tailed_file, format!("{line}\n").as_bytes());
            }
            let (took, told) = next(start);
            assert!(told.data.contains(&format!("site-{trial}")), "{}", told.data);
            if trial % 2 == 0 {
                syslog.push(took);
            } else {
                tailed.push(took);
            }

            let start = monotonic_ns();
            bare_dialogue(site.path(), mail.port, &told.data);
            bare.push(next(start).0);

            // It takes its time, so that it is asked now and then only.
            if trial % 10 != 0 {
                continue;
            }
            let start = monotonic_ns();
            rsyslog.forward(&Says::OutOfCompliance.ciscolog(trial, &format!("node-{trial}"), wall()));
            ommail.push(next(start).0);
        }
        done.store(true, Ordering::Relaxed);
    });
    report_flood(&running, flood);
    assert!(running.terminate().status.success());
    let beside = if flood { "beside a flood" } else { "alone" };
    let show = |name: &str, took: &[Duration]| {
        let at = |percent| percentile(took.to_vec(), percent);
        println!("{beside}: {name}: median {:?}, p99 {:?}, of {}", at(50), at(99), took.len());
        (at(50), at(99))
    };
    show("line by syslog to accepted mail", &syslog);
    show("line in a tailed file to accepted mail", &tailed);
    let (median, p99) = show("line to accepted mail", &[syslog.clone(), tailed.clone()].concat());
    let (bare_median, bare_p99) = show("bare fsync and bare SMTP dialogue", &bare);
    show("rsyslog ommail from a tailed file", &ommail);
    let added = (median.saturating_sub(bare_median), p99.saturating_sub(bare_p99));
    println!("{beside}: added: median {:?}, p99 {:?}", added.0, added.1);
    added
}

/// Lines that nobody wants, evenly, until told to stop.
fn flood_until(done: &AtomicBool, to: SocketAddr) {
    let line = "<190>8004: uccxpub: Nov 24 2026 10:45:00.000 UTC : %UCCX_CVD-6-HEARTBEAT: %[AppID=x]: all is well\n";
    let block = line.repeat(AT_ONCE);
    let mut stream = TcpStream::connect(to).expect("it listens");
    let start = now();
    let mut written = 0;
    while !done.load(Ordering::Relaxed) {
        let due = Duration::from_nanos(written * 1_000_000_000 / FLOOD);
        std::thread::park_timeout(due.saturating_sub(start.elapsed()));
        if stream.write_all(block.as_bytes()).is_err() {
            return;
        }
        written += AT_ONCE as u64;
    }
    let rate = written as f64 / start.elapsed().as_secs_f64();
    println!("the flood: {rate:.0} lines/s");
}

fn report_flood(running: &Ccxwatch, flood: bool) {
    if flood {
        println!("lines read: {}", running.count("ccxwatch_source_lines_total", "tcp"));
    }
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
