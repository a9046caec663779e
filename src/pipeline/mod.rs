//! The one loop: everything that can reach the engine is put in one order here.

mod commit;
mod delivery;
mod publish;
mod queues;
mod reload;
mod senders;

pub use delivery::Starter;
pub use queues::{Intake, QueueId, Queues};
pub use reload::Reload;

use crate::{
    clock,
    metrics::{HeartbeatStage, Metrics},
    notify::Dispatcher,
    service_manager::Watchdog,
    sources::{Batch, Position},
    step::{Recipients, step},
    store::{Outcome, Store},
    web::Snapshot,
};
use arc_swap::ArcSwap;
use ccxwatch_alerts::{
    engine::Engine,
    input::{Answer, Input, OperatorCommand, UsageReport},
    notification::Notification,
    now::Now,
};
use commit::Commits;
use delivery::Delivery;
use jiff::SignedDuration;
use publish::{Publisher, Shows};
use reload::Positions;
use senders::Senders;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// What is asked of the loop.
#[derive(Debug)]
pub enum Command {
    /// Acknowledge or confirm. Answered after the commit that makes it durable.
    Operator(OperatorCommand, oneshot::Sender<Answer>),
    /// A report of license use. Answered after the commit that makes it durable.
    Usage(UsageReport, oneshot::Sender<()>),
    /// Something to tell that is no alert: a test, a heartbeat. Answered after the commit.
    Tell(Box<Notification>, oneshot::Sender<()>),
    /// Messages that were given up are to be tried again. Answered after the commit.
    Resend(Vec<i64>, oneshot::Sender<()>),
    /// A whole new configuration, checked. Answered when it holds, or with the reason why it cannot.
    Reload(Box<Reload>, oneshot::Sender<Result<(), String>>),
    /// How far files were read, once these queues have ended.
    Positions(Vec<QueueId>, oneshot::Sender<Vec<Position>>),
}

/// Everything that the loop is made of.
pub struct Parts {
    /// The engine, restored.
    pub engine: Engine,
    /// Who the recipients are.
    pub recipients: Recipients,
    /// The store.
    pub store: Store,
    /// Who delivers.
    pub dispatcher: Dispatcher,
    /// What other receivers start with.
    pub starter: Starter,
    /// How deliveries end.
    pub outcomes: mpsc::Receiver<Outcome>,
    /// What the sources bring.
    pub queues: Queues,
    /// What people ask.
    pub commands: mpsc::Receiver<Command>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// What the page shows.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Messages that a former process had not delivered.
    pub pending: Vec<crate::store::Message>,
    /// How far files were read.
    pub positions: Vec<Position>,
    /// Whether messages are printed with colors.
    pub console_colors: bool,
}

/// One round of the loop at the longest: a suspended machine wakes up to a clock that is behind.
const TICK_AT_THE_LATEST: Duration = Duration::from_secs(5);
/// How long the loop waits for its sources and its last commit when it is told to stop.
const DRAIN_AT_MOST: Duration = Duration::from_secs(3);

/// Runs until `shutdown` and the sources' end; then commits what is left.
pub async fn run(parts: Parts, shutdown: CancellationToken) {
    let Parts {
        engine,
        recipients,
        store,
        dispatcher,
        starter,
        mut outcomes,
        queues,
        mut commands,
        metrics,
        snapshot,
        pending,
        positions,
        console_colors,
    } = parts;
    let publisher = Publisher::new(snapshot, Arc::clone(&metrics));
    let commits = Commits::new(store, Delivery::new(dispatcher, starter), metrics, console_colors);
    let mut pipeline = Pipeline {
        senders: Senders::new(engine.senders_over_budget(), clock::elapsed()),
        engine,
        recipients,
        commits,
        publisher,
        queues,
        positions: Positions::new(positions),
        failing_receivers: Vec::new(),
    };
    let mut watchdog = Watchdog::new();
    let tick_at_the_latest = watchdog.every().map_or(TICK_AT_THE_LATEST, |every| every.min(TICK_AT_THE_LATEST));
    pipeline.commits.print_pending(pending);
    pipeline.handle(clock::now(), Input::Tick);
    loop {
        watchdog.pet();
        pipeline.settle();
        let next_deadline = pipeline.until_next_deadline().min(tick_at_the_latest);
        let has_room = pipeline.commits.has_room();
        let messages_wait = pipeline.commits.has_waiting_messages();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(command) = commands.recv() => pipeline.command(command),
            stored = pipeline.commits.progress() => {
                if let Some(stored) = stored {
                    while let Ok(outcome) = outcomes.try_recv() {
                        pipeline.commits.outcome(outcome);
                    }
                    pipeline.commits.reply_after_commit(stored);
                }
            }
            Some(outcome) = outcomes.recv() => pipeline.commits.outcome(outcome),
            () = tokio::time::sleep(next_deadline) => pipeline.handle(clock::now(), Input::Tick),
            () = pipeline.publisher.due(messages_wait) => pipeline.publish(),
            batches = pipeline.queues.next(), if has_room => {
                pipeline.publisher.measure_queues(&pipeline.queues);
                pipeline.batches(batches);
            }
        }
    }
    let drained = tokio::time::timeout(DRAIN_AT_MOST, async {
        while let Some(batches) = pipeline.queues.next_or_end().await {
            pipeline.batches(batches);
            pipeline.settle();
        }
        while let Ok(outcome) = outcomes.try_recv() {
            pipeline.commits.outcome(outcome);
        }
    });
    if drained.await.is_err() {
        tracing::warn!(
            "the sources did not end in time; what they still held is read again at the next start, or lost on UDP"
        );
    }
    pipeline.settle();
    pipeline.commits.finish(&mut pipeline.engine, DRAIN_AT_MOST).await;
}

