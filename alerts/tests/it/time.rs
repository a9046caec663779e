//! Clocks that step, lines that come late, machines that sleep.

use crate::site::{Enter, Ooc, Shortly, Site, line, minute, second, settings};
use ccxwatch_alerts::notification::Reason;
use jiff::SignedDuration;

#[test]
fn a_step_of_the_wall_clock_neither_fires_nor_delays() {
    for step in [-3600, 3600] {
        let mut site = Site::new(settings());
        site.hear(line(Enter, Some(45), minute(0)));
        let started = site.now.elapsed;
        site.now.wall += SignedDuration::from_secs(step);
        let wall = site.now.wall;
        site.tick();
        site.pass(wall + SignedDuration::from_mins(49));
        assert_eq!(site.stage(), "countdown");
        site.pass(wall + SignedDuration::from_mins(51));
        assert_eq!(site.stage(), "unconfirmed");
        let told = site.told.last().expect("the end");
        let after = told.elapsed_s - started.as_secs_f64();
        assert!((after - 3000.0).abs() < 1.0, "{after}");
    }
}

#[test]
fn a_sleeping_machine_catches_up_at_once() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    site.now.wall = minute(600);
    site.now.elapsed += SignedDuration::from_mins(600);
    site.tick();
    assert_eq!(site.reasons(), [Reason::CountdownStarted, Reason::CountdownUnconfirmed]);
}

#[test]
fn a_node_whose_clock_is_off_counts_by_receipt() {
    let check = |off: i64, skewed: bool| {
        let mut site = Site::new(settings());
        site.hear(line(Enter, Some(45), second(3600 + off)).received(second(3600)));
        let deadline = if skewed { second(3600 + 2700) } else { second(3600 + off + 2700) };
        assert_eq!(site.told[0].deadline, Some(deadline), "{off}");
        assert_eq!(site.told[0].flags.contains(&"clock_skew".to_owned()), skewed, "{off}");
    };
    check(120, false);
    check(-120, false);
    check(121, true);
    check(-121, true);
    check(7200, true);
}

#[test]
fn a_backlog_is_told_once_as_the_worst_that_is_true() {
    let mut site = Site::new(settings());
    for (kind, minutes, at) in [(Enter, Some(45), 0), (Shortly, Some(15), 30), (Ooc, None, 45)] {
        site.hear(line(kind, minutes, minute(at)).file(Some("ccx-n1")).received(minute(100)).catching_up());
    }
    assert_eq!(site.reasons(), []);
    site.pass(minute(101));
    assert_eq!(site.told[0].history.len(), 2);
    assert_eq!(site.told[0].at, second(6002));
    assert_eq!(site.told[0].since, Some(minute(45)));
    assert_eq!(site.reasons(), [Reason::OutOfCompliance]);
}

#[test]
fn a_live_line_ends_the_wait() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)).file(Some("ccx-n1")).received(minute(31)));
    assert_eq!(site.reasons(), []);
    site.hear(line(Shortly, Some(15), minute(30)).received(second(31 * 60 + 1)));
    assert_eq!(site.told[0].history.len(), 1);
    assert_eq!(site.reasons(), [Reason::CountdownShortly]);
}

#[test]
fn the_wait_is_never_longer_than_half_a_minute() {
    let mut site = Site::new(settings());
    for at in 0..60 {
        site.hear(line(Ooc, None, minute(0)).file(Some("ccx-n1")).received(second(6000 + at)));
    }
    assert_eq!(site.told[0].at, second(6030));
    assert_eq!(site.told.len(), 1);
}

#[test]
fn a_backlog_without_time_has_no_deadline_and_says_so() {
    let mut site = Site::new(settings());
    let mut line = line(Enter, Some(45), minute(0)).file(Some("ccx-n1")).catching_up();
    line.fact.stamp = None;
    site.hear(line);
    site.pass(minute(5));
    assert_eq!((site.told[0].deadline, site.told[0].summary.contains("not known")), (None, true));
    assert_eq!(site.told[0].flags, ["deadline_unknown", "time_unknown"]);
}

#[test]
fn an_old_backlog_of_a_forgotten_countdown_is_not_news() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)).file(Some("ccx-n1")).received(minute(3 * 24 * 60)).catching_up());
    site.pass(minute(3 * 24 * 60 + 1));
    assert_eq!(site.stage(), "unknown");
    assert_eq!(site.reasons(), []);
}

#[test]
fn who_was_told_of_a_start_is_told_of_its_end_even_after_days_of_downtime() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    site.restart(SignedDuration::from_hours(72));
    let now = site.now.wall;
    site.pass(now + SignedDuration::from_mins(1));
    assert_eq!(site.reasons(), [Reason::CountdownStarted, Reason::CountdownUnconfirmed]);
    assert_eq!(site.stage(), "unknown");
}

#[test]
fn a_clock_that_is_put_right_before_a_restart_delays_nothing() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)));
    site.pass(minute(10));
    site.now.wall = minute(-50);
    site.tick();
    site.restart(SignedDuration::ZERO);
    site.pass(minute(-50 + 39));
    assert_eq!(site.stage(), "countdown");
    site.pass(minute(-50 + 41));
    assert_eq!(site.stage(), "unconfirmed");
}
