//! Many datagrams per system call, and how many the kernel had to drop before them.

use nix::{
    cmsg_space,
    errno::Errno,
    sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt},
};
use std::{
    io::{self, IoSliceMut},
    net::IpAddr,
    os::fd::{AsFd, AsRawFd},
};

/// The largest datagram.
const DATAGRAM_BYTES: usize = 64 * 1024;

/// Asks the kernel to say with each datagram how many it dropped before.
pub(super) fn count_kernel_drops(socket: &impl AsFd) -> io::Result<()> {
    Ok(setsockopt(socket, sockopt::RxqOvfl, &1)?)
}

/// Asks for a receive buffer. Whoever may administer the network (`CAP_NET_ADMIN`) gets it; for others the kernel grants at most
/// `net.core.rmem_max`, and refuses nobody.
pub(super) fn ask_for_buffer(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    if setsockopt(socket, sockopt::RcvBufForce, &bytes).is_err() {
        setsockopt(socket, sockopt::RcvBuf, &bytes)?;
    }
    Ok(())
}

/// Takes datagrams off a socket.
pub(super) struct Receiver {
    buffer: Vec<u8>,
    /// Sender and length of each datagram of the last call.
    heads: Vec<(IpAddr, usize)>,
    /// What the kernel's counter was.
    dropped: u32,
}

/// What one call took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) datagrams: usize,
    pub(super) kernel_drops: u32,
}

impl Receiver {
    pub(super) fn new(datagrams: usize) -> Self {
        Self { buffer: vec![0; datagrams * DATAGRAM_BYTES], heads: Vec::with_capacity(datagrams), dropped: 0 }
    }

    /// How many datagrams one call takes at most.
    pub(super) fn datagrams_at_once(&self) -> usize {
        self.buffer.len() / DATAGRAM_BYTES
    }

    /// Takes what is there, up to the limit, without waiting.
    pub(super) fn receive(&mut self, socket: &impl AsRawFd) -> io::Result<Received> {
        self.heads.clear();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            self.buffer.chunks_exact_mut(DATAGRAM_BYTES).map(|chunk| [IoSliceMut::new(chunk)]).collect();
        // Made anew for each call: the kernel shortens the lengths in it, and nix does not restore them.
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slices.len(), Some(cmsg_space!(u32)));
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages = match recvmmsg(socket.as_raw_fd(), &mut headers, slices.iter_mut(), flags, None) {
            Ok(messages) => messages,
            Err(Errno::EAGAIN) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(errno) => return Err(errno.into()),
        };
        let mut counter = self.dropped;
        for message in messages {
            if let Ok(controls) = message.cmsgs() {
                for control in controls {
                    if let ControlMessageOwned::RxqOvfl(count) = control {
                        counter = count;
                    }
                }
            }
            let sender = message.address.and_then(|address| address_of(&address));
            self.heads.push((sender.unwrap_or(IpAddr::from([0, 0, 0, 0])), message.bytes));
        }
        let kernel_drops = counter.wrapping_sub(self.dropped);
        self.dropped = counter;
        Ok(Received { datagrams: self.heads.len(), kernel_drops })
    }

    /// The datagrams of the last call, with their senders. IPv4 senders appear as such on an IPv6 socket as well.
    pub(super) fn datagrams(&self, count: usize) -> impl Iterator<Item = (IpAddr, &[u8])> {
        self.heads
            .iter()
            .zip(self.buffer.chunks_exact(DATAGRAM_BYTES))
            .take(count)
            .map(|(&(sender, length), chunk)| (sender, &chunk[..length.min(chunk.len())]))
    }
}

fn address_of(address: &SockaddrStorage) -> Option<IpAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(v4.ip().into());
    }
    address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip()).to_canonical())
}
