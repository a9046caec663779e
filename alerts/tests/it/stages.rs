//! The license stages of one cluster.

use crate::site::{Enter, Ooc, Shortly, Site, line, minute, settings};
use ccxwatch_alerts::{input::OperatorAction, notification::Reason};
use jiff::SignedDuration;

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
