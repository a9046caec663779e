//! Another configuration while the process runs: nothing lost, no countdown lost, and a wrong one changes nothing.

use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    lines_of_cisco::Says,
    senders::{self, LOCALHOST},
    smtp::Smtp,
    wait::poll_until,
};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    fs,
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
};

const WEB: &str = "[web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{DIR}/data\"\n";
const SUCCESSFUL: &str = "ccxwatch_config_last_reload_successful";
const LINES_TOTAL: &str = "ccxwatch_source_lines_total";
const BERLIN: &str =
    "[[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\naddresses = [\"127.0.0.2\"]\n";
const PARIS: &str = "[[cluster]]\nname = \"paris\"\n[[cluster.node]]\nid = \"parispub\"\naddresses = [\"127.0.0.3\"]\n";

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn configure(site: &Site, sources: &str, rest: &str) {
    site.configure_exactly(&format!("[sources]\n{sources}\n{WEB}{rest}"));
}

/// Loopback's port 0, `more` behind it.
fn udp_and_tcp(more: &str) -> String {
    format!("udp = [{{ listen = \"127.0.0.1:0\" }}{more}]\ntcp = [{{ listen = \"127.0.0.1:0\" }}]")
}

/// `ccxwatch reload`: its exit code, and what it said on either stream.
fn reload(site: &Site) -> (i32, String) {
    let output = site.command("reload").output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("it exits"), String::from_utf8(said).expect("it prints UTF-8"))
}

#[track_caller]
fn check_reloaded(site: &Site) -> String {
    let (code, said) = reload(site);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.lines().last(), Some("reloaded"), "{said}");
    said
}

fn cluster(running: &Ccxwatch, name: &str) -> Option<Value> {
    let answer: Value = serde_json::from_str(&running.page("/api/v1/clusters")).expect("it is JSON");
    answer["clusters"].as_array().expect("a list").iter().find(|cluster| cluster["name"] == name).cloned()
}

#[track_caller]
fn until_stage(running: &Ccxwatch, name: &str, stage: &str) -> Value {
    poll_until(&format!("{name} to be in {stage}"), || {
        cluster(running, name).filter(|cluster| cluster["stage"] == stage)
    })
}

fn udp_addresses(said: &str) -> Vec<SocketAddr> {
    said.lines().filter_map(|line| line.strip_prefix("listening udp ")?.parse().ok()).collect()
}

#[test]
fn what_did_not_change_goes_on_and_what_is_new_begins() {
    let mail = Smtp::start();
    let site = Site::new("");
    configure(&site, &udp_and_tcp(""), BERLIN);
    let running = site.start();
    let line = Says::EnteringShortly.syslog(1, "uccxpub", now());
    senders::udp([127, 0, 0, 2].into(), running.udp(), line.as_bytes());
    let before = until_stage(&running, "berlin", "countdown_shortly");
    // Half a line is on its way over TCP.
    let line = Says::OutOfCompliance.syslog(2, "nobody", now());
    let mut half = TcpStream::connect(running.tcp()).expect("it listens");
    half.write_all(&line.as_bytes()[..40]).expect("it reads");
    poll_until("the connection to be accepted", || {
        (running.count("ccxwatch_source_connections_total", "") > 0).then_some(())
    });

    fs::write(site.path().join("paris.log"), "").expect("it can be written");
    let files = "[[sources.file]]\npath = \"{DIR}/*.log\"\nnode = \"parispub\"\n";
    let rest = [files, BERLIN, PARIS, &mail.receiver("team", &["uc-team@example.com"])].concat();
    configure(&site, &udp_and_tcp(", { listen = \"127.0.0.1:0\" }"), &rest);
    let said = check_reloaded(&site);
    assert_eq!(running.count(SUCCESSFUL, ""), 1);
    let udp = udp_addresses(&said);
    assert_eq!((udp[0], udp.len()), (running.udp(), 2), "the old socket stays: {said}");
    assert_eq!(
        cluster(&running, "berlin").map(|cluster| cluster["deadline"].clone()),
        Some(before["deadline"].clone())
    );

    half.write_all(&[&line.as_bytes()[40..], b"\n"].concat()).expect("it reads");
    let mails = mail.wait_for(1);
    assert!(mails[0].text().contains("unmapped:"), "the connection has survived: {}", mails[0].text());
    senders::udp([127, 0, 0, 3].into(), udp[1], Says::EnteringShortly.syslog(1, "parispub", now()).as_bytes());
    until_stage(&running, "paris", "countdown_shortly");
    let trace = Says::OutOfCompliance.trace(2, now());
    senders::append(&site.path().join("paris.log"), format!("{trace}\n").as_bytes());
    until_stage(&running, "paris", "out_of_compliance");
    assert!(running.terminate().status.success());
}

