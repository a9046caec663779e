//! What one client, or all of them together, can take of the web listener.

use std::time::Duration;

/// The limits of the web listener.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at one time; one more is closed at once and counted.
    pub(super) connections: usize,
    /// How long a client may take for the head of a request, and stay idle between two.
    pub(super) head_time: Duration,
    /// How long a connection lives at most, so that a client that reads slowly ends too.
    pub(super) connection_time: Duration,
    /// How long open requests may take to end once the process stops.
    pub(super) shutdown_time: Duration,
    /// Bytes of a request's head, and of the buffer of a connection.
    pub(super) head_bytes: usize,
    /// Header fields of a request.
    pub(super) head_fields: usize,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        connections: 128,
        head_time: Duration::from_secs(10),
        connection_time: Duration::from_mins(5),
        shutdown_time: Duration::from_secs(2),
        head_bytes: 16 * 1024,
        head_fields: 64,
    };
}
