//! A fleet's metrics: how many series, what a scrape costs, what hostile host names do, and whether a scrape moves the loop.

use super::{percentile, processor_time, resident};
use crate::harness::{
    ccxwatch::{Ccxwatch, Site},
    wait::{now, poll_until},
};
use jiff::{Timestamp, tz::TimeZone};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

const CLUSTERS: usize = 10_000;
/// Hostile host names a second, and for how many seconds.
const NAMES_PER_SECOND: usize = 100;
/// Clusters outside the configuration that have series at one time.
const UNMAPPED: usize = 64;
/// At most so much processor time per series of a scrape.
const PER_SERIES: Duration = Duration::from_nanos(2_500);
const SCRAPES: u32 = 4;

fn full() -> bool {
    std::env::var_os("CCXWATCH_TEST_FULL").is_some()
}

fn node(cluster: usize, node: usize) -> String {
    format!("ccx-{cluster}-{node}")
}

fn config() -> String {
    let mut text = "# own files\n".to_owned();
    for cluster in 0..CLUSTERS {
        let _ = write!(text, "[[cluster]]\nname = \"site-{cluster}\"\npurchased = 100\n");
        for number in 0..2 {
            let _ = write!(text, "[[cluster.node]]\nid = \"{}\"\n", node(cluster, number));
        }
    }
    text
}

fn stamp() -> String {
    wall().to_zoned_datetime(TimeZone::UTC).strftime("%b %d %Y %H:%M:%S.%3f UTC").to_string()
}

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn wall() -> Timestamp {
    Timestamp::now()
}

fn line(host: &str, event: &str) -> String {
    format!("<190>1: {host}: {} : %{event}[NodeID={host}]: x\n", stamp())
}