#[test]
fn a_wrong_configuration_is_refused_as_a_whole() {
    let site = Site::new("");
    configure(&site, &udp_and_tcp(""), BERLIN);
    let running = site.start();
    let holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let busy = holder.local_addr().expect("it is bound");
    let email = "[[receiver]]\nname = \"team\"\ntype = \"email\"\nfrom = \"a@example.com\"\nto = [\"b@example.com\"]\n";
    let secret = format!("{email}username = \"x\"\npassword_file = \"{{DIR}}/missing\"\n");
    let cases = [
        (udp_and_tcp(""), format!("{BERLIN}{PARIS}[lisense]\n"), "lisense"),
        (udp_and_tcp(""), format!("{BERLIN}{BERLIN}"), "twice"),
        (format!("tcp = [{{ listen = \"{busy}\" }}]"), PARIS.to_owned(), "in use"),
        (udp_and_tcp(""), format!("{PARIS}{secret}"), "missing"),
    ];
    for (sources, rest, reason) in cases {
        configure(&site, &sources, &rest);
        let (code, said) = reload(&site);
        assert!(code == 7 && said.contains(reason), "{code} {said}");
        assert_eq!(running.count(SUCCESSFUL, ""), 0, "{reason}");
        running.output.wait_for("the log to say why", |line| {
            (line.contains("not reloaded") && line.contains(reason)).then_some(())
        });
        assert!(cluster(&running, "berlin").is_some() && cluster(&running, "paris").is_none(), "{reason}");
    }
    for (changed, what) in [
        (WEB.replace("127.0.0.1:0", "127.0.0.1:1"), "[web] listen"),
        (WEB.replace("/data", "/data2"), "no ccxwatch answers"),
    ] {
        site.configure_exactly(&format!("[sources]\n{}\n{changed}{BERLIN}{PARIS}", udp_and_tcp("")));
        let (code, said) = reload(&site);
        assert!(code == 7 && said.contains(what), "{code} {said}");
    }
    // The signal gets the same answer, in the log only.
    running.hang_up();
    running
        .output
        .wait_for("the data directory to be refused", |line| line.contains("[store] path cannot").then_some(()));
    let line = Says::EnteringShortly.syslog(1, "uccxpub", now());
    senders::udp([127, 0, 0, 2].into(), running.udp(), line.as_bytes());
    until_stage(&running, "berlin", "countdown_shortly");
    configure(&site, &udp_and_tcp(""), &[BERLIN, PARIS].concat());
    running.hang_up();
    poll_until("the signal to be followed", || cluster(&running, "paris"));
    // The page may show it before the metrics do.
    poll_until("the reload to be counted", || (running.count(SUCCESSFUL, "") == 1).then_some(()));
}

