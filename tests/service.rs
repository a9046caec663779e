//! As a service of systemd: what the manager is told, and what the unit allows.

use crate::harness::{
    ccxwatch::{Ccxwatch, Site, program},
    wait::{PATIENCE, poll_until},
};
use nix::time::{ClockId, clock_gettime};
use std::{fs, os::unix::net::UnixDatagram, process::Command};

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd/ccxwatch.service");

/// The service manager's end of the notification socket.
struct Manager(UnixDatagram);

impl Manager {
    /// The next message that is not about the watchdog.
    fn next(&self) -> String {
        loop {
            let message = self.any();
            if message != "WATCHDOG=1\n" {
                return message;
            }
        }
    }

    fn any(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.0.recv(&mut buffer).expect("the process tells something in time");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

#[test]
fn the_manager_is_told_each_state() {
    let site = Site::new("");
    let path = site.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).expect("the name is free"));
    manager.0.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    let mut command = site.command("run");
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let running = Ccxwatch::start(command).unwrap_or_else(|ended| panic!("{ended:?}"));
    let ready = manager.next();
    assert!(ready.starts_with("READY=1\nSTATUS=listening udp 127.0.0.1:"), "{ready}");
    for _ in 0..3 {
        assert_eq!(manager.any(), "WATCHDOG=1\n", "an idle loop turns as well");
    }
    let before = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has it");
    running.hang_up();
    let reloading = manager.next();
    let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("both in one message").trim();
    let micros: i64 = micros.parse().expect("a number");
    assert!(micros >= before.tv_sec() * 1_000_000 + before.tv_nsec() / 1000, "{reloading}");
    assert!(manager.next().starts_with("READY=1\nSTATUS=listening"));
    fs::write(site.config(), "[lisense]\n").expect("it can be written");
    running.hang_up();
    assert!(manager.next().starts_with("RELOADING=1\n"));
    let kept = manager.next();
    assert!(
        kept.starts_with("READY=1\nSTATUS=the new configuration was refused") && kept.contains("lisense"),
        "{kept}"
    );
    assert!(running.terminate().status.success());
    assert!(manager.next().starts_with("STOPPING=1\n"));
}

#[test]
fn the_unit_gives_little_away() {
    let analyze = |arguments: &[&str]| {
        let output = Command::new("/usr/bin/systemd-analyze").args(arguments).arg(UNIT).output();
        let output = output.expect("systemd is installed by tests/run.sh");
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (low, said) = analyze(&["security", "--offline=true", "--threshold=19", "--no-pager"]);
    assert!(low, "{said}");
}

/// `ProcSubset=pid` hides what is in `/proc` beside the processes.
#[test]
fn it_runs_with_the_unit_s_view_of_proc() {
    let site = Site::new("");
    let mut inside = Command::new("/usr/bin/unshare");
    inside.args(["--mount", "--pid", "--fork", "--kill-child", "--map-root-user", "--", "/bin/sh", "-c"]);
    inside.arg("mount -t proc -o subset=pid proc /proc && exec \"$0\" \"$@\"");
    let plain = site.command("run");
    inside.arg(program().get_program()).args(plain.get_args()).current_dir(site.path());
    match Ccxwatch::start(inside) {
        Ok(running) => poll_until("the metrics of the process", || {
            running.page("/metrics").contains("process_resident_memory_bytes").then_some(())
        }),
        Err(ended) if ended.output.iter().any(|line| line.contains("unshare") || line.contains("mount")) => {
            assert!(std::env::var_os("CI").is_none(), "namespaces cannot be made here: {ended:?}");
            eprintln!("SKIPPED: namespaces cannot be made here: {ended:?}");
        }
        Err(ended) => panic!("{ended:?}"),
    }
}
