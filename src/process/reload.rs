//! Another configuration for the running process: read and checked as a whole, bound as a whole, taken over as a whole, or refused
//! with the reason while the old one stays.

use super::{access, roster::Roster, signals::Hangup, time_zones};
use crate::{
    config::{self, Config},
    metrics::Metrics,
    notify::Prepared,
    pipeline::{Command, Reload},
    service_manager,
    sources::SourceContext,
    step::Recipients,
};
use arc_swap::ArcSwap;
use ccxwatch_alerts::interest::Interest;
use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::sync::{mpsc, oneshot};

/// How a reload ended: what the sources listen on and read now, or why nothing has changed.
pub type Reloaded = Result<Vec<String>, String>;

/// Somebody asks for a reload, and waits for its end.
pub type ReloadRequest = oneshot::Sender<Reloaded>;

/// Takes configurations over, one at a time.
pub(super) struct Reloader {
    /// Where the configuration is read; none for the embedded one.
    pub(super) file: Option<PathBuf>,
    /// The configuration that holds.
    pub(super) config: Config,
    pub(super) web: SocketAddr,
    pub(super) roster: Roster,
    pub(super) context: SourceContext,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) web_config: Arc<ArcSwap<config::Web>>,
    pub(super) heartbeats: Arc<ArcSwap<Vec<config::Heartbeat>>>,
}

impl Reloader {
    /// Reloads at each SIGHUP and each request, until the process stops.
    pub(super) async fn run(mut self, mut hangup: Hangup, mut requests: mpsc::Receiver<ReloadRequest>) {
        let stop = self.context.shutdown.clone();
        let mut secrets = secrets(&self.config);
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return,
                () = hangup.received() => None,
                request = requests.recv() => match request {
                    Some(request) => Some(request),
                    None => return,
                },
            };
            service_manager::reloading();
            let reloaded = tokio::select! {
                reloaded = self.reload(&mut secrets) => reloaded,
                () = stop.cancelled() => return,
            };
            self.metrics.config_reload(reloaded.is_ok());
            match &reloaded {
                Ok(listening) => {
                    tracing::info!("the configuration was reloaded: {}", listening.join(", "));
                    service_manager::ready(listening);
                }
                Err(reason) => {
                    tracing::error!("the configuration was not reloaded, the old one stays: {reason}");
                    service_manager::kept(reason);
                }
            }
            if let Some(request) = request {
                // Whoever asked may have gone.
                let _ = request.send(reloaded);
            }
        }
    }

    async fn reload(&mut self, secrets: &mut Vec<u8>) -> Reloaded {
        let config = self.read()?;
        self.check_fixed(&config)?;
        let new_secrets = self::secrets(&config);
        // Receivers that stay as they are go on with what they have in hand.
        let receivers_stay = config.receiver == self.config.receiver
            && config.templates == self.config.templates
            && config.web.external_url == self.config.web.external_url
            && new_secrets == *secrets;
        let receivers = if receivers_stay { None } else { Some(Prepared::new(&config).map_err(said)?) };
        let plan = self.roster.plan(&config).map_err(said)?;

        let settings = config.settings();
        let interest = Interest::from(&settings);
        let (roster, change) = self.roster.change(plan, self.context.limits.queue_batches, &self.context.shutdown);
        let listening = roster.bound(self.web).lines();
        let reload = Reload {
            time_zones: time_zones(&settings),
            settings,
            recipients: Recipients::of(&config),
            receivers,
            intakes: change.intakes,
            listening: listening.clone(),
            history_days: config.store.history_days,
        };
        self.ask(|reply| Command::Reload(Box::new(reload), reply)).await??;
        self.roster = roster;
        self.context.interest.store(Arc::new(interest));
        self.context.access.store(Arc::new(access(&config)));
        self.web_config.store(Arc::new(config.web.clone()));
        self.heartbeats.store(Arc::new(config.heartbeat.clone()));
        self.metrics.configure(&config);
        self.config = config;
        *secrets = new_secrets;
        change.listeners.start(&self.context);
        let ended = change.ending.stop();
        if !change.files.is_empty() {
            // A file may have been read by a source that has just ended: it goes on where that one stopped.
            let positions = self.ask(|reply| Command::Positions(ended, reply)).await?;
            change.files.open(&positions).map_err(said)?.start(&self.context);
        }
        Ok(listening)
    }

    fn read(&self) -> Result<Config, String> {
        let Some(file) = &self.file else {
            return Err(
                "ccxwatch runs on its embedded default; start it with --config FILE to have something to reload"
                    .to_owned(),
            );
        };
        config::load(file).map_err(said)
    }

    /// What a running process cannot change.
    fn check_fixed(&self, config: &Config) -> Result<(), String> {
        let (old, new) = (self.config.store.path.get_ref(), config.store.path.get_ref());
        if old != new {
            return Err(format!(
                "[store] path cannot change from {} to {} while ccxwatch runs; restart it, or put the old path back",
                old.display(),
                new.display()
            ));
        }
        let (old, new) = (self.config.web.listen.get_ref(), config.web.listen.get_ref());
        if old != new {
            return Err(format!(
                "[web] listen cannot change from {old} to {new} while ccxwatch runs; restart it, or put the old address back"
            ));
        }
        Ok(())
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let stopping = || "ccxwatch is stopping".to_owned();
        self.commands.send(command(reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// What the receivers' files hold: a password or a template may change where its path does not.
fn secrets(config: &Config) -> Vec<u8> {
    let mut all = Vec::new();
    for file in config.receiver_files() {
        // What cannot be read is said when the receivers are made ready.
        all.extend(fs::read(file).unwrap_or_default());
        all.push(0);
    }
    all
}
