//! Notifications that did not happen: for previews, for trying templates, and the test that a person asks for.

use crate::config::Config;
use ccxwatch_alerts::notification::{EvidenceSummary, Notification, Reason};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// A notification as the reason makes it, about the first cluster of the configuration.
pub(super) fn sample(config: &Config, reason: Reason, now: Timestamp) -> Notification {
    let cluster = config.cluster.first().map_or("example", |cluster| cluster.name.get_ref().as_str());
    let node = config.cluster.first().and_then(|cluster| cluster.node.first());
    let node = node.map_or("uccxpub", |node| node.id.get_ref().as_str());
    let (alertname, severity) = alert(reason);
    let own = matches!(reason, Reason::StoreFailing | Reason::NotificationFailing | Reason::Test | Reason::Heartbeat);
    let after = |seconds: i64| now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
    let deadline = match reason {
        Reason::CountdownStarted | Reason::CountdownRestarted => Some(after(45 * 60)),
        Reason::CountdownShortly => Some(after(15 * 60)),
        Reason::CountdownUnconfirmed => Some(after(-5 * 60)),
        Reason::OutOfCompliance => Some(after(90 * 86_400)),
        Reason::EnforcementReminder | Reason::ExpiryReminder => Some(after(7 * 86_400)),
        Reason::EnforcementDue => Some(now),
        _ => None,
    };
    let what = what(reason);
    let severity_name = severity.name().to_ascii_lowercase();
    let labels = [("alertname", alertname), ("severity", &*severity_name)]
        .into_iter()
        .chain((!own).then_some([("cluster", cluster), ("node", node)]).into_iter().flatten())
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let heartbeat = reason == Reason::Heartbeat;
    Notification {
        at: now,
        elapsed_s: 0.0,
        reason,
        alertname: alertname.to_owned(),
        cluster: (!own).then(|| cluster.to_owned()),
        node: (!own).then(|| node.to_owned()),
        labels: labels.collect(),
        fingerprint: "0000000000000000".to_owned(),
        severity,
        episode: format!("{cluster}/sample"),
        told_as: reason.name().to_owned(),
        continues: Vec::new(),
        grouped: None,
        receivers: config.receiver.iter().map(|receiver| receiver.name.get_ref().clone()).collect(),
        since: (!heartbeat).then(|| after(-60)),
        deadline,
        days_left: (reason == Reason::EnforcementReminder).then_some(7),
        time_zone: None,
        summary: if own { what.to_owned() } else { format!("{cluster}: {what}") },
        description: "This message is a sample: nothing of this has happened.".to_owned(),
        runbook: if heartbeat {
            Vec::new()
        } else {
            vec!["Look at the page of ccxwatch.".to_owned(), "Do what it says.".to_owned()]
        },
        history: vec![if heartbeat {
            format!("{cluster}: compliant")
        } else {
            "An earlier stage of the same episode.".to_owned()
        }],
        flags: if own { Vec::new() } else { vec!["clock_skew".to_owned()] },
        evidence: if own {
            EvidenceSummary::default()
        } else {
            let raw = format!(
                "<184>51617: {node}: Nov 24 2026 10:45:00.000 UTC : %UC_LIB_LICENSE-0-SYSTEM_TO_ENTER_OOC_STATE_SHORTLY: \
                 %[The time remaining to enter OOC state=15 minutes][NodeID={node}]: a sample <b>of a line</b>"
            );
            EvidenceSummary {
                count: 1,
                first_raw: Some(raw.clone()),
                last_raw: Some(raw),
                nodes: vec![node.to_owned()],
                sources: vec!["udp 192.0.2.5".to_owned()],
            }
        },
    }
}

/// The test that a person asks for. It is an episode of its own, so that each is told.
pub fn test(receiver: &str, now: Timestamp) -> Notification {
    let labels = [("alertname", "CcxwatchTest"), ("severity", "notice"), ("receiver", receiver)];
    Notification {
        at: now,
        elapsed_s: 0.0,
        reason: Reason::Test,
        alertname: "CcxwatchTest".to_owned(),
        cluster: None,
        node: None,
        labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        fingerprint: String::new(),
        severity: Severity::Notice,
        episode: format!("ccxwatch/test/{receiver}/{}", now.as_microsecond()),
        told_as: Reason::Test.name().to_owned(),
        continues: Vec::new(),
        grouped: None,
        receivers: vec![receiver.to_owned()],
        since: None,
        deadline: None,
        days_left: None,
        time_zone: None,
        summary: format!("This is a test of the receiver {receiver}, as somebody asked for it. Nothing is wrong."),
        description: "Whoever reads this is told when something is wrong.".to_owned(),
        runbook: Vec::new(),
        history: Vec::new(),
        flags: Vec::new(),
        evidence: EvidenceSummary::default(),
    }
}

