//! Holds `grafana/METRICS.md` against what `/metrics` prints.

use super::{HeartbeatStage, Metrics, facilities, severity_label};
use crate::{
    config::{self, Config, Detail},
    sources::{DropReason, Files, Lag, Observed, Observer, SourceName},
    store::FailureReason,
};
use ccxwatch_alerts::{
    alert::{AlertStatus, AlertView},
    fact::Channel,
    license::stage::Stage,
    notification::EvidenceSummary,
    view::{ClusterView, FeedView, NodeView, UsageView},
};
use ccxwatch_parsers::{defect::Defect, severity::Severity};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const DOCUMENT: &str = include_str!("../../grafana/METRICS.md");
/// Families of the crate's process collector: documented together.
const PROCESS: &str = "process_";

pub(super) fn cluster(name: &str) -> ClusterView {
    let at = Some(Timestamp::UNIX_EPOCH);
    ClusterView {
        name: name.to_owned(),
        stage: "countdown",
        since: at,
        deadline: at,
        enforcement_at: at,
        days_left: Some(3),
        usage: Some(UsageView {
            at,
            used: Some(110),
            purchased: Some(100),
            locked: Some(130),
            deficit: Some(30),
            state: "out_of_compliance",
        }),
        registration: "registered",
        registration_since: at,
        authorization: "expired",
        authorization_since: at,
        restriction_at: at,
        island_mode: true,
        evidence: 4,
        flags: vec!["clock_skew".to_owned()],
        last_heard: at,
        acknowledged_by: None,
        release: "15.0".to_owned(),
        mapped: true,
        nodes: ["publisher", "subscriber"]
            .map(|role| NodeView {
                id: format!("{name}-{role}"),
                addresses: Vec::new(),
                role: role.to_owned(),
                last_heard: at,
                engine: "in_service",
                cluster_view_daemon: "out_of_service",
                feeds: vec![FeedView {
                    name: "udp 10.20.0.5".to_owned(),
                    last_heard: Timestamp::UNIX_EPOCH,
                    silent: true,
                }],
            })
            .to_vec(),
    }
}

fn udp(name: &str) -> SourceName {
    SourceName::new(Channel::Udp, name)
}

/// A block with one event.
fn observed(facility: &str) -> Observed {
    let mut observed = Observed::default();
    (observed.lines, observed.bytes, observed.blocks, observed.facts) = (3, 300, 2, 1);
    (observed.opened, observed.closed) = (2, 1);
    observed.events.count(facility.as_bytes(), b"SYSTEM_IN_OOC_STATE", Severity::Alert);
    observed.files = Some(Files { followed: 3, open: 2, omitted: 0 });
    observed.lag = Some(Lag { bytes: 7, behind_since: Some(crate::clock::elapsed()) });
    observed.defective(Defect::InvalidUtf8);
    observed.dropped(DropReason::KernelBuffer, 4);
    observed
}

/// A firing alert.
pub(super) fn alert(name: &str) -> AlertView {
    AlertView {
        labels: BTreeMap::from([("alertname".to_owned(), name.to_owned())]),
        annotations: BTreeMap::new(),
        status: AlertStatus::Firing,
        severity: Severity::Emergency,
        starts_at: Timestamp::UNIX_EPOCH,
        ends_at: None,
        fingerprint: String::new(),
        episode: "berlin/1".to_owned(),
        acknowledged: None,
        suppressed: None,
        evidence: EvidenceSummary::default(),
        end: None,
        flags: Vec::new(),
        deadline: None,
    }
}

/// Metrics of which each family has a series.
fn populated() -> Metrics {
    let metrics = Metrics::new();
    metrics.set_clusters(&[cluster("berlin")], Timestamp::UNIX_EPOCH);
    metrics.alerts_firing(&[alert("SmartLicenseOutOfCompliance")]);
    metrics.observe(&udp("127.0.0.1:5514"), &observed("UC_LIB_LICENSE"));
    metrics.receive_buffer(&udp("127.0.0.1:5514"), 212_992, 16 << 20);
    metrics.queue("udp:127.0.0.1:5514", 1, 16);
    metrics.batch(1);
    metrics.engine_step(0.000_01);
    metrics.commit(0.004);
    metrics.store_failing(false);
    metrics.notification_attempt("uc-team");
    metrics.notification_failure("uc-team", FailureReason::Timeout);
    metrics.notification_given_up("uc-team");
    metrics.notification_latency(0.02);
    metrics.outbox(1, Some(Duration::from_mins(1)));
    metrics.config_reload(true);
    for stage in HeartbeatStage::ALL {
        metrics.heartbeat(stage, Timestamp::UNIX_EPOCH);
    }
    metrics.web_request(200);
    metrics.web_refused("host");
    drop(metrics.web_connection());
    metrics
}