#[test]
fn a_listener_that_is_gone_delivers_what_it_had() {
    const LINES: u32 = 2_000;
    let site = Site::new("");
    let gone = "udp = [{ listen = \"127.0.0.1:0\" }]\ntcp = [{ listen = \"127.0.0.1:0\" }]";
    configure(&site, gone, BERLIN);
    let running = site.start();
    let mut lines: Vec<u8> = (0..LINES).flat_map(|number| format!("<190>{number}: x: text\n").into_bytes()).collect();
    lines.extend(Says::EnteringShortly.syslog(1, "uccxpub", now()).as_bytes());
    senders::tcp([127, 0, 0, 2].into(), running.tcp(), &lines);
    for number in 0..LINES / 10 {
        senders::udp(LOCALHOST, running.udp(), format!("<190>{number}: x: text").as_bytes());
    }
    configure(&site, "udp = []\ntcp = []", BERLIN);
    check_reloaded(&site);
    until_stage(&running, "berlin", "countdown_shortly");
    poll_until("all lines to be counted", || {
        (running.count(LINES_TOTAL, "") == u64::from(LINES + LINES / 10 + 1)).then_some(())
    });
    assert!(TcpStream::connect(running.tcp()).is_err(), "nobody listens there any more");
}

#[test]
fn a_file_whose_node_changes_is_read_on_not_anew() {
    let site = Site::new("");
    let file = |node: &str| format!("[[sources.file]]\npath = \"{{DIR}}/*.log\"\nnode = \"{node}\"\n");
    let log = site.path().join("a.log");
    let write = |from: u32, to: u32| {
        let lines = (from..to).map(|number| format!("{number}: Nov 24 10:00:00.000 UTC: %MCVD-LIB_X-7-Y: text\n"));
        senders::append(&log, lines.collect::<String>().as_bytes());
    };
    write(0, 1_000);
    configure(&site, "udp = []\ntcp = []", &[&file("uccxpub"), BERLIN, PARIS].concat());
    let running = site.start();
    for round in 1..=10 {
        write(round * 1_000, (round + 1) * 1_000);
        let node = if round % 2 == 0 { "uccxpub" } else { "parispub" };
        configure(&site, "udp = []\ntcp = []", &[&file(node), BERLIN, PARIS].concat());
        check_reloaded(&site);
    }
    poll_until("all lines to be read", || (running.count(LINES_TOTAL, "") >= 11_000).then_some(()));
    senders::append(&log, format!("{}\n", Says::EnteringShortly.trace(11_000, now())).as_bytes());
    until_stage(&running, "berlin", "countdown_shortly");
    assert_eq!(running.count(LINES_TOTAL, ""), 11_001, "none lost, none twice");
}

#[test]
fn receivers_change_without_a_mail_lost_or_sent_twice() {
    const CLUSTERS: u32 = 30;
    let mail = Smtp::start();
    let site = Site::new("");
    let cluster = |number| format!("[[cluster]]\nname = \"site-{number}\"\n[[cluster.node]]\nid = \"node-{number}\"\n");
    let clusters = (0..CLUSTERS).map(cluster).collect::<Vec<_>>().concat();
    let receiver = |timeout| format!("{}timeout = \"{timeout}s\"\n", mail.receiver("team", &["uc-team@example.com"]));
    let sources = format!("relays = [\"127.0.0.1\"]\n{}", udp_and_tcp(""));
    configure(&site, &sources, &[&clusters, receiver(20).as_str()].concat());
    let running = site.start();
    for number in 0..CLUSTERS {
        let line = Says::OutOfCompliance.syslog(number, &format!("node-{number}"), now());
        senders::udp(LOCALHOST, running.udp(), line.as_bytes());
        if number % 5 == 0 {
            configure(&site, &sources, &[&clusters, receiver(21 + number).as_str()].concat());
            check_reloaded(&site);
        }
    }
    let mails = mail.wait_for(CLUSTERS as usize);
    poll_until("all deliveries to be recorded", || running.outbox_is_empty().filter(|empty| *empty));
    assert!(running.terminate().status.success());
    let mut ids: Vec<_> = mails.iter().map(|mail| mail.message_id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((mail.accepted().len(), ids.len()), (CLUSTERS as usize, CLUSTERS as usize));
}
