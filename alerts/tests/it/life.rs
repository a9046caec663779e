//! The life of alerts in virtual time: a row says what happens when, and what is told when. Pairs of rules that
//! meet are in `pairs.rs`.

use crate::site::{Site, minute, settings, stamp};
use ccxwatch_alerts::{
    fact::{Channel, Fact, Origin},
    input::{Answer, Input, OperatorAction, OperatorCommand},
    matcher::Matchers,
    notification::Notification,
    rules::{
        mute::{MaintenanceSettings, Scope, When},
        schedule::{Days, Schedule},
        settings::AlertSettings,
        user::{PatternSettings, RuleSettings, UserRules},
    },
    settings::Settings,
};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use std::sync::Arc;

/// A rule of this name: the line `<name>_UP` raises its alert for each `Device`, `<name>_OVER` clears it.
pub(crate) fn rule(name: &str, alert: AlertSettings) -> RuleSettings {
    let mnemonic =
        |ending: &str| PatternSettings { mnemonic: vec![format!("{name}_{ending}")], ..PatternSettings::default() };
    RuleSettings {
        name: name.to_owned(),
        raise: mnemonic("UP"),
        clear: Some(mnemonic("OVER")),
        labels: vec![("device".to_owned(), "${param:Device}".to_owned())],
        summary: format!("{name} is up"),
        alert,
        ..RuleSettings::default()
    }
}

/// The settings of a site with these rules.
pub(crate) fn ruled(rules: Vec<RuleSettings>) -> Settings {
    let mut settings = settings();
    settings.rules.user = Arc::new(UserRules::compile(&rules).unwrap_or_else(|errors| panic!("{errors:?}")));
    settings.rules.user_alerts = rules.into_iter().map(|rule| (rule.name, rule.alert)).collect();
    settings
}

/// A line of a mnemonic, from the first node over UDP or from its file.
pub(crate) fn line(mnemonic: &str, node: &str, device: &str, at: Timestamp) -> Fact {
    let sender = match node {
        "ccx-n2" => "10.0.0.12",
        _ => "10.0.0.11",
    };
    Fact {
        version: Fact::VERSION,
        received_at: at,
        origin: Origin {
            channel: Channel::Udp,
            sender: sender.parse().ok(),
            source: "0.0.0.0:514".to_owned(),
            node: None,
        },
        stamp: Some(stamp(at)),
        host: Some(node.to_owned()),
        node_id: Some(node.to_owned()),
        app_id: None,
        // Two lines of one number and time would be copies.
        sequence: None,
        process: None,
        facility: "UC_TEST".to_owned(),
        mnemonic: mnemonic.to_owned(),
        severity: Severity::Error,
        license: None,
        params: if device.is_empty() { Vec::new() } else { vec![("Device".to_owned(), device.to_owned())] },
        raw: format!("%UC_TEST-3-{mnemonic}: [Device={device}]"),
        copies: 1,
        catching_up: false,
        rtmt: None,
    }
}

/// The service line that an engine stopped or started.
fn engine(mnemonic: &str, at: Timestamp) -> Fact {
    Fact {
        facility: "UC_GENERIC".to_owned(),
        params: vec![("ServiceName".to_owned(), "Cisco Unified CCX Engine".to_owned())],
        ..line(mnemonic, "ccx-n1", "", at)
    }
}

/// `90s`, `5m`, `2h` after minute 0.
pub(crate) fn time(text: &str) -> Timestamp {
    minute(0) + span(text)
}

