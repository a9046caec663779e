//! `kill -9` at any moment: no stage lost, none told twice.
//!
//! One incident (45 minutes, 15 minutes, out of compliance) comes by a tailed file while the process is killed, either at the
//! N-th call of one kind (`strace`) or at random moments, and is started again each time. `CCXWATCH_TEST_FULL=1` kills at
//! every N instead of at a sample.

use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    clock::MovedClock,
    lines_of_cisco::Says,
    senders,
    smtp::{Mail, Smtp},
    store::{self, Told},
    wait::{now, poll_until},
};
use jiff::SignedDuration;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
    sync::mpsc,
    time::Duration,
};

/// The calls by which the incident becomes durable and leaves. `SQLite` syncs with fsync where its build does not know of
/// fdatasync.
const KILLED_AT: &[&str] = &["fsync", "pwrite64", "sendto"];
/// The sample: dense where the incident begins, sparse behind.
const SAMPLE: &[u32] = &[1, 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 94];
/// More calls than any incident makes.
const CALLS_MAX: u32 = 2_000;
/// Runs at the same time: they mostly wait.
const AT_ONCE: usize = 4;

/// A cluster whose trace file is tailed, and whose alerts go to a mail server.
struct Incident {
    site: Site,
    clock: MovedClock,
    mail: Smtp,
    sequence: u32,
}

impl Incident {
    fn new() -> Self {
        let mail = Smtp::start();
        let site = Site::new(&format!(
            "# own files\n[[sources.file]]\npath = \"{{DIR}}/trace.log\"\nnode = \"uccxpub\"\n\
             [[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\naddresses = [\"127.0.0.2\"]\n{}",
            mail.receiver("team", &["uc-team@example.com"])
        ));
        let clock = MovedClock::new(site.path());
        let incident = Self { site, clock, mail, sequence: 51_000 };
        fs::write(incident.log(), "").expect("the log can be made");
        incident
    }

    fn log(&self) -> PathBuf {
        self.site.path().join("trace.log")
    }

    fn says(&mut self, says: Says) {
        self.sequence += 1;
        let line = says.trace(self.sequence, self.clock.now());
        senders::append(&self.log(), format!("{line}\n").as_bytes());
    }

    /// Starts the program, below `strace` where options are given.
    fn start(&self, strace: Option<&[String]>) -> Option<Ccxwatch> {
        let plain = self.site.command("run");
        let mut command = match strace {
            None => plain,
            Some(options) => {
                let mut command = Command::new("/usr/bin/strace");
                // -D: the program stays our child, and strace is nobody's.
                command.args(["-D", "-f", "-q", "-o"]).arg(self.strace_log()).args(options).arg("--");
                command.arg(plain.get_program()).args(plain.get_args()).current_dir(self.site.path());
                command
            }
        };
        self.clock.govern(&mut command);
        match Ccxwatch::start(command) {
            Ok(running) => Some(running),
            Err(ended) if strace.is_some() => {
                assert_eq!(ended.status.code(), None, "it was killed, or it starts: {ended:?}");
                None
            }
            Err(ended) => panic!("it does not start again: {ended:?}"),
        }
    }

    fn strace_log(&self) -> PathBuf {
        self.site.path().join("strace.log")
    }

    /// Waits until that many stages have been told and recorded; false when the process ended before.
    fn is_told(&self, running: &mut Ccxwatch, stages: usize) -> bool {
        poll_until(&format!("stage {stages} to be told"), || {
            let told = distinct(&self.mail.accepted()) >= stages && running.outbox_is_empty() == Some(true);
            if told { Some(true) } else { running.has_ended().then_some(false) }
        })
    }

    /// The whole incident; the first process may be killed by `strace` on the way. Whether it was.
    fn play(&mut self, strace: &[String]) -> bool {
        let mut running = self.start(Some(strace));
        let mut killed = false;
        for (stages, (says, minutes)) in (1..).zip(Says::INCIDENT) {
            self.says(says);
            loop {
                if let Some(process) = &mut running
                    && self.is_told(process, stages)
                {
                    break;
                }
                killed = true;
                running = self.start(None);
            }
            self.clock.advance(SignedDuration::from_mins(minutes));
        }
        if let Some(running) = running {
            // The end is a part of the incident: it may be killed there as well.
            killed |= !running.terminate().status.success();
        }
        killed
    }

