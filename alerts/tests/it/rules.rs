//! The edges of the rules: exactly at the tolerance, exactly at the same second, and what a copy must not change.

use crate::site::{Enter, Line, Ooc, Shortly, Site, line, minute, second, settings};
use ccxwatch_alerts::{
    input::{Input, OperatorAction, UsageReport},
    notification::Reason,
    settings::MappedTransition,
};
use ccxwatch_parsers::license::LicenseEventKind;
use std::slice::from_ref;

const DAY: i64 = 24 * 60;

fn within_limit(site: &mut Site, at: i64) {
    site.input(Input::Usage(UsageReport {
        cluster: "north".to_owned(),
        at: minute(at),
        used: Some(10),
        purchased: None,
    }));
}

#[test]
fn the_tolerance_is_inclusive_on_both_sides() {
    let check = |deadline: i64, stage: &str, restarted: bool| {
        let mut site = Site::new(settings());
        site.hear(line(Enter, Some(45), minute(0)));
        site.hear(line(Shortly, Some(15), second(deadline - 900)));
        assert_eq!(site.stage(), stage, "{deadline}");
        assert_eq!(site.reasons().contains(&Reason::CountdownRestarted), restarted, "{deadline}");
    };
    check(2700 - 301, "countdown", false);
    check(2700 - 300, "countdown_shortly", false);
    check(2700 + 300, "countdown_shortly", false);
    check(2700 + 301, "countdown_shortly", true);
}

#[test]
fn an_old_line_of_the_unconfirmed_episode_does_not_worsen_the_new_one() {
    let check = |at: i64, stage: &str| {
        let mut site = Site::new(settings());
        site.hear(line(Ooc, None, minute(0)));
        site.hear(line(Ooc, None, minute(10)));
        site.hear(line(Enter, Some(45), minute(71)));
        site.hear(line(Ooc, None, second(at)).file(Some("ccx-n1")).received(minute(72)));
        assert_eq!(site.stage(), stage, "{at}");
        assert_eq!(site.cluster("north").enforcement_at, Some(second(at.min(0) + 60 * 90 * DAY)), "{at}");
    };
    check(-60, "countdown");
    check(0, "countdown");
    check(600, "countdown");
    check(71 * 60 + 30, "out_of_compliance");
}

#[test]
fn the_old_enforcement_date_outlives_a_forgotten_episode() {
    let mut site = Site::new(settings());
    site.hear(line(Ooc, None, minute(0)));
    site.hear(line(Enter, Some(45), minute(120)));
    site.pass(minute(3 * DAY));
    assert_eq!(site.stage(), "unknown");
    assert_eq!(site.cluster("north").enforcement_at, Some(minute(90 * DAY)));
    site.hear(line(Enter, Some(45), minute(4 * DAY)));
    assert_eq!(site.cluster("north").enforcement_at, Some(minute(90 * DAY)));
    site.hear(line(Ooc, None, minute(4 * DAY + 45)));
    assert_eq!(site.cluster("north").enforcement_at, Some(minute(90 * DAY)));
    site.pass(minute(91 * DAY));
    let due: Vec<_> =
        site.told.iter().filter(|told| told.reason == Reason::EnforcementDue).map(|told| told.at).collect();
    assert_eq!(due, [minute(90 * DAY)]);
}

#[test]
fn enforcement_comes_in_a_forgotten_episode_too() {
    let mut site = Site::new(settings());
    site.hear(line(Ooc, None, minute(0)));
    site.hear(line(Enter, Some(45), minute(120)));
    site.pass(minute(91 * DAY));
    assert_eq!(site.stage(), "enforcement_due");
    let days: Vec<_> = site.told.iter().filter_map(|told| told.days_left).collect();
    assert_eq!(days, [30, 7, 3, 2, 1]);
    assert_eq!(site.told.last().map(|told| (told.reason, told.at)), Some((Reason::EnforcementDue, minute(90 * DAY))));
}

#[test]
fn a_report_of_use_ends_a_countdown_only_where_nothing_worse_stands() {
    let mut same_second = Site::new(settings());
    same_second.hear(line(Enter, Some(45), minute(10)));
    within_limit(&mut same_second, 10);
    assert_eq!(same_second.stage(), "compliant");

    let mut standing = Site::new(settings());
    standing.hear(line(Ooc, None, minute(0)));
    standing.hear(line(Enter, Some(45), minute(120)));
    within_limit(&mut standing, 125);
    assert_eq!(standing.stage(), "countdown");
    standing.pass(minute(180));
    within_limit(&mut standing, 180);
    assert_eq!(standing.stage(), "unconfirmed");
}

#[test]
fn a_report_that_is_older_than_the_last_minutes_does_not_end_them() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    site.hear(line(Shortly, Some(15), minute(30)));
    within_limit(&mut site, 20);
    assert_eq!(site.stage(), "countdown_shortly");
}

