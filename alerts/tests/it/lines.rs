//! From bytes to facts: which lines are wanted, and what becomes of them.

use ccxwatch_alerts::{
    fact::{Channel, Fact, Origin},
    interest::Interest,
    settings::Settings,
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
