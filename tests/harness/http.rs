//! One request, one answer: what a test needs of HTTP.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    /// Its status.
    pub(crate) status: u16,
    /// Its status line and headers, in lower case.
    pub(crate) head: String,
    /// Its body.
    pub(crate) body: String,
}

/// `GET path`, as a browser on this machine asks.
#[track_caller]
pub(crate) fn get(address: SocketAddr, path: &str) -> Response {
    request(address, "GET", path, &format!("Host: {address}\r\n"))
}

/// Any request without a body; `headers` are whole lines, each with its line break.
#[track_caller]
pub(crate) fn request(address: SocketAddr, method: &str, path: &str, headers: &str) -> Response {
    exchange(address, &format!("{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"))
        .unwrap_or_else(|error| panic!("{method} {path} from {address}: {error}"))
}

/// Any request, as its text; an error where no answer came, as from a process that was killed.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> io::Result<Response> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    exchange_on(stream, request)
}

/// The same on any connection.
pub(crate) fn exchange_on(mut stream: impl Read + Write, request: &str) -> io::Result<Response> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut block = vec![0; 65_536];
    // Some servers say how long the body is and leave the connection open.
    while !is_complete(&answer) {
        match stream.read(&mut block)? {
            0 => break,
            bytes => answer.extend_from_slice(&block[..bytes]),
        }
    }
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::Error::other(String::from_utf8_lossy(&answer)))
}

fn is_complete(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let fields = String::from_utf8_lossy(&answer[..head]).to_lowercase();
    let length = fields.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| answer.len() >= head + 4 + length)
}

fn parse(answer: &str) -> Option<Response> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let head = head.to_lowercase();
    let body = if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
    Some(Response { status, head, body })
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).expect("a chunk's length is hexadecimal");
        if length == 0 {
            break;
        }
        whole.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
    }
    whole
}
