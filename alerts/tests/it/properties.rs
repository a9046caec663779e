//! Random timelines: what must hold whatever comes in which order, how often, by which way, and however often the process starts
//! anew. `PROPTEST_CASES` makes the run longer.

use crate::{
    reference::{Model, What},
    site::{Enter, Line, Ooc, Shortly, Site, line, minute, second, settings},
};
use ccxwatch_alerts::{
    input::{Input, OperatorAction},
    notification::Reason,
};
use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeSet;

/// How one event reaches the collector.
#[derive(Clone, Copy, Debug)]
struct Copy {
    second_node: bool,
    file: bool,
    delay: i64,
}

/// One event and its copies.
#[derive(Clone, Debug)]
struct Event {
    /// Seconds since the event before.
    gap: i64,
    what: What,
    copies: Vec<Copy>,
    /// The process starts anew after it.
    restart: bool,
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        4 => (1..=60_u16).prop_map(What::Enter),
        2 => Just(What::Enter(45)),
        3 => Just(What::Shortly(15)),
        1 => (1..=40_u16).prop_map(What::Shortly),
        3 => Just(What::Ooc),
        1 => Just(What::Confirm),
    ]
}

fn copies(longest_delay: i64) -> impl Strategy<Value = Vec<Copy>> {
    let copy = (any::<bool>(), any::<bool>(), 0..=longest_delay).prop_map(|(second_node, file, delay)| {
        // UDP does not queue: what comes that way later than two minutes is a wrong clock, not a delay.
        Copy { second_node, file, delay: if file { delay } else { delay % 100 } }
    });
    vec(copy, 1..6)
}

fn gap() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 300..3600_i64,
        2 => 3600..100_000_i64,
        1 => 100_000..8_000_000_i64,
        // Quarters of an hour, as the boxes do it: deadlines meet exactly.
        4 => (1..8_i64).prop_map(|quarters| quarters * 900),
    ]
}

fn events(longest_delay: i64) -> impl Strategy<Value = Vec<Event>> {
    let event = (gap(), what(), copies(longest_delay), prop::bool::weighted(0.2))
        .prop_map(|(gap, what, copies, restart)| Event { gap, what, copies, restart });
    vec(event, 1..12)
}

fn line_of(what: What, at: Timestamp, copy: Copy) -> Line {
    let said = match what {
        What::Enter(minutes) => line(Enter, Some(minutes), at),
        What::Shortly(minutes) => line(Shortly, Some(minutes), at),
        What::Ooc | What::Confirm => line(Ooc, None, at),
    };
    let (address, node) = if copy.second_node { ("10.0.0.12", "ccx-n2") } else { ("10.0.0.11", "ccx-n1") };
    let said = said.from(address).node(node);
    let said = if copy.file { said.file(Some(node)) } else { said };
    said.received(at + SignedDuration::from_secs(copy.delay))
}

/// Plays the events; afterwards `rest` seconds pass.
fn play(events: &[Event], rest: i64) -> Site {
    let mut site = Site::new(settings());
    let mut at = 0;
    for event in events {
        at += event.gap;
        if event.what == What::Confirm {
            site.pass(second(at));
            site.operator(OperatorAction::ConfirmCompliant, "north");
        } else {
            let mut copies = event.copies.clone();
            copies.sort_by_key(|copy| copy.delay);
            for copy in copies {
                site.hear(line_of(event.what, second(at), copy));
            }
        }
        if event.restart {
            site.restart(SignedDuration::ZERO);
        }
    }
    site.pass(second(at + rest));
    site.tick();
    site
}

/// What the model says of the same events.
fn fold(events: &[Event], rest: i64) -> Model {
    let mut model = Model::new();
    let mut at = 0;
    for event in events {
        at += event.gap;
        model.happen(at, event.what);
    }
    model.pass(at + rest);
    model
}

fn config(cases: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn told_once(site: &Site) -> Result<(), TestCaseError> {
    let mut keys = BTreeSet::new();
    for told in &site.told {
        prop_assert!(keys.insert((&told.episode, &told.told_as)), "{} {} twice", told.episode, told.told_as);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(2000))]

    /// Copies that come at once: the engine is the model, and tells what the model tells.
    #[test]
    fn the_engine_is_the_reference_model(events in events(0), rest in 0..8_000_000_i64) {
        let mut site = play(&events, rest);
        let model = fold(&events, rest);
        told_once(&site)?;
        let cluster = site.cluster("north");
        prop_assert_eq!(cluster.stage, model.stage);
        prop_assert_eq!(cluster.since, model.since.map(second));
        prop_assert_eq!(cluster.deadline, model.deadline.map(second));
        prop_assert_eq!(cluster.enforcement_at, model.enforcement().map(second));
        prop_assert_eq!(site.reasons(), model.told);
    }

}

