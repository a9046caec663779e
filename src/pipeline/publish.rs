//! What the console, the page and the metrics show of the engine.

use super::{commit::Commits, queues::Queues};
use crate::{clock, metrics::Metrics, store::Message, terminal, web::Snapshot};
use arc_swap::ArcSwap;
use ccxwatch_alerts::{engine::Engine, notification::Notification};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, tz::TimeZone};
use std::{collections::BTreeMap, io::Write, sync::Arc, time::Duration};

/// A change that nobody is told of and nobody asked for shows within this time.
const PUBLISH_EVERY: SignedDuration = SignedDuration::from_millis(500);
/// Notifications on the page.
const RECENT: u32 = 50;

/// When a change is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// Within [`PUBLISH_EVERY`].
    Soon,
    /// As soon as the messages that tell of it are on their way, for a snapshot of thousands of clusters takes milliseconds; and
    /// within [`PUBLISH_EVERY`] where there are always some that are not.
    BehindItsMessages,
    /// Before who asked for it is answered.
    AtOnce,
}

/// Publishes a snapshot when something changed.
pub(super) struct Publisher {
    snapshot: Arc<ArcSwap<Snapshot>>,
    metrics: Arc<Metrics>,
    changed: bool,
    due: SignedDuration,
    /// Somebody who waits for an answer has changed something.
    at_once: bool,
    last: SignedDuration,
}

impl Publisher {
    pub(super) fn new(snapshot: Arc<ArcSwap<Snapshot>>, metrics: Arc<Metrics>) -> Self {
        Self { snapshot, metrics, changed: true, due: SignedDuration::ZERO, at_once: true, last: SignedDuration::ZERO }
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

    /// Notes that something has changed.
    pub(super) fn changed(&mut self, shows: Shows) {
        let due = if shows == Shows::Soon { self.last + PUBLISH_EVERY } else { clock::elapsed() };
        self.due = if self.changed { self.due.min(due) } else { due };
        self.at_once |= shows == Shows::AtOnce;
        self.changed = true;
    }

    /// Takes over what a configuration says of the page.
    pub(super) fn reconfigure(&mut self, listening: Vec<String>, time_zones: BTreeMap<String, TimeZone>) {
        let before = self.snapshot.load();
        let time_zones = Arc::new(time_zones);
        self.snapshot.store(Arc::new(Snapshot { time_zones, listening, ..Snapshot::clone(&before) }));
        self.changed(Shows::AtOnce);
    }

    /// Waits until a snapshot is due; for ever when nothing changed.
    pub(super) async fn due(&self, messages_wait: bool) {
        if !self.changed {
            std::future::pending::<()>().await;
        }
        let due = if messages_wait { self.due + PUBLISH_EVERY } else { self.due };
        let wait = Duration::try_from(due - clock::elapsed()).unwrap_or(Duration::ZERO);
        tokio::time::sleep(wait).await;
        // A message that has just been handed over gets the processor first.
        tokio::task::yield_now().await;
    }

    pub(super) fn publish_at_once(&mut self, engine: &Engine, commits: &mut Commits) {
        if self.at_once {
            self.publish(engine, commits);
        }
    }

    pub(super) fn publish(&mut self, engine: &Engine, commits: &mut Commits) {
        let now = clock::now();
        self.changed = false;
        self.at_once = false;
        self.last = now.elapsed;
        let clusters = engine.clusters();
        let alerts = engine.alerts();
        self.metrics.set_clusters(&clusters, now.wall);
        self.metrics.alerts_firing(&alerts);
        self.metrics.alerts_limited(engine.alerts_limited());
        self.metrics.copies_folded(engine.copies_folded());
        self.metrics.history_cut(commits.history_cut());
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
