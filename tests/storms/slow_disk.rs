//! A disk that takes 200 ms for each sync, at 100,000 lines a second over UDP: no more is lost than on a quick one.

use super::{is_full, wall};
use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    lines_of_cisco::Says,
    wait::{now, poll_until},
};
use std::{fs, net::UdpSocket, path::PathBuf, process::Command, thread, time::Duration};

/// Lines a second, where this machine gets so many through.
const PER_SECOND: u32 = 100_000;
/// Among them comes a license line, which is stored, this often.
const LICENSE_EVERY: u32 = 5_000;

fn site() -> Site {
    let site = Site::new("");
    site.configure_exactly(
        "[web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{DIR}/data\"\n[sources]\nsender_budget = 10000000\ntcp = []\n\
         udp = [{ listen = \"127.0.0.1:0\" }]\n",
    );
    site
}

fn log(site: &Site) -> PathBuf {
    site.path().join("strace.log")
}

/// The program below `strace`, which stops it at syncs only and makes each of them take longer.
fn start_slowed(site: &Site) -> Ccxwatch {
    let plain = site.command("run");
    let mut command = Command::new("/usr/bin/strace");
    command.args(["-D", "-f", "-q", "--seccomp-bpf", "--trace=fdatasync,fsync"]);
    command.args(["--inject=fdatasync,fsync:delay_exit=200000", "-o"]).arg(log(site)).arg("--");
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(site.path());
    Ccxwatch::start(command).unwrap_or_else(|ended| panic!("it did not start: {ended:?}"))
}

/// Sends lines at this rate; how many of them were not counted.
fn lost(running: &Ccxwatch, per_second: u32, seconds: u32) -> u64 {
    let count = || running.count("ccxwatch_source_lines_total", "");
    let before = count();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let plain = b"<190>7: ucx1: Nov 24 2026 10:45:00.000 UTC : %UC_AUDITLOG-6-AdministrativeEvent: %[UserID=a]: text";
    let (began, all, mut sent) = (now(), per_second * seconds, 0);
    while sent < all {
        let due = u32::try_from(began.elapsed().as_micros() * u128::from(per_second) / 1_000_000).expect("short");
        while sent < due.min(all) {
            if sent.is_multiple_of(LICENSE_EVERY) {
                let line = Says::EnteringShortly.syslog(sent, &format!("node-{}", sent % 50), wall());
                let _ = socket.send_to(line.as_bytes(), running.udp());
            } else {
                let _ = socket.send_to(plain, running.udp());
            }
            sent += 1;
        }
        thread::park_timeout(Duration::from_millis(1));
    }
    // What is in the kernel's buffer comes, and then no more.
    let (mut last, mut same) = (0, 0);
    let counted = poll_until("the last line to be counted", || {
        let counted = count() - before;
        same = if counted == last { same + 1 } else { 0 };
        last = counted;
        thread::park_timeout(Duration::from_millis(50));
        (counted == u64::from(all) || same == 20).then_some(counted)
    });
    u64::from(all) - counted
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn a_disk_that_is_slow_loses_no_datagram() {
    let (seconds, pairs) = if is_full() { (20, 4) } else { (2, 2) };
    let (quick_site, slow_site) = (site(), site());
    let (quick, slow) = (quick_site.start(), start_slowed(&slow_site));
    // The rate at which the quick one loses nothing, on a machine that does other things as well.
    let mut rate = PER_SECOND;
    while lost(&quick, rate, 1) > 0 && rate > 10_000 {
        rate /= 2;
    }
    let (mut of_quick, mut of_slow) = (0, 0);
    for pair in 0..pairs {
        // A B B A
        let order = if pair % 2 == 0 { [false, true] } else { [true, false] };
        for is_slow in order {
            if is_slow {
                of_slow += lost(&slow, rate, seconds);
            } else {
                of_quick += lost(&quick, rate, seconds);
            }
        }
    }
    let delayed = fs::read_to_string(log(&slow_site)).expect("strace wrote it").matches("(DELAYED)").count();
    println!(
        "{rate} lines/s, {pairs} times {seconds} s each: lost {of_quick} on the quick disk, {of_slow} on the slow one ({delayed} syncs of \
         200 ms)"
    );
    assert!(delayed >= pairs, "only {delayed} syncs were slow");
    assert!(of_slow <= of_quick, "lost {of_slow} and not {of_quick}");
    assert!(quick.terminate().status.success() && slow.terminate().status.success());
}
