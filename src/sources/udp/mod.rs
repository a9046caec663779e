//! Syslog over UDP (RFC 5426): many datagrams per system call, a large receive buffer, every loss counted.
//!
//! A UDP source never waits: while its queue is full it keeps a bounded number of facts aside, license facts first.

mod datagram;
mod receive;

use super::{
    Batch, DropReason, Limits, Observed, SourceContext, SourceName,
    block::{Block, Payment},
    facts::Facts,
    hearing::Hearing,
    observe::TELL_EVERY,
};
use crate::clock;
use ccxwatch_alerts::{
    fact::{Channel, Heard, Origin},
    now::Now,
};
use receive::{Received, Receiver};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::Interest as Readiness,
    net::UdpSocket,
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

/// So long datagrams gather in the kernel once all that were there are taken, so that a busy sender does not make each of them a
/// wake-up ...
const GATHER: Duration = Duration::from_millis(1);
/// ... where the kernel keeps so much, in bytes: what comes meanwhile is a small part of it, even at a million datagrams a second.
const GATHER_IN: usize = 4 * 1024 * 1024;
/// The pause after the socket could not be watched: the process has no descriptor left.
const AFTER_FAILED_WATCH: Duration = Duration::from_millis(10);
/// System calls in a row before the queue is looked at again.
const CALLS_AT_ONCE: usize = 16;
/// Senders over their budget that one batch tells of.
const OVER_BUDGET_MAX: usize = 64;

/// A bound UDP listener that has not started yet.
#[derive(Debug)]
pub struct UdpSource {
    socket: Socket,
    address: SocketAddr,
    granted: usize,
}

/// Binds a listener. Nothing is received before [`UdpSource::run`], but the kernel already queues.
pub fn bind(address: SocketAddr) -> io::Result<UdpSource> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // `[::]` hears IPv4 as well, whatever the system's default is.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    receive::ask_for_buffer(&socket, Limits::default().receive_buffer)?;
    receive::count_kernel_drops(&socket)?;
    socket.bind(&address.into())?;
    // The kernel reports the double of what it grants, for its own bookkeeping.
    let granted = socket.recv_buffer_size()? / 2;
    let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
    Ok(UdpSource { socket, address, granted })
}

impl UdpSource {
    /// The address that was bound, with the port that was taken for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The receive buffer that the kernel granted, in bytes. When it is smaller than what was asked for, raise
    /// `net.core.rmem_max`.
    pub fn granted_receive_buffer(&self) -> usize {
        self.granted
    }

    /// Its name in metrics and messages.
    pub fn name(&self) -> SourceName {
        SourceName::new(Channel::Udp, self.address)
    }

    /// Receives until shutdown; then takes what the kernel still holds.
    pub async fn run(self, context: SourceContext, batches: mpsc::Sender<Batch>) {
        let mut state = State::new(&context, self.name());
        self.tell_receive_buffer(&context);
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let gathers = self.granted >= GATHER_IN;
        let mut arrivals = None;
        let mut look_at: Option<Instant> = None;
        loop {
            if arrivals.is_none() && look_at.is_none() {
                match self.watch() {
                    Ok(watched) => arrivals = Some(watched),
                    Err(error) => {
                        state.failed(&error);
                        look_at = Some(clock::timer() + AFTER_FAILED_WATCH);
                    }
                }
            }
            tokio::select! {
                biased;
                () = context.shutdown.cancelled() => break,
                permit = batches.reserve(), if state.has_news() => match permit {
                    Ok(permit) => permit.send(state.take()),
                    Err(_) => return,
                },
                () = until(look_at), if look_at.is_some() => look_at = state.receive(&self.socket, &context).look_again(),
                arrived = arrival(arrivals.as_ref()), if look_at.is_none() => match (arrived, &arrivals) {
                    (Ok(()), Some(watched)) => {
                        let taken = state.receive_watched(watched, &self.socket, &context);
                        look_at = taken.look_again().filter(|_| gathers);
                        if look_at.is_some() {
                            arrivals = None;
                        }
                    }
                    (Ok(()), None) => {}
                    (Err(error), _) => state.failed(&error),
                },
                () = until(state.tell_at), if state.tell_at.is_some() => state.tell(clock::now(), &context),
                _ = tick.tick() => state.tick(),
            }
        }
        self.drain(state, &context, &batches).await;
    }