struct Pipeline {
    engine: Engine,
    recipients: Recipients,
    commits: Commits,
    publisher: Publisher,
    queues: Queues,
    positions: Positions,
    senders: Senders,
    failing_receivers: Vec<String>,
}

impl Pipeline {
    fn handle(&mut self, now: Now, input: Input) {
        self.step(now, input);
    }

    /// One step. Returns what came of an operator's command.
    fn step(&mut self, now: Now, input: Input) -> Option<Answer> {
        let stepped = step(&mut self.engine, now, input, &self.recipients, self.commits.gathering());
        self.publisher.changed(match &stepped.answer {
            Some(_) => Shows::AtOnce,
            None if stepped.told.is_empty() => Shows::Soon,
            None => Shows::BehindItsMessages,
        });
        stepped.answer
    }

    /// License facts of all sources first, then everything else.
    fn batches(&mut self, batches: Vec<Batch>) {
        if batches.is_empty() {
            return;
        }
        let started = clock::elapsed();
        let now = Now { wall: clock::wall(), elapsed: started };
        let mut other = Vec::new();
        let mut count = 0;
        let is_heartbeat_only = batches.iter().all(|batch| batch.heartbeat.is_some());
        let mut heartbeat = None;
        for batch in batches {
            heartbeat = batch.heartbeat.or(heartbeat);
            for fact in batch.facts {
                count += 1;
                if fact.license.is_some() {
                    self.handle(now, Input::Fact(Box::new(fact)));
                } else {
                    other.push(Input::Fact(Box::new(fact)));
                }
            }
            other.extend(batch.heard.into_iter().map(Input::Heard));
            other.extend(batch.over_budget.into_iter().filter_map(|sender| self.senders.note(sender, started)));
            self.positions.note(&batch.positions);
            self.commits.gathering().positions.extend(batch.positions);
        }
        for input in other {
            self.handle(now, input);
        }
        let metrics = self.publisher.metrics();
        if let Some(born) = heartbeat {
            metrics.heartbeat(HeartbeatStage::Engine, born);
            self.commits.gathering().heartbeat = heartbeat;
        }
        if is_heartbeat_only {
            return;
        }
        metrics.batch(count);
        metrics.engine_step((clock::elapsed() - started).as_secs_f64());
    }

    fn command(&mut self, command: Command) {
        let (input, reply) = match command {
            Command::Operator(command, reply) => return self.operate(command, reply),
            Command::Usage(report, reply) => (Input::Usage(report), reply),
            Command::Tell(notification, reply) => {
                let messages = self.recipients.messages(&Arc::new(*notification)).collect::<Vec<_>>();
                self.commits.gathering().messages.extend(messages);
                return self.commits.reply_after_commit(reply);
            }
            Command::Resend(ids, reply) => {
                self.commits.gathering().resent.extend(ids);
                return self.commits.reply_after_commit(reply);
            }
            Command::Reload(reload, reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.reload(*reload));
                return;
            }
            Command::Positions(after, reply) => return self.positions.ask(after, reply),
        };
        self.handle(clock::now(), input);
        self.commits.reply_after_commit(reply);
    }

    /// Answers once what was done is stored, and at once where nothing was.
    fn operate(&mut self, command: OperatorCommand, reply: oneshot::Sender<Answer>) {
        let answer = self.step(clock::now(), Input::Operator(command));
        let answer = answer.unwrap_or(Answer::Done { id: None });
        if matches!(answer, Answer::Refused { .. }) {
            // Whoever asked may have gone.
            let _ = reply.send(answer);
            return;
        }
        let (stored, is_stored) = oneshot::channel();
        self.commits.reply_after_commit(stored);
        tokio::spawn(async move {
            if is_stored.await.is_ok() {
                let _ = reply.send(answer);
            }
        });
    }

    /// Starts a commit where one may start, and tells the engine what became of the store and the receivers.
    fn settle(&mut self) {
        for health in self.commits.take_store_news() {
            self.handle(clock::now(), Input::Store(health));
        }
        for input in self.senders.quiet(clock::elapsed()) {
            self.handle(clock::now(), input);
        }
        let failing: Vec<String> = self.commits.failing_receivers();
        for receiver in &failing {
            if !self.failing_receivers.contains(receiver) {
                self.handle(clock::now(), Input::Receiver { receiver: receiver.clone(), failing: true });
            }
        }
        for receiver in std::mem::take(&mut self.failing_receivers) {
            if !failing.contains(&receiver) {
                self.handle(clock::now(), Input::Receiver { receiver, failing: false });
            }
        }
        self.failing_receivers = failing;
        self.positions.answer(&self.queues);
        self.commits.start(&mut self.engine);
        if self.commits.has_news_for_the_page() {
            self.publisher.changed(Shows::Soon);
        }
        self.publisher.publish_at_once(&self.engine, &mut self.commits);
    }

    fn publish(&mut self) {
        self.publisher.publish(&self.engine, &mut self.commits);
    }

    fn until_next_deadline(&self) -> Duration {
        let now = clock::now();
        let deadlines = self.engine.next_deadline();
        let by_elapsed = deadlines.elapsed.map(|at| at - now.elapsed);
        let by_wall = deadlines.wall.map(|at| at.duration_since(now.wall));
        let soonest = by_elapsed.into_iter().chain(by_wall).min().unwrap_or(SignedDuration::MAX);
        Duration::try_from(soonest.max(SignedDuration::ZERO)).unwrap_or(TICK_AT_THE_LATEST).min(TICK_AT_THE_LATEST)
    }
}