    /// Lets a fresh process tell what is left, and checks all that was told.
    fn check(&self, what: &str) {
        let mut last = self.start(None).expect("it starts");
        poll_until("the outbox to be empty", || last.outbox_is_empty().filter(|empty| *empty));
        assert!(!last.has_ended(), "{what}");
        assert!(last.terminate().status.success(), "{what}");
        let told: Vec<_> = store::told(&self.site.data()).into_iter().filter(|told| told.receiver == "team").collect();
        let faults = faults(&told, &self.mail.accepted());
        assert!(faults.is_empty(), "{what}:\n{}\n{told:#?}", faults.join("\n"));
    }
}

/// How many messages there are, repeats of one not counted.
fn distinct(mails: &[Mail]) -> usize {
    mails.iter().map(|mail| &mail.message_id).collect::<BTreeSet<_>>().len()
}

/// What is wrong with what was told of the incident.
fn faults(told: &[Told], mails: &[Mail]) -> Vec<String> {
    let mut faults = Vec::new();
    let stages = [
        ("countdown_started", "countdown"),
        ("countdown_shortly", "countdown_shortly"),
        ("out_of_compliance", "out_of_compliance"),
    ];
    for (reason, stage) in stages {
        let directly = told.iter().any(|told| told.text("reason") == reason);
        let history = told.iter().flat_map(|told| told.notification["history"].as_array().into_iter().flatten());
        let mut words = history.filter_map(|line| line.as_str()).flat_map(|line| line.split([' ', ':']));
        if !directly && !words.any(|word| word == stage) {
            faults.push(format!("{stage} was never told"));
        }
    }
    let mut seen = BTreeSet::new();
    for told in told {
        let stage = (told.text("episode"), told.text("told_as"), &told.receiver);
        if !seen.insert(stage) {
            faults.push(format!("told twice: {stage:?}"));
        }
        if !stages.iter().any(|(reason, _)| *reason == told.text("reason")) {
            faults.push(format!("not of this incident: {}", told.notification));
        }
        if told.state != "delivered" || !mails.iter().any(|mail| mail.message_id.contains(&told.message_id)) {
            faults.push(format!("kept, but never sent: {told:?}"));
        }
    }
    for mail in mails {
        if told.iter().filter(|told| mail.message_id.contains(&told.message_id)).count() != 1 {
            faults.push(format!("sent, but not kept: {}", mail.message_id));
        }
    }
    // What it says of the time left is true when it leaves; whom it tells and in which thread stays.
    let place = |mail: &Mail| (mail.to.clone(), mail.header("in-reply-to"), mail.header("references"));
    let mut first = BTreeMap::new();
    for mail in mails {
        let known = first.entry(&mail.message_id).or_insert_with(|| place(mail));
        if *known != place(mail) {
            faults.push(format!("{} was repeated elsewhere: {known:?}, {:?}", mail.message_id, place(mail)));
        }
    }
    if distinct(mails) != told.len() {
        faults.push(format!("{} messages kept, {} sent", told.len(), distinct(mails)));
    }
    faults
}

/// Kills at the `n`-th call of a kind; whether the incident has that many.
fn killed_at(call: &str, n: u32) -> bool {
    let mut incident = Incident::new();
    let killed = incident.play(&[format!("--trace={call}"), format!("--inject={call}:signal=SIGKILL:when={n}")]);
    incident.check(&format!("killed at {call} number {n}"));
    killed
}

#[test]
fn killed_at_a_system_call_it_tells_each_stage_once() {
    let full = std::env::var_os("CCXWATCH_TEST_FULL").is_some();
    for call in KILLED_AT {
        let mut numbers: Box<dyn Iterator<Item = u32>> =
            if full { Box::new(1..CALLS_MAX) } else { Box::new(SAMPLE.iter().copied()) };
        let mut kills = 0;
        loop {
            let several: Vec<_> = numbers.by_ref().take(AT_ONCE).collect();
            let killed: Vec<_> = std::thread::scope(|threads| {
                let runs: Vec<_> = several.iter().map(|n| threads.spawn(|| killed_at(call, *n))).collect();
                runs.into_iter().map(|run| run.join().expect("the run held")).collect()
            });
            kills += killed.iter().filter(|killed| **killed).count();
            if several.is_empty() || killed.contains(&false) {
                break;
            }
        }
        println!("{call}: killed at {kills} of its calls");
        assert!(kills > 2, "{call}: the incident makes such calls, and the kill reaches them");
    }
}

