//! What a disk does: full, read-only, failing, locked, and a database that is deleted or damaged. Receiving and telling go on, it
//! is said why, and it ends by itself.

use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    lines_of_cisco::Says,
    senders,
    smtp::{Mail, Smtp},
    store,
    wait::poll_until,
};
use jiff::Timestamp;
use rusqlite::Connection;
use std::{
    fs,
    io::Write,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const CLUSTERS: &str = "[[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\naddresses = [\"127.0.0.2\"]\n\
                        [[cluster]]\nname = \"paris\"\n[[cluster.node]]\nid = \"parispub\"\naddresses = [\"127.0.0.3\"]\n";

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

struct Scene {
    site: Site,
    mail: Smtp,
}

impl Scene {
    fn new() -> Self {
        let mail = Smtp::start();
        let site = Site::new(&format!("{CLUSTERS}{}", mail.receiver("team", &["uc-team@example.com"])));
        Self { site, mail }
    }

    /// One stage after the other is told while the store is in order, failing for this reason, and in order again: `fail` breaks
    /// it, `mend` is given what that returned.
    #[track_caller]
    fn check_told_through<T>(
        &self,
        running: &Ccxwatch,
        reason: &str,
        fail: impl FnOnce() -> T,
        mend: impl FnOnce(T),
    ) -> Vec<Mail> {
        say(running, Says::EnteringShortly);
        self.until_told("15 minutes", |mail| mail.contains("SmartLicenseEnteringOutOfComplianceShortly"));
        poll_until("it to be recorded", || running.outbox_is_empty().filter(|empty| *empty));
        let broken = fail();
        // The next line makes it need the store.
        say(running, Says::OutOfCompliance);
        self.until_told("out of compliance", |mail| mail.contains("SmartLicenseOutOfCompliance"));
        self.until_told("the failing store", |mail| mail.contains("cannot save its state") && mail.contains(reason));
        assert_eq!(running.count("ccxwatch_store_failing", ""), 1);
        running.output.wait_for("the console to say it", |line| line.contains("store_failing").then_some(()));
        running.output.wait_for("the log to say why", |line| line.contains(reason).then_some(()));
        let line = Says::EnteringShortly.syslog(1, "parispub", now());
        senders::udp([127, 0, 0, 3].into(), running.udp(), line.as_bytes());
        self.until_told("the other cluster", |mail| mail.contains("paris"));
        mend(broken);
        poll_until("the store to work again", || (running.count("ccxwatch_store_failing", "") == 0).then_some(()));
        poll_until("all to be recorded", || running.outbox_is_empty().filter(|empty| *empty));
        self.mail.accepted()
    }

    #[track_caller]
    fn until_told(&self, what: &str, is_it: impl Fn(&str) -> bool) {
        poll_until(what, || self.mail.accepted().iter().any(|mail| is_it(&mail.text())).then_some(()));
    }

    /// After a restart nothing is told again, and the database is whole.
    #[track_caller]
    fn check_remembered(&self, running: Ccxwatch, told: usize) {
        assert!(running.terminate().status.success());
        check_integrity(&self.site.data());
        let running = self.site.start();
        say(&running, Says::OutOfCompliance);
        poll_until("the copy to arrive", || (running.count("ccxwatch_source_facts_total", "") > 0).then_some(()));
        assert!(running.terminate().status.success());
        assert_eq!(self.mail.accepted().len(), told, "nothing is told again");
    }
}

fn say(running: &Ccxwatch, says: Says) {
    senders::udp([127, 0, 0, 2].into(), running.udp(), says.syslog(8_004, "uccxpub", now()).as_bytes());
}

#[track_caller]
fn check_integrity(data: &Path) {
    let database = Connection::open(data.join("ccxwatch.db")).expect("it is there");
    let answer: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it answers");
    assert_eq!(answer, "ok");
}

/// Makes every call of these kinds of a running process fail, until it is dropped.
struct Failing(Child);

impl Failing {
    fn start(running: &Ccxwatch, calls: &str, how: &str) -> Self {
        let mut child = Command::new("/usr/bin/strace")
            .args(["-f", "-q", "-o", "/dev/null", "-e"])
            .arg(format!("trace={calls}"))
            .arg("-e")
            .arg(format!("inject={calls}:{how}"))
            .args(["-p", &running.id().to_string()])
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace is installed by tests/run.sh");
        let status = PathBuf::from(format!("/proc/{}/status", running.id()));
        poll_until("strace to be attached to every thread", || {
            if let Some(ended) = child.try_wait().expect("it is our child") {
                panic!("strace cannot attach: {ended}");
            }
            let tasks = fs::read_dir(status.with_file_name("task")).expect("it runs");
            let all = tasks.flatten().all(|task| {
                let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
                !status.contains("TracerPid:\t0\n")
            });
            all.then_some(())
        });
        Self(child)
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        // It lets go of the process when it is asked to end.
        if let Ok(id) = i32::try_from(self.0.id()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}

#[test]
fn a_full_disk_silences_nobody() {
    let scene = Scene::new();
    let data = scene.site.data();
    fs::create_dir(&data).expect("the name is free");
    // A disk of its own, 1 MB, that only the process and what looks through it sees.
    let plain = scene.site.command("run");
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--mount", "--", "/bin/sh", "-c"]);
    command.arg(format!("mount -t tmpfs -o size=1m tmpfs {} && exec \"$0\" \"$@\"", data.display()));
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(scene.site.path());
    let running = match Ccxwatch::start(command) {
        Ok(running) => running,
        Err(ended) => {
            assert!(std::env::var_os("CI").is_none(), "a disk of its own needs root: {ended:?}");
            eprintln!("SKIPPED: a disk of its own needs root: {ended:?}");
            return;
        }
    };
    let inside = PathBuf::from(format!("/proc/{}/root{}", running.id(), data.display()));
    let filler = inside.join("filler");
    let fill = || {
        let mut file = fs::File::create(&filler).expect("it can be made");
        while file.write_all(&[0; 512]).is_ok() {}
        // The log has some room left: other nodes' lines use it up.
        let mut nodes = 0..;
        poll_until("the store to fail", || {
            let line = Says::OutOfCompliance.syslog(1, &format!("node-{}", nodes.next()?), now());
            senders::udp(senders::LOCALHOST, running.udp(), line.as_bytes());
            (running.count("ccxwatch_store_failing", "") == 1).then_some(())
        });
    };
    let mend = |()| fs::remove_file(&filler).expect("it is there");
    let mails = scene.check_told_through(&running, "free space on the disk", fill, mend);
    let mut subjects: Vec<_> = mails.iter().filter_map(|mail| mail.header("subject")).collect();
    let all = subjects.len();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), all, "each is told once: {subjects:?}");
    // The disk goes with the process: a copy of what it holds is looked at while it runs.
    let copy = scene.site.path().join("copy");
    fs::create_dir(&copy).expect("the name is free");
    for name in ["ccxwatch.db", "ccxwatch.db-wal"] {
        fs::copy(inside.join(name), copy.join(name)).expect("it is there");
    }
    let told = store::told(&copy);
    let to_team = told.iter().filter(|told| told.receiver == "team" && told.state == "delivered").count();
    assert_eq!(to_team, all, "all of it was recorded in the end: {told:?}");
    check_integrity(&copy);
    assert!(running.terminate().status.success());
}

#[test]
fn a_disk_that_has_become_read_only_silences_nobody() {
    let scene = Scene::new();
    let running = scene.site.start();
    let fail = || Failing::start(&running, "pwrite64,fsync,fdatasync,ftruncate", "error=EROFS");
    let mails = scene.check_told_through(&running, "look at the disk", fail, drop);
    scene.check_remembered(running, mails.len());
}

#[test]
fn a_database_that_another_program_holds_silences_nobody() {
    let scene = Scene::new();
    let running = scene.site.start();
    let database = scene.site.data().join("ccxwatch.db");
    let fail = || {
        let other = Connection::open(&database).expect("it is there");
        other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes now");
        other
    };
    let mails = scene.check_told_through(&running, "another program holds the database", fail, drop);
    scene.check_remembered(running, mails.len());
}

#[test]
fn a_deleted_database_is_written_again() {
    let scene = Scene::new();
    let running = scene.site.start();
    say(&running, Says::Entering);
    scene.until_told("45 minutes", |mail| mail.contains("SmartLicenseEnteringOutOfCompliance"));
    poll_until("it to be recorded", || running.outbox_is_empty().filter(|empty| *empty));
    for name in ["ccxwatch.db", "ccxwatch.db-wal", "ccxwatch.db-shm"] {
        let _ = fs::remove_file(scene.site.data().join(name));
    }
    say(&running, Says::OutOfCompliance);
    scene.until_told("out of compliance", |mail| mail.contains("SmartLicenseOutOfCompliance"));
    running.output.wait_for("the log to say it", |line| line.contains("had been removed").then_some(()));
    poll_until("it to be recorded", || running.outbox_is_empty().filter(|empty| *empty));
    scene.check_remembered(running, 2);
}

/// A page that is damaged shows when it is read: at a commit, or at the next start.
#[test]
fn flipped_bytes_cost_no_alarm_and_are_never_started_over_silently() {
    let scene = Scene::new();
    let running = scene.site.start();
    say(&running, Says::Entering);
    scene.until_told("45 minutes", |mail| mail.contains("SmartLicenseEnteringOutOfCompliance"));
    poll_until("it to be recorded", || running.outbox_is_empty().filter(|empty| *empty));
    let path = scene.site.data().join("ccxwatch.db");
    poll_until("the log to be moved into the database", || {
        let moved = Connection::open(&path).ok()?.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        moved.is_ok().then_some(())
    });
    let database = fs::File::options().read(true).write(true).open(&path).expect("it is there");
    let pages = database.metadata().expect("it is there").len() / 4096;
    for page in 1..pages {
        database.write_all_at(&[0xa5; 512], page * 4096 + 8).expect("it can be written");
    }
    say(&running, Says::OutOfCompliance);
    scene.until_told("out of compliance", |mail| mail.contains("SmartLicenseOutOfCompliance"));
    running.terminate();
    let running = scene.site.start();
    let damaged = |name: &str| name.contains(".damaged-");
    let files = fs::read_dir(scene.site.data()).expect("it is there").flatten();
    let aside = files.filter(|file| damaged(&file.file_name().to_string_lossy())).count();
    assert!(aside > 0, "the damaged database is kept");
    assert!(running.terminate().status.success());
    check_integrity(&scene.site.data());
}

#[test]
fn a_data_directory_on_a_read_only_disk_is_named() {
    let scene = Scene::new();
    let data = scene.site.data();
    fs::create_dir(&data).expect("the name is free");
    let plain = scene.site.command("run");
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--mount", "--", "/bin/sh", "-c"]);
    command.arg(format!("mount -t tmpfs -o ro tmpfs {} && exec \"$0\" \"$@\"", data.display()));
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(scene.site.path());
    let Err(ended) = Ccxwatch::start(command) else { panic!("it started") };
    if ended.output.iter().any(|line| line.contains("unshare")) && std::env::var_os("CI").is_none() {
        eprintln!("SKIPPED: a disk of its own needs root: {ended:?}");
        return;
    }
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    let said = ended.output.join("\n");
    assert!(said.contains(&data.display().to_string()) && said.contains("read-only"), "{said}");
}
