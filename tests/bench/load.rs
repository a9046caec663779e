//! Sends the lines of a file as fast as asked, for `throughput.py`.
//!
//! ```sh
//! load udp ADDRESS FILE LINES_PER_SECOND   # one line a datagram, many datagrams a system call; 0 is as fast as possible
//! load tcp ADDRESS FILE CONNECTIONS        # as fast as the receiver takes them; ends when it has closed all connections
//! ```
//!
//! It prints how many lines were sent and how many seconds that took.

use ccxwatch::clock;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use std::{
    env,
    error::Error,
    fs,
    io::{IoSlice, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream, UdpSocket},
    os::fd::AsRawFd,
    thread,
    time::Duration,
};

/// Datagrams that one system call sends.
const DATAGRAMS: usize = 64;
/// The pause of a sender that is ahead of its rate. It decides how large the bursts are: at 500,000 lines a second about 50 lines.
const PAUSE: Duration = Duration::from_micros(50);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kind, address, file, number] = arguments.as_slice() else {
        return Err("usage: load udp ADDRESS FILE LINES_PER_SECOND | load tcp ADDRESS FILE CONNECTIONS".into());
    };
    let (address, number): (SocketAddr, usize) = (address.parse()?, number.parse()?);
    let bytes = fs::read(file)?;
    let began = clock::timer();
    let lines = match kind.as_str() {
        "udp" => udp(address, &bytes, number)?,
        "tcp" => tcp(address, &bytes, number.max(1))?,
        _ => return Err(format!("udp or tcp, not {kind}").into()),
    };
    println!("{lines} {:.6}", (clock::timer() - began).as_secs_f64());
    Ok(())
}

fn udp(address: SocketAddr, bytes: &[u8], rate: usize) -> Result<usize, Box<dyn Error>> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let socket = UdpSocket::bind((if address.is_ipv4() { "127.0.0.1" } else { "::1" }, 0))?;
    socket.connect(address)?;
    let began = clock::timer();
    let mut sent = 0;
    while sent < lines.len() {
        let due = if rate == 0 {
            lines.len()
        } else {
            usize::try_from((clock::timer() - began).as_micros())?.saturating_mul(rate) / 1_000_000
        };
        let until = due.min(sent + DATAGRAMS).min(lines.len());
        if sent < until {
            sent += send(&socket, &lines[sent..until])?;
        } else {
            thread::sleep(PAUSE);
        }
    }
    Ok(sent)
}

fn send(socket: &UdpSocket, lines: &[&[u8]]) -> nix::Result<usize> {
    let slices: Vec<[IoSlice<'_>; 1]> = lines.iter().map(|line| [IoSlice::new(line)]).collect();
    let addresses: Vec<Option<SockaddrStorage>> = vec![None; lines.len()];
    let mut headers = MultiHeaders::preallocate(lines.len(), None);
    Ok(sendmmsg(socket.as_raw_fd(), &mut headers, &slices, &addresses, [], MsgFlags::empty())?.count())
}

/// Cuts the file at line ends into one part for each connection.
fn tcp(address: SocketAddr, bytes: &[u8], connections: usize) -> Result<usize, Box<dyn Error>> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    for left in (1..=connections).rev() {
        let about = rest.len() / left;
        let end = memchr::memchr(b'\n', &rest[about..]).filter(|_| left > 1).map_or(rest.len(), |at| about + at + 1);
        let (part, behind) = rest.split_at(end);
        parts.push(part);
        rest = behind;
    }
    let streams = parts.iter().map(|_| TcpStream::connect(address)).collect::<Result<Vec<_>, _>>()?;
    thread::scope(|scope| {
        let senders: Vec<_> = streams
            .iter()
            .zip(parts)
            .map(|(mut stream, part)| {
                scope.spawn(move || {
                    stream.write_all(part)?;
                    stream.shutdown(Shutdown::Write)?;
                    // The receiver closes when it has read all. One that resets the connection then has read it as well.
                    let _ = stream.read(&mut [0]);
                    Ok::<(), std::io::Error>(())
                })
            })
            .collect();
        senders
            .into_iter()
            .try_for_each(|sender| sender.join().map_err(|_| "a sender panicked")?.map_err(Box::<dyn Error>::from))
    })?;
    Ok(memchr::memchr_iter(b'\n', bytes).count())
}
