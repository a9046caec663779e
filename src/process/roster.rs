//! The sources that run, and how a configuration changes them: what stays the same keeps its socket and its positions, what is new
//! is bound before anything changes, what is gone takes what has already arrived and ends.

use super::bound::{Bound, listen_failure};
use crate::{
    cli::Failure,
    config::Config,
    pipeline::{Intake, QueueId},
    sources::{
        Batch, Position, SourceContext,
        file::{FileSource, FileSourceError},
        stdin,
        tcp::{self, TcpSource},
        udp::{self, UdpSource},
    },
};
use ccxwatch_alerts::fact::Channel;
use std::net::SocketAddr;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What tells one configured source from another: while none of this changes, the source stays.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Identity {
    Udp(SocketAddr),
    Tcp(SocketAddr),
    File { pattern: String, node: Option<String> },
    Stdin,
}

/// A source that runs.
#[derive(Clone, Debug)]
struct Running {
    identity: Identity,
    /// Where it listens, port resolved.
    address: Option<SocketAddr>,
    queue: QueueId,
    stop: CancellationToken,
}

/// The sources that run, in the order of the configuration.
#[derive(Debug, Default)]
pub(super) struct Roster {
    running: Vec<Running>,
    queues: u64,
}

/// A source that is bound and not started.
#[derive(Debug)]
enum Ready {
    Udp(UdpSource),
    Tcp(TcpSource),
    /// It is opened when the positions are known.
    File,
    Stdin,
}

/// The sources of a configuration, the new ones bound. Dropped, it leaves everything as it was.
#[derive(Debug)]
pub(super) struct Plan {
    /// `None`: it runs already, and stays.
    sources: Vec<(Identity, Option<Ready>)>,
}

/// What a plan changes.
#[derive(Debug)]
pub(super) struct Change {
    /// The queues of the new sources, for the pipeline.
    pub(super) intakes: Vec<Intake>,
    /// The new listeners.
    pub(super) listeners: Listeners,
    /// The new files.
    pub(super) files: Files,
    /// The sources that are gone.
    pub(super) ending: Ending,
}

/// Listeners that are bound, and start now.
#[derive(Debug, Default)]
pub(super) struct Listeners(Vec<(Ready, Outlet)>);

/// Files that start when their positions are known.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<(String, Option<String>, Outlet)>);

/// Files at their positions, that start now.
#[derive(Debug)]
pub(super) struct OpenFiles(Vec<(FileSource, Outlet)>);

/// Sources that are gone from the configuration.
#[derive(Debug)]
pub(super) struct Ending(Vec<Running>);

/// Where a source sends to, and what stops it.
#[derive(Debug)]
struct Outlet {
    batches: mpsc::Sender<Batch>,
    stop: CancellationToken,
}

impl Roster {
    /// Binds what a configuration names and does not run yet.
    pub(super) fn plan(&self, config: &Config) -> Result<Plan, Failure> {
        let mut running: Vec<&Identity> = self.running.iter().map(|running| &running.identity).collect();
        let sources = Identity::all(config).into_iter().map(|identity| {
            let known = running.iter().position(|known| **known == identity);
            let ready = if let Some(at) = known {
                running.swap_remove(at);
                None
            } else {
                Some(identity.bind()?)
            };
            Ok((identity, ready))
        });
        Ok(Plan { sources: sources.collect::<Result<_, Failure>>()? })
    }

    /// What runs when a plan has been taken over, and what that changes. `limit`: batches that a queue holds.
    pub(super) fn change(&self, plan: Plan, limit: usize, shutdown: &CancellationToken) -> (Self, Change) {
        let mut before = self.running.clone();
        let mut after = Self { running: Vec::new(), queues: self.queues };
        let (mut listeners, mut files, mut intakes) = (Listeners::default(), Files::default(), Vec::new());
        for (identity, ready) in plan.sources {
            let Some(ready) = ready else {
                let stays = before.iter().position(|running| running.identity == identity);
                after.running.extend(stays.map(|at| before.remove(at)));
                continue;
            };
            after.queues += 1;
            let queue = QueueId(after.queues);
            let (sender, receiver) = mpsc::channel(limit);
            intakes.push(Intake { id: queue, kind: identity.channel().name(), batches: receiver });
            let outlet = Outlet { batches: sender, stop: shutdown.child_token() };
            after.running.push(Running {
                identity: identity.clone(),
                address: ready.address(),
                queue,
                stop: outlet.stop.clone(),
            });
            match identity {
                Identity::File { pattern, node } => files.0.push((pattern, node, outlet)),
                _ => listeners.0.push((ready, outlet)),
            }
        }
        (after, Change { intakes, listeners, files, ending: Ending(before) })
    }

