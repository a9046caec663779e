//! From bytes to facts: which lines are wanted, and what becomes of them.

use ccxwatch_alerts::{
    fact::{Channel, Fact, Origin},
    interest::Interest,
    rules::settings::AlertOverride,
    settings::{Settings, SyslogSeverity},
};
use ccxwatch_parsers::{license::LicenseEventKind, parse, triage};
use jiff::Timestamp;

fn fact(line: &str) -> Option<Fact> {
    let origin = Origin { channel: Channel::Udp, sender: None, source: String::new(), node: None };
    Fact::of_record(&parse(line.as_bytes()), Timestamp::UNIX_EPOCH, origin, false).into_iter().next()
}

fn wanted(line: &str) -> bool {
    let interest = Interest::from(&Settings::default());
    triage(line.as_bytes()).is_some_and(|triage| interest.wants(&triage, line.as_bytes()))
}

#[test]
fn wanted_lines() {
    let check = |line: &str, expected: bool| assert_eq!(wanted(line), expected, "{line}");
    check("<185>5: n1: Nov 24 2026 09:00:00.000 UTC : %UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: %[NodeID=n1]: x", true);
    check(
        "5: Nov 24 09:00:00.000 UTC %MCVD-LIB_LICENSE-1-SYSTEM_TO_ENTER_OOC_STATE: x: will enter Out of Compliance state in =45 minutes",
        true,
    );
    check("5: Nov 24 09:00:00.000 UTC %MCVD-LIB_LICENSE-7-UNK:state SYSTEM_IN_OOC_STATE asked", false);
    check("5: Nov 24 09:00:00.000 UTC %MIVR-SS_TEL-7-UNK:noise", false);
    check("5: Nov 24 09:00:00.000 UTC %MIVR-SS_TEL-4-ModuleRunTimeFailure:x: Module=JTAPI", true);
    check(
        "<190>5: n1: Nov 24 2026 09:00:00.000 UTC : %UC_GENERIC-6-ServiceStopped: %[ServiceName=Cisco Unified CCX Engine]: x",
        true,
    );
    check(
        "<190>5: n1: Nov 24 2026 09:00:00.000 UTC : %UC_GENERIC-6-ServiceStopped: %[ServiceName=Cisco Tomcat]: x",
        true,
    );
    check(
        "<190>5: n1: Nov 24 2026 09:00:00.000 UTC : %UC_RTMT-2-RTMT_ALERT: %[AlertName=CpuPegging][AlertDetail=x]: x",
        true,
    );
    let uc = |what: &str| format!("<190>5: n1: Nov 24 2026 09:00:00.000 UTC : %{what}: %[NodeID=n1]: x");
    // Families, whatever their severity; those that are off are not wanted.
    check(&uc("UC_CALLMANAGER-5-SDLLinkISV"), true);
    check(&uc("UC_SS_EMAIL-6-EMAIL_SERVER_DOWN"), true);
    check(&uc("UC_CALLMANAGER-6-EndPointRegistered"), false);
    check(&uc("CCBU_CTI-6-CTI_CONNECTION_ESTABLISHED"), true);
    check("5: Nov 24 09:00:00.000 UTC %CCM_CALLMANAGER-CALLMANAGER-1-SDLLinkOOS: x", true);
    // The severity rule: alarms only, of Unified Communications only.
    check(&uc("UC_SOMETHING-2-NewAlarm"), true);
    check(&uc("UC_SOMETHING-3-NewAlarm"), false);
    check(&uc("UC_AUDITLOG-1-AdministrativeEvent"), false);
    check(&uc("CCBU_CUIC_MODEL_OBJECTS-0-ERROR"), false);
    check("<185>5: n1: Nov 24 2026 09:00:00.000 UTC: %SIP-2-LISTEN_SOCKET: x", false);
    check("<185>5: n1: Nov 24 2026 09:00:00.000 UTC: %SDL-1-SDLLinkOOS: x", false);
    // A sender that lags behind its catalog prints severity 3, whatever the alarm's own is.
    check(
        "<190>5: n1: Nov 24 2026 09:00:00.000 UTC : %UC_SOMETHING-3-NewAlarm: %[UNKNOWN_PARAMNAME:IPAddress=1]: x",
        true,
    );
}