#[test]
fn a_countdown_without_a_deadline_after_an_unconfirmed_one() {
    let unknown_release = || {
        let mut settings = settings();
        settings.clusters[0].release = String::new();
        Site::new(settings)
    };
    for (late_by, stage) in [(0, "unconfirmed"), (1, "countdown")] {
        let mut site = unknown_release();
        site.hear(line(Enter, Some(45), minute(0)));
        site.pass(second(3001));
        site.hear(line(Enter, None, second(3000 + late_by)).received(second(3002)));
        assert_eq!(site.stage(), stage, "{late_by}");
    }
}

#[test]
fn a_deadline_that_is_learned_later_counts() {
    let mut settings = settings();
    settings.clusters[0].release = String::new();
    let mut site = Site::new(settings);
    site.hear(line(Enter, None, minute(0)));
    assert_eq!(site.cluster("north").flags, ["deadline_unknown"]);
    site.hear(line(Enter, Some(45), minute(1)));
    assert_eq!((site.cluster("north").deadline, site.cluster("north").flags), (Some(minute(46)), vec![]));
    site.pass(minute(52));
    assert_eq!(site.reasons(), [Reason::CountdownStarted, Reason::CountdownUnconfirmed]);
}

#[test]
fn a_copy_changes_neither_the_node_nor_the_remarks() {
    let by_other = |line: Line| line.from("10.0.0.12").node("ccx-n2");
    let compliant = |at| {
        let mut line = line(LicenseEventKind::Unclassified, None, at);
        line.fact.mnemonic = "SYSTEM_IN_COMPLIANCE_STATE".to_owned();
        line
    };
    let check = |name: &str, before: &[Line], copy: Line| {
        let mut settings = settings();
        settings.license.mnemonics = vec![("SYSTEM_IN_COMPLIANCE_STATE".to_owned(), MappedTransition::Compliant)];
        let mut site = Site::new(settings);
        for line in before {
            site.hear(line.clone());
        }
        site.hear(by_other(copy));
        let now = site.now.wall;
        site.pass(now + jiff::SignedDuration::from_mins(1));
        site.operator(OperatorAction::ConfirmCompliant, "north");
        let end = site.told.last().expect("the end");
        assert_eq!(end.reason, Reason::ConfirmedCompliant, "{name}");
        assert_eq!(end.node.as_deref(), Some("ccx-n1"), "{name}");
        assert!(!end.flags.contains(&"minutes_assumed".to_owned()), "{name}");
        assert_eq!(end.evidence.nodes, ["ccx-n1", "ccx-n2"], "{name}");
    };
    let enter = line(Enter, Some(45), minute(0));
    let ooc = line(Ooc, None, minute(0));
    let unheard = minute(55);
    check("copy", from_ref(&enter), line(Enter, None, minute(1)));
    check("older", &[line(Enter, Some(45), minute(30))], line(Shortly, None, minute(31)));
    check("unconfirmed", from_ref(&enter), line(Shortly, None, minute(30)).file(Some("ccx-n2")).received(unheard));
    check("repeat", from_ref(&ooc), line(Ooc, None, minute(5)));
    check("countdown within the hour", from_ref(&ooc), line(Enter, None, minute(5)));
    check(
        "of the episode before",
        &[ooc.clone(), line(Enter, Some(45), minute(120))],
        line(Ooc, None, minute(0)).file(Some("ccx-n2")).received(minute(121)),
    );
    check("compliant in out of compliance", &[ooc], compliant(minute(5)));
}

#[test]
fn the_end_carries_the_name_of_the_last_stage() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    site.hear(line(Shortly, Some(15), minute(30)));
    site.hear(line(Enter, Some(45), minute(40)).from("10.0.0.12").node("ccx-n2"));
    site.operator(OperatorAction::ConfirmCompliant, "north");
    let end = site.told.last().expect("the end");
    assert_eq!(end.alertname, "SmartLicenseEnteringOutOfCompliance");
    assert_eq!(end.node.as_deref(), Some("ccx-n2"));
}

#[test]
fn a_stage_that_was_not_told_is_named_in_a_worse_one() {
    let mut site = Site::new(settings());
    let late = |line: Line| line.file(Some("ccx-n1")).received(minute(200));
    site.hear(late(line(Enter, Some(45), minute(0))));
    site.hear(late(line(Enter, Some(45), minute(60))));
    site.hear(late(line(Ooc, None, minute(105))));
    site.pass(minute(201));
    let told = site.told.last().expect("one");
    assert_eq!(site.told.len(), 1);
    let stages: Vec<_> = told.history.iter().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(stages, ["countdown", "unconfirmed", "countdown", "unconfirmed"], "{:?}", told.history);
}

#[test]
fn each_restart_is_told_under_its_own_key() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    site.hear(line(Enter, Some(45), minute(30)));
    site.hear(line(Enter, Some(45), minute(60)));
    site.pass(minute(120));
    let keys: Vec<_> = site.told.iter().map(|told| told.told_as.as_str()).collect();
    assert_eq!(
        keys,
        ["countdown_started", "countdown_restarted/1", "countdown_restarted/2", "countdown_unconfirmed/2"]
    );
}
