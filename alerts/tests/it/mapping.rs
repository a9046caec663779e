//! Which cluster a line belongs to.

use crate::{
    life::{self, rule, ruled},
    site::{Enter, Line, Ooc, Site, line, minute, settings},
};
use ccxwatch_alerts::{input::Input, notification::Reason, rules::settings::AlertSettings, settings::NodeSettings};

fn placed(line: Line) -> (String, Vec<String>) {
    let mut site = Site::new(settings());
    site.hear(line);
    let told = site.told.pop().expect("one notification");
    (told.cluster.expect("a cluster"), told.flags)
}

#[test]
fn an_address_decides_over_a_name_and_a_name_behind_a_relay() {
    let check = |line: Line, cluster: &str, flags: &[&str]| {
        let (placed, found) = placed(line);
        assert_eq!((placed.as_str(), found), (cluster, flags.iter().map(ToString::to_string).collect()));
    };
    let at = minute(0);
    check(line(Ooc, None, at), "north", &[]);
    check(line(Ooc, None, at).node("CCX-N1.example.net"), "north", &[]);
    check(line(Ooc, None, at).node("ccx-s1"), "north", &["node_mismatch"]);
    check(line(Ooc, None, at).node("elsewhere"), "north", &["node_mismatch"]);
    check(line(Ooc, None, at).from("10.0.9.9").node("Ccx-S1"), "south", &[]);
    check(line(Ooc, None, at).from("10.9.9.9").node("ccx-n2"), "north", &[]);
    check(line(Ooc, None, at).from("10.9.9.9").node("ghost"), "unmapped:ghost", &[]);
    check(line(Ooc, None, at).file(Some("ccx-s1")).node("ghost"), "south", &["node_mismatch"]);
    check(line(Ooc, None, at).file(None).node("ccx-n2"), "north", &[]);
    check(line(Ooc, None, at).file(Some("lost-node")).node("ghost"), "unmapped:lost-node", &[]);
}

#[test]
fn an_alarm_that_maps_nowhere_alerts_and_ends() {
    let mut site = Site::new(ruled(vec![rule("LINK", AlertSettings::default())]));
    let mut hear = |mnemonic: &str, at| {
        let mut fact = life::line(mnemonic, "ghost", "trunk", minute(at));
        fact.origin.sender = "10.9.9.9".parse().ok();
        site.input(Input::Fact(Box::new(fact)));
        let told = std::mem::take(&mut site.told);
        told.into_iter().map(|told| (told.reason, told.cluster.unwrap_or_default())).collect::<Vec<_>>()
    };
    let ghost = || "unmapped:ghost".to_owned();
    assert_eq!(hear("NOTHING", 0), []);
    assert_eq!(hear("LINK_OVER", 1), []);
    assert_eq!(hear("LINK_UP", 2), [(Reason::Firing, ghost())]);
    assert_eq!(hear("LINK_UP", 3), []);
    assert_eq!(hear("LINK_OVER", 4), [(Reason::Resolved, ghost())]);
    assert_eq!(site.engine.clusters().len(), 3);
}

#[test]
fn names_that_alarm_never_push_out_others_and_a_license_line_finds_room() {
    let mut site = Site::new(ruled(vec![rule("LINK", AlertSettings::default())]));
    for name in 0..1_000 {
        let mut fact = life::line("LINK_UP", &format!("ghost-{name}"), "trunk", minute(0));
        fact.origin.sender = "10.9.9.9".parse().ok();
        site.input(Input::Fact(Box::new(fact)));
    }
    let told = std::mem::take(&mut site.told);
    assert_eq!(told.len(), 101);
    assert_eq!(told.last().map(|told| told.alertname.as_str()), Some("UnmappedNodesOverLimit"));
    site.hear(line(Ooc, None, minute(1)).from("10.9.9.9").node("real"));
    assert_eq!(site.told.last().and_then(|told| told.cluster.as_deref()), Some("unmapped:real"));
}

#[test]
fn one_name_in_two_clusters_is_told_apart_by_address_only() {
    let mut settings = settings();
    settings.clusters[1].nodes.push(NodeSettings {
        id: "ccx-n1".to_owned(),
        addresses: vec!["10.0.1.12".parse().expect("an address")],
        role: String::new(),
    });
    let mut site = Site::new(settings);
    site.hear(line(Ooc, None, minute(0)).from("10.0.1.12"));
    site.hear(line(Ooc, None, minute(0)));
    site.hear(line(Ooc, None, minute(0)).from("10.0.9.9"));
    let clusters: Vec<_> = site.told.iter().map(|told| told.cluster.clone().unwrap_or_default()).collect();
    assert_eq!(clusters, ["south", "north", "unmapped:ccx-n1"]);
    assert_eq!(site.told[2].flags, ["node_ambiguous"]);
}