#[derive(Debug, Default, PartialEq)]
struct Described {
    kind: String,
    labels: BTreeSet<String>,
}

/// The families of a text, with their types and labels.
fn families(text: &str) -> BTreeMap<String, Described> {
    let mut families = BTreeMap::<String, Described>::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            current = name.to_owned();
            families.insert(current.clone(), Described { kind: kind.to_owned(), ..Described::default() });
        } else if !line.starts_with('#') {
            let labels = line.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
            let names = labels.split(',').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name.to_owned());
            families.get_mut(&current).unwrap().labels.extend(names.filter(|name| name != "le"));
        }
    }
    families
}

/// The rows of the document: name, type, unit, labels, bound, why.
fn rows() -> Vec<[&'static str; 6]> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        cells.try_into().unwrap_or_else(|cells: Vec<_>| panic!("not six cells: {cells:?}"))
    })
    .collect()
}

#[test]
fn each_family_has_a_row_that_is_true() {
    let mut printed = families(&populated().encode().unwrap());
    assert!(printed.keys().any(|name| name.starts_with(PROCESS)));
    printed.retain(|name, _| !name.starts_with(PROCESS));
    let documented: BTreeMap<_, _> = rows()
        .into_iter()
        .map(|[name, kind, _, labels, _, _]| {
            let labels =
                labels.split(", ").filter(|label| *label != "–").map(|label| label.trim_matches('`').to_owned());
            (name.trim_matches('`').to_owned(), Described { kind: kind.to_owned(), labels: labels.collect() })
        })
        .collect();
    assert_eq!(documented, printed);
}

#[test]
fn units_and_bounds_are_said() {
    for [name, kind, unit, labels, bound, why] in rows() {
        let bare = name.trim_matches('`');
        match unit {
            "Unix time" => assert!(bare.ends_with("_timestamp_seconds"), "{name}"),
            "seconds" => assert!(bare.ends_with("_seconds"), "{name}"),
            "bytes" => assert!(bare.ends_with("_bytes_total") || bare.ends_with("_bytes"), "{name}"),
            _ => assert!(!bare.ends_with("_seconds"), "{name}: {unit}"),
        }
        assert_eq!(bare.ends_with("_total"), kind == "counter", "{name}");
        assert_eq!(bound == "1", labels == "–", "{name}");
        assert!(why.len() > 10, "{name}");
    }
}

#[test]
fn hostile_input_stays_within_the_bounds() {
    let metrics = Metrics::new();
    for number in 0..5_000 {
        metrics.observe(&udp(&format!("{number}")), &observed(&format!("UC_EVIL_{number}\"}}")));
        metrics.notification_failure(&format!("receiver {number}"), FailureReason::Connect);
    }
    let unmapped =
        |number| ClusterView { mapped: false, nodes: Vec::new(), ..cluster(&format!("unmapped:{number}\n\"")) };
    let clusters: Vec<_> = (0..1_000).map(unmapped).collect();
    metrics.set_clusters(&clusters, Timestamp::UNIX_EPOCH);
    let text = metrics.encode().unwrap();
    let of = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(of("ccxwatch_events_total{"), 1);
    assert_eq!(of("ccxwatch_source_lines_total{"), 257);
    assert_eq!(of("ccxwatch_notification_failures_total{"), 257);
    assert_eq!(of("ccxwatch_cluster_info{"), 64);
    assert!(text.contains("ccxwatch_clusters_omitted 936\n"));
    assert!(text.contains(&format!("facility=\"{0}\",mnemonic=\"{0}\",severity=\"alert\"}} 5000", facilities::OTHER)));
    for line in text.lines() {
        assert!(line.starts_with('#') || line.starts_with("ccxwatch_") || line.starts_with(PROCESS), "{line}");
    }
}

