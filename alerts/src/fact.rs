//! A fact: what one wanted line says, owned, small and versioned. The only thing that crosses from the sources to the engine.

mod rtmt;

pub use rtmt::RtmtAlert;

use crate::limits::{Limits, bounded};
use ccxwatch_parsers::{Event, Record, license::LicenseEvent, severity::Severity, stamp::Stamp};
use core::net::IpAddr;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// The RTMT alert that brought the line, or that the line is.
    #[serde(default)]
    pub rtmt: Option<RtmtAlert>,
}

impl Fact {
    /// The version that this build writes.
    pub const VERSION: u8 = 2;

    /// The facts of a record: none where it is no Cisco event, one for an alarm or for an alert of RTMT, and one for each line that an
    /// alert of RTMT quotes: it is one more copy of the same news.
    ///
    /// `received_at` is the wall time of receipt; `catching_up` says that the source reads a backlog.
    pub fn of_record(record: &Record<'_>, received_at: Timestamp, origin: Origin, catching_up: bool) -> Vec<Self> {
        match &record.event {
            Some(event) => rtmt::facts(event, Self::of_event(event, record, received_at, origin, catching_up), 0),
            None => Self::of_wrapped_alert(record, received_at, origin, catching_up),
        }
    }

    /// The first value of a parameter. Blanks and letter case of its key do not count: `App ID` is `AppID`.
    pub fn param(&self, key: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| same_key(known, key)).map(|(_, value)| value.as_str())
    }

    fn of_event(
        event: &Event<'_>,
        record: &Record<'_>,
        received_at: Timestamp,
        origin: Origin,
        catching_up: bool,
    ) -> Self {
        let limits = Limits::DEFAULT;
        let param = |bytes: &[u8]| lossy(bytes, limits.param_bytes);
        Self {
            version: Self::VERSION,
            received_at,
            origin,
            stamp: record.stamp(),
            host: event.host.or(record.envelope.hostname).map(text),
            node_id: event.node_id().map(text),
            app_id: event.app_id().map(text),
            sequence: event.sequence,
            process: event.process.map(text),
            facility: text(event.facility),
            mnemonic: text(event.mnemonic),
            severity: event.severity,
            license: event.license(),
            params: event
                .params()
                .take(limits.params)
                .map(|(key, value)| (param(key.trim_ascii()), param(&value)))
                .collect(),
            raw: lossy(record.raw, limits.raw_bytes),
            copies: 1,
            catching_up,
            rtmt: None,
        }
    }
}

/// A name of a line, bounded.
fn text(bytes: &[u8]) -> String {
    lossy(bytes.trim_ascii(), Limits::DEFAULT.name_bytes)
}

/// Valid UTF-8 of at most `limit` bytes.
fn lossy(bytes: &[u8], limit: usize) -> String {
    let cut = &bytes[..bytes.len().min(limit)];
    let whole = String::from_utf8_lossy(cut);
    bounded(&whole, limit).to_owned()
}

/// Whether two keys are the same but for blanks and letter case.
fn same_key(a: &str, b: &str) -> bool {
    let mut letters = [a, b].map(|key| key.bytes().filter(|byte| *byte != b' ').map(|byte| byte.to_ascii_lowercase()));
    let [a, b] = &mut letters;
    a.eq(b)
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

impl Channel {
    /// The name, as it is written in JSON and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::File => "file",
            Self::Stdin => "stdin",
        }
    }
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
