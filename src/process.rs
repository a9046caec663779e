//! The running process: binds everything first, then starts everything, and stops it in order.

use crate::{
    cli::Failure,
    config::Config,
    control,
    metrics::Metrics,
    notify::Dispatcher,
    pipeline::{self, Parts, Queues},
    sources::{self, Access, Limits, SourceContext, file::FileSource, tcp::TcpSource, udp::UdpSource},
    step::{CONSOLE, Recipients},
    store::{Opened, Store},
    web::{self, Snapshot, WebState},
};
use arc_swap::ArcSwap;
use ccxwatch_alerts::{engine::Engine, fact::Channel, interest::Interest};
use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Commands that wait for the loop.
const COMMANDS_MAX: usize = 64;
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

/// What the process listens on, ports resolved.
#[derive(Debug)]
pub struct Bound {
    /// Syslog over UDP.
    pub udp: Vec<SocketAddr>,
    /// Syslog over TCP.
    pub tcp: Vec<SocketAddr>,
    /// Page, API and metrics.
    pub web: SocketAddr,
    /// Patterns of tailed files.
    pub files: Vec<String>,
}

impl Bound {
    /// One line per listener, for the console.
    pub fn lines(&self) -> Vec<String> {
        let udp = self.udp.iter().map(|address| format!("listening udp {address}"));
        let tcp = self.tcp.iter().map(|address| format!("listening tcp {address}"));
        let files = self.files.iter().map(|pattern| format!("tailing {}", crate::terminal::inert(pattern)));
        udp.chain(tcp).chain(files).chain([format!("page http://{}/", self.web)]).collect()
    }

    /// A line to copy into a shell that sends a test event.
    pub fn test_line(&self) -> String {
        let command = self.udp.first().map(|address| web::test_command(*address));
        command.map_or_else(
            || "test it: no UDP listener is configured".to_owned(),
            |command| format!("test it: {command}"),
        )
    }
}