    /// Has the runtime watch the socket for as long as what is returned exists.
    fn watch(&self) -> io::Result<UdpSocket> {
        UdpSocket::from_std(self.socket.try_clone()?.into())
    }

    /// Says how much the kernel keeps while the process is busy, and what to do where that is less than what was asked for.
    fn tell_receive_buffer(&self, context: &SourceContext) {
        let (name, granted, asked) = (self.name(), self.granted, context.limits.receive_buffer);
        context.observer.receive_buffer(&name, granted, asked);
        if granted < asked {
            tracing::warn!(
                source = %name,
                granted,
                asked,
                "the kernel grants a smaller receive buffer than asked for, so bursts may be lost; allow it with \
                 `sysctl -w net.core.rmem_max={asked}` (in /etc/sysctl.d/ to keep it), then restart"
            );
        }
    }

    /// Takes what the kernel holds at shutdown, within its receive buffer's size.
    async fn drain(&self, mut state: State, context: &SourceContext, batches: &mpsc::Sender<Batch>) {
        let mut left = self.granted.max(1);
        while left > 0 {
            let Some(taken) = state.receive_now(&self.socket, context) else { break };
            left = left.saturating_sub(taken);
            if state.has_news() && batches.send(state.take()).await.is_err() {
                return;
            }
        }
        state.observed.tell(context.observer.as_ref(), &state.name);
        state.hearing.rest(clock::now(), &mut state.heard);
        if state.has_news() {
            // The pipeline is gone when it does not take the last batch; there is nobody left to tell.
            let _ = batches.send(state.take()).await;
        }
    }
}

/// What a look at the socket brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// Nothing was there.
    Nothing,
    /// All that was there.
    All,
    /// There may be more.
    More,
}

impl Taken {
    /// When to look again without waiting for an arrival. Each datagram that arrives at a watched socket wakes the runtime up, so a busy
    /// one is not watched.
    fn look_again(self) -> Option<Instant> {
        match self {
            Self::Nothing => None,
            Self::All => Some(clock::timer() + GATHER),
            Self::More => Some(clock::timer()),
        }
    }
}

/// What a running source holds between two wakeups.
struct State {
    name: SourceName,
    source: String,
    receiver: Receiver,
    hearing: Hearing<IpAddr>,
    observed: Observed,
    facts: Facts,
    heard: Vec<Heard>,
    over_budget: BTreeSet<IpAddr>,
    /// When what was counted is to be told, where something is untold.
    tell_at: Option<Instant>,
    /// When it was told last.
    told_at: Option<Instant>,
}

impl State {
    fn new(context: &SourceContext, name: SourceName) -> Self {
        Self {
            source: name.name.to_string(),
            name,
            receiver: Receiver::new(context.limits.datagrams),
            hearing: Hearing::new(&context.limits),
            observed: Observed::default(),
            facts: Facts::default(),
            heard: Vec::new(),
            over_budget: BTreeSet::new(),
            tell_at: None,
            told_at: None,
        }
    }

    fn has_news(&self) -> bool {
        !self.facts.is_empty() || !self.heard.is_empty()
    }

    fn take(&mut self) -> Batch {
        Batch {
            facts: self.facts.take(),
            heard: std::mem::take(&mut self.heard),
            over_budget: std::mem::take(&mut self.over_budget).into_iter().collect(),
            ..Batch::default()
        }
    }