/// What is turned off is not even wanted, and what is turned on is.
#[test]
fn settings_decide_what_is_wanted() {
    let mut settings = Settings::default();
    settings.rules.syslog_severity = SyslogSeverity(None);
    let turned =
        |name: &str, on: bool| AlertOverride { name: name.to_owned(), enabled: Some(on), ..AlertOverride::default() };
    settings.rules.overrides = vec![turned("SDLLinkOutOfService", false), turned("EndPointUnregistered", true)];
    let interest = Interest::from(&settings);
    for (alarm, expected) in [
        ("UC_SOMETHING-2-NewAlarm", false),
        ("UC_CALLMANAGER-5-SDLLinkISV", false),
        ("UC_CALLMANAGER-1-SDLLinkOOS", false),
        ("UC_CALLMANAGER-6-EndPointRegistered", true),
        ("UC_CALLMANAGER-2-CodeYellowEntry", true),
    ] {
        let line = format!("<190>5: n1: Nov 24 2026 09:00:00.000 UTC : %{alarm}: %[NodeID=n1]: x");
        let triage = triage(line.as_bytes()).expect("a triplet");
        assert_eq!(interest.wants(&triage, line.as_bytes()), expected, "{alarm}");
    }
}

#[test]
fn a_quoted_license_line_is_that_line() {
    let line = "<186>7: ucx-a: Nov 24 2026 09:00:40.000 UTC : %UC_RTMT-2-RTMT_ALERT: \
        %[AlertName=SyslogSeverityMatchFound][AlertDetail= At Tue Nov 24 09:00:40 UTC 2026 on node ucx-b, the following \
        SyslogSeverityMatchFound events generated: #012SeverityMatch : Alert#012MatchedEvent : Nov 24 09:00:01 ucx-b \
        local7 1 : 62: ucx-b.example.net: Nov 24 2026 09:00:01.100 UTC : %UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: \
        %[AppID=Cisco Unified CCX Cluster View Daemon][ClusterID=][NodeID=ucx-b]: Out of compliance.#012AppID : Cisco \
        Syslog Agent#012ClusterID : #012NodeID : ucx-b][AppID=Cisco AMC Service][ClusterID=][NodeID=ucx-a]: RTMT Alert";
    assert!(wanted(line));
    let fact = fact(line).expect("a fact");
    assert_eq!(fact.license.map(|license| license.kind), Some(LicenseEventKind::OutOfCompliance));
    assert_eq!((fact.node_id.as_deref(), fact.mnemonic.as_str()), (Some("ucx-b"), "SYSTEM_IN_OOC_STATE"));
    assert_eq!(fact.stamp.map(|stamp| (stamp.minute, stamp.second)), Some((0, 1)));
}

#[test]
fn a_long_line_is_bounded() {
    let line = format!(
        "<185>5: n1: Nov 24 2026 09:00:00.000 UTC : %UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: {}",
        "ü".repeat(9000)
    );
    let fact = fact(&line).expect("a fact");
    assert!(fact.raw.len() <= 8192);
}

