//! Who sends lines: raw sockets, a file's writer, `logger` and rsyslog.

use std::{
    fs::OpenOptions,
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    path::Path,
    process::Command,
};

/// Loopback's usual address.
pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// One datagram from an address of loopback.
pub(crate) fn udp(from: IpAddr, to: SocketAddr, line: &[u8]) {
    let socket = UdpSocket::bind((from, 0)).unwrap_or_else(|error| panic!("cannot bind {from}: {error}"));
    socket.send_to(line, to).expect("loopback takes a datagram");
}

/// One connection that sends all bytes and closes.
pub(crate) fn tcp(from: IpAddr, to: SocketAddr, bytes: &[u8]) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap_or_else(|error| panic!("cannot bind {from}: {error}"));
    socket.connect(&to.into()).unwrap_or_else(|error| panic!("cannot connect to {to}: {error}"));
    TcpStream::from(socket).write_all(bytes).expect("the peer reads");
}

/// Appends bytes to a file, as a program that writes its log does.
pub(crate) fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the log can be opened");
    file.write_all(bytes).expect("the log can be written");
}

/// `logger` from util-linux: one line over UDP or TCP, with an RFC 3164 or RFC 5424 head before it.
pub(crate) fn logger(to: SocketAddr, options: &[&str], line: &str) {
    let status = Command::new("/usr/bin/logger")
        .args(["--server", &to.ip().to_string(), "--port", &to.port().to_string()])
        .args(options)
        .args(["--", line])
        .status()
        .expect("logger is installed by tests/run.sh");
    assert!(status.success(), "logger: {status}");
}
