//! What holds for every configuration and every order of events.

use super::script::{Script, Site};
use crate::{
    notification::{Notification, Reason},
    routing::ledger::Verdict,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const RECEIVERS: &str = "receivers desk night@Europe/Berlin boss@Asia/Kolkata\n\
    window office mon-fri 08:00 18:00\nwindow evening all 18:00 22:30\n";

const ROUTES: [&str; 12] = [
    "route receivers=desk",
    "route receivers=desk,night continue",
    "route receivers= severity=critical match=alertname=\"A\"",
    "route receivers=night windows=office",
    "route receivers=desk,boss windows=office,evening continue",
    "route receivers=boss windows=evening hold_urgent",
    "route receivers=desk group_by=alertname",
    "route receivers=desk,night group_by= wait=0s interval=7m repeat=1h continue",
    "route receivers=boss group_by=... windows=office repeat=30m",
    "route receivers=night,boss repeat=45m severity=error",
    "route receivers=desk cluster=berlin reason=firing group_by=cluster repeat=1h",
    "route receivers=boss,desk reason=out_of_compliance reason=countdown_started",
];

/// One thing that happens, after so many seconds.
#[derive(Clone, Debug)]
enum Event {
    /// An episode fires, or tells something new.
    Fire(usize, &'static str),
    /// It ends and says so.
    End(usize),
    /// It ends without a word.
    Expire(usize),
    Acknowledge(usize),
    Restart,
}

fn events() -> impl Strategy<Value = Vec<(i64, Event)>> {
    let kind = prop_oneof![
        Just("fire A severity=warning"),
        Just("fire B severity=error cluster=berlin"),
        Just("fire A severity=critical cluster=munich"),
        Just("fire B severity=alert"),
        Just("license L severity=critical cluster=berlin"),
        Just("license L severity=emergency cluster=berlin reason=out_of_compliance"),
    ];
    let event = prop_oneof![
        6 => (0..8usize, kind).prop_map(|(episode, kind)| Event::Fire(episode, kind)),
        4 => (0..8usize).prop_map(Event::End),
        1 => (0..8usize).prop_map(Event::Expire),
        1 => (0..8usize).prop_map(Event::Acknowledge),
        1 => Just(Event::Restart),
    ];
    let wait = prop_oneof![0..60i64, 0..1_000i64, 0..40_000i64];
    prop::collection::vec((wait, event), 1..40)
}

fn config() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(ROUTES.to_vec()), 0..4)
        .prop_map(|routes| format!("{RECEIVERS}{}\n", routes.join("\n")))
}

/// Plays the events; `restarts` where the process may restart. Returns the site, and which episodes ended with a word.
fn play(config: &str, events: &[(i64, Event)], restarts: bool) -> (Site, BTreeSet<String>) {
    let mut site = Site::new(&Script::settings(config));
    let mut at: Timestamp = "2026-11-24T06:00:00Z".parse().expect("a time");
    // An episode that has ended comes again under another id.
    let mut ids: BTreeMap<usize, (u32, bool)> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for (number, (wait, event)) in events.iter().enumerate() {
        at += SignedDuration::from_secs(*wait);
        site.pass(at);
        let lasting = |ids: &BTreeMap<usize, (u32, bool)>, episode: usize| {
            ids.get(&episode).filter(|(_, fires)| *fires).map(|(life, _)| format!("e{episode}.{life}"))
        };
        match event {
            Event::Fire(episode, kind) => {
                let (life, fires) = ids.entry(*episode).or_insert((0, false));
                if !*fires {
                    *life += 1;
                }
                *fires = true;
                let id = format!("e{episode}.{life}");
                let mut words: Vec<&str> = kind.split(' ').collect();
                let event = std::mem::replace(&mut words[0], &id);
                let told = format!("told={number}");
                words.push(&told);
                let notification = site.notification(event, &words).expect("a notification");
                site.tell(notification);
            }
            Event::End(episode) => {
                if let Some(id) = lasting(&ids, *episode) {
                    site.end(&id, Reason::Resolved).expect("it fires");
                    ended.insert(id);
                    ids.entry(*episode).and_modify(|(_, fires)| *fires = false);
                }
            }
            Event::Expire(episode) => {
                if let Some(id) = lasting(&ids, *episode) {
                    site.change(&id, |firing, _| *firing = false);
                    ids.entry(*episode).and_modify(|(_, fires)| *fires = false);
                }
            }
            Event::Acknowledge(episode) => {
                if let Some(id) = lasting(&ids, *episode) {
                    site.change(&id, |_, acknowledged| *acknowledged = true);
                }
            }
            Event::Restart if restarts => site.restart(),
            Event::Restart => {}
        }
    }
    // Every window opens within four days, and every group is told within its interval; nothing is told again.
    site.acknowledge_all();
    site.pass(at + SignedDuration::from_hours(24 * 4));
    site.tick();
    (site, ended)
}

