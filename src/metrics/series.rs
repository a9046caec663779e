//! Every series of `/metrics` that is counted as it happens: its name, its help and its labels, in one place. The series of the
//! clusters are read from their views at each scrape; those are listed in [`super::clusters`].

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector, process_collector::ProcessCollector,
};

/// The handles of all counted series.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) source_lines: IntCounterVec,
    pub(super) source_bytes: IntCounterVec,
    pub(super) source_blocks: IntCounterVec,
    pub(super) source_drops: IntCounterVec,
    pub(super) source_facts: IntCounterVec,
    pub(super) source_unrecognized: IntCounterVec,
    pub(super) source_connections: IntCounterVec,
    pub(super) source_open_connections: IntGaugeVec,
    pub(super) source_slowed: IntCounterVec,
    pub(super) source_files: IntGaugeVec,
    pub(super) source_last_line: GaugeVec,
    pub(super) tail_lag_bytes: IntGaugeVec,
    pub(super) tail_lag_seconds: GaugeVec,
    pub(super) heartbeat: GaugeVec,
    pub(super) source_receive_buffer: IntGaugeVec,
    pub(super) source_receive_buffer_asked: IntGaugeVec,
    pub(super) events: IntCounterVec,
    pub(super) parse_defects: IntCounterVec,
    pub(super) queue_depth: IntGaugeVec,
    pub(super) queue_limit: IntGaugeVec,
    pub(super) batch_facts: Histogram,
    pub(super) engine_step: Histogram,
    pub(super) commit: Histogram,
    pub(super) store_failing: IntGauge,
    pub(super) alerts: IntGaugeVec,
    pub(super) alerts_limited: IntCounter,
    pub(super) copies_folded: IntCounter,
    pub(super) history_cut: IntCounter,
    pub(super) notification_attempts: IntCounterVec,
    pub(super) notification_failures: IntCounterVec,
    pub(super) notifications_given_up: IntCounterVec,
    pub(super) notification_latency: Histogram,
    pub(super) outbox_messages: IntGauge,
    pub(super) outbox_oldest_age: Gauge,
    pub(super) reload_successful: IntGauge,
    pub(super) reload_time: Gauge,
    pub(super) web_requests: IntCounterVec,
    pub(super) web_refused: IntCounterVec,
    pub(super) web_connections: IntGauge,
}