pub(crate) fn span(text: &str) -> SignedDuration {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What one word of a row makes happen.
pub(crate) fn happen(site: &mut Site, words: &[&str]) {
    let at = site.now.wall;
    let until = |text: &str| at + span(text);
    let fact = |site: &mut Site, fact: Fact| site.input(Input::Fact(Box::new(fact)));
    let operate = |site: &mut Site, action: OperatorAction| {
        site.input(Input::Operator(OperatorCommand {
            action,
            cluster: "north".to_owned(),
            comment: Some("a change".to_owned()),
            who: Some("lee".to_owned()),
        }));
    };
    let firing = |site: &Site, name: &str| {
        let found = site.engine.alerts().into_iter().find(|it| it.labels["alertname"] == name && it.end.is_none());
        found.unwrap_or_else(|| panic!("{name} does not fire")).fingerprint
    };
    match *words {
        ["tick"] => {}
        ["raise", name] => fact(site, line(&format!("{name}_UP"), "ccx-n1", "", at)),
        ["raise", name, node] => fact(site, line(&format!("{name}_UP"), node, "", at)),
        ["raise", name, node, device] => fact(site, line(&format!("{name}_UP"), node, device, at)),
        ["late", name, ago] => {
            let mut late = line(&format!("{name}_UP"), "ccx-n1", "", at - span(ago));
            late.received_at = at;
            late.catching_up = true;
            late.origin =
                Origin { channel: Channel::File, sender: None, source: "f".into(), node: Some("ccx-n1".into()) };
            fact(site, late);
        }
        ["late-clear", name, ago] => {
            let mut late = line(&format!("{name}_OVER"), "ccx-n1", "", at - span(ago));
            late.received_at = at;
            late.catching_up = true;
            late.origin =
                Origin { channel: Channel::File, sender: None, source: "f".into(), node: Some("ccx-n1".into()) };
            fact(site, late);
        }
        ["clear", name] => fact(site, line(&format!("{name}_OVER"), "ccx-n1", "", at)),
        ["clear", name, node] => fact(site, line(&format!("{name}_OVER"), node, "", at)),
        ["clear", name, node, device] => fact(site, line(&format!("{name}_OVER"), node, device, at)),
        ["engine", state] => fact(site, engine(state, at)),
        ["suspend"] => operate(site, OperatorAction::Suspend { node: None, until: None }),
        ["suspend", "for", long] => operate(site, OperatorAction::Suspend { node: None, until: Some(until(long)) }),
        ["suspend", node] => operate(site, OperatorAction::Suspend { node: Some(node.to_owned()), until: None }),
        ["resume"] => operate(site, OperatorAction::Resume { node: None }),
        ["resume", node] => operate(site, OperatorAction::Resume { node: Some(node.to_owned()) }),
        ["maintenance", long] => {
            operate(
                site,
                OperatorAction::StartMaintenance { node: None, alert: None, starts_at: None, until: until(long) },
            );
        }
        ["maintenance", long, node] => {
            let node = Some(node.to_owned());
            operate(site, OperatorAction::StartMaintenance { node, alert: None, starts_at: None, until: until(long) });
        }
        ["maintenance", long, "alert", alert] => {
            let alert = Some(alert.to_owned());
            operate(site, OperatorAction::StartMaintenance { node: None, alert, starts_at: None, until: until(long) });
        }
        ["maintenance", long, "in", wait] => {
            let starts_at = Some(until(wait));
            let until = until(wait) + span(long);
            operate(site, OperatorAction::StartMaintenance { node: None, alert: None, starts_at, until });
        }
        ["end-maintenance", id] => operate(site, OperatorAction::EndMaintenance { id: id.to_owned() }),
        ["silence", matchers, long] => {
            let matchers = Matchers::parse(matchers).expect("matchers");
            operate(site, OperatorAction::AddSilence { matchers, starts_at: None, until: until(long) });
        }
        ["expire", id] => operate(site, OperatorAction::ExpireSilence { id: id.to_owned() }),
        ["acknowledge", name] => {
            let fingerprint = firing(site, name);
            operate(site, OperatorAction::AcknowledgeAlert { fingerprint, until: None });
        }
        ["resolve", name] => {
            let fingerprint = firing(site, name);
            operate(site, OperatorAction::ResolveAlert { fingerprint });
        }
        ["restart"] => site.restart(SignedDuration::ZERO),
        ["down", long] => site.restart(span(long)),
        _ => panic!("{words:?}"),
    }
}

/// `5m firing Noise ccx-n1`
pub(crate) fn shown(told: &Notification) -> String {
    let after = minute(0).duration_until(told.at);
    let mut text = format!("{after:#} {} {}", told.reason.name(), told.alertname);
    for part in
        told.node.iter().map(|node| node.trim_start_matches("ccx-")).chain(told.flags.iter().map(String::as_str))
    {
        text.push(' ');
        text.push_str(part);
    }
    if let Some(device) = told.labels.get("device").filter(|device| !device.is_empty()) {
        text.push(' ');
        text.push_str(device);
    }
    text
}

/// Plays rows such as `5m raise Noise` and compares what was told.
#[track_caller]
fn check(settings: &Settings, rows: &[&str], expected: &[&str]) {
    let mut site = Site::new(settings.clone());
    for row in rows {
        let words: Vec<&str> = row.split_whitespace().collect();
        site.pass(time(words[0]));
        site.tick();
        happen(&mut site, &words[1..]);
    }
    site.tick();
    let told: Vec<String> = site.told.iter().map(shown).collect();
    assert_eq!(told, expected, "{rows:?}");
}

/// A site with the rule `Noise` of these settings, and with `Other`, which is told at once.
fn noise(alert: AlertSettings) -> Settings {
    ruled(vec![rule("Noise", alert), rule("Other", AlertSettings::default())])
}

fn threshold(text: &str) -> AlertSettings {
    AlertSettings { threshold: text.parse().expect("a threshold"), ..AlertSettings::default() }
}

fn frequency(text: &str) -> AlertSettings {
    AlertSettings { frequency: text.parse().expect("a frequency"), ..AlertSettings::default() }
}

fn duration(text: &str) -> AlertSettings {
    AlertSettings { duration: span(text), ..AlertSettings::default() }
}

/// Minute 0 is a Tuesday, 09:00 UTC.
pub(crate) fn schedule(from: &str, to: &str) -> Schedule {
    Schedule { days: Days::ALL, from: from.parse().expect("a time"), to: to.parse().expect("a time") }
}

fn scheduled(from: &str, to: &str) -> AlertSettings {
    AlertSettings { schedule: schedule(from, to), ..AlertSettings::default() }
}

#[test]
fn raise_and_clear() {
    let plain = noise(AlertSettings::default());
    check(
        &plain,
        &["1m raise Noise", "2m raise Noise", "3m clear Noise", "4m clear Noise"],
        &["1m firing Noise n1", "3m resolved Noise n1"],
    );
    // Instances and nodes are alerts of their own; a clear without a device ends all of its node.
    check(
        &plain,
        &[
            "1m raise Noise ccx-n1 a",
            "1m raise Noise ccx-n1 b",
            "1m raise Noise ccx-n2 a",
            "2m clear Noise ccx-n1 a",
            "3m clear Noise ccx-n2",
            "4m clear Noise ccx-n1 c",
        ],
        &[
            "1m firing Noise n1 a",
            "1m firing Noise n1 b",
            "1m firing Noise n2 a",
            "2m resolved Noise n1 a",
            "3m resolved Noise n2 a",
        ],
    );
    let disabled = noise(AlertSettings { enabled: false, ..AlertSettings::default() });
    check(&disabled, &["1m raise Noise", "2m clear Noise"], &[]);
    let severe = noise(AlertSettings { severity: Some(Severity::Critical), ..AlertSettings::default() });
    let mut site = Site::new(severe);
    happen(&mut site, &["raise", "Noise"]);
    assert_eq!(site.told[0].severity, Severity::Critical);
    let ends = noise(AlertSettings { resolve_after: Some(span("10m")), ..AlertSettings::default() });
    // An end by time is not told; a new raise after it is.
    check(
        &ends,
        &["1m raise Noise", "5m raise Noise", "14m raise Noise", "25m raise Noise"],
        &["1m firing Noise n1", "25m firing Noise n1"],
    );
}

#[test]
fn thresholds() {
    let three = noise(threshold("3 in 5m"));
    check(
        &three,
        &["1m raise Noise", "2m raise Noise", "5m raise Noise", "6m raise Noise", "7m clear Noise"],
        &["5m firing Noise n1", "7m resolved Noise n1"],
    );
    check(&three, &["1m raise Noise", "2m raise Noise", "6m1s raise Noise", "7m raise Noise"], &["7m firing Noise n1"]);
    check(&three, &["1m raise Noise", "6m raise Noise", "11m raise Noise"], &[]);
    check(&three, &["1m raise Noise", "2m raise Noise", "3m clear Noise", "4m raise Noise"], &[]);
    check(&three, &["1m raise Noise ccx-n1 a", "2m raise Noise ccx-n1 b", "3m raise Noise ccx-n1 c"], &[]);
    check(&three, &["1m raise Noise", "2m raise Noise", "3m restart", "4m raise Noise"], &["4m firing Noise n1"]);
    // By the times of the events: a backlog of an hour is no burst.
    check(&three, &["60m late Noise 50m", "60m late Noise 30m", "60m late Noise 10m", "61m tick"], &[]);
    check(
        &three,
        &["60m late Noise 12m", "60m late Noise 10m", "60m late Noise 11m", "61m tick"],
        &["1h 2s firing Noise n1"],
    );
}

#[test]
fn durations() {
    let lasting = noise(duration("30s"));
    check(&lasting, &["1m raise Noise", "2m clear Noise"], &["1m 30s firing Noise n1", "2m resolved Noise n1"]);
    check(&lasting, &["1m raise Noise", "80s clear Noise", "3m tick"], &[]);
    check(&lasting, &["1m raise Noise", "80s clear Noise", "81s raise Noise", "3m tick"], &["1m 51s firing Noise n1"]);
    check(
        &lasting,
        &["1m raise Noise", "70s restart", "3m tick"],
        &["1m 32s firing Noise n1"].map(|_| "1m 30s firing Noise n1"),
    );
    let both = noise(AlertSettings { threshold: "2 in 1m".parse().expect("a threshold"), ..duration("30s") });
    check(&both, &["1m raise Noise", "2m raise Noise", "4m tick"], &["2m 30s firing Noise n1"]);
    check(&both, &["1m raise Noise", "3m tick"], &[]);
    // What ends by itself before it has lasted long enough never fires.
    let short = noise(AlertSettings { resolve_after: Some(span("20s")), ..duration("30s") });
    check(&short, &["1m raise Noise", "3m tick"], &[]);
    check(&short, &["1m raise Noise", "75s raise Noise", "3m tick"], &["1m 30s firing Noise n1"]);
}

#[test]
fn frequencies() {
    let once = noise(frequency("1 in 60m"));
    let again = ["1m raise Noise", "2m clear Noise", "10m raise Noise", "70m tick"];
    check(&once, &again, &["1m firing Noise n1", "2m resolved Noise n1", "1h 1m firing Noise n1"]);
    // What is over by then is not told, nor is its end.
    let over = ["1m raise Noise", "2m clear Noise", "10m raise Noise", "20m clear Noise", "70m tick"];
    check(&once, &over, &["1m firing Noise n1", "2m resolved Noise n1"]);
    let restarted = ["1m raise Noise", "2m clear Noise", "3m restart", "10m raise Noise", "70m tick"];
    check(&once, &restarted, &["1m firing Noise n1", "2m resolved Noise n1", "1h 1m firing Noise n1"]);
    let twice = noise(frequency("2 in 20m"));
    let rows = ["1m raise Noise", "2m clear Noise", "3m raise Noise", "4m clear Noise", "5m raise Noise", "30m tick"];
    check(
        &twice,
        &rows,
        &[
            "1m firing Noise n1",
            "2m resolved Noise n1",
            "3m firing Noise n1",
            "4m resolved Noise n1",
            "21m firing Noise n1",
        ],
    );
    // However long ago the last end is.
    let rare = noise(frequency("1 in 3h"));
    check(
        &rare,
        &["1m raise Noise", "2m clear Noise", "2h30m raise Noise", "4h tick"],
        &["1m firing Noise n1", "2m resolved Noise n1", "3h 1m firing Noise n1"],
    );
    // With a threshold and a duration: those decide when it fires, the frequency when it is told.
    let all = noise(AlertSettings {
        threshold: "2 in 1m".parse().expect("one"),
        duration: span("30s"),
        ..frequency("1 in 60m")
    });
    let rows = ["1m raise Noise", "70s raise Noise", "2m clear Noise", "3m raise Noise", "3m raise Noise", "70m tick"];
    check(&all, &rows, &["1m 40s firing Noise n1", "2m resolved Noise n1", "1h 1m 40s firing Noise n1"]);
}

#[test]
fn schedules() {
    let office = noise(scheduled("09:30", "10:00"));
    check(&office, &["1m raise Noise", "40m clear Noise"], &["30m firing Noise n1", "40m resolved Noise n1"]);
    check(&office, &["1m raise Noise", "20m clear Noise", "40m tick"], &[]);
    // What was told is told to be over, whenever that is.
    check(&office, &["31m raise Noise", "90m clear Noise"], &["31m firing Noise n1", "1h 30m resolved Noise n1"]);
    check(&office, &["1m raise Noise", "2m restart", "31m tick"], &["30m firing Noise n1"]);
    // Across midnight: 23:00 to 01:00.
    let night = noise(scheduled("23:00", "01:00"));
    check(&night, &["1m raise Noise", "15h tick"], &["14h firing Noise n1"]);
    check(&night, &["15h30m raise Noise"], &["15h 30m firing Noise n1"]);
    check(&night, &["17h raise Noise", "18h tick"], &[]);
    // Only on Thursdays; minute 0 is a Tuesday.
    let days = Days::of([Weekday::Thursday]);
    let thursday =
        noise(AlertSettings { schedule: Schedule { days, ..schedule("00:00", "00:00") }, ..AlertSettings::default() });
    check(&thursday, &["1m raise Noise", "48h tick"], &["39h firing Noise n1"]);
    // With a frequency: both must allow it.
    let both = noise(AlertSettings { schedule: schedule("09:30", "12:00"), ..frequency("1 in 60m") });
    let rows = ["31m raise Noise", "32m clear Noise", "33m raise Noise", "100m tick"];
    check(&both, &rows, &["31m firing Noise n1", "32m resolved Noise n1", "1h 31m firing Noise n1"]);
    // With a duration: it fires before the schedule opens, and is told then.
    let lasting = noise(AlertSettings { schedule: schedule("09:30", "12:00"), ..duration("10m") });
    check(&lasting, &["1m raise Noise", "40m tick"], &["30m firing Noise n1"]);
    check(&lasting, &["25m raise Noise", "40m tick"], &["35m firing Noise n1"]);
}

#[test]
fn schedules_where_the_clocks_are_set() {
    let zoned = |alert: AlertSettings| {
        let mut settings = noise(alert);
        settings.clusters[0].time_zone = TimeZone::get("Europe/Berlin").expect("a zone");
        settings
    };
    // 2027-03-28 02:00 is set forward to 03:00: the day has no 02:30.
    let mut site = Site::new(zoned(scheduled("02:30", "03:15")));
    site.pass("2027-03-28T00:30:00Z".parse().expect("a time"));
    happen(&mut site, &["raise", "Noise"]);
    assert_eq!(site.told, []);
    site.pass("2027-03-28T02:00:00Z".parse().expect("a time"));
    assert_eq!(site.told[0].at.to_string(), "2027-03-28T01:00:00Z", "when the clocks show 03:00");
    // 2027-10-31 03:00 is set back to 02:00: a window to 02:30 opens twice.
    let settings = zoned(scheduled("01:00", "02:30"));
    let mut site = Site::new(settings);
    site.pass("2027-10-31T00:40:00Z".parse().expect("a time"));
    happen(&mut site, &["raise", "Noise"]);
    assert_eq!(site.told, [], "between the two");
    site.pass("2027-10-31T02:00:00Z".parse().expect("a time"));
    assert_eq!(site.told[0].at.to_string(), "2027-10-31T01:00:00Z");
}

#[test]
fn suspensions() {
    let plain = noise(AlertSettings::default());
    check(&plain, &["1m suspend", "2m raise Noise", "5m resume"], &["5m firing Noise n1"]);
    check(&plain, &["1m suspend", "2m raise Noise", "3m clear Noise", "5m resume"], &[]);
    check(&plain, &["1m raise Noise", "2m suspend", "3m clear Noise"], &["1m firing Noise n1", "3m resolved Noise n1"]);
    check(&plain, &["1m suspend for 10m", "2m raise Noise", "20m tick"], &["11m firing Noise n1"]);
    check(&plain, &["1m suspend for 10m", "2m raise Noise", "3m restart", "20m tick"], &["11m firing Noise n1"]);
    check(&plain, &["1m suspend for 30h", "2m raise Noise", "31h tick"], &["30h 1m firing Noise n1"]);
    // Of one node.
    check(
        &plain,
        &["1m suspend ccx-n2", "2m raise Noise", "2m raise Noise ccx-n2", "5m resume ccx-n2"],
        &["2m firing Noise n1", "5m firing Noise n2"],
    );
    // Services too, and whatever else is told beside licenses.
    check(&plain, &["1m suspend", "2m engine ServiceStopped", "5m resume"], &["5m firing CcxEngineOutOfService n1"]);
    // With schedule, frequency, duration.
    check(
        &noise(scheduled("09:30", "10:00")),
        &["1m suspend", "2m raise Noise", "40m resume"],
        &["40m firing Noise n1"],
    );
    check(
        &noise(scheduled("09:30", "10:00")),
        &["1m suspend", "2m raise Noise", "10m resume", "40m tick"],
        &["30m firing Noise n1"],
    );
    check(
        &noise(duration("10m")),
        &["1m suspend", "2m raise Noise", "5m resume", "30m tick"],
        &["12m firing Noise n1"],
    );
    let rows = ["1m raise Noise", "2m clear Noise", "3m suspend", "4m raise Noise", "70m resume"];
    check(
        &noise(frequency("1 in 60m")),
        &rows,
        &["1m firing Noise n1", "2m resolved Noise n1", "1h 10m firing Noise n1"],
    );
}

#[test]
fn maintenance() {
    let plain = noise(AlertSettings::default());
    check(&plain, &["1m maintenance 10m", "2m raise Noise", "20m tick"], &["11m firing Noise n1"]);
    check(&plain, &["1m maintenance 10m", "2m raise Noise", "5m clear Noise", "20m tick"], &[]);
    check(&plain, &["1m maintenance 10m", "2m raise Noise", "3m restart", "20m tick"], &["11m firing Noise n1"]);
    check(
        &plain,
        &["1m maintenance 10m ccx-n2", "2m raise Noise", "2m raise Noise ccx-n2", "20m tick"],
        &["2m firing Noise n1", "11m firing Noise n2"],
    );
    check(
        &plain,
        &["1m maintenance 10m alert Noise", "2m raise Noise", "2m raise Other", "20m tick"],
        &["2m firing Other n1", "11m firing Noise n1"],
    );
    check(
        &plain,
        &["1m maintenance 10m in 5m", "2m raise Noise", "7m raise Other", "30m tick"],
        &["2m firing Noise n1", "16m firing Other n1"],
    );
    check(
        &plain,
        &["1m maintenance 2h", "2m raise Noise", "5m end-maintenance maintenance-1"],
        &["5m firing Noise n1"],
    );
    check(&plain, &["1m maintenance 2h", "2m engine ServiceStopped", "3m engine ServiceStarted", "5h tick"], &[]);
    // Two that overlap, and one with a suspension: the last one to end lets it through.
    check(
        &plain,
        &["1m maintenance 10m", "2m maintenance 20m", "3m raise Noise", "40m tick"],
        &["22m firing Noise n1"],
    );
    check(&plain, &["1m maintenance 10m", "2m suspend", "3m raise Noise", "30m resume"], &["30m firing Noise n1"]);
    check(
        &plain,
        &["1m maintenance 10m", "2m suspend", "3m raise Noise", "5m resume", "30m tick"],
        &["11m firing Noise n1"],
    );
    // With schedule, threshold, frequency.
    check(
        &noise(scheduled("09:30", "10:00")),
        &["1m maintenance 44m", "2m raise Noise", "50m tick"],
        &["45m firing Noise n1"],
    );
    check(&noise(scheduled("09:30", "10:00")), &["1m maintenance 90m", "2m raise Noise", "120m tick"], &[]);
    check(
        &noise(threshold("2 in 5m")),
        &["1m maintenance 10m", "2m raise Noise", "3m raise Noise", "20m tick"],
        &["11m firing Noise n1"],
    );
    let rows = ["1m raise Noise", "2m clear Noise", "3m maintenance 10m", "4m raise Noise", "70m tick"];
    check(
        &noise(frequency("1 in 60m")),
        &rows,
        &["1m firing Noise n1", "2m resolved Noise n1", "1h 1m firing Noise n1"],
    );
}

#[test]
fn maintenance_of_the_configuration() {
    let configured = |when: When, scope: Scope| {
        let mut settings = noise(AlertSettings::default());
        settings.rules.maintenance =
            vec![MaintenanceSettings { name: "patches".to_owned(), scope, when, comment: None }];
        settings
    };
    let once = configured(When::Once { from: minute(5), to: minute(15) }, Scope::default());
    check(&once, &["4m raise Other", "5m raise Noise", "30m tick"], &["4m firing Other n1", "15m firing Noise n1"]);
    let weekly = configured(When::Weekly(schedule("09:05", "09:15")), Scope::default());
    check(&weekly, &["5m raise Noise", "30m tick"], &["15m firing Noise n1"]);
    check(&weekly, &["24h6m raise Noise", "25h tick"], &["24h 15m firing Noise n1"]);
    let of_other = Scope { cluster: Some("south".to_owned()), ..Scope::default() };
    check(
        &configured(When::Weekly(schedule("09:05", "09:15")), of_other),
        &["6m raise Noise"],
        &["6m firing Noise n1"],
    );
}

#[test]
fn silences() {
    let plain = noise(AlertSettings::default());
    check(
        &plain,
        &["1m silence alertname=Noise 10m", "2m raise Noise", "2m raise Other", "20m tick"],
        &["2m firing Other n1", "11m firing Noise n1"],
    );
    check(
        &plain,
        &[
            "1m silence {cluster=\"north\",node=~\".*n2\"} 10m",
            "2m raise Noise",
            "2m raise Noise ccx-n2",
            "5m clear Noise ccx-n2",
            "20m tick",
        ],
        &["2m firing Noise n1"],
    );
    check(&plain, &["1m silence severity=error 10h", "2m raise Noise", "5m expire silence-1"], &["5m firing Noise n1"]);
    check(
        &plain,
        &["1m silence alertname=Noise 10m", "2m raise Noise", "3m restart", "20m tick"],
        &["11m firing Noise n1"],
    );
    check(
        &plain,
        &["1m silence device=a 10m", "2m raise Noise ccx-n1 a", "2m raise Noise ccx-n1 b", "20m tick"],
        &["2m firing Noise n1 b", "11m firing Noise n1 a"],
    );
    check(
        &plain,
        &["1m silence alertname=Noise 5m", "1m maintenance 10m", "2m raise Noise", "20m tick"],
        &["11m firing Noise n1"],
    );
    check(
        &noise(duration("10m")),
        &["1m silence alertname=Noise 5m", "2m raise Noise", "20m tick"],
        &["12m firing Noise n1"],
    );
    check(
        &noise(scheduled("09:30", "10:00")),
        &["1m silence alertname=Noise 44m", "2m raise Noise", "50m tick"],
        &["45m firing Noise n1"],
    );
}

#[test]
fn flapping() {
    let plain = noise(AlertSettings::default());
    let flaps: Vec<String> =
        (1..=8).flat_map(|at| [format!("{at}m raise Noise"), format!("{at}m30s clear Noise")]).collect();
    let mut rows: Vec<&str> = flaps.iter().map(String::as_str).collect();
    rows.push("2h tick");
    // The fourth start in half an hour is told as flapping, once; its end when half an hour was quiet.
    check(
        &plain,
        &rows,
        &[
            "1m firing Noise n1",
            "1m 30s resolved Noise n1",
            "2m firing Noise n1",
            "2m 30s resolved Noise n1",
            "3m firing Noise n1",
            "3m 30s resolved Noise n1",
            "4m firing Noise n1 flapping",
            "38m 30s resolved Noise n1",
        ],
    );
    // It stays: then it simply fires, and its end is told as any.
    let mut stays = rows[..14].to_vec();
    stays.extend(["8m raise Noise", "9m restart", "60m raise Noise", "61m clear Noise"]);
    let told = |site: &Site| -> Vec<String> { site.told.iter().skip(6).map(shown).collect() };
    let mut site = Site::new(plain.clone());
    for row in &stays {
        let words: Vec<&str> = row.split_whitespace().collect();
        site.pass(time(words[0]));
        happen(&mut site, &words[1..]);
    }
    assert_eq!(told(&site), ["4m firing Noise n1 flapping", "1h 1m resolved Noise n1"]);
    // Slow changes are no flapping.
    check(
        &plain,
        &[
            "1m raise Noise",
            "12m clear Noise",
            "13m raise Noise",
            "23m clear Noise",
            "24m raise Noise",
            "33m clear Noise",
            "34m raise Noise",
        ],
        &[
            "1m firing Noise n1",
            "12m resolved Noise n1",
            "13m firing Noise n1",
            "23m resolved Noise n1",
            "24m firing Noise n1",
            "33m resolved Noise n1",
            "34m firing Noise n1",
        ],
    );
    // In maintenance nothing is told; what flaps at its end is told as that.
    let mut muted = vec!["0m maintenance 10m"];
    muted.extend(&rows[..15]);
    muted.push("11m tick");
    check(&plain, &muted, &["10m firing Noise n1 flapping"]);
    // A frequency that is used up holds it back; by then it does not flap any more.
    let once = noise(frequency("1 in 60m"));
    let mut short = rows[..15].to_vec();
    short.push("40m raise Noise");
    short.push("62m tick");
    check(&once, &short, &["1m firing Noise n1", "1m 30s resolved Noise n1", "1h 1m firing Noise n1"]);
}

#[test]
fn inhibition() {
    let rules = vec![rule("ServerDown", AlertSettings::default()), rule("Noise", AlertSettings::default())];
    let down = ruled(rules.clone());
    check(
        &down,
        &["1m raise ServerDown", "2m raise Noise", "2m raise Noise ccx-n2", "5m clear ServerDown"],
        &["1m firing ServerDown n1", "2m firing Noise n2", "5m resolved ServerDown n1", "5m firing Noise n1"],
    );
    check(
        &down,
        &["1m raise ServerDown", "2m raise Noise", "3m clear Noise", "5m clear ServerDown"],
        &["1m firing ServerDown n1", "5m resolved ServerDown n1"],
    );
    check(
        &down,
        &["1m raise ServerDown", "2m engine ServiceStopped", "5m clear ServerDown"],
        &["1m firing ServerDown n1", "5m resolved ServerDown n1", "5m firing CcxEngineOutOfService n1"],
    );
    check(
        &down,
        &["1m raise ServerDown", "2m raise Noise", "3m restart", "5m clear ServerDown"],
        &["1m firing ServerDown n1", "5m resolved ServerDown n1", "5m firing Noise n1"],
    );
    // The source is muted itself: what it explains stays hidden all the same.
    check(
        &down,
        &["1m maintenance 10m alert ServerDown", "2m raise ServerDown", "3m raise Noise", "20m tick"],
        &["11m firing ServerDown n1"],
    );
    // With maintenance of the node, its end after the source's.
    check(
        &down,
        &["1m raise ServerDown", "2m maintenance 10m", "3m raise Noise", "5m clear ServerDown", "20m tick"],
        &["1m firing ServerDown n1", "5m resolved ServerDown n1", "12m firing Noise n1"],
    );
    // The engine hides its own trouble.
    let engine = ruled(vec![rule("UnifiedCCXEngineMemoryUsageHigh", AlertSettings::default())]);
    check(
        &engine,
        &["1m engine ServiceStopped", "2m raise UnifiedCCXEngineMemoryUsageHigh", "5m engine ServiceStarted"],
        &[
            "1m firing CcxEngineOutOfService n1",
            "5m resolved CcxEngineOutOfService n1",
            "5m firing UnifiedCCXEngineMemoryUsageHigh n1",
        ],
    );
}

#[test]
fn late_lines_are_told_once_they_are_read() {
    let plain = noise(AlertSettings::default());
    check(&plain, &["60m late Noise 50m", "61m tick"], &["1h 2s firing Noise n1"]);
    check(&plain, &["60m late Noise 50m", "60m late-clear Noise 40m", "61m tick"], &[]);
    // A clear that was heard before its raise.
    check(&plain, &["50m clear Noise", "60m late Noise 20m", "61m tick"], &[]);
    // An end that came with the backlog.
    check(
        &plain,
        &["10m raise Noise", "60m late-clear Noise 40m", "61m tick"],
        &["10m firing Noise n1", "1h 2s resolved Noise n1"],
    );
    check(
        &plain,
        &["10m raise Noise", "60m late-clear Noise 40m", "60m late Noise 30m", "61m tick"],
        &["10m firing Noise n1"],
    );
    // A live line ends the wait.
    check(&plain, &["60m late Noise 50m", "60m1s raise Noise"], &["1h 1s firing Noise n1"]);
}

#[test]
fn operators() {
    let plain = noise(AlertSettings::default());
    check(
        &plain,
        &["1m raise Noise", "2m resolve Noise", "3m clear Noise", "4m raise Noise"],
        &["1m firing Noise n1", "2m resolved Noise n1", "4m firing Noise n1"],
    );
    check(
        &plain,
        &["1m engine ServiceStopped", "2m resolve CcxEngineOutOfService"],
        &["1m firing CcxEngineOutOfService n1", "2m resolved CcxEngineOutOfService n1"],
    );
    let mut site = Site::new(plain);
    happen(&mut site, &["raise", "Noise"]);
    happen(&mut site, &["engine", "ServiceStopped"]);
    happen(&mut site, &["acknowledge", "Noise"]);
    happen(&mut site, &["acknowledge", "CcxEngineOutOfService"]);
    site.restart(SignedDuration::ZERO);
    for name in ["Noise", "CcxEngineOutOfService"] {
        let alert = site.engine.alerts().into_iter().find(|it| it.labels["alertname"] == name).expect("the alert");
        let seen = alert.acknowledged.expect("acknowledged");
        assert_eq!((seen.who.as_deref(), seen.comment.as_deref()), (Some("lee"), Some("a change")));
    }
}

#[test]
fn commands_that_cannot_be_done_say_why() {
    let mut site = Site::new(noise(AlertSettings::default()));
    let mut check = |action: OperatorAction, cluster: &str, said: &str| {
        let mut out = ccxwatch_alerts::engine::Outbox::default();
        let command = OperatorCommand { action, cluster: cluster.to_owned(), comment: None, who: None };
        site.engine.handle(site.now, Input::Operator(command), &mut out);
        match out.answer {
            Some(Answer::Refused { error }) => assert!(error.contains(said), "{error}"),
            other => panic!("{said}: {other:?}"),
        }
    };
    let far = minute(600);
    let matchers = |text: &str| Matchers::parse(text).expect("matchers");
    check(OperatorAction::Acknowledge, "west", "no cluster \"west\"");
    check(OperatorAction::ResolveAlert { fingerprint: "x".into() }, "north", "no alert");
    check(OperatorAction::AcknowledgeAlert { fingerprint: "x".into(), until: Some(minute(-1)) }, "north", "later");
    check(OperatorAction::AddSilence { matchers: matchers(""), starts_at: None, until: far }, "", "everything");
    check(OperatorAction::AddSilence { matchers: matchers("a=b"), starts_at: None, until: minute(0) }, "", "later");
    check(
        OperatorAction::AddSilence { matchers: matchers("a=b"), starts_at: Some(far), until: minute(5) },
        "",
        "later",
    );
    check(OperatorAction::ExpireSilence { id: "silence-9".into() }, "", "no silence");
    check(
        OperatorAction::StartMaintenance { node: None, alert: None, starts_at: None, until: far },
        "west",
        "no cluster",
    );
    check(OperatorAction::EndMaintenance { id: "x".into() }, "", "no maintenance window");
    check(OperatorAction::Suspend { node: None, until: None }, "", "no cluster");
    check(OperatorAction::Resume { node: None }, "north", "not suspended");
    for _ in 0..200 {
        let action = OperatorAction::AddSilence { matchers: matchers("a=b"), starts_at: None, until: far };
        let command = OperatorCommand { action, cluster: String::new(), comment: None, who: None };
        site.input(Input::Operator(command));
    }
    let one_more = OperatorAction::AddSilence { matchers: matchers("a=b"), starts_at: None, until: far };
    let mut out = ccxwatch_alerts::engine::Outbox::default();
    let command = OperatorCommand { action: one_more, cluster: String::new(), comment: None, who: None };
    site.engine.handle(site.now, Input::Operator(command), &mut out);
    assert!(matches!(out.answer, Some(Answer::Refused { .. })), "there are 200 already");
}

#[test]
fn a_flood_of_instances_pushes_nothing_out() {
    let mut site = Site::new(noise(AlertSettings::default()));
    happen(&mut site, &["raise", "Noise", "ccx-n1", "real"]);
    for number in 0..5000 {
        happen(&mut site, &["raise", "Noise", "ccx-n1", &format!("<hostile-{number}>")]);
    }
    happen(&mut site, &["raise", "Other"]);
    let told: Vec<String> = site.told.iter().map(shown).collect();
    assert_eq!(told.len(), 64 + 1 + 1, "64 alerts, one for all others, and the other alert");
    assert_eq!(told[0], "0s firing Noise n1 real");
    let others = site.told.iter().find(|told| told.labels.get("instance").is_some_and(|it| it == "others"));
    assert_eq!(others.map(|told| told.alertname.as_str()), Some("Noise"));
    assert_eq!(told.last().map(|text| text.contains("firing Other n1")), Some(true), "{told:?}");
    assert_eq!(site.engine.alerts_limited(), 5001 - 64);
    assert!(site.rows["alerts/north"].len() < 200 * 1024, "{} bytes", site.rows["alerts/north"].len());
    // What is real is still known by its name, and ends; what ended makes room.
    happen(&mut site, &["clear", "Noise", "ccx-n1", "real"]);
    happen(&mut site, &["raise", "Noise", "ccx-n1", "new"]);
    let told: Vec<String> = site.told.iter().skip(66).map(shown).collect();
    assert_eq!(told, ["0s resolved Noise n1 real", "0s firing Noise n1 new"]);
}
