//! How attempts to deliver end.

use jiff::Timestamp;
use serde::Serialize;

/// How an attempt to deliver ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The outbox row's number; `None` for a message that left unrecorded.
    pub id: Option<i64>,
    /// The receiver's name.
    pub receiver: String,
    /// When.
    pub at: Timestamp,
    /// How.
    pub result: DeliveryResult,
}

/// How an attempt to deliver ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryResult {
    /// The receiver has taken it.
    Delivered,
    /// It will be tried again.
    Retry {
        /// Which kind of fault.
        reason: FailureReason,
        /// What went wrong, without secrets.
        error: String,
    },
    /// It will not be tried again.
    GivenUp {
        /// Which kind of fault.
        reason: FailureReason,
        /// What went wrong, without secrets.
        error: String,
    },
}

/// Which kind of fault an attempt met. A closed list: a label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The name has no address, nobody listens there, or the connection broke.
    Connect,
    /// The connection could not be protected: no STARTTLS, a wrong certificate.
    Tls,
    /// The attempt as a whole took too long.
    Timeout,
    /// The receiver does not accept the credentials, or wants some.
    Auth,
    /// The receiver knows no such recipient.
    RefusedRecipient,
    /// The receiver does not want this message: the same would be refused again.
    Rejected,
    /// The receiver has had enough for now.
    RateLimited,
    /// The receiver has a fault of its own and may take the message later.
    Unavailable,
    /// The message could not be written: a template's fault, or ours.
    Template,
    /// The configuration no longer has the recipient.
    NotConfigured,
    /// Too many messages wait in memory while the store takes none.
    Overflow,
    /// It was tried for two days.
    Expired,
}

impl FailureReason {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Auth,
        Self::RefusedRecipient,
        Self::Rejected,
        Self::RateLimited,
        Self::Unavailable,
        Self::Template,
        Self::NotConfigured,
        Self::Overflow,
        Self::Expired,
    ];

    /// The name in metric labels and JSON: `refused_recipient`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Auth => "auth",
            Self::RefusedRecipient => "refused_recipient",
            Self::Rejected => "rejected",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Template => "template",
            Self::NotConfigured => "not_configured",
            Self::Overflow => "overflow",
            Self::Expired => "expired",
        }
    }
}
