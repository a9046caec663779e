//! Alarms of every family through the engine: what each line raises, what it ends, and that its copies are one alert.

use crate::site::{Site, second, settings};
use ccxwatch_alerts::{
    engine::AlertStatus,
    fact::{Channel, Fact, Origin},
    families,
    input::Input,
    interest::Interest,
    notification::Reason,
    rules::settings::{AlertOverride, Threshold},
    settings::Settings,
};
use ccxwatch_parsers::{
    parse,
    rtmt::{self, Layout},
    testing::dialect::{Alarm, Dialect},
    triage,
};
use std::{collections::BTreeMap, path::Path};

/// What becomes of every alarm of the catalog.
const CATALOG: &str = include_str!("../../src/families/data/catalog.tsv");

/// A file of the shared material; it is not part of this project.
fn shared(path: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    match std::fs::read(&path) {
        Ok(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        Err(error) if std::env::var_os("CI").is_some() => panic!("{}: {error}", path.display()),
        Err(error) => {
            eprintln!("skipped: {}: {error}", path.display());
            None
        }
    }
}

/// Every alert enabled, and none counted.
fn everything() -> Settings {
    let mut settings = settings();
    let enabled = |name: &str| AlertOverride {
        name: name.to_owned(),
        enabled: Some(true),
        threshold: Some(Threshold::Event),
        ..AlertOverride::default()
    };
    settings.rules.overrides = families::alerts().into_iter().map(enabled).collect();
    settings
}

fn udp(sender: &str) -> Origin {
    Origin { channel: Channel::Udp, sender: sender.parse().ok(), source: "0.0.0.0:514".to_owned(), node: None }
}

/// A line arrives, at a second of the test. Whether it was wanted.
fn hear(site: &mut Site, interest: &Interest, at: i64, line: &[u8], origin: &Origin) -> bool {
    site.pass(second(at));
    let wanted = triage(line).is_some_and(|triage| interest.wants(&triage, line));
    if wanted {
        for fact in Fact::of_record(&parse(line), second(at), origin.clone(), false) {
            site.input(Input::Fact(Box::new(fact)));
        }
    }
    wanted
}

/// Names of the alerts that fire.
fn firing(site: &Site) -> Vec<String> {
    let alerts = site.engine.alerts().into_iter().filter(|alert| alert.status == AlertStatus::Firing);
    let mut names: Vec<String> = alerts.map(|alert| alert.labels["alertname"].clone()).collect();
    names.sort();
    names
}

/// What a line alone does, in a cluster whose file it stands in: `nothing`, `event`, or the names of its alerts.
fn outcome(settings: &Settings, interest: &Interest, line: &[u8]) -> String {
    let mut site = Site::new(settings.clone());
    let origin =
        Origin { channel: Channel::File, sender: None, source: "a.log".to_owned(), node: Some("ccx-n1".to_owned()) };
    if !hear(&mut site, interest, 0, line, &origin) {
        return "nothing".to_owned();
    }
    let found = firing(&site);
    if found.is_empty() { "event".to_owned() } else { found.join(" ") }
}

/// Lines of a sample file by what they do; a line is a number from 1.
fn outcomes(file: &str) -> Option<BTreeMap<String, Vec<usize>>> {
    let text = shared(&format!("samples/{file}"))?;
    // A stamp of 2009 or without a year is long over: what is late is told all the same, and nothing has ended meanwhile.
    let mut settings = settings();
    let lasts = |name: &str| AlertOverride {
        name: name.to_owned(),
        resolve_after: Some(jiff::SignedDuration::from_hours(24 * 365 * 30)),
        ..AlertOverride::default()
    };
    settings.rules.overrides = families::alerts().into_iter().chain(["PEIDSQueryError"]).map(lasts).collect();
    let interest = Interest::from(&settings);
    let mut outcomes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        outcomes.entry(outcome(&settings, &interest, line.as_bytes())).or_default().push(number);
    }
    Some(outcomes)
}

