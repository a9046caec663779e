//! A dispatcher with a real store behind it.

use super::{
    super::{
        World,
        dispatcher::{Dispatcher, Prepared},
        lane::Timing,
        queue::Backoff,
    },
    receiver,
    server::{Answer, Heard},
};
use crate::{
    config::{Config, Receiver},
    store::{DeliveryResult, FailureReason, Message, NewMessage, Opened, Outcome, Reader, Store, Transaction},
    web::Snapshot,
};
use arc_swap::ArcSwap;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(super) const QUICK: Timing = Timing {
    backoff: Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(5) },
    urgent_gap: Duration::from_millis(1),
    grace: Duration::from_millis(50),
    ..Timing::REAL
};

pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) dispatcher: Dispatcher,
    pub(super) outcomes: mpsc::Receiver<Outcome>,
    pub(super) shutdown: CancellationToken,
    /// What the engine sees, for a test to write.
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) directory: TempDir,
}

impl Bench {
    pub(super) fn start(receivers: &[Receiver]) -> Self {
        Self::with(receivers, 100, TempDir::new().unwrap())
    }

    pub(super) fn with(receivers: &[Receiver], room: usize, directory: TempDir) -> Self {
        let Opened { store, .. } = Store::open(directory.path()).unwrap();
        let shutdown = CancellationToken::new();
        let (sender, outcomes) = mpsc::channel(room);
        let world = world(store.reader());
        let prepared = Prepared::new(&config(receivers)).unwrap();
        let dispatcher = Dispatcher::start_with(prepared, &world, &sender, &shutdown, QUICK);
        Self { store, dispatcher, outcomes, shutdown, snapshot: world.snapshot, directory }
    }

    pub(super) async fn commit(&self, messages: Vec<NewMessage>) -> Vec<Message> {
        let transaction = Transaction { messages, ..Transaction::default() };
        self.store.commit(transaction).await.unwrap().unwrap().messages
    }

    pub(super) async fn tell(&self, messages: Vec<NewMessage>) -> Vec<Message> {
        self.dispatcher.expect(&messages);
        let messages = self.commit(messages).await;
        for message in &messages {
            self.dispatcher.submit(message.clone());
        }
        messages
    }

    /// The outcomes in the order of the messages' numbers.
    pub(super) async fn outcomes(&mut self, count: usize) -> Vec<(i64, DeliveryResult)> {
        let mut all = Vec::new();
        for _ in 0..count {
            let outcome = self.outcomes.recv().await.unwrap();
            all.push((outcome.id.unwrap_or(0), outcome.result));
        }
        all.sort_by_key(|(id, _)| *id);
        all
    }
}

pub(super) fn config(receivers: &[Receiver]) -> Config {
    Config { receiver: receivers.to_vec(), ..Config::default() }
}

pub(super) fn world(backlog: Reader) -> World {
    World { backlog, snapshot: Arc::default() }
}

pub(super) fn ops(port: u16, to: &str) -> Receiver {
    receiver(&format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nto = {to}\ntimeout = \"1s\""))
}

pub(super) fn one(port: u16) -> Vec<Receiver> {
    vec![ops(port, r#"["a@example.com"]"#)]
}

pub(super) fn is_retry(result: &DeliveryResult, text: &str) -> bool {
    matches!(result, DeliveryResult::Retry { error, .. } if error.contains(text))
}

/// Which kind of fault an attempt met.
pub(super) fn reason(result: &DeliveryResult) -> Option<FailureReason> {
    match result {
        DeliveryResult::Retry { reason, .. } | DeliveryResult::GivenUp { reason, .. } => Some(*reason),
        DeliveryResult::Delivered => None,
    }
}

/// Does something special the first time that the line is heard.
pub(super) fn once(line: &'static str, answer: Answer) -> impl Fn(&Heard) -> Option<Answer> {
    let count = AtomicUsize::new(0);
    move |heard| (heard.line.starts_with(line) && count.fetch_add(1, Ordering::Relaxed) == 0).then_some(answer)
}
