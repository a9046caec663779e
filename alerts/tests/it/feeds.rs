//! Feed liveness: silent, restored, never heard.

use crate::site::{Enter, Site, line, minute, second, settings};
use ccxwatch_alerts::{
    fact::{Channel, Heard, Origin},
    input::Input,
    notification::Reason,
    settings::FeedSettings,
};
use jiff::{SignedDuration, Timestamp};

fn site() -> Site {
    let mut settings = settings();
    settings.feeds = FeedSettings::default();
    settings.clusters.truncate(1);
    settings.clusters[0].nodes.truncate(1);
    Site::new(settings)
}

fn heard(site: &mut Site, at: Timestamp) {
    site.pass(at);
    let origin = Origin {
        channel: Channel::Udp,
        sender: Some([10, 0, 0, 11].into()),
        source: "127.0.0.1:5514".to_owned(),
        node: None,
    };
    site.input(Input::Heard(Heard { origin, host: None, last: at, lines: 1 }));
}

#[test]
fn a_node_whose_daemon_was_never_heard_is_told_once_and_ends_by_itself() {
    let mut site = site();
    heard(&mut site, minute(1));
    site.pass(minute(20 * 60));
    site.restart(SignedDuration::from_mins(5));
    site.pass(minute(23 * 60 + 59));
    heard(&mut site, minute(23 * 60 + 59));
    assert_eq!(site.reasons(), []);
    site.pass(minute(24 * 60 + 1));
    assert_eq!(site.told[0].at, minute(24 * 60));
    assert_eq!(site.told[0].node.as_deref(), Some("ccx-n1"));
    site.restart(SignedDuration::from_mins(5));
    heard(&mut site, minute(25 * 60));
    site.hear(line(Enter, Some(45), minute(25 * 60 + 1)));
    assert_eq!(site.reasons(), [Reason::FeedNeverHeard, Reason::FeedRestored, Reason::CountdownStarted]);
}

#[test]
fn a_feed_that_is_usually_heard_every_hour_is_silent_after_two() {
    let mut site = site();
    for hour in 0..10 {
        heard(&mut site, minute(60 * hour));
    }
    site.pass(minute(540 + 119));
    assert_eq!(site.reasons(), []);
    site.pass(minute(540 + 121));
    assert_eq!(site.told[0].at, minute(540 + 120));
    site.restart(SignedDuration::from_mins(5));
    site.pass(minute(540 + 300));
    heard(&mut site, minute(540 + 301));
    assert_eq!(site.reasons(), [Reason::FeedSilent, Reason::FeedRestored]);
}

#[test]
fn the_floor_and_the_ceiling_hold() {
    let mut busy = site();
    for at in 0..600 {
        heard(&mut busy, second(at));
    }
    busy.pass(minute(69));
    assert_eq!(busy.reasons(), []);
    busy.pass(minute(71));
    assert_eq!(busy.reasons(), [Reason::FeedSilent]);

    let mut rare = site();
    rare.hear(line(Enter, Some(45), minute(0)));
    rare.pass(minute(23 * 60));
    assert_eq!(rare.reasons(), [Reason::CountdownStarted, Reason::CountdownUnconfirmed]);
    rare.pass(minute(24 * 60 + 1));
    assert_eq!(rare.reasons(), [Reason::FeedSilent]);
}

#[test]
fn a_countdown_that_ends_unheard_while_the_feed_is_down_says_so() {
    let mut site = site();
    for at in 0..30 {
        heard(&mut site, minute(at));
    }
    site.hear(line(Enter, Some(45), minute(30)));
    site.pass(minute(90));
    assert_eq!(site.cluster("north").flags, ["feed_was_silent"]);
    let mut alive = self::site();
    for at in 0..30 {
        heard(&mut alive, minute(at));
    }
    alive.hear(line(Enter, Some(45), minute(30)));
    for at in 31..90 {
        heard(&mut alive, minute(at));
    }
    assert_eq!(alive.cluster("north").stage, "unconfirmed");
    assert_eq!(alive.cluster("north").flags, [""; 0]);
}