impl Process {
    /// Binds, opens and starts everything; whatever fails, nothing is left half started.
    pub async fn start(config: Config) -> Result<Self, Failure> {
        let metrics = Arc::new(Metrics::new());
        metrics.config_reload(true);
        metrics.set_detail(config.metrics.detail);
        let udp = bind(&config.sources.udp, "udp", sources::udp::bind)?;
        let tcp = bind(&config.sources.tcp, "tcp", sources::tcp::bind)?;
        let web_address = *config.web.listen.get_ref();
        let web = TcpListener::bind(web_address)
            .await
            .map_err(|source| listen_failure(format!("web {web_address}"), source))?;
        let bound = Bound {
            udp: udp.iter().map(UdpSource::local_addr).collect(),
            tcp: tcp.iter().map(TcpSource::local_addr).collect(),
            web: web.local_addr().map_err(Failure::running)?,
            files: config.sources.file.iter().map(|file| file.path.get_ref().clone()).collect(),
        };
        let Opened { store, saved, positions, pending, notices } = Store::open(config.store.path.get_ref())?;
        store.keep_history(config.store.history_days);
        for notice in notices {
            tracing::warn!("{notice}");
        }
        let control = control::bind(config.store.path.get_ref()).map_err(Failure::running)?;

        let mut settings = config.settings();
        settings.receivers.push(CONSOLE.to_owned());
        let context = SourceContext {
            interest: Arc::new(ArcSwap::from_pointee(Interest::from(&settings))),
            access: Arc::new(ArcSwap::from_pointee(Access {
                allowed: config.sources.allowed_senders.clone(),
                relays: config.sources.relays.clone(),
            })),
            observer: Arc::clone(&metrics) as _,
            limits: Limits::default(),
            shutdown: CancellationToken::new(),
        };
        let time_zones =
            settings.clusters.iter().map(|cluster| (cluster.name.clone(), cluster.time_zone.clone())).collect();
        let engine = Engine::restore(settings, crate::clock::now(), saved).map_err(Failure::running)?;
        let stop = context.shutdown.clone();
        let stop_doors = CancellationToken::new();
        let (outcome_sender, outcomes) = mpsc::channel(OUTCOMES_MAX);
        let dispatcher = Dispatcher::start(&config.receiver, &store.reader(), &outcome_sender, &stop_doors)?;
        let console_colors = io::stdout().is_terminal();
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot {
            listening: bound.lines(),
            time_zones: Arc::new(time_zones),
            clusters: engine.clusters(),
            ..Snapshot::default()
        }));
        let ready = Arc::new(AtomicBool::new(false));
        let (command_sender, commands) = mpsc::channel(COMMANDS_MAX);
        tokio::spawn(control::serve(control, command_sender, Arc::clone(&snapshot), stop_doors.clone()));
        tokio::spawn(web::serve(
            web,
            WebState {
                view: Arc::clone(&snapshot),
                metrics: Arc::clone(&metrics),
                config: config.web.clone(),
                ready: Arc::clone(&ready),
            },
            stop_doors.clone(),
        ));

        let mut queues = Queues::default();
        let capacity = context.limits.queue_batches;
        let mut queue = |kind: &'static str| {
            let (sender, receiver) = mpsc::channel(capacity);
            queues.add(kind, receiver);
            sender
        };
        for source in udp {
            tokio::spawn(source.run(context.clone(), queue(Channel::Udp.name())));
        }
        for source in tcp {
            tokio::spawn(source.run(context.clone(), queue(Channel::Tcp.name())));
        }
        for file in &config.sources.file {
            let node = file.node.as_ref().map(|node| node.get_ref().clone());
            let source = FileSource::new(file.path.get_ref(), node, &positions).map_err(Failure::running)?;
            tokio::spawn(source.run(context.clone(), queue(Channel::File.name())));
        }
        if config.sources.stdin {
            tokio::spawn(sources::stdin::run(context.clone(), queue(Channel::Stdin.name())));
        }
        tokio::spawn(sources::heartbeat::run(context.clone(), Arc::clone(&metrics), queue("heartbeat")));
        let parts = Parts {
            engine,
            recipients: Recipients::of(&config),
            store,
            dispatcher,
            outcomes,
            queues,
            commands,
            metrics,
            snapshot,
            console_colors,
            pending,
        };
        let pipeline = tokio::spawn(pipeline::run(parts, stop.clone()));
        // Before anybody is told that the process is ready: from then on a signal ends it in order.
        let stop_signals = StopSignals::new();
        ready.store(true, Ordering::Release);
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
        self.stop.cancel();
        if !ended_by_itself && tokio::time::timeout(STOP_WITHIN, self.pipeline).await.is_err() {
            tracing::error!("the last commit did not end within 5 s; what it held is decided again at the next start");
        }
        self.stop_doors.cancel();
    }
}

fn bind<T>(
    listeners: &[crate::config::Listener],
    what: &str,
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> Result<Vec<T>, Failure> {
    listeners
        .iter()
        .map(|listener| {
            let address = *listener.listen.get_ref();
            bind(address).map_err(|source| listen_failure(format!("{what} {address}"), source))
        })
        .collect()
}

fn listen_failure(address: String, source: io::Error) -> Failure {
    let hint = match source.kind() {
        io::ErrorKind::AddrInUse => {
            "Another program has the port: stop it, or listen on another one (0 takes a free one)"
        }
        io::ErrorKind::PermissionDenied => "Ports below 1024 need the capability CAP_NET_BIND_SERVICE",
        io::ErrorKind::AddrNotAvailable => "This machine has no such address",
        _ => "Check the address in the configuration",
    };
    Failure::Listen { address, source, hint }
}

/// The signals that end the process in order.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Takes them over from now on; `None` where the system has none to give.
    fn new() -> Option<Self> {
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        let (Ok(terminate), Ok(interrupt)) = signals else {
            tracing::error!(
                "signals cannot be received here; stop ccxwatch with SIGKILL, it continues at the next start"
            );
            return None;
        };
        Some(Self { terminate, interrupt })
    }
}

async fn stop_signal(signals: Option<&mut StopSignals>) {
    let Some(StopSignals { terminate, interrupt }) = signals else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
