//! A license episode as a real Alertmanager sees it, through restarts of either side.

use crate::harness::{
    alertmanager::Alertmanager,
    ccxwatch::{Ccxwatch, Site, program},
    lines_of_cisco::Says,
    senders,
    wait::poll_until,
};
use jiff::Timestamp;
use serde_json::Value;

const ENTERING: &str = "SmartLicenseEnteringOutOfComplianceShortly";
const OUT: &str = "SmartLicenseOutOfCompliance";

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn say(running: &Ccxwatch, says: Says, sequence: u32) {
    let line = says.syslog(sequence, "uccxpub", now());
    senders::udp([127, 0, 0, 2].into(), running.udp(), line.as_bytes());
}

fn names(alerts: &[Value]) -> Vec<&str> {
    alerts.iter().filter_map(|alert| alert["labels"]["alertname"].as_str()).collect()
}

/// Waits until `amtool` shows exactly these alerts firing, and exactly those inhibited.
#[track_caller]
fn wait_for(alertmanager: &Alertmanager, firing: &[&str], inhibited: &[&str]) -> Vec<Value> {
    poll_until(&format!("{firing:?} to fire and {inhibited:?} to be inhibited"), || {
        let fire = alertmanager.query(&["--active"]);
        let hidden = alertmanager.query(&["--inhibited"]);
        let as_wanted = names(&fire) == firing && names(&hidden) == inhibited;
        as_wanted.then(|| fire.into_iter().chain(hidden).collect())
    })
}

#[test]
fn an_episode_fires_until_it_ends_through_restarts_of_either_side() {
    let mut alertmanager = Alertmanager::start();
    let site = Site::new(&format!(
        "[[cluster]]\nname = \"berlin\"\nlabels = {{ customer = \"acme\" }}\n\
         [[cluster.node]]\nid = \"uccxpub\"\naddresses = [\"127.0.0.2\"]\n\
         [[receiver]]\nname = \"am\"\ntype = \"alertmanager\"\nurls = [{:?}]\nresend_interval = \"1s\"\n",
        alertmanager.url()
    ));
    let running = site.start();
    say(&running, Says::EnteringShortly, 1);
    let first = wait_for(&alertmanager, &[ENTERING], &[]).remove(0);
    for (label, value) in [("cluster", "berlin"), ("severity", "alert"), ("customer", "acme"), ("node", "uccxpub")] {
        assert_eq!(first["labels"][label], value, "{first}");
    }
    assert!(first["annotations"]["summary"].as_str().is_some_and(|summary| summary.contains("berlin")), "{first}");

    // Worse: the earlier stage goes on firing, hidden.
    say(&running, Says::OutOfCompliance, 2);
    let both = wait_for(&alertmanager, &[OUT], &[ENTERING]);
    assert_eq!(both[1]["startsAt"], first["startsAt"]);

    // Sent again and again: it outlives the end that it was first sent with.
    let ends_at = |alert: &Value| alert["endsAt"].as_str().and_then(|at| at.parse::<Timestamp>().ok()).expect("a time");
    let first_end = ends_at(&both[0]);
    poll_until("the first end to pass", || (now() > first_end).then_some(()));
    let later = wait_for(&alertmanager, &[OUT], &[ENTERING]);
    assert!(later.iter().all(|alert| ends_at(alert) > first_end), "{later:?}");

    // It knows nothing any more, and is told again.
    alertmanager.restart_empty();
    let again = wait_for(&alertmanager, &[OUT], &[ENTERING]);
    assert_eq!((&again[0]["startsAt"], &again[1]["startsAt"]), (&both[0]["startsAt"], &both[1]["startsAt"]));

    // Nor do we know more than is stored.
    drop(running.kill());
    let running = site.start();
    let last_end = ends_at(&wait_for(&alertmanager, &[OUT], &[ENTERING])[1]);
    poll_until("what was sent before the kill to run out", || (now() > last_end).then_some(()));
    let again = wait_for(&alertmanager, &[OUT], &[ENTERING]);
    assert_eq!((&again[0]["startsAt"], &again[1]["startsAt"]), (&both[0]["startsAt"], &both[1]["startsAt"]));
    assert_eq!(again[1]["labels"], both[1]["labels"]);

    let mut confirm = program();
    confirm.args(["alerts", "confirm-compliant", "berlin", "--config"]).arg(site.config());
    assert!(confirm.status().expect("the program starts").success());
    wait_for(&alertmanager, &[], &[]);
    // An Alertmanager that was away when it ended learns that, too, and does not bring it back.
    alertmanager.restart_empty();
    assert_eq!(alertmanager.query(&["--active"]), Vec::<Value>::new());
    poll_until("the deliveries to be recorded", || running.outbox_is_empty().filter(|empty| *empty));
}