/// What of which episode was told to whom, each as often as it was told.
fn tellings(sent: &[Notification]) -> Vec<(String, String, String)> {
    let each = |notification: &Notification| -> Vec<(String, String, String)> {
        let told = |receiver: &String| (notification.episode.clone(), notification.told_as.clone(), receiver.clone());
        notification.receivers.iter().map(told).collect()
    };
    sent.iter().flat_map(each).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn each_notification_has_one_end_for_each_receiver(config in config(), events in events()) {
        let (site, ended) = play(&config, &events, true);
        let mut lives: BTreeMap<(String, String, Option<String>), Vec<Verdict>> = BTreeMap::new();
        for entry in &site.ledger {
            let key = (entry.episode.clone(), entry.told_as.clone(), entry.receiver.clone());
            // That a second route names a receiver is an entry of its own beside the life of the first.
            if entry.detail.as_deref() != Some(crate::texts::TOLD_ALREADY) {
                lives.entry(key).or_default().push(entry.verdict);
            }
        }
        for (key, verdicts) in &lives {
            let ends = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Sent | Verdict::Dropped)).count();
            let last = verdicts.last();
            prop_assert!(ends == 1 && matches!(last, Some(Verdict::Sent | Verdict::Dropped)), "{config}{key:?}: {verdicts:?}");
            prop_assert!(verdicts.len() <= 2, "{config}{key:?}: {verdicts:?}");
        }
        // Whatever the engine told has at least one entry.
        for (number, (_, event)) in events.iter().enumerate() {
            if matches!(event, Event::Fire(..)) {
                prop_assert!(site.ledger.iter().any(|entry| entry.told_as == number.to_string()), "{config}{number}");
            }
        }
        // Nothing is told twice.
        let tellings = tellings(&site.sent);
        let distinct: BTreeSet<_> = tellings.iter().collect();
        prop_assert_eq!(distinct.len(), tellings.len(), "{}{:?}", config, tellings);
        // An end goes to exactly those to whom something of the episode went before.
        for episode in &ended {
            let to = |is_end: bool| -> BTreeSet<&str> {
                let sent = site.ledger.iter().filter(|entry| entry.episode == *episode && entry.verdict == Verdict::Sent);
                sent.filter(|entry| entry.reason.is_end() == is_end).filter_map(|entry| entry.receiver.as_deref()).collect()
            };
            prop_assert_eq!(to(true), to(false), "{}{}", config, episode);
        }
        // No stage of a license waits in a group, nor outside of a window unless the route says so.
        for entry in site.ledger.iter().filter(|entry| entry.reason.is_license_stage()) {
            prop_assert!(entry.verdict != Verdict::Grouped, "{}{:?}", config, entry);
            prop_assert!(entry.verdict != Verdict::Held || config.contains("hold_urgent"), "{}{:?}", config, entry);
        }
    }

    #[test]
    fn a_restart_changes_nothing(config in config(), events in events()) {
        let (with, _) = play(&config, &events, true);
        let (without, _) = play(&config, &events, false);
        prop_assert_eq!(&with.told, &without.told, "{}", config);
        prop_assert_eq!(with.ledger.len(), without.ledger.len());
    }

    #[test]
    fn what_has_no_room_leaves_and_is_not_lost(config in config(), events in events()) {
        let mut site = Site::new(&Script::settings(&config));
        site.limits.told_episodes = 3;
        for (number, (_, event)) in events.iter().enumerate() {
            if let Event::Fire(_, kind) = event {
                let mut words: Vec<&str> = kind.split(' ').collect();
                let id = format!("e{number}");
                let event = std::mem::replace(&mut words[0], &id);
                let notification = site.notification(event, &words).expect("a notification");
                site.tell(notification);
            }
        }
        let at: Timestamp = "2026-12-04T06:00:00Z".parse().expect("a time");
        site.pass(at);
        for entry in site.ledger.iter().filter(|entry| matches!(entry.verdict, Verdict::Held | Verdict::Grouped)) {
            let same = |other: &&crate::routing::ledger::LedgerEntry| {
                other.episode == entry.episode && other.told_as == entry.told_as && other.receiver == entry.receiver
            };
            let sent = site.ledger.iter().filter(same).filter(|other| other.verdict == Verdict::Sent).count();
            prop_assert_eq!(sent, 1, "{}{:?}", config, entry);
        }
    }
}
