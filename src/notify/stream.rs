//! Connections to mail servers: without Nagle's delay, and past an address that does not answer.

use std::time::Duration;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

/// How long one address of a server may take to answer while there are others.
pub(super) const ONE_ADDRESS: Duration = Duration::from_secs(5);

/// Connects to the first address that answers.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let place = format!("{host}:{port}");
    let addresses: Vec<_> = lookup_host((host, port))
        .await
        .map_err(|error| format!("{place}: the name cannot be resolved: {error}"))?
        .collect();
    let mut last = format!("{place}: the name has no address");
    for (at, address) in addresses.iter().enumerate() {
        let connecting = TcpStream::connect(address);
        let result = if at + 1 == addresses.len() {
            connecting.await
        } else {
            timeout(ONE_ADDRESS, connecting).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        };
        match result {
            Ok(stream) => {
                // The end of a mail is a write of its own; it must not wait for an acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = format!("{place}: cannot connect to {address}: {error}"),
        }
    }
    Err(last)
}
