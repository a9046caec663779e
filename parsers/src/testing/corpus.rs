//! A mixed corpus as a busy site sends it: 60 % UC alarms, 20 % audit events, 10 % lines of the operating system, 10 % of switches and
//! routers, 300 bytes on average. Made by a seeded generator, so that every machine measures the same bytes.

use super::{Alarm, Dialect, Random};

const ALARMS: [(&str, u8, &str, &[&str], &str); 12] = [
    (
        "UC_CALLMANAGER",
        3,
        "EndPointUnregistered",
        &["DeviceName", "IPAddress", "Protocol", "DeviceType", "Description", "Reason", "LastSignalReceived"],
        "An endpoint went away",
    ),
    (
        "UC_CALLMANAGER",
        6,
        "EndPointRegistered",
        &["DeviceName", "IPAddress", "Protocol", "PerfMonObjType"],
        "An endpoint came",
    ),
    (
        "UC_CALLMANAGER",
        2,
        "CodeYellowEntry",
        &["AverageDelay", "EntryLatency", "ExitLatency", "SampleSize"],
        "Calls are throttled",
    ),
    (
        "UC_CALLMANAGER",
        4,
        "MediaResourceListExhausted",
        &["MediaResourceType", "MediaResourceListName"],
        "None is left",
    ),
    ("UC_SERVICEMANAGER", 2, "ServiceFailed", &["ServiceName", "Reason"], "A service ended"),
    ("UC_GENERIC", 6, "ServiceStarted", &["ServiceName", "ProcessID"], "A service began"),
    (
        "UC_LIB_LICENSE",
        0,
        "SYSTEM_TO_ENTER_OOC_STATE_SHORTLY",
        &["The time remaining to enter OOC state"],
        "Buy licenses",
    ),
    ("UC_RTMT", 2, "RTMT_ALERT", &["AlertName", "AlertDetail"], "RTMT Alert"),
    ("UC_DB", 6, "DbInfoError", &["ErrorInfo"], "The database says so"),
    ("UC_CERT", 0, "CertExpired", &["Message"], "A certificate ended"),
    (
        "UC_SDIDLAYER",
        6,
        "DeviceImageDownloadStart",
        &["DeviceName", "IPAddress", "Active", "Inactive"],
        "An image is fetched",
    ),
    (
        "UC_LOGIN",
        4,
        "AuthenticationFailed",
        &["TimeStamp", "UserID", "IPAddress", "Interface"],
        "Somebody may not enter",
    ),
];

const VALUES: [&str; 12] = [
    "SEP0011AABBCC01",
    "10.20.30.40",
    "SIP",
    "592",
    "Phone at the front desk, building 4, second floor",
    "13",
    "Cisco Trace Collection Servlet",
    "a value [with brackets] in it",
    "",
    "StationOutputDisplayPromptStatus",
    "At Fri Jul 05 12:03:01 EDT 2024 on node sub1, the following events generated: #012Name : Value#012Other : 17",
    "the pool of a branch office in a far-away town, which somebody described at length",
];

const SYSTEM: [&str; 5] = [
    ": audispd:node=pub1 type=SYSCALL msg=audit(1630319311.975:2557529): arch=c000003e syscall=59 success=yes exit=0 a0=55d a1=55e a2=55f \
     items=2 ppid=1 pid=4711 auid=4294967295 uid=0 gid=0 comm=\"systemd\" exe=\"/usr/lib/systemd/systemd\" key=\"exec\"",
    ": audispd:node=pub1 type=EOE msg=audit(1630319311.975:2557529):",
    ": sshd[20038]: pam_unix(sshd:session): session opened for user administrator by (uid=0)",
    ": crond[1188]: (root) CMD (/usr/local/bin/base_scripts/ntpRunningStatus.sh >/dev/null 2>&1)",
    ": kernel: TCP: request_sock_TCP: Possible SYN flooding on port 8443. Sending cookies. Check SNMP counters.",
];

