//! Lines that somebody invented: they cost little, hold little memory and never stop the engine.

use crate::site::{Ooc, Site, line, minute, second, settings};
use ccxwatch_alerts::{
    engine::{Engine, Outbox},
    fact::{Channel, Fact, Origin},
    input::Input,
    interest::Interest,
    now::Now,
};
use ccxwatch_parsers::{parse, triage};
use jiff::SignedDuration;
use proptest::prelude::*;

#[test]
fn twenty_thousand_copies_in_ten_seconds_are_one_notification() {
    let now = Now { wall: minute(0), elapsed: SignedDuration::ZERO };
    let mut engine = Engine::new(settings(), now);
    let mut out = Outbox::default();
    let fact = line(Ooc, None, minute(0)).fact;
    for copy in 0..20_000 {
        let passed = SignedDuration::from_micros(500 * copy);
        let now = Now { wall: now.wall + passed, elapsed: passed };
        engine.handle(now, Input::Fact(Box::new(fact.clone())), &mut out);
    }
    assert_eq!(out.notifications.len(), 1);
    assert_eq!(engine.clusters()[0].evidence, 20_000);
    let saved: usize = engine.take_saved().iter().filter_map(|row| row.json.as_ref()).map(String::len).sum();
    assert!(saved < 10_000, "{saved} bytes");
}

#[test]
fn invented_nodes_behind_an_address_of_the_cluster_leave_nothing_behind() {
    let mut site = Site::new(settings());
    for name in 0..5_000 {
        site.hear(line(Ooc, None, second(name / 1000)).node(&format!("invented-{name}")));
    }
    let cluster = site.cluster("north");
    assert_eq!(cluster.nodes.len(), 2);
    assert_eq!(site.told.len(), 1);
    assert!(site.rows["cluster/north"].len() < 5_000, "{}", site.rows["cluster/north"].len());
}

fn hostile_line() -> impl Strategy<Value = String> {
    let names = prop_oneof![
        Just("SYSTEM_IN_OOC_STATE".to_owned()),
        Just("SYSTEM_TO_ENTER_OOC_STATE".to_owned()),
        "[A-Z_]{1,40}"
    ];
    let facilities = prop_oneof![
        Just("UC_LIB_LICENSE"),
        Just("MCVD-LIB_LICENSE"),
        Just("UC_RTMT"),
        Just("MIVR-SS_TEL"),
        Just("UC_GENERIC")
    ];
    (facilities, 0..8_u8, names, "\\PC{0,60}", "\\PC{0,60}", any::<u32>()).prop_map(|(facility, severity, name, key, value, minutes)| {
        format!(
            "<185>7: {key}: Nov 24 2026 09:00:00.000 UTC : %{facility}-{severity}-{name}: %[ServiceName=Cisco Unified CCX Engine]\
             [AlertName=CriticalServiceDown][AlertDetail={value} CCX Engine][The time remaining to enter OOC state={minutes} \
             minutes][AppID={key}][ClusterID=][NodeID={value}]: {key} java.lang.OutOfMemoryError"
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the lines are: the engine goes on, stays small, and what people read has no control characters.
    #[test]
    fn nothing_stops_the_engine(lines in prop::collection::vec((hostile_line(), any::<[u8; 4]>(), any::<bool>()), 1..60)) {
        let mut site = Site::new(settings());
        let interest = Interest::from(&site.settings);
        for (at, (line, sender, file)) in (0..).zip(&lines) {
            let raw = line.as_bytes();
            if !triage(raw).is_some_and(|triage| interest.wants(&triage, raw)) {
                continue;
            }
            let origin = Origin {
                channel: if *file { Channel::File } else { Channel::Udp },
                sender: (!file).then_some((*sender).into()),
                source: "a.log".to_owned(),
                node: file.then(|| "ccx-n1".to_owned()),
            };
            site.pass(second(at));
            for fact in Fact::of_record(&parse(raw), second(at), origin, false) {
                site.input(Input::Fact(Box::new(fact)));
            }
        }
        site.restart(SignedDuration::from_mins(1));
        site.pass(minute(3 * 24 * 60));
        prop_assert!(site.engine.clusters().len() <= 102);
        for told in &site.told {
            prop_assert!(!told.summary.contains(char::is_control), "{:?}", told.summary);
        }
    }
}