#[test]
fn every_line_of_the_samples_does_what_it_should() {
    let check = |file: &str, rows: &[(&str, &[usize])]| {
        let Some(mut found) = outcomes(file) else { return };
        let nothing = found.remove("nothing");
        assert!(nothing.is_some() || rows.len() > 1, "{file}");
        let expected = rows.iter().map(|(outcome, lines)| ((*outcome).to_owned(), lines.to_vec())).collect();
        assert_eq!(found, expected, "{file}");
    };
    check("ios.log", &[]);
    check("sister-ccbu.log", &[]);
    let failing = [73, 81, 87, 93, 99, 107, 111, 113];
    check("mivr.log", &[("CcxEnginePartialService", &failing), ("event", &[85, 91, 97, 104, 117])]);
    check(
        "mcvd.log",
        &[("SmartLicenseEnteringOutOfCompliance", &[1]), ("SmartLicenseEnteringOutOfComplianceShortly", &[2])],
    );
    // Two lines are quoted at once: a time server, and a log-in. Audit events and lines of the operating system raise nothing.
    let two = "SyslogSeverityMatchFound SyslogSeverityMatchFound";
    check(
        "wire.log",
        &[
            ("SmartLicenseEnteringOutOfComplianceShortly", &[1]),
            ("SmartLicenseOutOfCompliance", &[2]),
            (two, &[4, 6]),
            ("SignalCongestion", &[5]),
            ("PEIDSQueryError", &[8, 9]),
        ],
    );
    // The fourth and fifth events are services that start or were activated: they end alerts. The endpoint that unregistered is one
    // phone, and those are off.
    check(
        "ciscosyslog.log",
        &[
            ("CriticalServiceDown", &[1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14]),
            ("event", &[7, 12, 18, 19]),
            ("CertificateExpired", &[15, 16]),
            ("SyslogSeverityMatchFound", &[17, 23]),
            ("SignalCongestion", &[32]),
        ],
    );
    check(
        "rtmt-alerts.log",
        &[(two, &[1, 3]), ("SignalCongestion", &[2]), ("PEIDSQueryError", &[4, 5]), ("SyslogSeverityMatchFound", &[6])],
    );
}

/// An alarm of the catalog with all its parameters.
fn alarm(facility: &str, severity: &str, mnemonic: &str, params: &str, sequence: u64, minute: u16) -> Alarm {
    let value = |key: &str| (key.to_owned(), if key == "NodeID" { "ccx-n1" } else { "1" }.to_owned());
    Alarm {
        facility: facility.to_owned(),
        severity: severity.parse().expect("a digit"),
        mnemonic: mnemonic.to_owned(),
        params: params.split(',').filter(|key| !key.is_empty()).map(value).collect(),
        text: "text".to_owned(),
        sequence,
        host: "ccx-n1".to_owned(),
        time: [11, 24, 9, minute, 0, 0],
        year: 2026,
    }
}

/// Each alarm is printed in two dialects and does what the table says; what it raises, its clear ends.
#[test]
fn every_alarm_of_the_catalog_does_what_its_assignment_says() {
    let Some(text) = shared("catalog/uc-alarms.tsv") else { return };
    let assigned: BTreeMap<(&str, &str, &str), &str> = CATALOG
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            Some(((*fields.first()?, *fields.get(1)?, *fields.get(2)?), *fields.get(3)?))
        })
        .collect();
    let alarms: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    assert_eq!(alarms.len(), 946);
    let settings = everything();
    let interest = Interest::from(&settings);
    let origin = udp("10.0.0.11");
    for dialect in [Dialect::Wire, Dialect::FreeText] {
        // What was raised by which alarm, for its clear.
        let mut raised: BTreeMap<&str, Alarm> = BTreeMap::new();
        for fields in &alarms {
            let [facility, severity, mnemonic, _, params] = fields[..] else { panic!("{fields:?}") };
            let alarm = alarm(facility, severity, mnemonic, params, 7, 0);
            let mut site = Site::new(settings.clone());
            let wanted = hear(&mut site, &interest, 0, &alarm.print(dialect), &origin);
            let found = firing(&site);
            let assignment = assigned[&(facility, severity, mnemonic)];
            let expected = assignment.split(", ").find_map(|part| part.strip_prefix("raises "));
            let expected = if assignment == "severity" { Some("SyslogSeverityMatchFound") } else { expected };
            assert_eq!(found, expected.map(ToOwned::to_owned).into_iter().collect::<Vec<_>>(), "{facility} {mnemonic}");
            assert!(wanted || assignment == "event", "{facility} {mnemonic} is not wanted");
            let told: Vec<Reason> = site.told.iter().map(|told| told.reason).collect();
            assert_eq!(told, vec![Reason::Firing; found.len()], "{facility} {mnemonic}");
            if let Some(alert) = expected {
                raised.entry(alert).or_insert(alarm);
            }
        }
        let mut ended = 0;
        for fields in &alarms {
            let [facility, severity, mnemonic, _, params] = fields[..] else { panic!("{fields:?}") };
            for alert in
                assigned[&(facility, severity, mnemonic)].split(", ").filter_map(|part| part.strip_prefix("clears "))
            {
                let Some(raise) = raised.get(alert) else { panic!("nothing raises {alert}") };
                let clear = alarm(facility, severity, mnemonic, params, 8, 1);
                let mut site = Site::new(settings.clone());
                hear(&mut site, &interest, 0, &raise.print(dialect), &origin);
                assert!(firing(&site).contains(&alert.to_owned()), "{alert}");
                hear(&mut site, &interest, 60, &clear.print(dialect), &origin);
                assert!(!firing(&site).contains(&alert.to_owned()), "{mnemonic} does not end {alert}");
                let told = site.told.iter().filter(|told| told.alertname == alert).map(|told| told.reason);
                assert_eq!(told.collect::<Vec<_>>(), [Reason::Firing, Reason::Resolved], "{alert}");
                ended += 1;
            }
        }
        assert!(ended > 50, "{ended}");
    }
}