#[test]
fn what_a_source_counts_adds_up() {
    let metrics = Metrics::new();
    for _ in 0..2 {
        metrics.observe(&udp("127.0.0.1:5514"), &observed("LIB_LICENSE"));
    }
    let text = metrics.encode().unwrap();
    for line in [
        "source_lines_total{source=\"udp:127.0.0.1:5514\"} 6",
        "source_connections{source=\"udp:127.0.0.1:5514\"} 2",
        "source_drops_total{reason=\"kernel_buffer\",source=\"udp:127.0.0.1:5514\"} 8",
        "source_drops_total{reason=\"queue_full\",source=\"udp:127.0.0.1:5514\"} 0",
        "events_total{facility=\"LIB_LICENSE\",mnemonic=\"SYSTEM_IN_OOC_STATE\",severity=\"alert\"} 2",
        "tail_lag_bytes{source=\"udp:127.0.0.1:5514\"} 7",
        "parse_defects_total{defect=\"invalid_utf8\"} 2",
    ] {
        assert!(text.contains(&format!("ccxwatch_{line}\n")), "{line}\n{text}");
    }
}

#[test]
fn a_cluster_is_in_one_stage_and_leaves_nothing_behind() {
    let metrics = Metrics::new();
    metrics.set_clusters(&[cluster("berlin")], Timestamp::UNIX_EPOCH);
    let text = metrics.encode().unwrap();
    for stage in Stage::ALL.map(Stage::name) {
        let value = i32::from(stage == "countdown");
        assert!(text.contains(&format!("ccxwatch_license_stage{{cluster=\"berlin\",stage=\"{stage}\"}} {value}\n")));
    }
    assert!(
        text.contains(
            "ccxwatch_node_engine_state{cluster=\"berlin\",node=\"berlin-publisher\",state=\"in_service\"} 1\n"
        )
    );
    metrics.set_clusters(&[], Timestamp::UNIX_EPOCH);
    assert!(!metrics.encode().unwrap().contains("berlin"));
}

#[test]
fn a_quiet_cluster_can_be_left_out() {
    let metrics = Metrics::new();
    let quiet = ClusterView {
        stage: "compliant",
        authorization: "unknown",
        enforcement_at: None,
        restriction_at: None,
        island_mode: false,
        usage: None,
        flags: Vec::new(),
        nodes: Vec::new(),
        ..cluster("quiet")
    };
    let clusters = [quiet, cluster("berlin")];
    let lines = |of: &str| {
        let text = metrics.encode().unwrap();
        text.lines().filter(|line| line.contains(&format!("cluster=\"{of}\""))).count()
    };
    metrics.set_clusters(&clusters, Timestamp::UNIX_EPOCH);
    let (quiet, loud) = (lines("quiet"), lines("berlin"));
    assert!(quiet > 10 && loud > quiet);
    let metrics_of = config::Metrics { detail: Detail::NotQuiet };
    metrics.configure(&Config { metrics: metrics_of, ..Config::default() });
    metrics.set_clusters(&clusters, Timestamp::UNIX_EPOCH);
    assert_eq!((lines("quiet"), lines("berlin")), (2, loud));
    let text = metrics.encode().unwrap();
    assert!(text.contains("ccxwatch_clusters_quiet 1\n"));
    assert!(text.contains("ccxwatch_clusters{stage=\"compliant\"} 1\n"));
}

#[test]
fn the_oldest_message_ages_between_two_reports() {
    let metrics = Metrics::new();
    let age = || -> f64 {
        let text = metrics.encode().unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("ccxwatch_outbox_oldest_age_seconds "));
        line.unwrap().parse().unwrap()
    };
    assert!(age().abs() < f64::EPSILON);
    metrics.outbox(1, Some(Duration::from_mins(1)));
    let first = age();
    assert!(first >= 60.0 && age() > first);
    metrics.outbox(0, None);
    assert!(age().abs() < f64::EPSILON);
}

#[test]
fn severities_are_labels_in_lower_case() {
    for severity in Severity::ALL {
        assert_eq!(severity_label(severity), severity.name().to_lowercase());
    }
}
