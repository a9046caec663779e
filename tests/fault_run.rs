//! `kill -9` again and again while real senders speak: all from files and from a sender that resends is told, nothing is told twice,
//! and the database is whole each time. `CCXWATCH_TEST_FULL=1` runs it for five minutes.

use crate::harness::{
    ccxwatch::Site,
    lines_of_cisco::Says,
    senders::{self, LOCALHOST, Rsyslog, SyslogNg},
    smtp::Smtp,
    store,
    wait::{now, poll_until},
};
use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, TcpListener, UdpSocket},
    time::Duration,
};

/// Who says that a cluster is out of compliance, once for each cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sender {
    /// A file; its lines are never lost.
    File,
    /// A program that says it again until the process shows that it knows.
    ResendingTcp,
    ResendingUdp,
    /// `logger` over UDP: whatever comes while nobody listens is lost.
    Logger,
    /// rsyslog over TCP: it connects anew, and loses what was in the socket.
    RsyslogTcp,
    RsyslogUdp,
    /// syslog-ng likewise, where it was brought.
    SyslogNgTcp,
    SyslogNgUdp,
}

const SENDERS: [Sender; 8] = [
    Sender::File,
    Sender::ResendingTcp,
    Sender::ResendingUdp,
    Sender::Logger,
    Sender::RsyslogTcp,
    Sender::RsyslogUdp,
    Sender::SyslogNgTcp,
    Sender::SyslogNgUdp,
];

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn wall() -> Timestamp {
    Timestamp::now()
}

/// A port that is free now: the senders must find the process there again after each kill.
fn free_ports() -> (SocketAddr, SocketAddr) {
    let udp = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let tcp = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    (udp, tcp)
}