/// One event in all its shapes.
struct Shapes {
    /// What it is called.
    alert: &'static str,
    /// From whom each comes, and what it says.
    lines: Vec<(&'static str, String)>,
}

const QUOTING: &str = "<186>91: ccx-n2: Nov 24 2026 09:00:31 AM.120 UTC : %UC_RTMT-2-RTMT_ALERT: %[AlertName=";
const COLLECTOR: &str = "[AppID=Cisco AMC Service][ClusterID=][NodeID=ccx-n2]: RTMT Alert";

fn shapes() -> Vec<Shapes> {
    let matched = |severity: &str, line: &str| {
        format!(
            "{QUOTING}SyslogSeverityMatchFound][AlertDetail= At Tue Nov 24 09:00:30 UTC 2026 on node 10.0.0.11, the following \
             SyslogSeverityMatchFound events generated: #012SeverityMatch : {severity}#012MatchedEvent : Nov 24 09:00:01 ccx-n1 \
             local7 2 : {line}#012AppID : Cisco Syslog Agent#012ClusterID : #012NodeID : ccx-n1#012 TimeStamp : Tue Nov 24 \
             09:00:01 UTC 2026]{COLLECTOR}"
        )
    };
    let events = |alert: &str, keys: &str| {
        format!(
            "{QUOTING}{alert}][AlertDetail= At Tue Nov 24 09:00:30 UTC 2026 on node ccx-n1, the following {alert} events \
             generated: #012{keys}#012AppID : Cisco Service#012ClusterID : #012NodeID : ccx-n1#012 TimeStamp : Tue Nov 24 \
             09:00:01 UTC 2026.]{COLLECTOR}"
        )
    };
    let head = "812: ccx-n1.example.net: Nov 24 2026 09:00:01.795 UTC : ";
    let service = format!(
        "{head} %UC_SERVICEMANAGER-2-ServiceFailed: %[ServiceName=Cisco Tomcat][Reason=x][AppID=Cisco Service Manager]\
         [ClusterID=][NodeID=ccx-n1]: Service terminated."
    );
    let down = "CriticalServiceDown][AlertDetail= Service operational status is DOWN. Cisco Tomcat. The alert is generated on \
                Tue Nov 24 09:00:31 UTC 2026 on node 10.0.0.11.]";
    let core = format!(
        "{head} %UC_LPMTCT-2-CoreDumpFileFound: %[TotalCoresFound=1][CoreDetails=list][Core1=x][AppID=Cisco Log Partition \
         Monitoring Tool][ClusterID=][NodeID=ccx-n1]: Core found."
    );
    let unknown =
        format!("{head} %UC_NEWTHING-1-NeverHeardOf: %[AppID=Cisco New][ClusterID=][NodeID=ccx-n1]: Unknown.");
    let agent = format!(
        "<187>44: ccx-n1: Nov 24 2026 09:00:02.000 UTC : %UC_SYSAGENT-3-SyslogSeverityMatchFound: %[SeverityMatch=Alert]\
         [MatchedEvent=Nov 24 09:00:01 ccx-n1 local7 1 : {unknown}][AppID=Cisco Syslog Agent][ClusterID=][NodeID=ccx-n1]: Match."
    );
    vec![
        Shapes {
            alert: "CriticalServiceDown",
            lines: vec![
                ("10.0.0.11", format!("<186>{service}")),
                ("10.0.0.11", format!("<14>{service}")),
                ("10.0.0.12", matched("Critical", &service)),
                ("10.0.0.12", format!("{QUOTING}{down}{COLLECTOR}")),
            ],
        },
        Shapes {
            alert: "CoreDumpFileFound",
            lines: vec![
                ("10.0.0.11", format!("<186>{core}")),
                ("10.0.0.11", format!("<14>{core}")),
                ("10.0.0.12", matched("Critical", &core)),
                ("10.0.0.12", events("CoreDumpFileFound", "TotalCoresFound : 1#012CoreDetails : list")),
            ],
        },
        Shapes {
            alert: "SyslogSeverityMatchFound",
            lines: vec![
                ("10.0.0.11", format!("<185>{unknown}")),
                ("10.0.0.11", format!("<14>{unknown}")),
                ("10.0.0.12", matched("Alert", &unknown)),
                ("10.0.0.11", agent),
            ],
        },
    ]
}

/// Every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let places = shorter.iter().flat_map(|order| (0..count).map(move |place| (order, place)));
    places
        .map(|(order, place)| {
            let mut order = order.clone();
            order.insert(place, count - 1);
            order
        })
        .collect()
}

