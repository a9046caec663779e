//! Many lines for a long time, beside rotations and reloads: memory stays flat, no descriptor is left over, no line of a file is lost.

use super::{End, is_full};
use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    wait::{now, poll_until},
};
use std::{
    fs,
    fs::File,
    io::Write,
    net::{TcpStream, UdpSocket},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// Lines a second by each way, 50,000 together.
const BY_FILE: u64 = 10_000;
const BY_TCP: u64 = 20_000;
const BY_UDP: u64 = 20_000;
/// The file is rotated, and the configuration reloaded, this often.
const CHANGE_EVERY: Duration = Duration::from_secs(5);
/// Rotated files that are kept.
const KEPT: u64 = 3;
/// What the memory may grow by from the first quarter to the end.
const GROWTH_MAX_KB: u64 = 16_000;
/// Descriptors come and go with connections and commits.
const DESCRIPTORS_SPARE: usize = 8;

fn line(number: u64) -> String {
    format!("<190>{number}: ucx1: Nov 24 2026 10:45:00.000 UTC : %MIVR-SS_TEL-7-UNK: %[AppID=x]: text {number}\n")
}

/// Sends lines evenly until it is over; how many were sent.
fn send(per_second: u64, over: &AtomicBool, sent: &AtomicU64, mut give: impl FnMut(&[u8])) {
    let began = now();
    while !over.load(Ordering::Relaxed) {
        let due = u64::try_from(began.elapsed().as_millis()).expect("few") * per_second / 1_000;
        let from = sent.load(Ordering::Relaxed);
        // No more at once than a writer's buffer.
        let to = due.min(from + 200);
        let block: Vec<u8> = (from..to).flat_map(|number| line(number).into_bytes()).collect();
        if !block.is_empty() {
            give(&block);
            sent.store(to, Ordering::Relaxed);
        }
        if to == due {
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}

/// Writes to `a.log`, and begins a new file where it is asked to.
fn write(logs: &Path, rotate: &AtomicBool, over: &AtomicBool, sent: &AtomicU64) {
    let create = || File::create(logs.join("a.log")).expect("it can be made");
    let (mut file, mut number) = (create(), 0);
    send(BY_FILE, over, sent, |block| {
        if rotate.swap(false, Ordering::Relaxed) {
            number += 1;
            fs::rename(logs.join("a.log"), logs.join(format!("a.{number}.log"))).expect("it is there");
            file = create();
            if number > KEPT {
                fs::remove_file(logs.join(format!("a.{}.log", number - KEPT))).expect("it is there");
            }
        }
        file.write_all(block).expect("the disk has room");
    });
}

fn resident(running: &Ccxwatch) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn descriptors(running: &Ccxwatch) -> usize {
    fs::read_dir(format!("/proc/{}/fd", running.id())).expect("the process is there").count()
}

fn counted(running: &Ccxwatch, source: &str) -> u64 {
    running.count("ccxwatch_source_lines_total", &format!("source=\"{source}:"))
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn soak() {
    let length = Duration::from_secs(if is_full() { 900 } else { 16 });
    let site = Site::new("");
    let logs = site.path().join("logs");
    fs::create_dir(&logs).expect("the name is free");
    let udp = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    // Every second configuration has a listener, a cluster and a source of files more, and names another node.
    let configure = |is_other: bool| {
        let (more, node) = if is_other { (", { listen = \"127.0.0.1:0\" }", "uccxpub") } else { ("", "uccxsub") };
        let paris = if is_other { "[[cluster]]\nname = \"paris\"\n[[cluster.node]]\nid = \"parispub\"\n" } else { "" };
        let file = if is_other { "[[sources.file]]\npath = \"{DIR}/logs/*.txt\"\n" } else { "" };
        site.configure_exactly(&format!(
            "[web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{{DIR}}/data\"\n[sources]\nsender_budget = 1000000\n\
             udp = [{{ listen = \"{udp}\" }}{more}]\ntcp = [{{ listen = \"127.0.0.1:0\" }}]\n\
             [[sources.file]]\npath = \"{{DIR}}/logs/*.log\"\nnode = \"{node}\"\n{file}\
             [[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\n[[cluster.node]]\nid = \"uccxsub\"\n{paris}"
        ));
    };
    configure(false);
    let running = site.start();
    let (over, rotate) = (AtomicBool::new(false), AtomicBool::new(false));
    let [by_file, by_tcp, by_udp] = [(); 3].map(|()| AtomicU64::new(0));
    let mut samples = Vec::new();
    thread::scope(|scope| {
        let _end = End(&over);
        scope.spawn(|| write(&logs, &rotate, &over, &by_file));
        scope.spawn(|| {
            let mut stream = TcpStream::connect(running.tcp()).expect("it listens");
            send(BY_TCP, &over, &by_tcp, |block| stream.write_all(block).expect("it reads"));
        });
        scope.spawn(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
            send(BY_UDP, &over, &by_udp, |block| {
                for line in block.split_inclusive(|byte| *byte == b'\n') {
                    let _ = socket.send_to(line, udp);
                }
            });
        });
        let (began, mut changes) = (now(), 0);
        while began.elapsed() < length {
            thread::park_timeout((CHANGE_EVERY * (changes + 1)).saturating_sub(began.elapsed()));
            changes += 1;
            rotate.store(true, Ordering::Relaxed);
            configure(changes % 2 == 1);
            running.hang_up();
            let reloads = usize::try_from(changes).expect("few");
            poll_until("the reload", || {
                let said = running.output.all();
                let done = said.iter().filter(|line| line.contains("the configuration was reloaded")).count();
                (done == reloads).then_some(())
            });
            samples.push((resident(&running), descriptors(&running)));
        }
    });
    let sent = [&by_file, &by_tcp, &by_udp].map(|sent| sent.load(Ordering::Relaxed));
    let all_of = |source, sent| {
        poll_until(&format!("all {sent} lines of {source}"), || (counted(&running, source) >= sent).then_some(()));
        assert_eq!(counted(&running, source), sent, "{source}: none twice");
    };
    all_of("file", sent[0]);
    all_of("tcp", sent[1]);
    let drops = || running.count("ccxwatch_source_drops_total", "source=\"udp:");
    poll_until("what came by UDP to be counted or dropped", || {
        (counted(&running, "udp") + drops() == sent[2]).then_some(())
    });
    let drops = drops();
    let [first, middle, last] = [samples.len() / 4, samples.len() / 2, samples.len() - 1].map(|at: usize| samples[at]);
    println!(
        "{length:?}, {} reloads; memory in kB and descriptors after a quarter {first:?}, a half {middle:?}, at the end {last:?}; sent by \
         file, TCP and UDP: {sent:?}; counted by UDP: {}, dropped: {drops}",
        samples.len(),
        counted(&running, "udp"),
    );
    assert!(last.0 <= first.0 + GROWTH_MAX_KB, "memory: {samples:?}");
    assert!(last.1 <= first.1 + DESCRIPTORS_SPARE, "descriptors: {samples:?}");
    assert!(running.terminate().status.success());
}