/// The reason of this name, as JSON and metrics write it.
pub fn reason(name: &str) -> Result<Reason, String> {
    Reason::ALL.into_iter().find(|reason| reason.name() == name).ok_or_else(|| {
        let names: Vec<_> = Reason::ALL.into_iter().map(Reason::name).collect();
        format!("no reason is called {name:?}; write one of {}", names.join(", "))
    })
}

fn alert(reason: Reason) -> (&'static str, Severity) {
    match reason {
        Reason::CountdownStarted | Reason::CountdownRestarted => {
            ("SmartLicenseEnteringOutOfCompliance", Severity::Critical)
        }
        Reason::CountdownShortly => ("SmartLicenseEnteringOutOfComplianceShortly", Severity::Alert),
        Reason::CountdownUnconfirmed => ("SmartLicenseComplianceUnconfirmed", Severity::Warning),
        Reason::OutOfCompliance | Reason::EnforcementReminder => ("SmartLicenseOutOfCompliance", Severity::Emergency),
        Reason::EnforcementDue => ("SmartLicenseEnforcementDue", Severity::Emergency),
        Reason::ConfirmedCompliant => ("SmartLicenseOutOfCompliance", Severity::Informational),
        Reason::UsageWarning => ("SmartLicenseUsageHigh", Severity::Warning),
        Reason::LicenseEventUnclassified => ("LicenseEventUnclassified", Severity::Warning),
        Reason::ExpiryReminder => ("Expiry", Severity::Warning),
        Reason::Firing | Reason::Repeat | Reason::Escalated => ("EngineOutOfService", Severity::Critical),
        Reason::Resolved => ("EngineOutOfService", Severity::Informational),
        Reason::FeedSilent | Reason::FeedNeverHeard => ("LogFeedSilent", Severity::Error),
        Reason::FeedRestored => ("LogFeedSilent", Severity::Informational),
        Reason::StoreFailing => ("StoreFailing", Severity::Critical),
        Reason::NotificationFailing => ("NotificationFailing", Severity::Error),
        Reason::Test => ("CcxwatchTest", Severity::Notice),
        Reason::Heartbeat => ("CcxwatchAlive", Severity::Informational),
    }
}

fn what(reason: Reason) -> &'static str {
    match reason {
        Reason::CountdownStarted | Reason::CountdownShortly | Reason::CountdownRestarted => {
            "licenses run out of compliance soon"
        }
        Reason::CountdownUnconfirmed => "the countdown ended and nothing was heard",
        Reason::OutOfCompliance | Reason::EnforcementReminder => "licenses are out of compliance",
        Reason::EnforcementDue => "the day of enforcement has come",
        Reason::ConfirmedCompliant => "licenses are compliant again",
        Reason::UsageWarning => "95 of 100 licenses are in use",
        Reason::LicenseEventUnclassified => "a license message that nobody has documented",
        Reason::ExpiryReminder => "something expires in 7 days",
        Reason::Firing | Reason::Resolved | Reason::Repeat | Reason::Escalated => "the CCX Engine is out of service",
        Reason::FeedSilent => "no line for an hour",
        Reason::FeedRestored => "lines come again",
        Reason::FeedNeverHeard => "a configured node was never heard",
        Reason::StoreFailing => "the store takes no transactions",
        Reason::NotificationFailing => "the receiver uc-team cannot be reached",
        Reason::Test => "a test",
        Reason::Heartbeat => "ccxwatch is alive, 1 cluster, none of them needs a hand",
    }
}

/// A heartbeat: alive, and how the clusters are.
pub fn heartbeat(
    receiver: &str,
    slot: Timestamp,
    summary: String,
    clusters: Vec<String>,
    now: Timestamp,
) -> Notification {
    let labels = BTreeMap::from([("alertname".to_owned(), "CcxwatchAlive".to_owned())]);
    Notification {
        at: now,
        reason: Reason::Heartbeat,
        alertname: "CcxwatchAlive".to_owned(),
        labels,
        severity: Severity::Informational,
        episode: format!("ccxwatch/heartbeat/{receiver}"),
        told_as: slot.to_string(),
        summary,
        description: "As long as this comes, silence means that all is well.".to_owned(),
        history: clusters,
        ..test(receiver, now)
    }
}
