//! Storms and hostile senders, while the one real event among them is told within a second, memory stays small and the metrics stay
//! few. On the release build only, as `tests/run.sh` runs them: a debug build is too slow for a storm. Shortened there;
//! `CCXWATCH_TEST_FULL=1` gives each its whole length.

mod slow_disk;
mod soak;

use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    lines_of_cisco::Says,
    senders,
    wait::{now, poll_until},
};
use jiff::Timestamp;
use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// Resident memory that no storm makes it need more of.
const MEMORY_MAX_KB: u64 = 150_000;
/// Series on `/metrics`, likewise.
const SERIES_MAX: usize = 2_000;
/// The real event is told within this.
const SOON: Duration = Duration::from_secs(1);

const BERLIN: &str =
    "[[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\naddresses = [\"127.0.0.2\"]\n";
const PUBLISHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

fn is_full() -> bool {
    std::env::var_os("CCXWATCH_TEST_FULL").is_some()
}

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn wall() -> Timestamp {
    Timestamp::now()
}

/// The largest resident memory that a process ever had, in kB.
fn peak_memory(running: &Ccxwatch) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Ends a storm, also when the test has failed.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a storm beside a real event that comes in its middle: `storm` goes on until it is told to end. `more` is more of
/// `[sources]`.
#[track_caller]
fn check_storm(what: &str, more: &str, storm: impl Fn(&Ccxwatch, &AtomicBool) + Sync) {
    let site = Site::new("");
    site.configure_exactly(&format!(
        "[sources]\nudp = [{{ listen = \"127.0.0.1:0\" }}]\ntcp = [{{ listen = \"127.0.0.1:0\" }}]\n{more}\
         [web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{{DIR}}/data\"\n{BERLIN}"
    ));
    let running = site.start();
    let seconds = if is_full() { 60 } else { 2 };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = End(&over);
        scope.spawn(|| storm(&running, &over));
        thread::park_timeout(Duration::from_secs(seconds / 2));
        let began = now();
        senders::udp(PUBLISHER, running.udp(), Says::OutOfCompliance.syslog(8_004, "uccxpub", wall()).as_bytes());
        running.output.wait_for("the real event", |line| {
            (line.contains("berlin") && line.contains("out_of_compliance")).then_some(())
        });
        let took = began.elapsed();
        thread::park_timeout(Duration::from_secs(seconds / 2));
        println!("{what}: told after {took:?}");
        assert!(took < SOON, "{what}: told after {took:?}");
    });
    let series = running.page("/metrics").lines().filter(|line| !line.starts_with('#')).count();
    let memory = peak_memory(&running);
    let lines = running.count("ccxwatch_source_lines_total", "");
    let drops: Vec<_> = running
        .page("/metrics")
        .lines()
        .filter(|line| line.starts_with("ccxwatch_source_drops_total") && !line.ends_with(" 0"))
        .map(str::to_owned)
        .collect();
    println!("{what}: {lines} lines, peak memory {memory} kB, {series} series, dropped: {drops:?}");
    assert!(memory < MEMORY_MAX_KB, "{what}: {memory} kB");
    assert!(series < SERIES_MAX, "{what}: {series} series");
    assert!(running.terminate().status.success(), "{what}: it ends in order");
}

