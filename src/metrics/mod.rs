//! Every series of `/metrics`, built from one registry; label sets closed or bounded. `grafana/METRICS.md` has a row for each, and
//! a test holds it against the real output.

mod alerts;
mod bounded;
mod clusters;
#[cfg(test)]
mod document;
mod facilities;
mod flags;
mod lag;
mod mnemonics;
mod quiet;
mod series;
mod sources;

use crate::{
    clock,
    config::{Config, Detail},
    store::FailureReason,
};
use arc_swap::ArcSwap;
use bounded::Names;
use ccxwatch_alerts::{alert::AlertView, view::ClusterView};
use ccxwatch_parsers::severity::Severity;
use clusters::Clusters;
use jiff::{SignedDuration, Timestamp};
use lag::Lags;
use prometheus::{Registry, TextEncoder};
use series::Series;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What a heartbeat passes, in this order. A closed list: each name is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatStage {
    /// It left its source.
    Source,
    /// It went through the queues and the loop.
    Engine,
    /// It is on disk.
    Store,
}

impl HeartbeatStage {
    /// All stages.
    pub const ALL: [Self; 3] = [Self::Source, Self::Engine, Self::Store];

    /// Its name as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Engine => "engine",
            Self::Store => "store",
        }
    }
}

/// All metrics of the process. Every method may be called from any thread.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    series: Series,
    clusters: Clusters,
    sources: Names,
    receivers: Names,
    detail: ArcSwap<Detail>,
    lags: Lags,
    /// On the clock of [`clock::elapsed`].
    oldest_message: Mutex<Option<SignedDuration>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All series, none of them with a value yet.
    pub fn new() -> Self {
        let registry = Registry::new();
        let series = Series::new(&registry);
        let clusters = Clusters::new();
        series::register(&registry, Box::new(clusters.clone()));
        Self {
            registry,
            series,
            clusters,
            sources: Names::new(256),
            receivers: Names::new(256),
            detail: ArcSwap::default(),
            lags: Lags::default(),
            oldest_message: Mutex::default(),
        }
    }

    /// What `/metrics` prints: the Prometheus text format.
    pub fn encode(&self) -> prometheus::Result<String> {
        let oldest = *self.oldest_message.lock().unwrap_or_else(PoisonError::into_inner);
        let age = oldest.map_or(0.0, |stored_at| (clock::elapsed() - stored_at).as_secs_f64());
        self.series.outbox_oldest_age.set(age);
        self.lags.show(clock::elapsed(), &self.series.tail_lag_bytes, &self.series.tail_lag_seconds);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// The clusters as the engine sees them now; the series of the clusters are read from these at each scrape.
    pub fn set_clusters(&self, clusters: &[ClusterView], now: Timestamp) {
        self.clusters.set(clusters, now, **self.detail.load());
    }

    /// Takes a configuration over: which clusters have series of their own, from the next [`Metrics::set_clusters`] on, and the
    /// receivers, whose series begin at 0: that makes the first failure an increase.
    pub fn configure(&self, config: &Config) {
        self.detail.store(Arc::new(config.metrics.detail));
        for receiver in &config.receiver {
            let label = self.receivers.label(receiver.name.get_ref());
            self.series.notification_attempts.with_label_values(&[&*label]);
            self.series.notifications_given_up.with_label_values(&[&*label]);
            for reason in FailureReason::ALL {
                self.series.notification_failures.with_label_values(&[&*label, reason.name()]);
            }
        }
    }

    /// A heartbeat passed a stage.
    pub fn heartbeat(&self, stage: HeartbeatStage, born: Timestamp) {
        self.series.heartbeat.with_label_values(&[stage.name()]).set(unix_seconds(born));
    }

    /// How often since the start an alert beyond the limits was raised. Never less than before, though clusters go.
    pub fn alerts_limited(&self, total: u64) {
        let counted = self.series.alerts_limited.get();
        self.series.alerts_limited.inc_by(total.saturating_sub(counted));
    }

    /// How often since the start an alarm told what was told already, likewise.
    pub fn copies_folded(&self, total: u64) {
        let counted = self.series.copies_folded.get();
        self.series.copies_folded.inc_by(total.saturating_sub(counted));
    }

    /// How many alerts since the start the history forgot because it was full.
    pub fn history_cut(&self, total: u64) {
        let counted = self.series.history_cut.get();
        self.series.history_cut.inc_by(total.saturating_sub(counted));
    }

    /// The alerts; those that are resolved do not count.
    pub fn alerts_firing(&self, alerts: &[AlertView]) {
        self.series.alerts.reset();
        for (labels, count) in alerts::counts(alerts) {
            self.series.alerts.with_label_values(&labels).set(count);
        }
    }

    /// How full a queue is.
    pub fn queue(&self, name: &'static str, depth: usize, limit: usize) {
        self.series.queue_depth.with_label_values(&[name]).set(signed(depth));
        self.series.queue_limit.with_label_values(&[name]).set(signed(limit));
    }

    /// A batch reached the engine.
    pub fn batch(&self, facts: usize) {
        self.series.batch_facts.observe(facts as f64);
    }

    /// The engine took a step.
    pub fn engine_step(&self, seconds: f64) {
        self.series.engine_step.observe(seconds);
    }

    /// A transaction is on disk.
    pub fn commit(&self, seconds: f64) {
        self.series.commit.observe(seconds);
    }

    /// Whether the store takes transactions.
    pub fn store_failing(&self, failing: bool) {
        self.series.store_failing.set(i64::from(failing));
    }

    /// A notification is about to be delivered.
    pub fn notification_attempt(&self, receiver: &str) {
        self.series.notification_attempts.with_label_values(&[&self.receivers.label(receiver)]).inc();
    }

    /// An attempt to deliver failed.
    pub fn notification_failure(&self, receiver: &str, reason: FailureReason) {
        let labels = [&*self.receivers.label(receiver), reason.name()];
        self.series.notification_failures.with_label_values(&labels).inc();
    }

    /// A message will not be tried again.
    pub fn notification_given_up(&self, receiver: &str) {
        self.series.notifications_given_up.with_label_values(&[&self.receivers.label(receiver)]).inc();
    }

    /// A receiver has taken a notification, so long after the engine took in what it tells.
    pub fn notification_latency(&self, seconds: f64) {
        self.series.notification_latency.observe(seconds);
    }

    /// What waits to be delivered, and for how long the oldest of it has waited.
    pub fn outbox(&self, messages: usize, oldest: Option<Duration>) {
        self.series.outbox_messages.set(signed(messages));
        let stored_at = oldest.and_then(|age| clock::elapsed().checked_sub(age.try_into().ok()?));
        *self.oldest_message.lock().unwrap_or_else(PoisonError::into_inner) = stored_at;
    }

    /// The configuration was read, with or without success.
    pub fn config_reload(&self, successful: bool) {
        self.series.reload_successful.set(i64::from(successful));
        if successful {
            self.series.reload_time.set(unix_seconds(clock::wall()));
        }
    }

    /// A request was answered.
    pub(crate) fn web_request(&self, status: u16) {
        self.series.web_requests.with_label_values(&[&status.to_string()]).inc();
    }

    /// The web listener refused a connection or a request.
    pub(crate) fn web_refused(&self, reason: &'static str) {
        self.series.web_refused.with_label_values(&[reason]).inc();
    }

    /// A connection of the web listener; it counts as open until it is dropped.
    pub(crate) fn web_connection(&self) -> OpenConnection {
        self.series.web_connections.inc();
        OpenConnection(self.series.web_connections.clone())
    }
}

/// Counts one open connection while it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(prometheus::IntGauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn severity_label(severity: Severity) -> &'static str {
    match severity {
        Severity::Emergency => "emergency",
        Severity::Alert => "alert",
        Severity::Critical => "critical",
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
        Severity::Informational => "informational",
        Severity::Debug => "debug",
    }
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unix_seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