proptest! {
    #![proptest_config(config(300))]

    /// Copies that come up to four minutes late, some of them in a backlog: the same end, nothing told twice, nothing missed that
    /// the end does not name.
    #[test]
    fn delay_and_order_of_copies_do_not_change_the_end(events in events(240), rest in 400..8_000_000_i64) {
        let mut site = play(&events, rest);
        let model = fold(&events, rest);
        told_once(&site)?;
        let cluster = site.cluster("north");
        prop_assert_eq!(cluster.stage, model.stage);
        prop_assert_eq!(cluster.enforcement_at.is_some(), model.enforcement().is_some());
        let reasons = site.reasons();
        for reason in [Reason::OutOfCompliance, Reason::EnforcementDue] {
            let count = |told: &[Reason]| told.iter().filter(|told| **told == reason).count();
            prop_assert!(count(&reasons) <= count(&model.told), "{:?}: {:?} against {:?}", reason, &reasons, &model.told);
        }
        if model.stage == "out_of_compliance" {
            prop_assert!(reasons.contains(&Reason::OutOfCompliance));
        }
    }

    /// A restart at any point changes nothing.
    #[test]
    fn restarts_change_nothing(events in events(0), rest in 0..8_000_000_i64) {
        let plain: Vec<_> = events.iter().map(|event| Event { restart: false, ..event.clone() }).collect();
        let often: Vec<_> = events.iter().map(|event| Event { restart: true, ..event.clone() }).collect();
        let (mut plain, mut often) = (play(&plain, rest), play(&often, rest));
        // The time when ccxwatch did not listen is not the feed's silence, so a restart may take that one remark away.
        let of = |site: &Site| {
            let mut cluster = site.cluster("north");
            cluster.flags.retain(|flag| flag != "feed_was_silent");
            cluster
        };
        prop_assert_eq!(of(&plain), of(&often));
        prop_assert_eq!(plain.reasons(), often.reasons());
    }

    /// Copies of one incident in any order, spread within the tolerance: three stages, each told at most once, the same end.
    #[test]
    fn copies_within_the_tolerance_in_any_order(
        offsets in vec(0..=150_i64, 12),
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut site = Site::new(settings());
        let kinds = [(What::Enter(45), 0), (What::Shortly(15), 1800), (What::Ooc, 2700)];
        for (place, index) in order.iter().enumerate() {
            let (what, at) = kinds[index % 3];
            let copy = Copy { second_node: index % 2 == 0, file: true, delay: 0 };
            let at = second(at + offsets[*index]);
            let received = minute(60) + SignedDuration::from_secs(i64::try_from(place).expect("a small number"));
            site.hear(line_of(what, at, copy).received(received));
        }
        site.pass(minute(70));
        let first = (0..12).filter(|index| index % 3 == 2).map(|index| offsets[index]).min().unwrap_or_default();
        let cluster = site.cluster("north");
        prop_assert_eq!(cluster.stage, "out_of_compliance");
        prop_assert_eq!(cluster.since, Some(second(2700 + first)));
        prop_assert_eq!(cluster.enforcement_at, Some(second(2700 + first + 90 * 24 * 3600)));
        prop_assert_eq!(cluster.evidence, 12);
        prop_assert_eq!(site.reasons(), [Reason::OutOfCompliance]);
    }

    /// Steps of the wall clock between receipt and deadline move nothing.
    #[test]
    fn wall_steps_move_nothing(step in -40_000..40_000_i64, after in 1..2900_i64) {
        let mut site = Site::new(settings());
        site.hear(line(Enter, Some(45), minute(0)));
        let heard = site.now.elapsed;
        site.pass(second(after));
        site.now.wall += SignedDuration::from_secs(step);
        site.input(Input::Tick);
        site.pass(second(step + 4000));
        let ends: Vec<_> = site.told.iter().skip(1).map(|told| told.elapsed_s - heard.as_secs_f64()).collect();
        prop_assert_eq!(ends, [3000.0]);
    }
}