#[test]
fn killed_again_and_again_it_loses_and_repeats_nothing() {
    let length = Duration::from_secs(if std::env::var_os("CCXWATCH_TEST_FULL").is_some() { 300 } else { 8 });
    let clusters: usize = if length.as_secs() > 60 { 1_000 } else { 100 };
    let sender_of = |number: usize| SENDERS[number % SENDERS.len()];
    let mail = Smtp::start();
    let (udp, tcp) = free_ports();
    let site = Site::new("");
    let cluster = |number| format!("[[cluster]]\nname = \"site-{number}\"\n[[cluster.node]]\nid = \"node-{number}\"\n");
    let file = |number| format!("[[sources.file]]\npath = \"{{DIR}}/{number}.log\"\nnode = \"node-{number}\"\n");
    let files: Vec<_> = (0..clusters).filter(|number| sender_of(*number) == Sender::File).map(file).collect();
    let names: Vec<_> = (0..clusters).map(cluster).collect();
    site.configure_exactly(&format!(
        "[sources]\nrelays = [\"127.0.0.1\"]\nudp = [{{ listen = \"{udp}\" }}]\ntcp = [{{ listen = \"{tcp}\" }}]\n\
         [web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{{DIR}}/data\"\n{}{}{}",
        files.concat(),
        names.concat(),
        mail.receiver("team", &["uc-team@example.com"])
    ));
    let rsyslog_tcp =
        Rsyslog::start(tcp, "Protocol=\"tcp\" action.resumeRetryCount=\"-1\" action.resumeInterval=\"1\"");
    let rsyslog_udp = Rsyslog::start(udp, "Protocol=\"udp\"");
    let (syslog_ng_tcp, syslog_ng_udp) = (SyslogNg::start(tcp, "tcp"), SyslogNg::start(udp, "udp"));
    let line = |number: usize| {
        Says::OutOfCompliance.ciscolog(u32::try_from(number).expect("few"), &format!("node-{number}"), wall())
    };

    let mut running = site.start();
    let (began, mut said, mut kills, mut kill_at) = (now(), 0, 0, Duration::from_millis(300));
    let mut unknown: BTreeMap<usize, String> = BTreeMap::new();
    while began.elapsed() < length || !unknown.is_empty() {
        // Lines come evenly over the whole run.
        let due = clusters.min((clusters * began.elapsed().as_millis() as usize).div_ceil(length.as_millis() as usize));
        for number in said..due {
            let line = line(number);
            match sender_of(number) {
                Sender::File => {
                    senders::append(&site.path().join(format!("{number}.log")), format!("{line}\n").as_bytes());
                }
                Sender::ResendingTcp | Sender::ResendingUdp => drop(unknown.insert(number, line)),
                Sender::Logger => senders::logger(udp, &["--udp", "--rfc3164", "--priority", "local7.alert"], &line),
                Sender::RsyslogTcp => rsyslog_tcp.forward(&line),
                Sender::RsyslogUdp => rsyslog_udp.forward(&line),
                Sender::SyslogNgTcp => syslog_ng_tcp.iter().for_each(|syslog_ng| syslog_ng.forward(&line)),
                Sender::SyslogNgUdp => syslog_ng_udp.iter().for_each(|syslog_ng| syslog_ng.forward(&line)),
            }
        }
        said = due;
        let known = known(&running);
        unknown.retain(|number, _| !known.contains(&format!("site-{number}")));
        for (number, line) in &unknown {
            match sender_of(*number) {
                Sender::ResendingUdp => senders::udp(LOCALHOST, udp, line.as_bytes()),
                _ => senders::tcp(LOCALHOST, tcp, format!("{line}\n").as_bytes()),
            }
        }
        if began.elapsed() < length && began.elapsed() >= kill_at {
            kills += 1;
            running.kill();
            check_integrity(&site);
            running = site.start();
            // No two intervals are the same, so that the kills meet different moments.
            kill_at = began.elapsed() + Duration::from_millis(250 + (kills * 137) % 700);
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let files_and_resent =
        |number: &usize| matches!(sender_of(*number), Sender::File | Sender::ResendingTcp | Sender::ResendingUdp);
    poll_until("all that cannot be lost to be told", || {
        // What a file said while nobody ran is late, and told two seconds after it is known.
        let subjects: Vec<_> = mail.accepted().iter().filter_map(|mail| mail.header("subject")).collect();
        let told = |number| subjects.iter().any(|subject| subject.contains(&format!("site-{number}:")));
        let all = (0..clusters).filter(files_and_resent).all(told);
        (all && running.outbox_is_empty()?).then_some(())
    });
    assert!(running.terminate().status.success());
    check_integrity(&site);

    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for told_once in store::told(&site.data()).into_iter().filter(|told| told.receiver == "team") {
        told.entry(told_once.text("cluster").to_owned()).or_default().push(told_once.message_id);
    }
    let twice: Vec<_> = told.iter().filter(|(name, ids)| name.starts_with("site-") && ids.len() > 1).collect();
    assert!(twice.is_empty(), "told twice: {twice:?}");
    let mut mails: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in mail.accepted() {
        mails.entry(mail.header("subject").unwrap_or_default()).or_default().push(mail.message_id);
    }
    for (subject, ids) in &mails {
        assert!(
            ids.iter().all(|id| *id == ids[0]),
            "a mail that goes out again has the same Message-ID: {subject} {ids:?}"
        );
    }
    let lost: Vec<_> = (0..clusters).filter(|number| !told.contains_key(&format!("site-{number}"))).collect();
    let count = |sender| lost.iter().filter(|number| sender_of(**number) == sender).count();
    println!("{kills} kills, {clusters} clusters; lost: {:?}", SENDERS.map(|sender| (sender, count(sender))));
    assert_eq!(lost.iter().find(|number| files_and_resent(number)), None, "lost");
}

/// The clusters that are out of compliance, as the API says it.
fn known(running: &crate::harness::ccxwatch::Ccxwatch) -> Vec<String> {
    let answer: Value = serde_json::from_str(&running.page("/api/v1/clusters")).expect("it is JSON");
    let clusters = answer["clusters"].as_array().expect("a list");
    let out = clusters.iter().filter(|cluster| cluster["stage"] == "out_of_compliance");
    out.filter_map(|cluster| cluster["name"].as_str().map(str::to_owned)).collect()
}

fn check_integrity(site: &Site) {
    // A look at a copy: the log that a kill leaves belongs to the next start.
    let copy = site.path().join("copy");
    let _ = fs::remove_dir_all(&copy);
    fs::create_dir(&copy).expect("the name is free");
    for name in ["ccxwatch.db", "ccxwatch.db-wal"] {
        let _ = fs::copy(site.data().join(name), copy.join(name));
    }
    let database = Connection::open(copy.join("ccxwatch.db")).expect("it is there");
    let answer: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it answers");
    assert_eq!(answer, "ok");
}
