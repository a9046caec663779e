//! What each reason looks like, word for word: one file for the subject and the text, one for the HTML.
//!
//! `CCXWATCH_TEST_BLESS=1 cargo test --lib golden` writes them anew; `git diff` then shows what people will read.

use super::{
    super::{message::parts, sample},
    mails::addressing,
    message, time,
};
use crate::config::{self, Config};
use ccxwatch_alerts::notification::{EvidenceSummary, GroupMember, Grouped, Notification, Reason};
use ccxwatch_parsers::severity::Severity;
use std::{fs, path::Path};

fn check(name: &str, notification: Notification) {
    let now = time("2026-11-24T10:45:00Z");
    let (made, faults) = parts(&message(notification), &addressing("Europe/Berlin"), now);
    assert!(faults.is_empty(), "{faults:?}");
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/notify/tests/golden"));
    let text = format!("Subject: {}\n\n{}", made.subject, made.text.replace("\r\n", "\n"));
    for (kind, made) in [("txt", text), ("html", made.html.replace("\r\n", "\n"))] {
        let path = folder.join(format!("{name}.{kind}"));
        if std::env::var_os("CCXWATCH_TEST_BLESS").is_some() {
            fs::write(&path, made).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(made, expected, "{}", path.display());
    }
}

fn config() -> Config {
    config::parse(
        "[[cluster]]\nname = \"berlin\"\n[[cluster.node]]\nid = \"uccxpub\"\naddresses = [\"10.20.0.5\"]\n\
         [[receiver]]\nname = \"ops\"\ntype = \"email\"\nfrom = \"c@example.com\"\nto = [\"a@example.com\"]\n\
         [[receiver]]\nname = \"chat\"\ntype = \"webhook\"\nurl = \"https://chat.example.com/\"\n",
        "golden",
    )
    .unwrap()
}

#[test]
fn each_reason_reads_as_it_did() {
    for reason in Reason::ALL {
        check(reason.name(), sample::sample(&config(), reason, time("2026-11-24T10:45:00Z")));
    }
}

#[test]
fn a_group_reads_as_it_did() {
    let mut group = sample::sample(&config(), Reason::Firing, time("2026-11-24T10:45:00Z"));
    let member = |node: &str, firing: bool, news: bool| GroupMember {
        news,
        firing,
        reason: if firing { Reason::Firing } else { Reason::Resolved },
        alertname: group.alertname.clone(),
        cluster: group.cluster.clone(),
        node: Some(node.to_owned()),
        severity: group.severity,
        since: group.since,
        summary: format!("berlin: the CCX Engine of {node} is out of service"),
        labels: group.labels.clone(),
        fingerprint: node.to_owned(),
        episode: format!("berlin/{node}"),
    };
    let members = vec![member("uccxpub", true, true), member("uccxsub", true, false), member("old", false, true)];
    group.grouped = Some(Grouped { size: 4, members });
    check("group", group);
}

#[test]
fn a_storm_reads_as_it_did() {
    let at = time("2026-11-24T10:45:00Z");
    let mut storm = sample::sample(&config(), Reason::Firing, at);
    let rows = [
        ("UnifiedCCXEngineMemoryUsageHigh", Severity::Critical, "", true, true),
        ("CiscoTomcatDown", Severity::Error, "Cisco Tomcat <script>", true, true),
        ("NumberOfRegisteredPhonesDropped", Severity::Warning, "", true, false),
        ("SDLLinkOutOfService", Severity::Warning, "10.20.0.6:8002, application CCM-1_of_a_long_name", true, true),
        ("LogPartitionLowWaterMarkExceeded", Severity::Warning, "/common", false, true),
        ("ServiceStopped", Severity::Informational, "Cisco Bulk Provisioning Service", true, true),
    ];
    let members = rows.map(|(name, severity, service, firing, news)| GroupMember {
        news,
        firing,
        reason: if firing { Reason::Firing } else { Reason::Resolved },
        alertname: name.to_owned(),
        cluster: storm.cluster.clone(),
        node: storm.node.clone(),
        severity,
        since: Some(at),
        summary: format!("berlin: {name} on uccxpub, as a sentence says it to a person"),
        labels: (!service.is_empty()).then(|| ("ServiceName".to_owned(), service.to_owned())).into_iter().collect(),
        fingerprint: format!("{:016x}", name.len()),
        episode: format!("berlin/{name}"),
    });
    storm.alertname = "AlertStorm".to_owned();
    storm.summary =
        "berlin: storm, 33 alerts fire, 1 ended on uccxpub: CiscoTomcatDown, SDLLinkOutOfService".to_owned();
    storm.evidence = EvidenceSummary::default();
    storm.grouped = Some(Grouped { size: 34, members: members.to_vec() });
    check("storm", storm);
}
