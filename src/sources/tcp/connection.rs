//! One connection: from its first byte to its last unterminated record.

use super::{Shared, sniff::Sniffer};
use crate::{
    clock,
    sources::{
        Batch, DropReason, Observed,
        block::{Block, Payment},
        facts::Facts,
        hearing::Ear,
    },
};
use ccxwatch_parsers::framing::{Frame, Framer, FramingError, Mode};
use nix::sys::socket::{MsgFlags, recv};
use std::{
    cell::RefCell,
    fmt, io,
    net::IpAddr,
    os::fd::AsRawFd,
    sync::{Arc, PoisonError},
};
use tokio::{
    net::TcpStream,
    sync::mpsc::Permit,
    time::{Instant, sleep_until, timeout_at},
};

/// Blocks that are still taken off a connection at shutdown.
const BLOCKS_AT_SHUTDOWN: usize = 256;

thread_local! {
    /// Thousands of connections are silent at any moment, so a block's memory belongs to the thread.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    buffer: Vec<u8>,
    facts: Facts,
}

/// An accepted connection.
pub(super) struct Connection {
    stream: TcpStream,
    sender: IpAddr,
    shared: Arc<Shared>,
    framer: Framer,
    sniffer: Sniffer,
    ear: Ear,
    /// What was said about its framing.
    complained: Option<FramingError>,
    /// When its last byte came.
    heard_at: Instant,
    /// When the record began that is not complete yet.
    record_since: Option<Instant>,
    /// The sender is over its budget: nothing is read before.
    wait_until: Option<Instant>,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// A block; there may be more.
    Some,
    /// Nothing is there now.
    Nothing,
    /// The connection is over: the peer closed it, it was cut, or its framing makes no sense.
    End,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, sender: IpAddr, shared: Arc<Shared>) -> Self {
        let relay = shared.context.access.load().is_relay(sender);
        Self {
            framer: Framer::new(Mode::Auto, shared.limits().line_bytes),
            sniffer: Sniffer::default(),
            ear: Ear::new(shared.origin(sender), relay, shared.limits().hosts_per_origin),
            complained: None,
            heard_at: clock::timer(),
            record_since: None,
            wait_until: None,
            stream,
            sender,
            shared,
        }
    }

    /// Reads to the end. A full queue makes it wait, and so the sender.
    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        loop {
            let ready = tokio::select! {
                biased;
                () = shared.context.shutdown.cancelled() => break self.drain().await,
                ready = timeout_at(self.deadline(), self.stream.readable()) => ready,
            };
            if ready.is_err() {
                let slow = self.record_since.is_some();
                let reason = if slow { DropReason::SlowSender } else { DropReason::IdleSender };
                shared.count(|observed| observed.dropped(reason, 1));
                break;
            }
            if let Some(until) = self.wait_until.take() {
                tokio::select! {
                    () = shared.context.shutdown.cancelled() => continue,
                    () = sleep_until(until) => {}
                }
            }
            // The place in the queue comes before the bytes: what is read can always be sent.
            let Ok(permit) = shared.batches.reserve().await else { return };
            // The configuration may have changed since it was accepted.
            let access = shared.context.access.load();
            if !access.admits(self.sender) {
                shared.count(|observed| observed.dropped(DropReason::NotAllowed, 1));
                return;
            }
            self.ear.relay = access.is_relay(self.sender);
            if self.read(permit) == Read::End {
                return;
            }
        }
        if let Ok(permit) = shared.batches.reserve().await {
            self.finish(permit);
        }
    }

    fn deadline(&self) -> Instant {
        match self.record_since {
            Some(since) => since + self.shared.limits().slow_record,
            None => self.heard_at + self.shared.limits().idle,
        }
    }

    /// Takes what has already arrived, at shutdown.
    async fn drain(&mut self) {
        let shared = Arc::clone(&self.shared);
        for _ in 0..BLOCKS_AT_SHUTDOWN {
            let Ok(permit) = shared.batches.reserve().await else { return };
            // The runtime may not have noticed yet that bytes are there.
            let read =
                self.read_by(permit, |stream, buffer| Ok(recv(stream.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?));
            if read != Read::Some {
                return;
            }
        }
    }

    /// Reads one block and sends what it brought.
    fn read(&mut self, permit: Permit<'_, Batch>) -> Read {
        self.read_by(permit, TcpStream::try_read)
    }

    fn read_by(
        &mut self,
        permit: Permit<'_, Batch>,
        read: impl FnOnce(&TcpStream, &mut [u8]) -> io::Result<usize>,
    ) -> Read {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.buffer.resize(self.shared.limits().block_bytes, 0);
            match read(&self.stream, &mut scratch.buffer) {
                Ok(0) => {
                    self.take(scratch, None, permit);
                    Read::End
                }
                Ok(length) => self.take(scratch, Some(length), permit),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Nothing,
                Err(error) => {
                    tracing::debug!(source = %self.shared.name, sender = %self.sender, %error, "a connection was cut");
                    self.take(scratch, None, permit);
                    Read::End
                }
            }
        })
    }

    /// The last unterminated record, after the last byte.
    fn finish(&mut self, permit: Permit<'_, Batch>) {
        SCRATCH.with_borrow_mut(|scratch| {
            self.take(scratch, None, permit);
        });
    }

    /// Takes a block, or with no length the end.
    fn take(&mut self, scratch: &mut Scratch, length: Option<usize>, permit: Permit<'_, Batch>) -> Read {
        let shared = Arc::clone(&self.shared);
        let mut observed = shared.counts.take();
        let read = self.count(scratch, length, permit, &mut observed);
        if read == Read::End || length.is_none() {
            // Before the peer sees the end.
            observed.tell(shared.context.observer.as_ref(), &shared.name);
        }
        shared.counted(observed);
        read
    }

    fn count(
        &mut self,
        scratch: &mut Scratch,
        length: Option<usize>,
        permit: Permit<'_, Batch>,
        observed: &mut Observed,
    ) -> Read {
        let now = clock::now();
        let shared = Arc::clone(&self.shared);
        let Scratch { buffer, facts } = scratch;
        let bytes = &buffer[..length.unwrap_or(0)];
        observed.bytes += bytes.len() as u64;
        observed.blocks += u64::from(length.is_some());
        if self.sniffer.is_http(bytes) {
            self.complain(observed, DropReason::NotSyslog, "it speaks HTTP, and this port takes syslog");
            return Read::End;
        }
        let interest = shared.context.interest.load();
        let budget = shared.context.access.load().budget;
        let mut block = Block {
            interest: &interest,
            limits: shared.limits(),
            observed,
            facts,
            ear: &mut self.ear,
            received_at: now.wall,
            catching_up: false,
            payment: Payment::After,
        };
        let mut frame = |frame: Frame<'_>| block.line(frame.bytes, frame.cut);
        if length.is_some() {
            self.framer.push(bytes, &mut frame);
        } else {
            self.framer.finish(&mut frame);
        }
        self.note_framing_error(observed);
        self.heard_at = clock::timer();
        self.record_since = (self.framer.pending() > 0).then(|| self.record_since.unwrap_or(self.heard_at));
        let mut batch = Batch { facts: facts.take(), ..Batch::default() };
        {
            let mut hearing = shared.hearing.lock().unwrap_or_else(PoisonError::into_inner);
            let reporter = hearing.ear(&self.sender, || (shared.origin(self.sender), self.ear.relay));
            self.ear.hand_over(reporter);
            reporter.due(now, &mut batch.heard);
            let unpaid = std::mem::take(&mut self.ear.unpaid);
            // A relay's connection carries the lines of many: it is not made to wait for one of them.
            let wait = if self.ear.relay { None } else { reporter.charge(unpaid, now.elapsed, budget) };
            self.wait_until = wait.map(|wait| self.heard_at + wait);
            if reporter.take_over_budget() {
                observed.slowed += 1;
                batch.over_budget.push(self.sender);
            }
        }
        if !batch.is_empty() {
            permit.send(batch);
        }
        if self.framer.is_closed() { Read::End } else { Read::Some }
    }

    /// Counts what is wrong with the framing, once a connection. Lines that are too long are counted one by one elsewhere.
    fn note_framing_error(&mut self, observed: &mut Observed) {
        let Some(error) = self.framer.error().filter(|error| Some(*error) > self.complained) else { return };
        self.complained = Some(error);
        match error {
            FramingError::LineTooLong => tracing::warn!(source = %self.shared.name, sender = %self.sender, "{error}"),
            FramingError::Incomplete => self.complain(observed, DropReason::Incomplete, error),
            FramingError::CountMalformed | FramingError::CountTooLarge => {
                self.complain(observed, DropReason::BadFraming, error);
            }
            FramingError::TlsHello => self.complain(observed, DropReason::NotSyslog, error),
        }
    }

    fn complain(&self, observed: &mut Observed, reason: DropReason, why: impl fmt::Display) {
        observed.dropped(reason, 1);
        tracing::warn!(source = %self.shared.name, sender = %self.sender, "closed a connection: {why}");
    }
}
