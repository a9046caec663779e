//! A fact: what one wanted line says, owned, small and versioned. The only thing that crosses from the sources to the engine.

use ccxwatch_parsers::{license::LicenseEvent, severity::Severity, stamp::Stamp};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What one line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// [`Fact::VERSION`] of the writer.
    pub version: u8,
    /// Wall time of receipt.
    pub received_at: Timestamp,
    /// By which way it came.
    pub origin: Origin,
    /// The time that the line prints, not yet resolved: year and zone depend on the cluster.
    pub stamp: Option<Stamp>,
    /// The host that the line names in its head (a relay's lines name the real node here).
    pub host: Option<String>,
    /// `NodeID` of the tags.
    pub node_id: Option<String>,
    /// `AppID` of the tags.
    pub app_id: Option<String>,
    /// The sequence number of the head.
    pub sequence: Option<u64>,
    /// `MCVD`, `MIVR`, … of a trace line.
    pub process: Option<String>,
    /// `UC_LIB_LICENSE`, or `LIB_LICENSE` of a trace line.
    pub facility: String,
    /// `SYSTEM_IN_OOC_STATE`.
    pub mnemonic: String,
    /// The severity that the line prints.
    pub severity: Severity,
    /// The typed license event, where the facility is `*LIB_LICENSE`.
    pub license: Option<LicenseEvent>,
    /// All parameters of the line, in order, bounded; keys as printed (trimmed).
    pub params: Vec<(String, String)>,
    /// The line, bounded and made valid UTF-8. Hostile: whoever prints it escapes it.
    pub raw: String,
    /// How many equal lines of the same block this fact stands for; at least 1.
    pub copies: u32,
    /// The source is reading a backlog (a tail that is catching up).
    pub catching_up: bool,
}

impl Fact {
    /// The version that this build writes.
    pub const VERSION: u8 = 1;
}

/// By which way a line came. This, not what the line claims, decides whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The kind of source.
    pub channel: Channel,
    /// The address of the peer, for sockets.
    pub sender: Option<IpAddr>,
    /// The listener's address or the file's path.
    pub source: String,
    /// The node that the configuration gives to a file.
    pub node: Option<String>,
}

/// The kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Syslog over UDP.
    Udp,
    /// Syslog over TCP.
    Tcp,
    /// Syslog over TLS.
    Tls,
    /// A tailed file.
    File,
    /// Standard input.
    Stdin,
}

/// That an origin was heard at all: feeds feed-liveness, carries no event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Who.
    pub origin: Origin,
    /// The node that the lines name, where they do.
    pub host: Option<String>,
    /// Wall time of the last receipt.
    pub last: Timestamp,
    /// Lines since the last report.
    pub lines: u64,
}
