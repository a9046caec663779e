//! The running process: binds everything first, then starts everything, takes other configurations over, and stops in order.

mod alive;
mod bound;
mod reload;
mod roster;
mod signals;

pub use bound::Bound;
pub use reload::{ReloadRequest, Reloaded};

use crate::{
    cli::Failure,
    config::Config,
    control,
    metrics::Metrics,
    notify::{Prepared, World},
    pipeline::{self, Intake, Parts, QueueId, Queues, Starter},
    service_manager,
    sources::{self, Access, Budget, Limits, SourceContext},
    step::Recipients,
    store::{Opened, Store},
    web::{self, Snapshot, WebState},
};
use arc_swap::ArcSwap;
use bound::listen_failure;
use ccxwatch_alerts::{engine::Engine, interest::Interest, settings::Settings};
use jiff::tz::TimeZone;
use reload::Reloader;
use roster::Roster;
use signals::{Hangup, StopSignals, stop_signal};
use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Commands that wait for the loop.
const COMMANDS_MAX: usize = 64;
/// Reloads that wait for the one before them.
const RELOADS_MAX: usize = 16;
/// Outcomes of deliveries that wait for the loop.
const OUTCOMES_MAX: usize = 1024;
/// A stop takes no longer than this.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A started process.
pub struct Process {
    bound: Bound,
    pipeline: JoinHandle<()>,
    /// Stops the sources and the loop.
    stop: CancellationToken,
    /// Stops page and control socket, after the loop.
    stop_doors: CancellationToken,
    ready: Arc<AtomicBool>,
    stop_signals: Option<StopSignals>,
}

impl Process {
    /// Binds, opens and starts everything; whatever fails, nothing is left half started. `file`: where the configuration is read
    /// again on a reload.
    pub async fn start(config: Config, file: Option<PathBuf>) -> Result<Self, Failure> {
        let metrics = Arc::new(Metrics::new());
        metrics.configure(&config);
        metrics.config_reload(true);
        let plan = Roster::default().plan(&config)?;
        let web_address = *config.web.listen.get_ref();
        let web = TcpListener::bind(web_address)
            .await
            .map_err(|source| listen_failure(format!("web {web_address}"), source))?;
        let web_address = web.local_addr().map_err(Failure::running)?;
        let receivers = Prepared::new(&config)?;
        let Opened { store, saved, positions, pending, notices } = Store::open(config.store.path.get_ref())?;
        store.keep_history(config.store.history_days);
        for notice in notices {
            tracing::warn!("{notice}");
        }
        let control = control::bind(config.store.path.get_ref()).map_err(Failure::running)?;

        let settings = config.settings();
        let context = SourceContext {
            interest: Arc::new(ArcSwap::from_pointee(Interest::from(&settings))),
            access: Arc::new(ArcSwap::from_pointee(access(&config))),
            observer: Arc::clone(&metrics) as _,
            limits: Limits::default(),
            files: sources::file::Shared::default(),
            shutdown: CancellationToken::new(),
        };
        let stop = context.shutdown.clone();
        let (roster, change) = Roster::default().change(plan, context.limits.queue_batches, &stop);
        let bound = roster.bound(web_address);
        let files = change.files.open(&positions).map_err(Failure::running)?;
        let time_zones = time_zones(&settings);
        let engine = Engine::restore(settings, crate::clock::now(), saved).map_err(Failure::running)?;

        // From here on nothing can fail.
        let stop_doors = CancellationToken::new();
        let (outcome_sender, outcomes) = mpsc::channel(OUTCOMES_MAX);
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot {
            listening: bound.lines(),
            time_zones: Arc::new(time_zones),
            clusters: engine.clusters(),
            history: Some(store.reader()),
            ..Snapshot::default()
        }));
        let world = World { backlog: store.reader(), snapshot: Arc::clone(&snapshot) };
        let starter = Starter { world, outcomes: outcome_sender, shutdown: stop_doors.clone() };
        let dispatcher = receivers.start(&starter.world, &starter.outcomes, &starter.shutdown);
        let ready = Arc::new(AtomicBool::new(false));
        let (command_sender, commands) = mpsc::channel(COMMANDS_MAX);
        let (reload_sender, reloads) = mpsc::channel(RELOADS_MAX);
        tokio::spawn(control::serve(
            control,
            command_sender.clone(),
            reload_sender,
            starter.world.clone(),
            stop_doors.clone(),
        ));
        let heartbeats = Arc::new(ArcSwap::from_pointee(config.heartbeat.clone()));
        tokio::spawn(alive::run(
            Arc::clone(&heartbeats),
            Arc::clone(&snapshot),
            command_sender.clone(),
            stop_doors.clone(),
        ));
        let web_config = Arc::new(ArcSwap::from_pointee(config.web.clone()));
        tokio::spawn(web::serve(
            web,
            WebState {
                view: Arc::clone(&snapshot),
                metrics: Arc::clone(&metrics),
                config: Arc::clone(&web_config),
                reader: store.reader(),
                ready: Arc::clone(&ready),
            },
            stop_doors.clone(),
        ));

        let mut queues = Queues::default();
        for intake in change.intakes {
            queues.add(intake);
        }
        change.listeners.start(&context);
        files.start(&context);
        let (heartbeat, batches) = mpsc::channel(context.limits.queue_batches);
        queues.add(Intake { id: QueueId::HEARTBEAT, kind: "heartbeat", batches });
        tokio::spawn(sources::heartbeat::run(context.clone(), Arc::clone(&metrics), heartbeat));
        let parts = Parts {
            engine,
            recipients: Recipients::of(&config),
            store,
            dispatcher,
            starter,
            outcomes,
            queues,
            commands,
            metrics: Arc::clone(&metrics),
            snapshot,
            console_colors: io::stdout().is_terminal(),
            pending,
            positions,
        };
        let pipeline = tokio::spawn(pipeline::run(parts, stop.clone()));
        let reloader = Reloader {
            file,
            config,
            web: web_address,
            roster,
            context,
            commands: command_sender,
            metrics,
            web_config,
            heartbeats,
        };
        // Before anybody is told that the process is ready: from then on a signal ends it in order, or reloads it.
        tokio::spawn(reloader.run(Hangup::new(), reloads));
        let stop_signals = StopSignals::new();
        ready.store(true, Ordering::Release);
        service_manager::ready(&bound.lines());
        Ok(Self { bound, pipeline, stop, stop_doors, ready, stop_signals })
    }

    /// What the process listens on.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Stops the process as SIGTERM does.
    pub fn stopper(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs until SIGTERM, SIGINT or [`Process::stopper`]; commits, and leaves within 5 s.
    pub async fn run_to_the_end(mut self) {
        let ended_by_itself = tokio::select! {
            () = stop_signal(self.stop_signals.as_mut()) => false,
            () = self.stop.cancelled() => false,
            _ = &mut self.pipeline => true,
        };
        self.ready.store(false, Ordering::Release);
        service_manager::stopping();
        self.stop.cancel();
        if !ended_by_itself && tokio::time::timeout(STOP_WITHIN, self.pipeline).await.is_err() {
            tracing::error!("the last commit did not end within 5 s; what it held is decided again at the next start");
        }
        self.stop_doors.cancel();
    }
}

fn access(config: &Config) -> Access {
    Access {
        allowed: config.sources.allowed_senders.clone(),
        relays: config.sources.relays.clone(),
        budget: Budget::per_second(config.sources.sender_budget),
    }
}

fn time_zones(settings: &Settings) -> BTreeMap<String, TimeZone> {
    settings.clusters.iter().map(|cluster| (cluster.name.clone(), cluster.time_zone.clone())).collect()
}
