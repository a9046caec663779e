//! What stands on the page.

use super::{super::*, cluster, notification, sample, time};
use crate::store::{StoredAlert, StoredEnd};
use ccxwatch_alerts::{
    license::episode::Acknowledgement,
    rules::mute::{SuppressedBy, Suppression},
};
use tokio::{net::UdpSocket, task};

fn rendered(snapshot: &Snapshot) -> String {
    page::rendered(snapshot, time("2026-11-24T10:30:00Z")).unwrap()
}

#[test]
fn the_most_urgent_cluster_stands_first() {
    let page = rendered(&sample());
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is not on the page"));
    assert!(at(">berlin<") < at(">agra<") && at(">agra<") < at(">quiet<"));
    for text in [
        "(2) ccxwatch",
        "15 min 00 s",
        "2026-11-24 11:45:00 CET",
        "2026-11-24 10:45:00 UTC",
        "89 days",
        "1 min 00 s ago",
    ] {
        at(text);
    }
    for text in ["connection refused", "failed, will be tried again, 3 attempts", "cannot be reached, 2 waiting"] {
        at(text);
    }
    assert!(!page.contains("page http"), "the page itself is not a source");
}

#[test]
fn hostile_text_is_shown_as_text() {
    let hostile = "<script>alert(1)</script>\u{202e}\0\"'&";
    let shown = "&#60;script&#62;alert(1)&#60;/script&#62;\u{fffd}\u{fffd}&#34;&#39;&#38;";
    let mut snapshot = sample();
    let view = &mut snapshot.clusters[0];
    view.name = hostile.to_owned();
    view.release = hostile.to_owned();
    view.flags = vec![hostile.to_owned()];
    view.acknowledged_by = Some(hostile.to_owned());
    view.nodes[0].id = hostile.to_owned();
    snapshot.notifications = vec![notification(hostile, hostile)];
    snapshot.receivers[0].last_error = Some(hostile.to_owned());
    snapshot.listening.push(hostile.to_owned());
    let page = rendered(&snapshot);
    assert_eq!(page.matches(shown).count(), 9, "{page}");
    assert!(!page.contains("<script>") && !page.contains('\u{202e}') && !page.contains('\0'));
}

#[test]
fn alerts_are_shown_with_their_marks_and_escaped() {
    let hostile = "<script>alert(1)</script>\u{202e}";
    let shown = "&#60;script&#62;alert(1)&#60;/script&#62;\u{fffd}";
    let mut snapshot = sample();
    let view = &mut snapshot.alerts[0];
    view.labels = ["alertname", "cluster", "node"].map(|name| (name.to_owned(), hostile.to_owned())).into();
    view.annotations = [("summary".to_owned(), hostile.to_owned())].into();
    view.flags = vec![hostile.to_owned()];
    view.evidence.last_raw = Some(hostile.to_owned());
    view.acknowledged = Some(Acknowledgement {
        stage: "firing".to_owned(),
        who: Some(hostile.to_owned()),
        comment: Some(hostile.to_owned()),
        until: Some(time("2026-11-24T11:00:00Z")),
        ..Acknowledgement::default()
    });
    view.suppressed = Some(Suppression {
        by: SuppressedBy::Maintenance,
        id: Some(hostile.to_owned()),
        who: Some("lee".to_owned()),
        comment: Some(hostile.to_owned()),
        until: None,
    });
    snapshot.ended = vec![StoredAlert {
        labels: [("alertname".to_owned(), "Noise".to_owned()), ("cluster".to_owned(), hostile.to_owned())].into(),
        annotations: [("summary".to_owned(), hostile.to_owned())].into(),
        starts_at: time("2026-11-24T09:00:00Z"),
        ends_at: Some(time("2026-11-24T10:00:00Z")),
        end: Some(StoredEnd { reason: "operator".to_owned(), who: Some(hostile.to_owned()) }),
    }];
    let page = rendered(&snapshot);
    assert_eq!(page.matches(shown).count(), 13, "{page}");
    assert!(!page.contains("<script>alert"));
    for text in [
        "1 firing",
        "acknowledged by ",
        " until 2026-11-24 11:00:00 UTC",
        "suppressed by maintenance ",
        "ended by an operator, ",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn the_page_has_nothing_inline() {
    let page = rendered(&sample());
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script src=\"/page.js\" defer></script>"));
    for inline in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
        assert!(!page.contains(inline), "{inline}");
    }
}

#[test]
fn an_empty_page_says_what_to_do_next() {
    let listening = vec!["listening udp 0.0.0.0:5514".to_owned()];
    let page = rendered(&Snapshot { listening, ..Snapshot::default() });
    for text in
        ["Nothing was heard yet", "/dev/udp/127.0.0.1/5514", "Alarm → Configuration", "ccxwatch check --suggest"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.contains("there is no <code>[[receiver]]</code>"));
    assert!(!rendered(&sample()).contains("Nothing was heard yet"));
}

#[test]
fn a_large_fleet_is_cut_where_it_is_quiet() {
    let mut snapshot = sample();
    snapshot.clusters.extend((0..1000).map(|number| cluster(&format!("site-{number:04}"), "compliant")));
    let page = rendered(&snapshot);
    assert!(page.contains("503 less urgent clusters are not on this page"));
    assert!(page.contains("2 of 1003 need somebody"));
    assert!(page.contains(">berlin<"));
}

#[test]
fn a_failing_store_is_said_first() {
    let snapshot = Snapshot { store_failing: true, ..sample() };
    let page = rendered(&snapshot);
    assert!(page.find("The store takes no transactions").unwrap() < page.find("<table").unwrap());
}

#[tokio::test]
async fn the_test_event_to_copy_arrives_as_an_appliance_sends_it() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let listening = format!("listening udp {}", socket.local_addr().unwrap());
    let command = page::test_command_of(&listening).unwrap();
    let status = task::spawn_blocking(|| std::process::Command::new("bash").arg("-c").arg(command).status());
    assert!(status.await.unwrap().unwrap().success());
    let mut line = [0; 1024];
    let length = socket.recv(&mut line).await.unwrap();
    let line = str::from_utf8(&line[..length]).unwrap();
    let (head, event) = line.split_once(" : %").unwrap();
    assert!(head.starts_with("<184>1: test: ") && head.ends_with(" UTC"), "{head}");
    assert_eq!(
        event,
        "UC_LIB_LICENSE-0-SYSTEM_TO_ENTER_OOC_STATE_SHORTLY: %[The time remaining to enter OOC state=15 minutes]\
         [AppID=Cisco Unified CCX Cluster View Daemon][ClusterID=][NodeID=test]: This is a test.\n"
    );
}