/// The alarm, its copy and two wrappers of it are one alert and one mail, in every order and with delays; and they count once.
#[test]
fn one_event_in_all_its_shapes_is_one_alert() {
    let mut counted = settings();
    let interest = Interest::from(&counted);
    for Shapes { alert, lines } in shapes() {
        for delay in [0, 1, 45, 100] {
            for order in orders(lines.len()) {
                let mut site = Site::new(settings());
                for (at, shape) in (0..).zip(&order) {
                    let (sender, line) = &lines[*shape];
                    assert!(hear(&mut site, &interest, 40 + at * delay, line.as_bytes(), &udp(sender)), "{line}");
                }
                site.pass(second(1000));
                assert_eq!(firing(&site), [alert], "{order:?} {delay}");
                let told: Vec<_> = site.told.iter().map(|told| (told.alertname.as_str(), told.reason)).collect();
                assert_eq!(told, [(alert, Reason::Firing)], "{order:?} {delay}");
                let node = site.told[0].node.as_deref();
                assert_eq!(node, Some("ccx-n1"), "the node in the body, not the collector: {order:?} {delay}");
            }
        }
        counted.rules.overrides.push(AlertOverride {
            name: alert.to_owned(),
            threshold: Some("2 in 30m".parse().expect("a threshold")),
            ..AlertOverride::default()
        });
    }
    for Shapes { alert, lines } in shapes() {
        for order in orders(lines.len()) {
            let mut site = Site::new(counted.clone());
            for (at, shape) in (0..).zip(&order) {
                let (sender, line) = &lines[*shape];
                hear(&mut site, &interest, 40 + at * 30, line.as_bytes(), &udp(sender));
            }
            assert_eq!(firing(&site), [""; 0], "{alert} counts twice: {order:?}");
        }
    }
}

/// A wrapper that comes after the end of what it tells does not raise it again.
#[test]
fn a_late_wrapper_raises_nothing_again() {
    let interest = Interest::from(&settings());
    let shapes = shapes();
    let service = &shapes[0].lines;
    let started = "<190>813: ccx-n1.example.net: Nov 24 2026 09:00:20.000 UTC : %UC_GENERIC-6-ServiceStarted: \
                   %[ServiceName=Cisco Tomcat][ProcessID=8][AppID=Cisco Service Manager][ClusterID=][NodeID=ccx-n1]: Started.";
    for wrapper in [2, 3] {
        let mut site = Site::new(settings());
        hear(&mut site, &interest, 5, service[0].1.as_bytes(), &udp("10.0.0.11"));
        hear(&mut site, &interest, 20, started.as_bytes(), &udp("10.0.0.11"));
        hear(&mut site, &interest, 32, service[wrapper].1.as_bytes(), &udp("10.0.0.12"));
        site.pass(second(600));
        assert_eq!(firing(&site), [""; 0]);
        assert_eq!(site.reasons(), [Reason::Firing, Reason::Resolved]);
    }
    // Another failure is another event.
    let mut site = Site::new(settings());
    hear(&mut site, &interest, 5, service[0].1.as_bytes(), &udp("10.0.0.11"));
    hear(&mut site, &interest, 20, started.as_bytes(), &udp("10.0.0.11"));
    let again = service[0].1.replace("812", "814").replace("09:00:01", "09:03:00");
    hear(&mut site, &interest, 180, again.as_bytes(), &udp("10.0.0.11"));
    assert_eq!(firing(&site), ["CriticalServiceDown"]);
}

