//! Services of nodes, and what they add to the license alert.

use crate::site::{Enter, Site, line, minute, settings};
use ccxwatch_alerts::{
    fact::{Channel, Fact, Origin},
    input::{Input, StoreHealth},
    notification::Reason,
};
use ccxwatch_parsers::parse;
use jiff::Timestamp;

fn say(site: &mut Site, at: Timestamp, text: &str) {
    site.pass(at);
    let origin = Origin {
        channel: Channel::Udp,
        sender: Some([10, 0, 0, 11].into()),
        source: "127.0.0.1:5514".to_owned(),
        node: None,
    };
    let fact = Fact::of_record(&parse(text.as_bytes()), at, origin, false).pop().expect("a fact");
    site.input(Input::Fact(Box::new(fact)));
}

fn service(mnemonic: &str, name: &str) -> String {
    let catalog = if mnemonic.starts_with("ServiceSt") { "GENERIC-6" } else { "SERVICEMANAGER-2" };
    format!(
        "%UC_{catalog}-{mnemonic}: %[ServiceName={name}][AppID=Cisco Service Manager][ClusterID=][NodeID=ccx-n1]: x"
    )
}

#[test]
fn a_service_goes_down_and_comes_back() {
    let mut site = Site::new(settings());
    say(&mut site, minute(1), &service("ServiceFailed", "Cisco Unified CCX Engine"));
    say(&mut site, minute(2), &service("ServiceFailed", "Cisco Unified CCX Engine"));
    assert_eq!(site.cluster("north").nodes[0].engine, "out_of_service");
    site.restart(jiff::SignedDuration::from_mins(1));
    say(&mut site, minute(5), &service("ServiceStarted", "Cisco Unified CCX Engine"));
    assert_eq!(site.cluster("north").nodes[0].engine, "in_service");
    let names: Vec<_> = site.told.iter().map(|told| told.alertname.clone()).collect();
    assert_eq!(names, ["CcxEngineOutOfService"; 2]);
    assert_eq!(site.reasons(), [Reason::Firing, Reason::Resolved]);
}

#[test]
fn a_broken_subsystem_is_partial_service_until_it_starts() {
    let mut site = Site::new(settings());
    say(&mut site, minute(1), "9: Nov 24 09:01:00.000 UTC %MIVR-SS_TEL-3-UNABLE_REGISTER_CTIPORT:x: CTI Port=1");
    assert_eq!(site.cluster("north").nodes[0].engine, "partial_service");
    say(&mut site, minute(2), "9: Nov 24 09:02:00.000 UTC %MIVR-SS_TEL-6-MODULE_START:x: Module=JTAPI");
    assert_eq!(site.cluster("north").nodes[0].engine, "unknown");
    assert_eq!(site.reasons(), [Reason::Firing, Reason::Resolved]);
}

#[test]
fn a_countdown_says_what_else_is_wrong() {
    let mut site = Site::new(settings());
    say(&mut site, minute(1), &service("ServiceFailed", "Cisco Unified CCX Cluster View Daemon"));
    say(&mut site, minute(1), &service("ServiceFailed", "Cisco Unified CCX Engine"));
    say(&mut site, minute(1), "9: Nov 24 09:01:00.000 UTC %MCVD-CVD-3-UNK:MORE THAN ONE MASTER DETECTED");
    site.told.clear();
    site.hear(line(Enter, Some(45), minute(2)));
    assert_eq!(site.told[0].flags, ["cluster_view_daemon_down", "during_failover", "island_mode"]);
    site.pass(minute(60));
    assert!(site.told[1].flags.contains(&"feed_was_silent".to_owned()));
}

#[test]
fn another_service_says_nothing_of_ccx() {
    let mut site = Site::new(settings());
    say(&mut site, minute(1), &service("ServiceFailed", "Cisco RTMT Web Service"));
    let told: Vec<&str> = site.told.iter().map(|told| told.alertname.as_str()).collect();
    assert_eq!(told, ["CriticalServiceDown"]);
    assert_eq!(site.cluster("north").nodes[0].engine, "unknown");
}

/// One line, one owner: the state of the engine is an alert of its own, and not a service that is down as well.
#[test]
fn a_line_of_the_engine_is_one_alert() {
    let mut site = Site::new(settings());
    say(&mut site, minute(1), &service("ServiceFailed", "Cisco Unified CCX Engine"));
    let told: Vec<&str> = site.told.iter().map(|told| told.alertname.as_str()).collect();
    assert_eq!(told, ["CcxEngineOutOfService"]);
}

#[test]
fn a_failing_store_and_a_failing_receiver_are_told_once() {
    let mut settings = settings();
    settings.receivers.push("night".to_owned());
    let mut site = Site::new(settings);
    for _ in 0..3 {
        site.input(Input::Store(StoreHealth::Failing("the disk is full".to_owned())));
        site.input(Input::Receiver { receiver: "desk".to_owned(), failing: true });
    }
    let receivers: Vec<_> = site.told.iter().map(|told| told.receivers.clone()).collect();
    assert_eq!(receivers, [vec!["desk".to_owned(), "night".to_owned()], vec!["night".to_owned()]]);
    assert_eq!(site.reasons(), [Reason::StoreFailing, Reason::NotificationFailing]);
    site.input(Input::Store(StoreHealth::Working));
    site.input(Input::Store(StoreHealth::Failing("the disk is full".to_owned())));
    assert_eq!(site.reasons(), [Reason::StoreFailing]);
}
