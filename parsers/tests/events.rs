//! Events in the forms that nodes, relays and crashes give them.

use ccxwatch_parsers::{
    Defect, Event, Form, LicenseEventKind, Record,
    ciscolog::multipart::{Part, Reassembled, Reassembly},
    parse,
    trace::ExceptionLinker,
    triage,
};

fn event(line: &str) -> Event<'_> {
    parse(line.as_bytes()).event.unwrap_or_else(|| panic!("an event: {line}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn params(event: &Event<'_>) -> Vec<(String, String)> {
    event.params().map(|(key, value)| (text(key), text(&value))).collect()
}

#[track_caller]
fn check_params(line: &str, want: &[(&str, &str)]) {
    let want: Vec<(String, String)> = want.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    assert_eq!(params(&event(line)), want, "{line}");
}

#[track_caller]
fn check_triplet(line: &str, process: Option<&str>, facility: &str, severity: u8, mnemonic: &str) {
    let event = event(line);
    let got = (event.process.map(text), text(event.facility), event.severity.number(), text(event.mnemonic));
    assert_eq!(got, (process.map(str::to_owned), facility.to_owned(), severity, mnemonic.to_owned()), "{line}");
}

fn has(record: &Record<'_>, defect: Defect) -> bool {
    record.defects.contains(defect)
}

#[test]
fn the_severity_is_the_last_digit_between_hyphens() {
    check_triplet("%UC_-0-Test: x", None, "UC_", 0, "Test");
    check_triplet("%CCM_X-X-2-A-B-C: x", Some("CCM_X"), "X", 2, "A-B-C");
    check_triplet("%CCBU_pool-2-thread-1-6-NAME: x", None, "CCBU_pool-2-thread-1", 6, "NAME");
    check_triplet(
        "%CCBU_pool-2-thread-1-3-A NAME WITH BLANKS : x",
        None,
        "CCBU_pool-2-thread-1",
        3,
        "A NAME WITH BLANKS",
    );
    check_triplet("%MIVR-SS_TEL-7-UNK:x", Some("MIVR"), "SS_TEL", 7, "UNK");
    check_triplet("%SNMP-SW1-3-NAME: x", None, "SNMP-SW1", 3, "NAME");
    check_triplet("1: h: Jan 02 2020 01:02:03.004 -04:00: %Services-ERROR-[77] x: y", None, "Services", 3, "");
    assert!(parse(b"%UC_X-9-NAME: x").event.is_none());
    assert!(parse(b"100%-3-x: no").event.is_none());
    assert!(has(&parse(b"1: Apr 08 10:14:27.842 IST %MIVR-SS_TEL-7-"), Defect::TripletIncomplete));
}

#[test]
fn forms() {
    for (line, form) in [
        ("%MCVD-CVD-4-X:y", Form::Trace),
        ("%CER-CER_X-7-DEBUG:y", Form::Trace),
        ("%UC_X-3-Y: z", Form::Uc),
        ("%CCM_X-X-3-Y: z", Form::Uc),
        ("%CCBU_X-3-Y: z", Form::Ccbu),
        ("%CVP_9_0_X-7-CALL: z", Form::Cvp),
        ("%ICM_Router-6-10500FF: [comp=Router]: z", Form::Cce),
        ("1: h: Jun 13 2003 12:11:52.454 UTC: %BACC-5-CONFIG: z", Form::CiscoLog),
        ("%LINEPROTO-5-UPDOWN: z", Form::Ios),
    ] {
        assert_eq!(event(line).form, form, "{line}");
    }
}

#[test]
fn heads() {
    let full = event("<187>41: pub.x.net: *Jul 05 2016 04:03:01 PM.688 UTC :   %UC_X-3-Y : %[NodeID=pub]: z");
    assert_eq!(
        (full.sequence, full.host.map(text), full.is_clock_unsynchronized()),
        (Some(41), Some("pub.x.net".into()), true)
    );
    let v6 = event("11: 1080::8:800:200c:417a: Jun 13 2003 23:11:52.454 UTC: %BACC-3-X: z");
    assert_eq!(v6.host.map(text), Some("1080::8:800:200c:417a".into()));
    let two = event("<45>91: RTR-2: 0089: 13w1d: %HSRP-5-X: z");
    assert_eq!((two.sequence, two.host.map(text), two.stamp), (Some(89), Some("RTR-2".into()), None));
    let unset = event("11: h: --- 00 0000 00:00:00.000 ---: %BACC-3-X: z");
    assert!(unset.clock_unknown && unset.stamp.is_none() && unset.is_clock_unsynchronized());
    assert_eq!(event("Line 4103: 516: Apr 08 10:14:27.842 IST %MIVR-ENG-7-UNK:x").sequence, Some(516));
    assert_eq!(event(": : 7273: May 30 15:33:20.123 UTC :  %CCM_X-X-2-Y: z").sequence, Some(7273));
    assert_eq!(event(": 2024 Aug 27 21:40:50 PDT: %X-3-Y: z").stamp.and_then(|stamp| stamp.year), Some(2024));
}

#[test]
fn a_line_that_only_mentions_an_event_is_not_one() {
    for line in [
        "<14>99: : audispd:node=x msg='%UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: x'",
        "<13>Oct 11 22:14:15 host app: he said %UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: x",
        "<14>99: : audispd: %UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: x",
        "the log has %UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: %[NodeID=x]: y",
        "Oct 11 22:14:15 host local7 6 prog: see %MCVD-LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: y",
    ] {
        assert!(parse(line.as_bytes()).event.is_none(), "{line}");
    }
    let debug =
        event("12: Apr 08 10:14:27.842 IST %MCVD-LIB_LICENSE-7-UNK:saw %MCVD-LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: x");
    assert_eq!((text(debug.mnemonic), debug.license()), ("UNK".into(), None));
}

#[test]
fn relays() {
    for line in [
        "<187>Oct 11 22:14:15 relay 7: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-3-Y: z",
        "<187>2026-10-11T22:14:15Z relay 7: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-3-Y: z",
        "Oct 11 22:14:15 relay <187>7: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-3-Y: z",
        "<187>1 2026-10-11T22:14:15Z relay - - - - 7: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-3-Y: z",
        "<187>1 2026-10-11T22:14:15Z relay - - - - Oct 11 22:14:15 relay2 7: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-3-Y: z",
        "<187>Oct 11 22:14:15 relay Oct 11 22:14:16 relay2 <187>7: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-3-Y: z",
    ] {
        let record = parse(line.as_bytes());
        let event = record.event.unwrap_or_else(|| panic!("{line}"));
        assert_eq!((event.sequence, event.host.map(text)), (Some(7), Some("h".into())), "{line}");
        assert_eq!(record.envelope.hostname.map(text), Some("relay".into()), "{line}");
        assert_eq!(record.stamp().map(|stamp| stamp.year), Some(Some(2016)), "the event's own time counts");
    }
    let tagged = parse(b"<13>Oct 11 22:14:15 host app[3]: %UC_X-3-Y: %[NodeID=n]: z");
    assert_eq!(tagged.envelope.appname, Some(&b"app"[..]));
    assert_eq!(tagged.event.and_then(|event| event.node_id().map(text)), Some("n".into()));
}

#[test]
fn tags() {
    check_params("%UC_X-3-Y: %[A=1] [B b =2][C= three ]: z", &[("A", "1"), ("B b", "2"), ("C", " three ")]);
    check_params("%UC_X-3-Y: %[A=x[y]z[[w]]][B=]: z", &[("A", "x[y]z[[w]]"), ("B", "")]);
    check_params(r"%UC_X-3-Y: %[A=a\]b\[c\\d][B=\e]: z", &[("A", r"a]b[c\d"), ("B", r"\e")]);
    check_params("%UC_X-3-Y: %[A=one#012two#011#01214 Mar][B=#0]: z", &[("A", "one\ntwo\t\n14 Mar"), ("B", "#0")]);
    check_params("%UC_X-3-Y: [A=1][B=2]: z", &[("A", "1"), ("B", "2")]);
    check_params("%UC_X-3-Y: %[A=1][A=2]: z", &[("A", "1"), ("A", "2")]);
    check_params("%UC_X-3-Y %[A=1]: z", &[("A", "1")]);
    check_params(
        "%UC_X-3-Y: %[UNKNOWN_PARAMNAME:Key=1][a.b/c=2]: z",
        &[("UNKNOWN_PARAMNAME:Key", "1"), ("a.b/c", "2")],
    );
    check_params("%UC_X-3-Y: %[A=see ] there][B=2]: z", &[("A", "see ] there"), ("B", "2")]);
    check_params("%UC_X-3-Y: [not a tag] z", &[]);
    // Behind a blank, junk or a bracket without a partner, the others are found again when asked for.
    check_params("%UC_X-3-Y: %[A=1] [B=2][C=#012]: z", &[("A", "1"), ("B", "2"), ("C", "\n")]);
    check_params("%UC_X-3-Y: %[A=1][junk][B=2] [C=3]: z", &[("A", "1"), ("B", "2"), ("C", "3")]);
    check_params("%UC_X-3-Y: %[A=1][B=[][C=3][D=4]: z", &[("A", "1"), ("B", "["), ("C", "3"), ("D", "4")]);
    assert_eq!(text(event("%UC_X-3-Y: %[A=1][B=2]:  the text").text), "the text");
    let many = (0..40).map(|n| format!("[K{n}=v{n}]")).collect::<Vec<_>>().concat();
    let line = format!("%UC_X-3-Y: %{many}: z");
    assert_eq!(params(&event(&line)).len(), 40);
    assert_eq!(event(&line).param("k39").as_deref(), Some(&b"v39"[..]));
    let long = format!("%UC_X-3-Y: %[A={}][B=2][C=3]: z", "x".repeat(70_000));
    assert_eq!(params(&event(&long)).len(), 3);
}

#[test]
fn damaged_tags() {
    let open = parse(b"%UC_X-3-Y: %[A=phone [lobby][B=2][NodeID=n]: z");
    let open_event = open.event.expect("an event");
    assert_eq!(
        params(&open_event),
        [("A".into(), "phone [lobby".into()), ("B".into(), "2".into()), ("NodeID".into(), "n".into())]
    );
    assert!(has(&open, Defect::TagsUnbalanced));
    let cut = parse(
        b"%UC_LIB_LICENSE-0-SYSTEM_TO_ENTER_OOC_STATE_SHORTLY: %[AppID=x][The time remaining to enter OOC state=1",
    );
    let cut_event = cut.event.expect("an event");
    assert_eq!(params(&cut_event), [("AppID".into(), "x".into())]);
    assert_eq!(cut_event.truncated_param().map(|(_, value)| text(&value)), Some("1".into()));
    assert_eq!(cut_event.license().map(|license| license.minutes_left), Some(None), "half a number is no number");
    assert!(has(&cut, Defect::TagsTruncated) && has(&cut, Defect::MinutesUnusable));
    let nested = parse(
        b"%UC_RTMT-2-RTMT_ALERT: %[AlertName=N][AlertDetail= MatchedEvent : %UC_Y-1-Z: %[NodeID=other]: t#012Node",
    );
    let nested_event = nested.event.expect("an event");
    assert_eq!(nested_event.node_id(), None, "the nested line's node is not the alert's");
    assert!(has(&nested, Defect::TagsTruncated));
    let junk = parse(b"%UC_X-3-Y: %[A=1][junk][B=2]: z");
    assert!(has(&junk, Defect::TagMalformed));
    assert_eq!(junk.event.map(|event| event.params().count()), Some(2));
}

#[test]
fn free_text_of_older_releases() {
    check_params(
        "%CCM_SVC-SVC-6-Up: It is up. Service Name:Cisco SNMP Service App ID:Cisco Service Manager Cluster ID: Node ID:n1",
        &[
            ("Service Name", "Cisco SNMP Service"),
            ("App ID", "Cisco Service Manager"),
            ("Cluster ID", ""),
            ("Node ID", "n1"),
        ],
    );
    let remote = event("%CCM_X-X-3-Y: gone Remote Node ID:other App ID:a Cluster ID: Node ID:own");
    assert_eq!(remote.node_id().map(text), Some("own".into()));
    assert_eq!(remote.cluster_id(), None);
}

#[test]
fn trace_parameters() {
    check_params(
        "1: Apr 08 10:14:27.842 IST %MIVR-X-4-NAME:What happened: Module=A B,Failure Cause=7,Text=a, b and c,Exception=x: y",
        &[("Module", "A B"), ("Failure Cause", "7"), ("Text", "a, b and c"), ("Exception", "x: y")],
    );
    check_params("%MIVR-X-7-UNK:a=1,b=2", &[]);
}

#[test]
fn license_events() {
    let kind = |line: &str| event(line).license().map(|license| (license.kind, license.minutes_left));
    let countdown = |value: &str| {
        format!(
            "%UC_LIB_LICENSE-1-SYSTEM_TO_ENTER_OOC_STATE: %[The time remaining to enter OOC state={value}][NodeID=n]: t"
        )
    };
    for (value, minutes) in
        [("45 minutes", 45), (" 015 Minutes ", 15), ("1 minute", 1), ("0 minutes", 0), ("1440 minutes", 1440)]
    {
        assert_eq!(
            kind(&countdown(value)),
            Some((LicenseEventKind::EnteringOutOfCompliance, Some(minutes))),
            "{value}"
        );
    }
    for value in [
        "",
        "45",
        "-5 minutes",
        "4.5 minutes",
        "1441 minutes",
        "99999999999999999999 minutes",
        "45 hours",
        "x45 minutes",
        "45 minutes or 15 minutes",
        "٤٥ minutes",
    ] {
        let line = countdown(value);
        assert_eq!(kind(&line), Some((LicenseEventKind::EnteringOutOfCompliance, None)), "{value}");
        assert!(has(&parse(line.as_bytes()), Defect::MinutesUnusable), "{value}");
    }
    let trace = "%MCVD-LIB_LICENSE-0-SYSTEM_TO_ENTER_OOC_STATE_SHORTLY: [X] a.b.C Soon.: This Product Instance will enter Out of Compliance state in =15 minutes ";
    assert_eq!(kind(trace), Some((LicenseEventKind::EnteringOutOfComplianceShortly, Some(15))));
    assert_eq!(kind("%MCVD-LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: x"), Some((LicenseEventKind::OutOfCompliance, None)));
    assert!(!has(&parse(b"%MCVD-LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: x"), Defect::MinutesUnusable));
    assert_eq!(kind("%UC_LIB_LICENSE-3-SOMETHING_NEW: x"), Some((LicenseEventKind::Unclassified, None)));
    assert_eq!(kind("%UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE_X: x"), Some((LicenseEventKind::Unclassified, None)));
    assert_eq!(kind("%UC_CALLMANAGER-1-SYSTEM_IN_OOC_STATE: x"), None);
    let continued = "%MCVD-LIB_LICENSE-1-SYSTEM_TO_ENTER_OOC_STATE: it will enter Out of Compliance state in =45 minutes\n\tat a.b.C(D.java:7)";
    assert_eq!(kind(continued), Some((LicenseEventKind::EnteringOutOfCompliance, Some(45))));
    let twice = "%MCVD-LIB_LICENSE-1-SYSTEM_TO_ENTER_OOC_STATE: will enter Out of Compliance state in =45 minutes, will enter Out of Compliance state in =15 minutes";
    assert_eq!(kind(twice), Some((LicenseEventKind::EnteringOutOfCompliance, None)), "two that differ are none");
}

#[test]
fn half_a_line_before_a_whole_one() {
    let torn = parse(b"51: Apr 08 10:14:27.842 IST %MIVR-SS_TE52: Apr 08 10:14:28.001 IST %MIVR-SS_TEL-4-Name:x");
    let event = torn.event.expect("an event");
    assert!(has(&torn, Defect::HalfLine));
    assert_eq!(
        (text(event.mnemonic), event.sequence, event.stamp.map(|stamp| stamp.second)),
        ("Name".into(), None, Some(28))
    );
}

#[test]
fn severities_of_pri_and_message() {
    assert!(has(&parse(b"<189>1: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-2-Y: z"), Defect::PriSeverityMismatch));
    assert!(parse(b"<186>1: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-2-Y: z").defects.is_empty());
    let bad = parse(b"<999>1: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-2-Y: z");
    assert!(has(&bad, Defect::PriInvalid) && bad.envelope.pri.is_none() && bad.event.is_some());
}

#[test]
fn bytes_that_are_no_text() {
    let record = parse(b"<186>1: h: Jul 05 2016 16:03:01.688 UTC : %UC_X-2-Y: %[A=caf\xe9\0][NodeID=n]: z\r\n");
    assert!(has(&record, Defect::InvalidUtf8) && has(&record, Defect::ContainsNul));
    let event = record.event.expect("an event");
    assert_eq!(event.param("A").as_deref(), Some(&b"caf\xe9\0"[..]));
    assert_eq!(event.text, b"z");
}

#[test]
fn triage_looks_at_the_message_of_rfc5424_only() {
    let line = b"<187>1 2026-10-11T22:14:15Z h - - - [a b=\"%UC_A-1-B: x\"] %UC_X-3-Y: z";
    assert_eq!(triage(line).map(|found| found.facility), Some(&b"UC_X"[..]));
    assert_eq!(parse(line).event.map(|event| event.facility), Some(&b"UC_X"[..]));
}

#[test]
fn exceptions_belong_to_the_record_before() {
    let mut linker = ExceptionLinker::default();
    let stamp = "Apr 08 10:14:27.842 IST";
    let first = format!("101: {stamp} %MIVR-SS_TEL-4-Name:x");
    let other = format!("101: {stamp} %MIVR-SS_RM-4-Name:x");
    let exception = format!("102: {stamp} %MIVR-SS_TEL-7-EXCEPTION:x");
    assert_eq!(linker.note(&event(&first), 'a'), None);
    assert_eq!(linker.note(&event(&other), 'b'), None);
    assert_eq!(linker.note(&event(&exception), 'c'), Some('a'));
    let stray = format!("900: {stamp} %MIVR-SS_TEL-7-EXCEPTION:x");
    assert_eq!(linker.note(&event(&stray), 'd'), None);
}

#[test]
fn parts_of_a_long_message() {
    let part = |sequence: u32, part: &str, text: &str| {
        format!("{sequence}: h: Jun 13 2003 23:11:52.468 UTC: %BACC-3-X: %[part={part}]: {text}")
    };
    let mut reassembly = Reassembly::default();
    let mut add = |line: &str| {
        let event = event(line);
        let part = Part::of(&event).expect("a part");
        reassembly.add(&event, part)
    };
    assert_eq!(add(&part(16, "16.1/3", "one")), Reassembled::Waiting);
    assert_eq!(add(&part(18, "16.3/3", "three")), Reassembled::Waiting);
    assert_eq!(add(&part(18, "16.3/3", "three")), Reassembled::Refused);
    assert_eq!(add(&part(17, "16.2/3", "two")), Reassembled::Whole(b"one\ntwo\nthree".to_vec()));
    assert_eq!(add(&part(1, "1.1/9999", "x")), Reassembled::Refused);
    assert_eq!(Part::of(&event(&part(1, "1.4/3", "x"))), None);
    assert_eq!(Part::of(&event(&part(1, "1.0/3", "x"))), None);
}

#[test]
fn what_fuzzing_found() {
    // A relay's header behind the first triplet led to another triplet than triage had found.
    let line = b"jul 12 13:12:09 host: x%UC_A-1-B: Aug 22 2017 16:20:22.436 %UC_C-2-D: y";
    assert_eq!(triage(line).map(|found| found.facility), Some(&b"UC_A"[..]));
    assert!(parse(line).event.is_none_or(|event| event.facility == b"UC_A"));
}