/// What RTMT counts before it tells it is not counted again; what it does not tell is.
#[test]
fn what_rtmt_counted_counts() {
    let interest = Interest::from(&settings());
    let failed = |second: u32| {
        format!(
            "<188>{second}: ccx-n1: Nov 24 2026 09:00:{second:02}.000 UTC : %UC_LOGIN-4-AuthenticationFailed: \
             %[LoginFrom=10.0.0.7][UserID=admin][AppID=Cisco Tomcat][ClusterID=][NodeID=ccx-n1]: Failed."
        )
    };
    let told = format!(
        "{QUOTING}AuthenticationFailed][AlertDetail= Number of AuthenticationFailed events exceeds configured threshold. The \
         alert is generated on Tue Nov 24 09:00:30 UTC 2026 on node ccx-n1.]{COLLECTOR}"
    );
    let check = |lines: &[(i64, &str)], expected: &[&str]| {
        let mut site = Site::new(settings());
        for (at, line) in lines {
            hear(&mut site, &interest, *at, line.as_bytes(), &udp("10.0.0.11"));
        }
        assert_eq!(firing(&site), expected, "{lines:?}");
        let firing = site.told.iter().filter(|told| told.reason == Reason::Firing);
        assert_eq!(firing.count(), expected.len(), "{lines:?}");
    };
    let (first, second) = (failed(1), failed(11));
    check(&[(1, &first)], &[]);
    check(&[(1, &first), (11, &second)], &["AuthenticationFailed"]);
    check(&[(31, &told)], &["AuthenticationFailed"]);
    // The second line was lost.
    check(&[(1, &first), (31, &told)], &["AuthenticationFailed"]);
    check(&[(1, &first), (11, &second), (31, &told)], &["AuthenticationFailed"]);
    check(&[(1, &first), (31, &told), (32, &second)], &["AuthenticationFailed"]);
}

/// RTMT's own log says what its syslog lines say: together they are one alert, in every order, and alone each is one.
#[test]
fn the_alert_log_and_syslog_are_one() {
    let interest = Interest::from(&settings());
    let layout = Layout::real();
    for Shapes { alert, lines } in shapes() {
        // The alert's line of syslog, and the row that says the same.
        let (_, wrapper) = &lines[if lines[3].1.contains("RTMT_ALERT") { 3 } else { 2 }];
        let record = parse(wrapper.as_bytes());
        let body = rtmt::Alert::of(&record.event.expect("an event")).expect("an alert");
        let flat = String::from_utf8_lossy(&body.detail).replace('\n', " ");
        let name = String::from_utf8_lossy(&body.name).into_owned();
        let row = format!("{},2,{name},{flat},ccx-n2,2,0,Default,ccx-n2,System", second(31).as_millisecond());
        let shapes = [&lines[0].1, wrapper, &row];
        for order in orders(3).into_iter().chain([vec![0], vec![1], vec![2], vec![2, 2], vec![1, 2], vec![2, 1]]) {
            let mut site = Site::new(settings());
            for (at, shape) in (0..).zip(&order) {
                let at = 40 + 20 * at;
                if *shape < 2 {
                    let sender = if *shape == 0 { "10.0.0.11" } else { "10.0.0.12" };
                    hear(&mut site, &interest, at, shapes[*shape].as_bytes(), &udp(sender));
                    continue;
                }
                site.pass(second(at));
                let read = layout.row(shapes[2].as_bytes()).expect("a row");
                let file = Origin {
                    channel: Channel::File,
                    sender: None,
                    source: "AlertLog.csv".to_owned(),
                    node: Some("ccx-n2".to_owned()),
                };
                for fact in Fact::of_alert_log(&read, row.as_bytes(), second(at), file.clone(), false) {
                    site.input(Input::Fact(Box::new(fact)));
                }
            }
            site.pass(second(1000));
            assert_eq!(firing(&site), [alert], "{order:?}");
            let told: Vec<_> = site.told.iter().map(|told| (told.alertname.as_str(), told.reason)).collect();
            assert_eq!(told, [(alert, Reason::Firing)], "{order:?}");
            assert_eq!(site.told[0].node.as_deref(), Some("ccx-n1"), "{order:?}");
        }
    }
}
