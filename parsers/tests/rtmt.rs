//! RTMT alerts and the alert log.

mod common;

use ccxwatch_parsers::{
    parse,
    rtmt::{Alert, Body, Layout, Shape},
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_shapes_of_a_body() {
    let events = Body::read(
        b" At Fri Jul 05 12:03:01 EDT 2024 on node 1.2.3.4, the following X events generated: \nA : 1\nB : x : y\nC :",
    );
    assert_eq!(events.shape(), Shape::Events);
    assert_eq!(events.node(), Some(&b"1.2.3.4"[..]));
    assert_eq!(events.stamp().and_then(|stamp| stamp.year), Some(2024));
    assert_eq!(
        (events.value(b"A"), events.value(b"B"), events.value(b"C")),
        (Some(&b"1"[..]), Some(&b"x : y"[..]), Some(&b""[..]))
    );

    let copy = Body::read(b" XAlarmMessage : broken\nAppID : Engine\nClusterID : \nNodeID : imp2\n TimeStamp : Tue Sep 05 13:06:54 EDT 2017.\nThe alarm is generated on Tue Sep 05 13:06:54 EDT 2017.");
    assert_eq!(copy.shape(), Shape::AlarmCopy);
    assert_eq!((copy.node(), copy.value(b"AppID")), (Some(&b"imp2"[..]), Some(&b"Engine"[..])));
    assert_eq!(copy.stamp().map(|stamp| (stamp.day, stamp.hour)), Some((5, 13)));

    let flat = Body::read(b" Address : 10.0.0.1 AppID : Repository ClusterID :  NodeID : srv.x.net  TimeStamp : Tue Oct 06 05:41:50 EDT 2020. The alarm is generated on Tue Oct 06 05:41:50 EDT 2020.");
    assert_eq!(
        (flat.node(), flat.value(b"Address"), flat.value(b"AppID")),
        (Some(&b"srv.x.net"[..]), Some(&b"10.0.0.1"[..]), Some(&b"Repository"[..]))
    );

    let counter = Body::read(b"The queue is long. Current (135) is over the threshold. The alert is generated on Thu May 30 15:33:20 GMT+00:00 2013 on node pub.x.net.");
    assert_eq!((counter.shape(), counter.node()), (Shape::Counter, Some(&b"pub.x.net"[..])));
    assert_eq!(counter.stamp().and_then(|stamp| stamp.year), Some(2013));
    assert_eq!(Body::read(b"something else").shape(), Shape::Other);
}

#[test]
fn quoted_lines_are_records() {
    let line = b"<186>7: pub: Jul 05 2024 04:03:01 PM.688 UTC : %UC_RTMT-2-RTMT_ALERT: %[AlertName=SyslogSeverityMatchFound][AlertDetail= At Fri Jul 05 12:03:01 EDT 2024 on node sub1, the following SyslogSeverityMatchFound events generated: #012SeverityMatch : Critical#012MatchedEvent : Jul  5 12:02:29 sub1 local7 2 ccm: 68: sub1: Jul 05 2024 16:02:29.795 UTC : %UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: %[AppID=CVD][ClusterID=][NodeID=ucx1]: Out#012SeverityMatch : Alert#012MatchedEvent : sshd: x#012AppID : Cisco Syslog Agent#012ClusterID : #012NodeID : sub1][AppID=Cisco AMC Service][ClusterID=][NodeID=pub]: RTMT Alert";
    let record = parse(line);
    let event = record.event.expect("an event");
    assert_eq!(event.node_id(), Some(&b"pub"[..]), "the collector");
    assert_eq!(event.license(), None, "the alert itself is no license event");
    let alert = Alert::of(&event).expect("an alert");
    let body = alert.body();
    assert_eq!((body.shape(), body.node()), (Shape::SyslogMatch, Some(&b"sub1"[..])));
    let matches: Vec<_> = body.matches().collect();
    assert_eq!(matches.len(), 2);
    let inner = matches[0].record();
    let inner_event = inner.event.expect("the nested event");
    assert_eq!((inner_event.node_id().map(text), inner_event.sequence), (Some("ucx1".into()), Some(68)));
    assert!(inner_event.license().is_some());
    assert_eq!(text(matches[1].line), "sshd: x");
}

#[test]
fn quoted_lines_of_older_releases() {
    let body = Body::read(b"At Fri Jul 05 12:03:01 EDT 2024 on node P1, the following X events generated: SeverityMatch - Critical a.sh: one SeverityMatch - Alert sshd[2]: two");
    let lines: Vec<String> = body.matches().map(|matched| text(matched.line)).collect();
    assert_eq!(lines, ["a.sh: one", "sshd[2]: two"]);
}

#[test]
fn every_alert_of_the_samples_has_a_name_and_a_body() {
    let Some(samples) = common::shared("samples/rtmt-alerts.log") else { return };
    let mut alerts = 0;
    for line in samples.split(|&byte| byte == b'\n') {
        let alert = parse(line).event.as_ref().and_then(Alert::of).or_else(|| Alert::in_tags(line));
        let Some(alert) = alert else { continue };
        alerts += 1;
        assert!(!alert.name.is_empty() && !alert.detail.is_empty(), "{}", text(line));
        assert_ne!(alert.body().shape(), Shape::Other, "{}", text(line));
        assert!(alert.body().stamp().is_some() && alert.body().node().is_some(), "{}", text(line));
        if alert.body().shape() == Shape::SyslogMatch {
            assert!(alert.body().matches().next().is_some(), "{}", text(line));
        }
    }
    assert_eq!(alerts, 6);
}

#[test]
fn rows_of_the_alert_log() {
    let header = b"Time Stamp,Alert Type,Alert Name,Alert Message,Monitored Object Name,Severity,PollValue,Action,Node ID,Group ID \r";
    let layout = Layout::of_header(header).expect("a header");
    let row = layout
        .row(b"1601977332000,0,CoreDumpFileFound, At x, on node y, z,obj,2,0,Default,pub,System\r")
        .expect("a row");
    assert_eq!(row.time().map(|time| time.to_string()), Some("2020-10-06T09:42:12Z".into()));
    assert_eq!((row.name(), row.node()), (Some(&b"CoreDumpFileFound"[..]), Some(&b"pub"[..])));
    assert_eq!(text(&row.message()), "At x, on node y, z");
    assert_eq!(row.field("Group ID"), Some(&b"System"[..]));
    let quoted = layout.row(b"1,0,N,\"a, \"\"b\"\", c\",obj,9,0,Default,pub,System").expect("a row");
    assert_eq!(text(&quoted.message()), "a, \"b\", c");
    assert_eq!(quoted.severity(), None);
    let documented = Layout::documented().row(b"1,N,node1,one, two,T,D,3,0,A,G").expect("a row");
    assert_eq!((text(&documented.message()), documented.node()), ("one, two".into(), Some(&b"node1"[..])));
    assert!(layout.row(b"1,2,3").is_none());
    assert!(Layout::of_header(b"a,b,c").is_none());
}