impl Series {
    /// Makes and registers them all.
    pub(super) fn new(registry: &Registry) -> Self {
        let build = gauges(registry, "build_info", "Always 1; the label says which version runs.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        register(registry, Box::new(ProcessCollector::for_self()));
        Self {
            source_lines: counters(registry, "source_lines_total", "Lines read, wanted or not.", &["source"]),
            source_bytes: counters(registry, "source_bytes_total", "Bytes read.", &["source"]),
            source_blocks: counters(registry, "source_blocks_total", "Datagrams received, or reads made.", &["source"]),
            source_facts: counters(
                registry,
                "source_facts_total",
                "Lines that the engine wants, copies included.",
                &["source"],
            ),
            source_unrecognized: counters(
                registry,
                "source_unrecognized_lines_total",
                "Lines in which no facility, severity and mnemonic were found.",
                &["source"],
            ),
            source_drops: counters(
                registry,
                "source_drops_total",
                "What arrived and was not kept, or not whole, by reason.",
                &["source", "reason"],
            ),
            source_connections: counters(registry, "source_connections_total", "Connections accepted.", &["source"]),
            source_open_connections: gauges(registry, "source_connections", "Open connections.", &["source"]),
            source_slowed: counters(
                registry,
                "source_slowed_total",
                "Times that a TCP connection had to wait because its sender was over its budget.",
                &["source"],
            ),
            source_files: gauges(
                registry,
                "source_files",
                "Files of a tail: followed, those of them that hold a descriptor (open), and omitted because there are too many.",
                &["source", "state"],
            ),
            source_last_line: add(
                registry,
                GaugeVec::new(
                    options("source_last_line_timestamp_seconds", "When the source last brought a line, as Unix time."),
                    &["source"],
                ),
            ),
            tail_lag_bytes: gauges(
                registry,
                "tail_lag_bytes",
                "Bytes that the last look found in the files of a tail and that are not read yet.",
                &["source"],
            ),
            tail_lag_seconds: add(
                registry,
                GaugeVec::new(
                    options(
                        "tail_lag_seconds",
                        "For how long a tail has not been at the end of its files; 0 while it is.",
                    ),
                    &["source"],
                ),
            ),
            heartbeat: add(
                registry,
                GaugeVec::new(
                    options(
                        "heartbeat_timestamp_seconds",
                        "Birth time of the last heartbeat that passed a stage of the pipeline, as Unix time.",
                    ),
                    &["stage"],
                ),
            ),
            source_receive_buffer: gauges(
                registry,
                "source_receive_buffer_bytes",
                "The receive buffer that the kernel granted.",
                &["source"],
            ),
            source_receive_buffer_asked: gauges(
                registry,
                "source_receive_buffer_asked_bytes",
                "The receive buffer that was asked for.",
                &["source"],
            ),
            events: counters(
                registry,
                "events_total",
                "Events by facility, severity and mnemonic; what is outside the closed lists counts as other.",
                &["facility", "severity", "mnemonic"],
            ),
            parse_defects: counters(registry, "parse_defects_total", "Oddities of lines, by kind.", &["defect"]),
            queue_depth: gauges(registry, "queue_depth", "Items that wait in a queue.", &["queue"]),
            queue_limit: gauges(registry, "queue_limit", "Items that a queue takes at most.", &["queue"]),
            batch_facts: histogram(
                registry,
                "batch_facts",
                "Facts per batch that reached the engine.",
                &[0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0],
            ),
            engine_step: histogram(
                registry,
                "engine_step_seconds",
                "Time that the engine took for one step.",
                &[1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 1e-1],
            ),
            commit: histogram(
                registry,
                "store_commit_seconds",
                "Time from handing a transaction to the store until it is on disk.",
                &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0],
            ),
            store_failing: gauge(registry, "store_failing", "1 while the store takes no transactions."),
            alerts: gauges(
                registry,
                "alerts",
                "Alerts that are not resolved, by name, severity and state.",
                &["name", "severity", "state"],
            ),
            alerts_limited: counter(
                registry,
                "alerts_limited_total",
                "Raises of alerts beyond a limit, for which another alert stands.",
            ),
            copies_folded: counter(
                registry,
                "copies_folded_total",
                "Alarms that told what the alarm itself, its copy or an alert of RTMT had told already.",
            ),
            history_cut: counter(
                registry,
                "history_cut_total",
                "Alerts that the history forgot before their time because it was full.",
            ),
            notification_attempts: counters(
                registry,
                "notification_attempts_total",
                "Attempts to deliver a notification.",
                &["receiver"],
            ),
            notification_failures: counters(
                registry,
                "notification_failures_total",
                "Attempts that failed, by reason.",
                &["receiver", "reason"],
            ),
            notifications_given_up: counters(
                registry,
                "notifications_given_up_total",
                "Messages that will not be tried again; they are in the dead-letter list.",
                &["receiver"],
            ),
            notification_latency: histogram(
                registry,
                "notification_latency_seconds",
                "Time from the engine's decision to tell until a receiver had taken the notification.",
                &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0],
            ),
            outbox_messages: gauge(registry, "outbox_messages", "Messages that are not delivered yet."),
            outbox_oldest_age: add(
                registry,
                Gauge::with_opts(options(
                    "outbox_oldest_age_seconds",
                    "For how long the oldest message in the outbox has waited; 0 when it is empty.",
                )),
            ),
            reload_successful: gauge(
                registry,
                "config_last_reload_successful",
                "1 if the last reading of the configuration succeeded.",
            ),
            reload_time: add(
                registry,
                Gauge::with_opts(options(
                    "config_last_reload_success_timestamp_seconds",
                    "When the configuration was last read with success, as Unix time.",
                )),
            ),
            web_requests: counters(registry, "web_requests_total", "Requests answered, by status.", &["code"]),
            web_refused: counters(
                registry,
                "web_refused_total",
                "Connections and requests that the web listener refused, by reason.",
                &["reason"],
            ),
            web_connections: gauge(registry, "web_connections", "Open connections of the web listener."),
        }
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("ccxwatch")
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    add(registry, IntCounterVec::new(options(name, help), labels))
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    add(registry, IntCounter::with_opts(options(name, help)))
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    add(registry, IntGaugeVec::new(options(name, help), labels))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    add(registry, IntGauge::with_opts(options(name, help)))
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let options = HistogramOpts { common_opts: options(name, help), buckets: buckets.to_vec() };
    add(registry, Histogram::with_opts(options))
}

fn add<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    let collector = made.expect("the names of series are constants");
    register(registry, Box::new(collector.clone()));
    collector
}

/// Registers one collector. That fails only where two series share a name, which no input can cause.
pub(super) fn register(registry: &Registry, collector: Box<dyn Collector>) {
    registry.register(collector).expect("the names of series are constants and distinct");
}
