//! Syslog over TCP (RFC 6587): framing found out per connection, limits on connections, back-pressure instead of drops.

mod connection;
mod sniff;

use super::{Batch, DropReason, Limits, Observed, SourceContext, SourceName, hearing::Hearing, observe::TELL_EVERY};
use crate::clock;
use ccxwatch_alerts::fact::{Channel, Origin};
use connection::Connection;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// The pause after an accept that failed: the process has no descriptor left, and trying at once would only burn time.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);
/// A dead peer is found within 10 minutes.
const KEEP_ALIVE: Duration = Duration::from_mins(5);

/// A bound TCP listener that has not started yet.
#[derive(Debug)]
pub struct TcpSource {
    listener: TcpListener,
    address: SocketAddr,
}

/// Binds a listener. Nobody is accepted before [`TcpSource::run`]. Needs a runtime.
pub fn bind(address: SocketAddr) -> io::Result<TcpSource> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // `[::]` hears IPv4 as well, whatever the system's default is.
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for the connections of the last process to time out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let address = listener.local_addr()?;
    Ok(TcpSource { listener, address })
}

impl TcpSource {
    /// The address that was bound, with the port that was taken for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Its name in metrics and messages.
    pub fn name(&self) -> SourceName {
        SourceName::new(Channel::Tcp, self.address)
    }

    /// Accepts and reads until shutdown; then takes what has already arrived on the open connections.
    pub async fn run(self, context: SourceContext, batches: mpsc::Sender<Batch>) {
        let name = self.name();
        let shared = Arc::new(Shared {
            source: name.name.to_string(),
            name,
            hearing: Mutex::new(Hearing::new(&context.limits)),
            counts: Counts::default(),
            context,
            batches,
        });
        let mut tell_at: Option<Instant> = None;
        let mut connections = Connections::default();
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shared.context.shutdown.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => connections.accept(stream, peer.ip().to_canonical(), &shared),
                    Err(error) => {
                        tracing::warn!(source = %shared.name, %error, "accepting a connection failed");
                        sleep(AFTER_FAILED_ACCEPT).await;
                    }
                },
                Some(ended) = connections.tasks.join_next() => connections.ended(ended, &shared),
                () = shared.counts.untold.notified(), if tell_at.is_none() => tell_at = Some(clock::timer() + TELL_EVERY),
                () = sleep_until(tell_at.unwrap_or_else(clock::timer)), if tell_at.is_some() => {
                    tell_at = None;
                    shared.tell();
                }
                _ = tick.tick() => shared.report(false).await,
            }
        }
        drop(self.listener);
        while let Some(ended) = connections.tasks.join_next().await {
            connections.ended(ended, &shared);
        }
        shared.tell();
        shared.report(true).await;
    }
}

/// What the connections of one listener share.
struct Shared {
    name: SourceName,
    source: String,
    context: SourceContext,
    batches: mpsc::Sender<Batch>,
    hearing: Mutex<Hearing<IpAddr>>,
    counts: Counts,
}

/// What was counted and is not told yet: as many sums as blocks were taken at the same time, each in use by one connection only.
#[derive(Default)]
struct Counts {
    sums: Mutex<Vec<Observed>>,
    /// There is something.
    untold: Notify,
}

impl Counts {
    /// Takes sums to count into; [`Shared::counted`] brings them back.
    fn take(&self) -> Observed {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }
}

impl Shared {
    /// Brings sums back that were counted into.
    fn counted(&self, mut observed: Observed) {
        if observed.is_crowded() {
            observed.tell(self.context.observer.as_ref(), &self.name);
        }
        self.counts.sums.lock().unwrap_or_else(PoisonError::into_inner).push(observed);
        self.counts.untold.notify_one();
    }

    /// Tells what was counted.
    fn tell(&self) {
        let mut sums = std::mem::take(&mut *self.counts.sums.lock().unwrap_or_else(PoisonError::into_inner));
        for observed in &mut sums {
            observed.tell(self.context.observer.as_ref(), &self.name);
        }
        self.counts.sums.lock().unwrap_or_else(PoisonError::into_inner).append(&mut sums);
    }

    fn limits(&self) -> &Limits {
        &self.context.limits
    }

    fn origin(&self, sender: IpAddr) -> Origin {
        Origin { channel: Channel::Tcp, sender: Some(sender), source: self.source.clone(), node: None }
    }

    /// Sends the liveness reports that no batch of facts has taken along.
    async fn report(&self, all: bool) {
        let mut heard = Vec::new();
        {
            let mut hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
            if all {
                hearing.rest(clock::now(), &mut heard);
            } else {
                hearing.due(clock::now(), &mut heard);
            }
        }
        if !heard.is_empty() {
            // The pipeline is gone when it takes nothing more; there is nobody left to tell.
            let _ = self.batches.send(Batch { heard, ..Batch::default() }).await;
        }
    }

    /// Counts outside of a block.
    fn count(&self, count: impl FnOnce(&mut Observed)) {
        let mut observed = Observed::default();
        count(&mut observed);
        observed.tell(self.context.observer.as_ref(), &self.name);
    }
}

/// The open connections, in all and per sender.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<IpAddr>,
    per_sender: HashMap<IpAddr, usize>,
}

impl Connections {
    fn accept(&mut self, stream: TcpStream, sender: IpAddr, shared: &Arc<Shared>) {
        let refusal = if !shared.context.access.load().admits(sender) {
            Some(DropReason::NotAllowed)
        } else if self.tasks.len() >= shared.limits().connections {
            Some(DropReason::ConnectionLimit)
        } else if self.per_sender.get(&sender).is_some_and(|count| *count >= shared.limits().connections_per_sender) {
            Some(DropReason::SenderConnectionLimit)
        } else {
            None
        };
        if let Some(reason) = refusal {
            shared.count(|observed| observed.dropped(reason, 1));
            return;
        }
        // Without keep-alive the connection works as well; it only outlives a dead peer.
        let _ = socket2::SockRef::from(&stream)
            .set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 5));
        *self.per_sender.entry(sender).or_default() += 1;
        shared.count(|observed| observed.opened += 1);
        let connection = Connection::new(stream, sender, Arc::clone(shared));
        self.tasks.spawn(async move {
            connection.run().await;
            sender
        });
    }

    fn ended(&mut self, ended: Result<IpAddr, tokio::task::JoinError>, shared: &Shared) {
        shared.count(|observed| observed.closed += 1);
        match ended {
            Ok(sender) => {
                if let Some(count) = self.per_sender.get_mut(&sender) {
                    *count -= 1;
                    if *count == 0 {
                        self.per_sender.remove(&sender);
                    }
                }
            }
            Err(error) => tracing::error!(source = %shared.name, %error, "a connection's task failed"),
        }
    }
}
