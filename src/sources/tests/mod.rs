//! Real sockets and real files; nothing sleeps, everything waits for what it expects.

mod alert_log;
mod model;
mod stdin;
mod tail;
mod tcp;
mod udp;

use super::{Access, Batch, DropReason, Files, Lag, Limits, Observed, Observer, SourceContext, SourceName};
use arc_swap::ArcSwap;
use ccxwatch_alerts::{fact::Fact, interest::Interest, settings::Settings};
use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// Adds up what is observed.
#[derive(Default)]
struct Sums {
    sums: Mutex<Sum>,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    lines: u64,
    bytes: u64,
    opened: u64,
    closed: u64,
    files: Option<Files>,
    drops: Vec<(DropReason, u64)>,
    events: Vec<(String, u64)>,
    /// As each call said it.
    lags: Vec<Lag>,
}

impl Observer for Sums {
    fn observe(&self, _source: &SourceName, observed: &Observed) {
        let mut sum = self.sums.lock().unwrap();
        sum.lines += observed.lines;
        sum.bytes += observed.bytes;
        sum.opened += observed.opened;
        sum.closed += observed.closed;
        sum.files = observed.files.or(sum.files);
        sum.lags.extend(observed.lag);
        for reason in DropReason::ALL {
            if observed.drops(reason) > 0 {
                sum.drops.push((reason, observed.drops(reason)));
            }
        }
        for ((facility, _), severity, count) in observed.events.iter() {
            sum.events.push((format!("{facility} {}", severity.name()), count));
        }
    }
}

impl Sums {
    fn get(&self) -> Sum {
        self.sums.lock().unwrap().clone()
    }

    fn drops(&self, reason: DropReason) -> u64 {
        self.get().drops.iter().filter(|(known, _)| *known == reason).map(|(_, count)| count).sum()
    }

    /// Waits until a count is reached that no batch announces.
    async fn until(&self, reached: impl Fn(&Sum) -> bool) {
        timeout(PATIENCE, async {
            while !reached(&self.get()) {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the count is reached");
    }
}

fn context(limits: Limits) -> (SourceContext, Arc<Sums>) {
    let sums = Arc::new(Sums::default());
    let context = SourceContext {
        interest: Arc::new(ArcSwap::from_pointee(Interest::from(&Settings::default()))),
        access: Arc::new(ArcSwap::from_pointee(Access::default())),
        observer: Arc::clone(&sums) as Arc<dyn Observer>,
        limits,
        files: crate::sources::file::Shared::default(),
        shutdown: CancellationToken::new(),
    };
    (context, sums)
}

/// A wanted line, told apart by its sequence number.
fn wanted(sequence: u64) -> String {
    format!(
        "<185>{sequence}: ucx1: Nov 24 2026 10:45:00.000 UTC : %UC_LIB_LICENSE-1-SYSTEM_IN_OOC_STATE: \
         %[AppID=Cisco Unified CCX][NodeID=ucx1]: Out of compliance"
    )
}

/// A line that the engine wants and that is not about the license.
fn other(sequence: u64) -> String {
    format!(
        "<187>{sequence}: ucx1: Nov 24 2026 10:45:00.000 UTC : %MIVR-SS_TEL-3-UNABLE_REGISTER_CTIPORT: \
         %[AppID=Cisco Unified CCX][NodeID=ucx1]: text"
    )
}

/// A line that nobody wants.
const UNWANTED: &str =
    "<190>7: ucx1: Nov 24 2026 10:45:00.000 UTC : %UC_AUDITLOG-6-AdministrativeEvent: %[UserID=a]: text";

/// The batches of a source, as the pipeline sees them.
struct Batches {
    receiver: mpsc::Receiver<Batch>,
    facts: Vec<Fact>,
    heard: u64,
    over_budget: BTreeSet<IpAddr>,
}

impl Batches {
    fn new(limits: &Limits) -> (mpsc::Sender<Batch>, Self) {
        let (sender, receiver) = mpsc::channel(limits.queue_batches);
        (sender, Self { receiver, facts: Vec::new(), heard: 0, over_budget: BTreeSet::new() })
    }

    /// Takes the next batch; `false` when the source has ended.
    async fn next(&mut self) -> bool {
        let Some(batch) = timeout(PATIENCE, self.receiver.recv()).await.expect("a batch comes") else { return false };
        self.facts.extend(batch.facts);
        self.over_budget.extend(batch.over_budget);
        self.heard += batch.heard.iter().map(|heard| heard.lines).sum::<u64>();
        true
    }

    async fn until_facts(&mut self, count: usize) {
        while self.facts.len() < count && self.next().await {}
        assert_eq!(self.facts.len(), count, "{:?}", self.sequences());
    }

    async fn until_end(&mut self) {
        while self.next().await {}
    }

    fn sequences(&self) -> Vec<u64> {
        self.facts.iter().filter_map(|fact| fact.sequence).collect()
    }
}
