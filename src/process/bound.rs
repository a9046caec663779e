//! What the process listens on, and why an address cannot be used.

use crate::{cli::Failure, web};
use std::{io, net::SocketAddr};

/// What the process listens on, ports resolved.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Syslog over UDP.
    pub udp: Vec<SocketAddr>,
    /// Syslog over TCP.
    pub tcp: Vec<SocketAddr>,
    /// Page, API and metrics.
    pub web: SocketAddr,
    /// Patterns of tailed files.
    pub files: Vec<String>,
}

impl Bound {
    /// One line per listener, for the console.
    pub fn lines(&self) -> Vec<String> {
        let udp = self.udp.iter().map(|address| format!("listening udp {address}"));
        let tcp = self.tcp.iter().map(|address| format!("listening tcp {address}"));
        let files = self.files.iter().map(|pattern| format!("tailing {}", crate::terminal::inert(pattern)));
        udp.chain(tcp).chain(files).chain([format!("page http://{}/", self.web)]).collect()
    }

    /// A line to copy into a shell that sends a test event.
    pub fn test_line(&self) -> String {
        let command = self.udp.first().map(|address| web::test_command(*address));
        command.map_or_else(
            || "test it: no UDP listener is configured".to_owned(),
            |command| format!("test it: {command}"),
        )
    }
}

/// An address that cannot be used, with a next step.
pub(super) fn listen_failure(address: String, source: io::Error) -> Failure {
    let hint = match source.kind() {
        io::ErrorKind::AddrInUse => {
            "Another program has the port: stop it, or listen on another one (0 takes a free one)"
        }
        io::ErrorKind::PermissionDenied => "Ports below 1024 need the capability CAP_NET_BIND_SERVICE",
        io::ErrorKind::AddrNotAvailable => "This machine has no such address",
        _ => "Check the address in the configuration",
    };
    Failure::Listen { address, source, hint }
}
