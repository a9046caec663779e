//! The limits of the sources, each with a name.

use std::time::Duration;

/// How much the sources hold, and how long they wait. Every buffer, queue and table in this module has its limit here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest line that is kept whole; what is behind it is cut off and counted.
    pub line_bytes: usize,
    /// What is read at once from a stream or a file.
    pub block_bytes: usize,
    /// Blocks that are read of files before they are looked at again, where few of their lines are wanted.
    pub blocks_of_files: usize,
    /// Batches that wait for the pipeline, per source.
    pub queue_batches: usize,
    /// Facts that a UDP source keeps aside while its queue is full.
    pub held_facts: usize,
    /// About how many bytes those may be.
    pub held_bytes: usize,
    /// Origins whose liveness one source tracks.
    pub origins: usize,
    /// Hosts that are told apart behind one relay.
    pub hosts_per_origin: usize,
    /// Bytes of continuation lines that a trace record keeps.
    pub continuation_bytes: usize,
    /// Datagrams taken with one system call.
    pub datagrams: usize,
    /// The receive buffer that is asked for, in bytes.
    pub receive_buffer: usize,
    /// TCP connections of one listener.
    pub connections: usize,
    /// TCP connections of one sender to one listener.
    pub connections_per_sender: usize,
    /// How long a connection may be silent. Long: a healthy node may have nothing to say for hours, and the first line after a
    /// close by us would be lost. Dead peers are found by keep-alive.
    pub idle: Duration,
    /// How long one record may take from its first byte to its last.
    pub slow_record: Duration,
    /// How often files are looked at.
    pub poll_every: Duration,
    /// The same for files of which none has changed for `quiet_polls` polls.
    pub poll_idle_every: Duration,
    /// The same for such files on a local file system, where the kernel says when one changes.
    pub poll_watched_every: Duration,
    /// Polls without growth after which a rotated file counts as complete.
    pub quiet_polls: u32,
    /// Files whose positions are remembered, gone ones included.
    pub remembered_files: usize,
    /// Files of one path or glob that are followed.
    pub files: usize,
    /// Those of them that hold a descriptor; the others are opened when they change.
    pub open_files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 64 * 1024,
            block_bytes: 64 * 1024,
            blocks_of_files: 32,
            queue_batches: 8,
            held_facts: 4096,
            held_bytes: 16 * 1024 * 1024,
            origins: 4096,
            hosts_per_origin: 256,
            continuation_bytes: 4096,
            datagrams: 64,
            receive_buffer: 16 * 1024 * 1024,
            connections: 4096,
            connections_per_sender: 1024,
            idle: Duration::from_hours(24),
            slow_record: Duration::from_mins(1),
            poll_every: Duration::from_millis(250),
            poll_idle_every: Duration::from_secs(1),
            poll_watched_every: Duration::from_secs(5),
            quiet_polls: 40,
            remembered_files: 4096,
            files: 16_384,
            open_files: 2048,
        }
    }
}
