//! What a stream can do wrong. A closed list: each name becomes a metric label.

/// Why a stream is not what it should be. A connection complains once, with the gravest of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FramingError {
    /// A frame was longer than allowed; its first part was delivered and the rest discarded. The stream goes on.
    LineTooLong,
    /// The stream ended inside an octet-counted frame.
    Incomplete,
    /// Where an octet count must stand there is none: no digit, a leading zero (RFC 6587 section 3.4.1), no blank behind it.
    CountMalformed,
    /// An octet count of more than six digits, or beyond the allowed length. Refused before anything is buffered.
    CountTooLarge,
    /// The client speaks TLS on a plain port.
    TlsHello,
}

impl FramingError {
    /// All errors, the gravest last.
    pub const ALL: [Self; 5] =
        [Self::LineTooLong, Self::Incomplete, Self::CountMalformed, Self::CountTooLarge, Self::TlsHello];

    /// The name, as metrics print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LineTooLong => "line_too_long",
            Self::Incomplete => "incomplete",
            Self::CountMalformed => "count_malformed",
            Self::CountTooLarge => "count_too_large",
            Self::TlsHello => "tls_hello",
        }
    }

    /// Whether nothing sensible can follow, so that the connection must be closed.
    pub const fn is_fatal(self) -> bool {
        matches!(self, Self::CountMalformed | Self::CountTooLarge | Self::TlsHello)
    }
}

impl core::fmt::Display for FramingError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::LineTooLong => "a frame is longer than allowed",
            Self::Incomplete => "the stream ended inside a frame",
            Self::CountMalformed => "an octet count is expected, and is malformed",
            Self::CountTooLarge => "an octet count is larger than allowed",
            Self::TlsHello => "the client speaks TLS on a plain port",
        })
    }
}

impl core::error::Error for FramingError {}