/// Sends at about this rate until the storm is over; each line is made anew.
fn send(to: SocketAddr, per_second: u32, over: &AtomicBool, line: impl Fn(u32) -> String) {
    const EVERY: Duration = Duration::from_millis(10);
    let socket = UdpSocket::bind("127.0.0.3:0").expect("loopback has the address");
    let began = now();
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        let due =
            u32::try_from(began.elapsed().as_millis() * u128::from(per_second) / 1_000).expect("no storm is so long");
        while sent < due {
            // The kernel may refuse while the receiver's buffer is full: that is a part of the storm.
            let _ = socket.send_to(line(sent).as_bytes(), to);
            sent += 1;
        }
        thread::park_timeout(EVERY);
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn license_lines() {
    check_storm("20,000 license lines/s", "", |running, over| {
        send(running.udp(), 20_000, over, |number| {
            let says = if number % 2 == 0 { Says::OutOfCompliance } else { Says::EnteringShortly };
            says.syslog(number, &format!("node-{}", number % 50), wall())
        });
    });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn host_names() {
    check_storm("10,000 host names", "relays = [\"127.0.0.3\"]\n", |running, over| {
        send(running.udp(), 20_000, over, |number| {
            let host = format!("host-{}", number % 10_000);
            if number % 2 == 0 {
                Says::OutOfCompliance.syslog(number, &host, wall())
            } else {
                format!("<189>{number}: {host}: Nov 24 2026 10:45:00.000 UTC : %MIVR-EVIL_{number}-3-NAME_{number}: x")
            }
        });
    });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn connections_that_never_end_their_line() {
    check_storm("1,000 connections, 900 of them unfinished", "", |running, over| {
        let mut connections: Vec<_> =
            (0..1_000).map(|_| TcpStream::connect(running.tcp()).expect("below the limit of one sender")).collect();
        let mut number = 0;
        while !over.load(Ordering::Relaxed) {
            for (at, connection) in connections.iter_mut().enumerate() {
                number += 1;
                let end = if at < 900 { "" } else { "\n" };
                let line = format!("<189>{number}: x: Nov 24 2026 10:45:00.000 UTC : %MIVR-SS_TEL-7-X: text{end}");
                // A line beyond the limit is cut, and goes on being thrown away.
                let _ = connection.write_all(line.as_bytes());
            }
            thread::park_timeout(Duration::from_millis(10));
        }
    });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn one_endless_line() {
    let bytes: u64 = if is_full() { 1 << 30 } else { 1 << 25 };
    check_storm("a line of 1 GB", "", |running, over| {
        let mut connection = TcpStream::connect(running.tcp()).expect("it listens");
        let block = vec![b'x'; 1 << 16];
        let mut sent = 0;
        while sent < bytes {
            if connection.write_all(&block).is_err() {
                break;
            }
            sent += block.len() as u64;
        }
        while !over.load(Ordering::Relaxed) {
            thread::park_timeout(Duration::from_millis(10));
        }
    });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn one_byte_a_second_and_garbage() {
    check_storm("slow senders, TLS and HTTP", "", |running, over| {
        let mut slow: Vec<_> = (0..50).map(|_| TcpStream::connect(running.tcp()).expect("it listens")).collect();
        while !over.load(Ordering::Relaxed) {
            for connection in &mut slow {
                let _ = connection.write_all(b"x");
            }
            let garbage: [&[u8]; 4] = [
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                b"99999999999999999999 <1>",
                b"\x00\xff\xfe\x00",
            ];
            for bytes in garbage {
                let mut connection = TcpStream::connect(running.tcp()).expect("it listens");
                let _ = connection.write_all(bytes);
                let _ = connection.shutdown(std::net::Shutdown::Write);
                let _ = connection.read(&mut [0; 16]);
                senders::udp(senders::LOCALHOST, running.udp(), bytes);
            }
            let pause = if is_full() { 1_000 } else { 100 };
            thread::park_timeout(Duration::from_millis(pause));
        }
    });
}

/// A rotten node in a storm: it loses lines, the others none, and one alert says so.
#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn a_noisy_sender_is_told_once() {
    check_storm("one noisy sender", "", |running, over| {
        send(running.udp(), 30_000, over, |number| {
            format!(
                "<187>{number}: ucx1: Nov 24 2026 10:45:00.000 UTC : %MIVR-SS_TEL-3-X{number}: %[AppID=Cisco Unified CCX]: x"
            )
        });
        poll_until("the alert", || running.page("/api/v1/alerts").contains("SenderOverBudget").then_some(()));
        assert!(running.count("ccxwatch_source_drops_total", "over_budget") > 0);
        let told = running.output.all().iter().filter(|line| line.contains("more lines than its budget")).count();
        assert_eq!(told, 1);
    });
}