const SWITCH: [&str; 5] = [
    "%LINEPROTO-5-UPDOWN: Line protocol on Interface GigabitEthernet1/0/7, changed state to up",
    "%SEC-6-IPACCESSLOGP: list 177 denied udp 10.100.7.1(53640) -> 10.100.7.2(15600), 1 packet",
    "%SYS-5-CONFIG_I: Configured from console by operator on vty0 (10.0.0.9)",
    "%SPANTREE-5-EXTENDED_SYSID: Extended SysId enabled for type vlan",
    "%DOT1X-5-FAIL: Authentication failed for client (0011.2233.4455) on Interface Gi1/0/12 AuditSessionID 0A0A0A0A00000F3A12345678",
];

const AUDIT: [&str; 10] = [
    "UserID",
    "ClientAddress",
    "Severity",
    "EventType",
    "ResourceAccessed",
    "EventStatus",
    "CompulsoryEvent",
    "AuditCategory",
    "ComponentID",
    "AuditDetails",
];

/// So many lines, each ended by LF.
pub fn corpus(seed: u64, lines: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut out = Vec::with_capacity(lines * 310);
    for sequence in 0..lines as u64 {
        match random.below(10) {
            0..6 => alarm(&mut random, sequence, &mut out),
            6..8 => audit(&mut random, sequence, &mut out),
            8 => {
                let line = random.pick(&SYSTEM);
                out.extend_from_slice(format!("<14>{sequence}: {line}\n").as_bytes());
            }
            _ => {
                let line = *random.pick(&SWITCH);
                let second = random.below(60);
                out.extend_from_slice(
                    format!("<189>{sequence}: sw{}: *Aug  3 08:11:{second:02}.204: {line}\n", second % 7).as_bytes(),
                );
            }
        }
    }
    out
}

/// The same lines as other syslog parsers accept them: under an RFC 3164 header in place of Cisco's own.
pub fn under_rfc3164(corpus: &[u8]) -> Vec<u8> {
    let lines = corpus.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines
        .flat_map(|line| {
            let text = memchr::memchr(b'%', line).map_or(line, |at| &line[at..]);
            [b"<189>Oct 14 05:50:19 ucx1 cisco[17]: ", text, b"\n"].concat()
        })
        .collect()
}

fn alarm(random: &mut Random, sequence: u64, out: &mut Vec<u8>) {
    let (facility, severity, mnemonic, keys, text) = *random.pick(&ALARMS);
    let license = facility == "UC_LIB_LICENSE";
    let value = |random: &mut Random| (*random.pick(&VALUES)).to_owned();
    let params = keys
        .iter()
        .map(|key| ((*key).to_owned(), if license { "15 minutes".to_owned() } else { value(random) }))
        .collect();
    let alarm = made(random, sequence, (facility, severity, mnemonic, text), params);
    let dialect = *random.pick(&[Dialect::Wire, Dialect::Wire, Dialect::WireTwelveHour, Dialect::Specification]);
    alarm.append(dialect, out);
}

fn audit(random: &mut Random, sequence: u64, out: &mut Vec<u8>) {
    let params = AUDIT.iter().map(|key| (format!(" {key} "), (*random.pick(&VALUES[..7])).to_owned())).collect();
    let names = ("UC_AUDITLOG", 5, "AdministrativeEvent", "Audit Event is generated by this application");
    made(random, sequence, names, params).append(Dialect::WireTwelveHour, out);
}

fn made(
    random: &mut Random,
    sequence: u64,
    (facility, severity, mnemonic, text): (&str, u8, &str, &str),
    mut params: Vec<(String, String)>,
) -> Alarm {
    let node = format!("ucx{}", random.below(40));
    for (key, value) in [("AppID", "Cisco CallManager"), ("ClusterID", "StandAloneCluster"), ("NodeID", node.as_str())]
    {
        params.push((key.to_owned(), value.to_owned()));
    }
    let mut part = |limit: u64| u16::try_from(random.below(limit)).unwrap_or(0);
    Alarm {
        facility: facility.to_owned(),
        severity,
        mnemonic: mnemonic.to_owned(),
        params,
        text: text.to_owned(),
        sequence,
        host: format!("{node}.example.net"),
        time: [part(12) + 1, part(28) + 1, part(24), part(60), part(60), part(1000)],
        year: 2025,
    }
}