    /// Takes what is there off a socket that is watched. Only where nothing was left in it, it is not ready any more.
    fn receive_watched(&mut self, watched: &UdpSocket, socket: &Socket, context: &SourceContext) -> Taken {
        let mut taken = Taken::Nothing;
        // Only the runtime wants to know what this returns.
        let _ = watched.try_io(Readiness::READABLE, || {
            taken = self.receive(socket, context);
            if taken == Taken::More { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        });
        taken
    }

    /// Takes what is there, up to a limit or until something is to be sent.
    fn receive(&mut self, socket: &Socket, context: &SourceContext) -> Taken {
        let full = self.receiver.datagrams_at_once();
        for call in 0..CALLS_AT_ONCE {
            match self.receiver.receive(socket) {
                Ok(received) => {
                    self.apply(received, context);
                    if received.datagrams < full {
                        return Taken::All;
                    }
                    if self.has_news() {
                        return Taken::More;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return if call == 0 { Taken::Nothing } else { Taken::All };
                }
                Err(error) => {
                    self.failed(&error);
                    return Taken::Nothing;
                }
            }
        }
        Taken::More
    }

    /// Takes the datagrams of one system call at shutdown, when the runtime may not have noticed yet that they are there. The number
    /// of bytes that they held, each counted as one at least; `None` where nothing is left.
    fn receive_now(&mut self, socket: &Socket, context: &SourceContext) -> Option<usize> {
        match self.receiver.receive(socket) {
            Ok(received) => Some(self.apply(received, context)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    /// Applies the datagrams of one system call; the number of bytes they held, each counted as one at least.
    fn apply(&mut self, received: Received, context: &SourceContext) -> usize {
        let now = clock::now();
        let interest = context.interest.load();
        let access = context.access.load();
        let Self { receiver, hearing, observed, facts, source, .. } = self;
        let Received { datagrams, kernel_drops } = received;
        observed.blocks += 1;
        observed.dropped(DropReason::KernelBuffer, u64::from(kernel_drops));
        let mut taken = 0;
        for (sender, bytes) in receiver.datagrams(datagrams) {
            taken += bytes.len().max(1);
            observed.bytes += bytes.len() as u64;
            if !access.admits(sender) {
                observed.dropped(DropReason::NotAllowed, 1);
                continue;
            }
            let relay = access.is_relay(sender);
            let ear = hearing.ear(&sender, || (origin(source, sender), relay));
            ear.relay = relay;
            let mut block = Block {
                interest: &interest,
                limits: &context.limits,
                observed,
                facts,
                ear,
                received_at: now.wall,
                catching_up: false,
                payment: Payment::Before(now.elapsed, access.budget),
            };
            datagram::messages(bytes, |message| block.message(message));
            if ear.take_over_budget() && self.over_budget.len() < OVER_BUDGET_MAX {
                self.over_budget.insert(sender);
            }
        }
        let excess = facts.shed(context.limits.held_facts, context.limits.held_bytes);
        observed.dropped(DropReason::QueueFull, excess);
        let timer = clock::timer();
        let due = self.told_at.is_none_or(|told| timer >= told + TELL_EVERY);
        if due || self.observed.is_crowded() {
            self.tell(now, context);
        } else if self.tell_at.is_none() {
            self.tell_at = self.told_at.map(|told| told + TELL_EVERY);
        }
        taken
    }

    /// Tells what was counted, and gathers who was heard.
    fn tell(&mut self, now: Now, context: &SourceContext) {
        self.observed.tell(context.observer.as_ref(), &self.name);
        self.told_at = Some(clock::timer());
        self.tell_at = None;
        if self.heard.len() < context.limits.origins {
            self.hearing.due(now, &mut self.heard);
        }
    }

    fn tick(&mut self) {
        if self.heard.is_empty() {
            self.hearing.due(clock::now(), &mut self.heard);
        }
    }

    fn failed(&self, error: &io::Error) {
        tracing::warn!(source = %self.name, %error, "receiving failed");
    }
}

impl Block<'_> {
    /// One message of a datagram, cut at the longest line.
    fn message(&mut self, message: &[u8]) {
        match message.get(..self.limits.line_bytes) {
            Some(kept) if message.len() > kept.len() => self.line(kept, true),
            _ => self.line(message, false),
        }
    }
}

/// Waits until datagrams arrive at a watched socket.
async fn arrival(watched: Option<&UdpSocket>) -> io::Result<()> {
    match watched {
        Some(watched) => watched.readable().await,
        None => std::future::pending().await,
    }
}

/// Waits for a moment, and for ever where there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn origin(source: &str, sender: IpAddr) -> Origin {
    Origin { channel: Channel::Udp, sender: Some(sender), source: source.to_owned(), node: None }
}