/// Series of a name, or all of them.
fn series(metrics: &str, name: &str) -> usize {
    metrics.lines().filter(|line| !line.starts_with('#') && line.starts_with(name)).count()
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn a_fleet_is_scraped_at_a_price_that_is_bounded() {
    let site = Site::new("");
    site.configure(&config());
    let text = fs::read_to_string(site.config()).expect("it was written");
    fs::write(site.config(), text.replacen("[sources]\n", "[sources]\nrelays = [\"127.0.0.1\"]\n", 1))
        .expect("it can be");
    let running = site.start();
    let mut stream = TcpStream::connect(running.tcp()).expect("it listens");
    for cluster in 0..CLUSTERS {
        for number in 0..2 {
            let started =
                line(&node(cluster, number), "UC_GENERIC-6-ServiceStarted: %[ServiceName=Cisco Unified CCX Engine]");
            stream.write_all(started.as_bytes()).expect("it reads");
        }
    }
    let metrics = poll_until("every engine to be in service", || {
        let metrics = running.page("/metrics");
        let known = series(&metrics, "ccxwatch_node_engine_state{");
        (known == CLUSTERS * 2 * 5).then_some(metrics)
    });
    let fleet = series(&metrics, "");
    // What METRICS.md says of the bounds: 13 series a cluster and 8 a node here, and a few hundred of the process.
    let of_clusters = metrics.lines().filter(|line| line.contains("cluster=\"site-")).count();
    assert!(of_clusters <= CLUSTERS * (13 + 2 * 8), "{of_clusters}");
    assert!(fleet - of_clusters < 500, "{fleet} {of_clusters}");

    let before = processor_time(&running);
    for _ in 0..SCRAPES {
        running.page("/metrics");
    }
    let took = processor_time(&running).saturating_sub(before) / SCRAPES;
    let each = took / u32::try_from(fleet).expect("few enough");
    println!("{fleet} series; a scrape: {took:?} of processor time, {each:?} a series, {} bytes", metrics.len());
    println!("resident after {SCRAPES} scrapes: {} kB", resident(&running));
    assert!(each <= PER_SERIES, "{each:?} a series");

    let seconds = if full() { 60 } else { 3 };
    let start = now();
    for second in 0..seconds {
        for number in 0..NAMES_PER_SECOND {
            let name = format!("evil-{second}-{number}");
            let event = format!("UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: %[NodeID={name}\"}}<b>]");
            let evil = line(&name, &event);
            stream.write_all(evil.as_bytes()).expect("it reads");
        }
        std::thread::park_timeout(Duration::from_secs(second as u64 + 1).saturating_sub(start.elapsed()));
    }
    // So many clusters outside the configuration have series.
    let metrics = poll_until("the hostile clusters to show", || {
        let metrics = running.page("/metrics");
        (series(&metrics, "ccxwatch_cluster_info{") >= CLUSTERS + UNMAPPED).then_some(metrics)
    });
    let after = series(&metrics, "");
    println!(
        "{} hostile names: {} more series; resident: {} kB",
        seconds * NAMES_PER_SECOND,
        after - fleet,
        resident(&running)
    );
    // As METRICS.md bounds it.
    assert_eq!(series(&metrics, "ccxwatch_cluster_info{"), CLUSTERS + UNMAPPED);
    assert!(after - fleet <= UNMAPPED * (47 + 4 * 11) + 100, "{}", after - fleet);
    assert!(running.terminate().status.success());
}

/// What a histogram has counted, by upper bound.
fn buckets(running: &Ccxwatch, name: &str) -> BTreeMap<String, f64> {
    let metrics = running.page("/metrics");
    let prefix = format!("ccxwatch_{name}_bucket{{le=\"");
    let counts = metrics.lines().filter_map(|line| {
        let (bound, count) = line.strip_prefix(&prefix)?.split_once("\"} ")?;
        Some((bound.to_owned(), count.parse().expect("a number")))
    });
    counts.collect()
}

/// The bucket in which the 99th percentile of what was counted in between lies.
fn p99(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> f64 {
    let bound = |bound: &String| bound.parse::<f64>().unwrap_or(f64::INFINITY);
    let mut counted: Vec<_> = after.iter().map(|(le, count)| (bound(le), count - before[le])).collect();
    counted.sort_by(|left, right| left.0.total_cmp(&right.0));
    let all = counted.last().expect("the bucket of all").1;
    assert!(all > 200.0, "only {all} steps");
    counted.iter().find(|(_, count)| *count >= all * 0.99).expect("the bucket of all").0
}

/// The steps of the engine, and how long a line takes from the socket to the page, beside a storm: with and without scrapes.
#[test]
#[cfg_attr(debug_assertions, ignore = "measured on the release build")]
fn a_scrape_beside_a_storm_does_not_move_the_loop() {
    let site = Site::new("");
    site.configure(&config());
    let running = site.start();
    let storm = |scraping: bool| {
        let stop = AtomicBool::new(false);
        let before = buckets(&running, "engine_step_seconds");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(running.tcp()).expect("it listens");
                let wanted = line(&node(7, 0), "UC_GENERIC-6-ServiceStarted: %[ServiceName=Cisco Unified CCX Engine]");
                let noise = "<191>1: x: %UC_CALLMANAGER-7-Noise: nothing that anybody wants to know\n".repeat(20);
                while !stop.load(Ordering::Relaxed) {
                    stream.write_all(format!("{noise}{wanted}").as_bytes()).expect("it reads");
                    std::thread::park_timeout(Duration::from_micros(500));
                }
            });
            let start = now();
            let mut scrapes = Vec::new();
            let long = Duration::from_secs(if full() { 20 } else { 4 });
            while start.elapsed() < long {
                if scraping {
                    let began = now();
                    running.page("/metrics");
                    scrapes.push(began.elapsed());
                } else {
                    std::thread::park_timeout(Duration::from_millis(50));
                }
            }
            stop.store(true, Ordering::Relaxed);
            if scraping {
                println!("{} scrapes beside the storm, median {:?}", scrapes.len(), percentile(scrapes, 50));
            }
        });
        p99(&before, &buckets(&running, "engine_step_seconds"))
    };
    let (alone, scraped) = (storm(false), storm(true));
    println!("99 % of the engine's steps: within {alone} s without a scrape, within {scraped} s beside scrapes");
    // The buckets are a factor of 2 or 5 apart: one bucket is noise on two processors, two are not.
    assert!(scraped <= alone * 5.0 + f64::EPSILON, "{alone} {scraped}");
}