#[test]
fn killed_at_random_moments_it_tells_each_stage_once() {
    const KILLS: u32 = 20;
    let mut incident = Incident::new();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut stages = Says::INCIDENT.into_iter();
    let mut advance = SignedDuration::ZERO;
    for kill in 0..KILLS {
        if kill % 6 == 1
            && let Some((says, minutes)) = stages.next()
        {
            incident.clock.advance(advance);
            incident.says(says);
            advance = SignedDuration::from_mins(minutes);
        }
        let mut command = incident.site.command("run");
        incident.clock.govern(&mut command);
        kill_after(command, Duration::from_micros(random.below(400_000)));
    }
    assert_eq!(stages.next(), None, "the whole incident was played");
    let mut last = incident.start(None).expect("it starts");
    poll_until("out of compliance to be told", || {
        let told = incident.mail.accepted().iter().any(|mail| mail.text().contains("SYSTEM_IN_OOC_STATE"));
        (told || last.has_ended()).then_some(())
    });
    drop(last);
    incident.check("killed at random moments");
}

/// Runs the program for that long, then kills it.
fn kill_after(mut command: Command, after: Duration) {
    let mut child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("it starts");
    // A moment that nobody announces: this is the one wait that is only time.
    let (_keep, never) = mpsc::channel::<()>();
    let start = now();
    while let Some(left) = after.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        let _ = never.recv_timeout(left);
    }
    child.kill().expect("it runs until it is killed");
    child.wait().expect("it is our child");
}

/// Numbers that nobody would guess (xorshift), the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn the_log_is_on_disk_before_the_mail_leaves() {
    let mut incident = Incident::new();
    let options = ["--trace=read,pread64,fsync,fdatasync,sendto", "-y", "-s", "300"].map(str::to_owned);
    assert!(!incident.play(&options), "nobody kills it");
    let log = poll_until("strace to end its log", || {
        let log = fs::read_to_string(incident.strace_log()).ok()?;
        log.lines().last().is_some_and(|line| line.contains("+++ exited")).then_some(log)
    });
    let order = order(&log);
    assert_eq!(order, "line synced DATA ".repeat(3).trim_end(), "what strace saw:\n{log}");
}

/// The order of what matters in a log of `strace`: a license line read, the database's log synced, a mail's DATA sent.
fn order(log: &str) -> String {
    let mut order: Vec<&str> = Vec::new();
    for line in log.lines() {
        let what = if is_license_line(line) {
            "line"
        } else if (line.contains("fsync(") || line.contains("fdatasync(")) && line.contains(".db-wal>") {
            "synced"
        } else if line.contains("\"DATA\\r\\n\"") {
            "DATA"
        } else {
            continue;
        };
        // Between a line and its mail one sync is enough; the syncs behind a mail record its delivery.
        match (order.last(), what) {
            (Some(&"line"), "synced" | "DATA") | (Some(&"synced"), "DATA") | (Some(&"DATA") | None, "line") => {
                order.push(what);
            }
            // A file is read again to see whether it is the same one.
            _ => {}
        }
    }
    order.join(" ")
}

/// Whether a license line was read from the trace. Where another thread came between, the answer of the call names no file: but a
/// line begins with its number, and no page of the database does.
fn is_license_line(call: &str) -> bool {
    let answer = call.split_once("read64 resumed>\"").or_else(|| call.split_once("read resumed>\""));
    let of_trace = call.contains("read") && call.contains("trace.log>")
        || answer.is_some_and(|(_, read)| read.starts_with(|first: char| first.is_ascii_digit()));
    of_trace && call.contains("LIB_LICENSE")
}

#[test]
fn the_order_is_read_from_a_log() {
    let check = |log: &[&str], expected: &str| assert_eq!(order(&log.join("\n")), expected);
    let line = "7 pread64(9</tmp/trace.log>, \"1: %MCVD-LIB_LICENSE-1-…\"";
    let synced = "8 fsync(5</tmp/data/ccxwatch.db-wal>) = 0";
    let data = "9 sendto(12<socket:[1]>, \"DATA\\r\\n\", 6";
    check(&[line, synced, synced, data, synced], "line synced DATA");
    check(&[line, data, synced], "line DATA");
    check(&[synced, line, data], "line DATA");
    let begun = "7 pread64(9</tmp/trace.log>,  <unfinished ...>";
    let ended = "7 <... pread64 resumed>\"1: %MCVD-LIB_LICENSE-1-…\", 65536, 0) = 99";
    let page = "8 <... pread64 resumed>\"\\r\\0\\0 LIB_LICENSE-1-…\", 4096, 0) = 4096";
    check(&[line, synced, data, page, synced, begun, synced, ended, synced, data], "line synced DATA line synced DATA");
}
