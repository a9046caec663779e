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
};
use crate::clock;
use ccxwatch_alerts::fact::{Channel, Heard, Origin};
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
    time::{MissedTickBehavior, interval},
};

/// Senders over their budget that one batch tells of.
const OVER_BUDGET_MAX: usize = 64;

/// A bound UDP listener that has not started yet.
#[derive(Debug)]
pub struct UdpSource {
    socket: UdpSocket,
    address: SocketAddr,
    granted: usize,
}

/// Binds a listener. Nothing is received before [`UdpSource::run`], but the kernel already queues. Needs a runtime.
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
    let socket = UdpSocket::from_std(socket.into())?;
    let address = socket.local_addr()?;
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
        loop {
            tokio::select! {
                biased;
                () = context.shutdown.cancelled() => break,
                permit = batches.reserve(), if state.has_news() => match permit {
                    Ok(permit) => permit.send(state.take()),
                    Err(_) => return,
                },
                ready = self.socket.readable() => match ready {
                    Ok(()) => { state.receive(&self.socket, &context); }
                    Err(error) => state.failed(&error),
                },
                _ = tick.tick() => state.tick(),
            }
        }
        self.drain(state, &context, &batches).await;
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
            let taken = state.receive_now(&self.socket, context);
            if taken == 0 {
                break;
            }
            left = left.saturating_sub(taken);
            if state.has_news() && batches.send(state.take()).await.is_err() {
                return;
            }
        }
        state.hearing.rest(clock::now(), &mut state.heard);
        if state.has_news() {
            // The pipeline is gone when it does not take the last batch; there is nobody left to tell.
            let _ = batches.send(state.take()).await;
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

    /// Takes the datagrams of one system call; the number of bytes they held, each counted as one at least.
    fn receive(&mut self, socket: &UdpSocket, context: &SourceContext) -> usize {
        self.take_off(context, |receiver| socket.try_io(Readiness::READABLE, || receiver.receive(socket)))
    }

    /// The same at shutdown, when the runtime may not have noticed yet that datagrams are there.
    fn receive_now(&mut self, socket: &UdpSocket, context: &SourceContext) -> usize {
        self.take_off(context, |receiver| receiver.receive(socket))
    }

    fn take_off(
        &mut self,
        context: &SourceContext,
        receive: impl FnOnce(&mut Receiver) -> io::Result<Received>,
    ) -> usize {
        let received = match receive(&mut self.receiver) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return 0,
            Err(error) => {
                self.failed(&error);
                return 0;
            }
        };
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
        if self.heard.len() < context.limits.origins {
            hearing.due(now, &mut self.heard);
        }
        observed.tell(context.observer.as_ref(), &self.name);
        taken
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

fn origin(source: &str, sender: IpAddr) -> Origin {
    Origin { channel: Channel::Udp, sender: Some(sender), source: source.to_owned(), node: None }
}