/// What an alert of RTMT becomes: facility, mnemonic, severity, node, and whether it is a quoted line.
#[test]
fn an_alert_of_rtmt_is_what_it_quotes() {
    let facts = |line: &str| {
        let origin = Origin { channel: Channel::Udp, sender: None, source: String::new(), node: None };
        let facts = Fact::of_record(&parse(line.as_bytes()), Timestamp::UNIX_EPOCH, origin, false);
        let told = |fact: &Fact| {
            let quotes = fact.rtmt.as_ref().is_some_and(|alert| alert.quotes);
            let node = fact.node_id.clone().unwrap_or_default();
            format!("{}-{}-{} {node} {quotes}", fact.facility, fact.severity.number(), fact.mnemonic)
        };
        let mut told: Vec<String> = facts.iter().map(told).collect();
        told.extend(facts.iter().filter_map(|fact| fact.param("program").map(|program| format!("of {program}"))));
        told
    };
    let rtmt = |name: &str, detail: &str| {
        format!(
            "<186>9: n1: Nov 24 2026 09:00:40.000 UTC : %UC_RTMT-2-RTMT_ALERT: %[AlertName={name}][AlertDetail= {detail}]\
             [AppID=Cisco AMC Service][ClusterID=][NodeID=n1]: RTMT Alert"
        )
    };
    let check = |line: &str, expected: &[&str]| assert_eq!(facts(line), expected, "{line}");
    let at = "At Tue Nov 24 09:00:40 UTC 2026 on node n2, the following events generated:";
    let alarm = "7: n3: Nov 24 2026 09:00:01.000 UTC : %UC_X-1-Y: %[NodeID=n3]: text";
    check(
        &rtmt("CpuPegging", "CPU. The alert is generated on Tue Nov 24 09:00:40 UTC 2026 on node n2."),
        &["UC_RTMT-2-RTMT_ALERT n2 false"],
    );
    check(&rtmt("Nothing", ""), &["UC_RTMT-2-RTMT_ALERT n1 false"]);
    let one = format!("SeverityMatch : Alert#012MatchedEvent : Nov 24 09:00:01 n3 local7 1 : {alarm}");
    check(
        &rtmt("SyslogSeverityMatchFound", &format!("{at} #012{one}#012AppID : Cisco Syslog Agent")),
        &["UC_X-1-Y n3 true"],
    );
    check(&rtmt("SyslogSeverityMatchFound", &format!("{at} #012{one}#012{one}")), &["UC_X-1-Y n3 true"; 2]);
    // A line of the operating system, with the severity that RTMT matched and the node of the body.
    let system = "SeverityMatch : Critical#012MatchedEvent : Nov 24 09:00:01 n3 daemon 2 ntpd[17]: no server suitable";
    check(&rtmt("SyslogSeverityMatchFound", &format!("{at} #012{system}")), &["-2- n2 true", "of ntpd"]);
    // RTMT matches its own lines as well; what they quote is what happened.
    let inner = rtmt("SyslogSeverityMatchFound", &format!("{at} {}", one.replace("#012", " ")));
    let nested = format!("SeverityMatch : Critical#012MatchedEvent : {}", &inner["<186>".len()..]);
    check(&rtmt("SyslogSeverityMatchFound", &format!("{at} #012{nested}")), &["UC_X-1-Y n3 true"]);
    // The agent's own alarm, from which RTMT makes its alert.
    let agent =
        "<187>4: n3: Nov 24 2026 09:00:02.000 UTC : %UC_SYSAGENT-3-SyslogSeverityMatchFound: %[SeverityMatch=Alert]";
    check(&format!("{agent}[MatchedEvent={alarm}][NodeID=n3]: x"), &["UC_X-1-Y n3 true"]);
    check(&format!("{agent}[NodeID=n3]: x"), &["UC_SYSAGENT-3-SyslogSeverityMatchFound n3 false"]);
    // Up to 8.x the keys stand in the text.
    check(
        "<186>9: Nov 24 09:00:40.000 UTC : %CCM_RTMT-RTMT-2-RTMT-ERROR-ALERT: RTMT Alert Name:CpuPegging Detail: CPU. The alert is \
         generated on Tue Nov 24 09:00:40 UTC 2026 on node n2. App ID:Cisco AMC Service Cluster ID: Node ID:n1",
        &["RTMT-2-RTMT-ERROR-ALERT n2 false"],
    );
    // As many lines as anybody may quote, and no more.
    let many = format!("{one}#012").repeat(100);
    assert!(facts(&rtmt("SyslogSeverityMatchFound", &format!("{at} #012{many}"))).len() <= 32);
}