#[test]
fn two_origins_that_claim_one_name_do_not_merge() {
    let mut site = Site::new(settings());
    site.hear(line(Ooc, None, minute(0)).from("10.9.9.8").node("ghost"));
    site.hear(line(Ooc, None, minute(0)).from("10.9.9.9").node("ghost"));
    let clusters: Vec<_> = site.told.iter().map(|told| told.cluster.clone().unwrap_or_default()).collect();
    assert_eq!(clusters, ["unmapped:ghost", "unmapped:ghost@10.9.9.9"]);
}

#[test]
fn ten_thousand_names_are_a_hundred_clusters_and_one_summary() {
    let mut site = Site::new(settings());
    for name in 0..10_000 {
        site.hear(line(Ooc, None, minute(0)).from("10.9.9.9").node(&format!("ghost<{name}>\n")));
    }
    assert_eq!(site.engine.clusters().len(), 102);
    assert_eq!(site.told.len(), 101);
    let summary = site.told.last().expect("the summary");
    assert_eq!((summary.reason, summary.alertname.as_str()), (Reason::Firing, "UnmappedNodesOverLimit"));
    assert!(site.told.iter().all(|told| !told.cluster.clone().unwrap_or_default().contains(['<', '\n'])));
    site.restart(jiff::SignedDuration::from_mins(1));
    site.hear(line(Ooc, None, minute(5)).from("10.9.9.9").node("one more"));
    assert_eq!(site.told.len(), 101);
}

#[test]
fn a_mapped_node_takes_over_what_was_told_while_it_was_unmapped() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(0)).from("10.9.9.9").node("new-one"));
    assert_eq!(site.reasons(), [Reason::CountdownStarted]);
    let mut mapped = settings();
    mapped.clusters[1].nodes.push(NodeSettings {
        id: "new-one".to_owned(),
        addresses: vec!["10.9.9.9".parse().expect("an address")],
        role: String::new(),
    });
    site.settings = mapped.clone();
    site.input(Input::Reload(Box::new(mapped)));
    site.hear(line(Enter, Some(45), minute(1)).from("10.9.9.9").node("new-one"));
    assert_eq!(site.cluster("south").stage, "countdown");
    assert_eq!(site.cluster("south").evidence, 2);
    assert_eq!(site.reasons(), []);
    site.restart(jiff::SignedDuration::from_mins(1));
    site.hear(line(Ooc, None, minute(45)).from("10.9.9.9").node("new-one"));
    assert_eq!(site.told[0].cluster.as_deref(), Some("south"));
    assert_eq!(site.reasons(), [Reason::OutOfCompliance]);
    assert!(!site.rows.keys().any(|key| key.starts_with("cluster/unmapped")));
}

#[test]
fn a_renamed_cluster_keeps_its_state_and_a_removed_one_comes_back_with_it() {
    let mut site = Site::new(settings());
    site.hear(line(Ooc, None, minute(0)));
    let mut renamed = settings();
    renamed.clusters[0].name = "north-2".to_owned();
    renamed.clusters[0].former_names = vec!["north".to_owned()];
    site.settings = renamed.clone();
    site.restart(jiff::SignedDuration::from_mins(1));
    site.input(Input::Tick);
    assert_eq!(site.cluster("north-2").stage, "out_of_compliance");
    let mut without = renamed.clone();
    without.clusters.remove(0);
    site.input(Input::Reload(Box::new(without)));
    assert_eq!(site.engine.clusters().len(), 1);
    site.pass(minute(10));
    site.input(Input::Reload(Box::new(renamed)));
    assert_eq!(site.cluster("north-2").enforcement_at, Some(minute(90 * 24 * 60)));
    assert_eq!(site.reasons(), [Reason::OutOfCompliance]);
}

#[test]
fn what_was_not_told_yet_when_a_node_is_mapped_at_a_start_is_told_after_it() {
    let mut site = Site::new(settings());
    site.hear(line(Ooc, None, minute(0)).file(None).node("new-one").received(minute(10)));
    assert_eq!(site.reasons(), []);
    site.settings.clusters[1].nodes.push(NodeSettings {
        id: "new-one".to_owned(),
        addresses: Vec::new(),
        role: String::new(),
    });
    site.restart(jiff::SignedDuration::from_secs(1));
    site.pass(minute(11));
    assert_eq!(site.told[0].cluster.as_deref(), Some("south"));
    assert_eq!(site.reasons(), [Reason::OutOfCompliance]);
}
