//! The heartbeat: a batch that says only when it was born. It goes the way of a line, through a queue, the loop and the store; where
//! it stops, its age says which stage stands still.

use super::{Batch, SourceContext};
use crate::{
    clock,
    metrics::{HeartbeatStage, Metrics},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Between two heartbeats: less than the usual interval between two scrapes.
pub const EVERY: Duration = Duration::from_secs(10);

/// Beats until shutdown. The first beat waits its time as well.
pub async fn run(context: SourceContext, metrics: Arc<Metrics>, batches: mpsc::Sender<Batch>) {
    beat(EVERY, context, &metrics, batches).await;
}

async fn beat(every: Duration, context: SourceContext, metrics: &Metrics, batches: mpsc::Sender<Batch>) {
    loop {
        tokio::select! {
            biased;
            () = context.shutdown.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let born = clock::wall();
        let beat = Batch { heartbeat: Some(born), ..Batch::default() };
        tokio::select! {
            biased;
            () = context.shutdown.cancelled() => return,
            sent = batches.send(beat) => if sent.is_err() { return },
        }
        metrics.heartbeat(HeartbeatStage::Source, born);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::{Access, Limits, Unobserved};
    use arc_swap::ArcSwap;
    use ccxwatch_alerts::{interest::Interest, settings::Settings};
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn it_beats_until_shutdown() {
        let shutdown = CancellationToken::new();
        let context = SourceContext {
            interest: Arc::new(ArcSwap::from_pointee(Interest::from(&Settings::default()))),
            access: Arc::new(ArcSwap::from_pointee(Access::default())),
            observer: Arc::new(Unobserved),
            limits: Limits::default(),
            files: crate::sources::file::Shared::default(),
            shutdown: shutdown.clone(),
        };
        let metrics = Arc::new(Metrics::new());
        let (sender, mut batches) = mpsc::channel(1);
        let of_task = Arc::clone(&metrics);
        let beating = tokio::spawn(async move { beat(Duration::from_millis(1), context, &of_task, sender).await });
        let first = batches.recv().await.expect("a beat").heartbeat.expect("its birth");
        assert!(batches.recv().await.expect("a beat").heartbeat.expect("its birth") >= first);
        assert!(metrics.encode().expect("text").contains("ccxwatch_heartbeat_timestamp_seconds{stage=\"source\"}"));
        shutdown.cancel();
        beating.await.expect("it ends");
    }
}
