//! The license stages of one cluster.

use crate::site::{Enter, Ooc, Shortly, Site, line, minute, settings};
use ccxwatch_alerts::{engine::AlertStatus, input::OperatorAction, license::episode::EndReason, notification::Reason};
use jiff::{SignedDuration, tz::TimeZone};

#[test]
fn copies_on_two_nodes_and_two_channels_are_told_once_a_stage() {
    let mut site = Site::new(settings());
    for (kind, minutes, at) in [(Enter, Some(45), 0), (Shortly, Some(15), 30), (Ooc, None, 45)] {
        for (address, node) in [("10.0.0.11", "ccx-n1"), ("10.0.0.12", "ccx-n2")] {
            for _ in 0..3 {
                site.hear(line(kind, minutes, minute(at)).from(address).node(node));
                site.hear(line(kind, minutes, minute(at)).file(Some(node)));
            }
        }
    }
    site.pass(minute(60));
    assert_eq!(site.cluster("north").evidence, 36);
    assert_eq!(site.cluster("north").enforcement_at, Some(minute(45 + 90 * 24 * 60)));
    let deadlines: Vec<_> = site.told.iter().map(|told| told.deadline).collect();
    assert_eq!(deadlines, [Some(minute(45)), Some(minute(45)), Some(minute(45 + 90 * 24 * 60))]);
    assert_eq!(site.reasons(), [Reason::CountdownStarted, Reason::CountdownShortly, Reason::OutOfCompliance]);
}

#[test]
fn a_countdown_unheard_of_ends_unconfirmed_and_is_forgotten_after_a_day() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    site.pass(minute(49));
    assert_eq!(site.stage(), "countdown");
    site.pass(minute(51));
    assert_eq!(site.stage(), "unconfirmed");
    assert_eq!(site.told[1].at, minute(50));
    site.pass(minute(50 + 24 * 60 + 1));
    assert_eq!(site.stage(), "unknown");
    assert_eq!(site.reasons(), [Reason::CountdownStarted, Reason::CountdownUnconfirmed]);
}

#[test]
fn ninety_days_with_a_restart_every_day() {
    let mut site = Site::new(settings());
    site.hear(line(Ooc, None, minute(0)));
    for day in 1..=91 {
        site.pass(minute(day * 24 * 60 - 7));
        site.restart(SignedDuration::from_mins(3));
    }
    let days: Vec<_> = site.told.iter().filter_map(|told| told.days_left).collect();
    assert_eq!(days, [30, 7, 3, 2, 1]);
    assert_eq!(site.stage(), "enforcement_due");
    let reasons = site.reasons();
    assert_eq!(reasons.first(), Some(&Reason::OutOfCompliance));
    assert_eq!(reasons.last(), Some(&Reason::EnforcementDue));
    assert_eq!(reasons.len(), 7);
}

#[test]
fn a_restart_tells_nothing_twice_and_the_deadline_still_comes() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    site.pass(minute(5));
    site.restart(SignedDuration::from_mins(10));
    site.pass(minute(60));
    assert_eq!(site.told.last().map(|told| told.at), Some(minute(50)));
    assert_eq!(site.reasons(), [Reason::CountdownStarted, Reason::CountdownUnconfirmed]);
}

#[test]
fn an_operator_ends_the_episode_and_late_copies_do_not_reopen_it() {
    let mut site = Site::new(settings());
    site.hear(line(Ooc, None, minute(0)));
    site.pass(minute(10));
    site.operator(OperatorAction::ConfirmCompliant, "north");
    site.hear(line(Ooc, None, minute(1)).file(Some("ccx-n1")).received(minute(20)));
    site.pass(minute(30));
    assert_eq!(site.stage(), "compliant");
    assert_eq!(site.reasons(), [Reason::OutOfCompliance, Reason::ConfirmedCompliant]);
}

#[test]
fn an_acknowledgement_covers_its_own_stage() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    site.operator(OperatorAction::Acknowledge, "north");
    site.restart(SignedDuration::from_mins(1));
    assert_eq!(site.cluster("north").acknowledged_by.as_deref(), Some("lee"));
    let alert = site.engine.alerts().remove(0);
    assert_eq!(alert.acknowledged.and_then(|ack| ack.comment).as_deref(), Some("bought ten"));
    site.hear(line(Shortly, Some(15), minute(30)));
    assert_eq!(site.cluster("north").acknowledged_by, None);
    assert_eq!(site.reasons(), [Reason::CountdownStarted, Reason::CountdownShortly]);
}

#[test]
fn the_alert_is_one_for_an_episode_and_its_end_has_a_reason() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    let alert = site.engine.alerts().remove(0);
    assert_eq!(alert.labels["alertname"], "SmartLicenseEnteringOutOfCompliance");
    assert_eq!((alert.status, alert.starts_at, alert.ends_at), (AlertStatus::Firing, minute(0), None));
    site.hear(line(Ooc, None, minute(45)));
    let worse = site.engine.alerts().remove(0);
    assert_eq!(worse.labels["alertname"], "SmartLicenseOutOfCompliance");
    assert_eq!((worse.status, worse.episode, worse.starts_at), (AlertStatus::Firing, alert.episode, minute(0)));
    assert_ne!(worse.fingerprint, alert.fingerprint);
    site.pass(minute(60));
    site.operator(OperatorAction::ConfirmCompliant, "north");
    let ended = site.engine.alerts().remove(0);
    assert_eq!((ended.status, ended.ends_at), (AlertStatus::Resolved, Some(minute(60))));
    assert_eq!(ended.end.map(|end| (end.reason, end.who)), Some((EndReason::Operator, Some("lee".to_owned()))));
}

#[test]
fn what_a_person_reads_is_one_line_and_names_cluster_time_and_zone() {
    let mut settings = settings();
    settings.clusters[0].time_zone = TimeZone::get("Europe/Berlin").expect("a zone");
    let mut site = Site::new(settings);
    site.hear(line(Enter, Some(45), minute(0)));
    site.hear(line(Shortly, Some(15), minute(30)));
    site.hear(line(Ooc, None, minute(45)));
    site.pass(minute(89 * 24 * 60 + 46));
    let summaries: Vec<_> = site.told.iter().map(|told| told.summary.as_str()).collect();
    assert_eq!(
        summaries,
        [
            "north: licenses out of compliance at 10:45 CET, 45 min left",
            "north: licenses out of compliance shortly, at 10:45 CET, 15 min left",
            "north: out of compliance since 10:45 CET, enforcement on 2027-02-22",
            "north: out of compliance, enforcement in 30 days, on 2027-02-22",
            "north: out of compliance, enforcement in 7 days, on 2027-02-22",
            "north: out of compliance, enforcement in 3 days, on 2027-02-22",
            "north: out of compliance, enforcement in 2 days, on 2027-02-22",
            "north: out of compliance, enforcement in 1 day, on 2027-02-22",
        ]
    );
    assert!(site.told.iter().all(|told| told.summary.len() < 100 && !told.runbook.is_empty()));
    assert!(site.told[2].description.contains("locked at its peak"));
    let mut later = Site::new(self::settings());
    later.hear(line(Ooc, None, minute(0)).from("10.0.1.11").node("ccx-s1"));
    assert!(later.told[0].description.contains("not documented for this release"));
}
