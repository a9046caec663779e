//! What the console, the page and the metrics show of the engine.

use super::{commit::Commits, queues::Queues};
use crate::{clock, metrics::Metrics, store::Message, terminal, web::Snapshot};
use arc_swap::ArcSwap;
use ccxwatch_alerts::{engine::Engine, notification::Notification};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, tz::TimeZone};
use std::{collections::BTreeMap, io::Write, sync::Arc, time::Duration};

/// A change that told somebody shows at once, any other within this time.
const PUBLISH_EVERY: SignedDuration = SignedDuration::from_millis(500);
/// Notifications on the page.
const RECENT: u32 = 50;

/// Publishes a snapshot when something changed.
pub(super) struct Publisher {
    snapshot: Arc<ArcSwap<Snapshot>>,
    metrics: Arc<Metrics>,
    changed: bool,
    due: SignedDuration,
    last: SignedDuration,
}

impl Publisher {
    pub(super) fn new(snapshot: Arc<ArcSwap<Snapshot>>, metrics: Arc<Metrics>) -> Self {
        Self { snapshot, metrics, changed: true, due: SignedDuration::ZERO, last: SignedDuration::ZERO }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Says in the metrics how full the sources' queues are.
    pub(super) fn measure_queues(&self, queues: &Queues) {
        for (kind, (depth, limit)) in queues.depths() {
            self.metrics.queue(kind, depth, limit);
        }
    }

    /// Notes that the engine has taken a step; `told` where somebody is told of it.
    pub(super) fn changed(&mut self, told: bool) {
        let due = if told { clock::elapsed() } else { self.last + PUBLISH_EVERY };
        self.due = if self.changed { self.due.min(due) } else { due };
        self.changed = true;
    }

    /// Takes over what a configuration says of the page.
    pub(super) fn reconfigure(&mut self, listening: Vec<String>, time_zones: BTreeMap<String, TimeZone>) {
        let before = self.snapshot.load();
        let time_zones = Arc::new(time_zones);
        self.snapshot.store(Arc::new(Snapshot { time_zones, listening, ..Snapshot::clone(&before) }));
        self.changed(true);
    }

    /// Waits until a snapshot is due; for ever when nothing changed.
    pub(super) async fn due(&self) {
        if !self.changed {
            std::future::pending::<()>().await;
        }
        let wait = Duration::try_from(self.due - clock::elapsed()).unwrap_or(Duration::ZERO);
        tokio::time::sleep(wait).await;
    }

    pub(super) fn publish_if_due(&mut self, engine: &Engine, commits: &mut Commits) {
        let now = clock::now();
        if !self.changed || now.elapsed < self.due {
            return;
        }
        self.changed = false;
        self.last = now.elapsed;
        let clusters = engine.clusters();
        let alerts = engine.alerts();
        self.metrics.set_clusters(&clusters, now.wall);
        self.metrics.alerts_firing(&alerts);
        self.metrics.alerts_limited(engine.alerts_limited());
        commits.measure_outbox();
        let before = self.snapshot.load();
        let past = commits.changed_history(RECENT);
        let (notifications, ended) = past.unwrap_or_else(|| (before.notifications.clone(), before.ended.clone()));
        self.snapshot.store(Arc::new(Snapshot {
            at: now.wall,
            clusters,
            alerts,
            ended,
            mutes: engine.mutes(),
            history: before.history.clone(),
            senders: engine.unmapped_senders(),
            time_zones: Arc::clone(&before.time_zones),
            notifications,
            receivers: commits.receivers(),
            store_failing: commits.failing(),
            listening: before.listening.clone(),
        }));
    }
}

/// Prints a notification on the console.
pub(super) fn print(message: &Message, colors: bool) {
    let line = console_line(&message.notification, colors);
    // A console that is gone is no reason to stop.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn console_line(notification: &Notification, colors: bool) -> String {
    let severity = notification.severity;
    let (on, off) = match severity {
        _ if !colors => ("", ""),
        Severity::Emergency | Severity::Alert | Severity::Critical => ("\x1b[1;31m", "\x1b[0m"),
        Severity::Error | Severity::Warning => ("\x1b[33m", "\x1b[0m"),
        _ => ("\x1b[32m", "\x1b[0m"),
    };
    format!(
        "{:.0} {on}{:<9}{off} {} ({})",
        notification.at,
        severity.name(),
        terminal::inert(&notification.summary),
        notification.reason.name()
    )
}