    /// What the sources listen on and read.
    pub(super) fn bound(&self, web: SocketAddr) -> Bound {
        let mut bound = Bound { udp: Vec::new(), tcp: Vec::new(), web, files: Vec::new() };
        for Running { identity, address, .. } in &self.running {
            match identity {
                Identity::Udp(_) => bound.udp.extend(*address),
                Identity::Tcp(_) => bound.tcp.extend(*address),
                Identity::File { pattern, .. } => bound.files.push(pattern.clone()),
                Identity::Stdin => {}
            }
        }
        bound
    }
}

impl Listeners {
    /// Starts them.
    pub(super) fn start(self, context: &SourceContext) {
        for (ready, Outlet { batches, stop }) in self.0 {
            let context = SourceContext { shutdown: stop, ..context.clone() };
            match ready {
                Ready::Udp(source) => drop(tokio::spawn(source.run(context, batches))),
                Ready::Tcp(source) => drop(tokio::spawn(source.run(context, batches))),
                Ready::Stdin => drop(tokio::spawn(stdin::run(context, batches))),
                Ready::File => {}
            }
        }
    }
}

impl Files {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes them go on at these positions.
    pub(super) fn open(self, positions: &[Position]) -> Result<OpenFiles, FileSourceError> {
        let open = |(pattern, node, outlet): (String, Option<String>, Outlet)| {
            Ok((FileSource::new(&pattern, node, positions)?, outlet))
        };
        Ok(OpenFiles(self.0.into_iter().map(open).collect::<Result<_, FileSourceError>>()?))
    }
}

impl OpenFiles {
    /// Starts them.
    pub(super) fn start(self, context: &SourceContext) {
        for (source, Outlet { batches, stop }) in self.0 {
            tokio::spawn(source.run(SourceContext { shutdown: stop, ..context.clone() }, batches));
        }
    }
}

impl Ending {
    /// Lets them take what has already arrived and end. The queues that will be closed then.
    pub(super) fn stop(self) -> Vec<QueueId> {
        self.0
            .into_iter()
            .map(|Running { stop, queue, .. }| {
                stop.cancel();
                queue
            })
            .collect()
    }
}

impl Identity {
    /// Every source of a configuration, in its order.
    fn all(config: &Config) -> Vec<Self> {
        let sources = &config.sources;
        let udp = sources.udp.iter().map(|listener| Self::Udp(*listener.listen.get_ref()));
        let tcp = sources.tcp.iter().map(|listener| Self::Tcp(*listener.listen.get_ref()));
        let files = sources.file.iter().map(|file| Self::File {
            pattern: file.path.get_ref().clone(),
            node: file.node.as_ref().map(|node| node.get_ref().clone()),
        });
        let stdin = sources.stdin.then_some(Self::Stdin);
        udp.chain(tcp).chain(files).chain(stdin).collect()
    }

    fn bind(&self) -> Result<Ready, Failure> {
        let failure = |kind, address, source| listen_failure(format!("{kind} {address}"), source);
        Ok(match self {
            Self::Udp(address) => Ready::Udp(udp::bind(*address).map_err(|error| failure("udp", address, error))?),
            Self::Tcp(address) => Ready::Tcp(tcp::bind(*address).map_err(|error| failure("tcp", address, error))?),
            // The check of the configuration has tried the pattern.
            Self::File { .. } => Ready::File,
            Self::Stdin => Ready::Stdin,
        })
    }

    const fn channel(&self) -> Channel {
        match self {
            Self::Udp(_) => Channel::Udp,
            Self::Tcp(_) => Channel::Tcp,
            Self::File { .. } => Channel::File,
            Self::Stdin => Channel::Stdin,
        }
    }
}

impl Ready {
    fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Udp(source) => Some(source.local_addr()),
            Self::Tcp(source) => Some(source.local_addr()),
            Self::File | Self::Stdin => None,
        }
    }
}
