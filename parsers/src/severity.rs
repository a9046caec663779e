//! Syslog severity, named as RFC 5424 section 6.2.1 (table 2) and Cisco's alarm catalogue name it.

/// A syslog severity, 0 (most severe) to 7.
///
/// Cisco's severity numbers do not rank license states: the warning `…_SHORTLY` is 0, the state itself is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum Severity {
    /// 0
    Emergency = 0,
    /// 1
    Alert = 1,
    /// 2
    Critical = 2,
    /// 3
    Error = 3,
    /// 4
    Warning = 4,
    /// 5
    Notice = 5,
    /// 6
    Informational = 6,
    /// 7
    Debug = 7,
}

impl Severity {
    /// All severities, most severe first.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Informational,
        Self::Debug,
    ];

    /// The severity of a number 0–7.
    pub const fn from_number(number: u8) -> Option<Self> {
        if number < 8 { Some(Self::ALL[number as usize]) } else { None }
    }

    /// The number 0–7.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Cisco's name, as Alert Central prints it: `Emergency` … `Debug`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emergency => "Emergency",
            Self::Alert => "Alert",
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Notice => "Notice",
            Self::Informational => "Informational",
            Self::Debug => "Debug",
        }
    }

    /// The severity of a word, as Customer Collaboration products print it (`INFO`, `WARN`, `ERROR`) and RTMT writes it
    /// (`Critical`). Letter case does not matter.
    pub fn from_word(word: &[u8]) -> Option<Self> {
        const WORDS: [(&[u8], Severity); 17] = [
            (b"emergency", Severity::Emergency),
            (b"emerg", Severity::Emergency),
            (b"fatal", Severity::Emergency),
            (b"alert", Severity::Alert),
            (b"critical", Severity::Critical),
            (b"crit", Severity::Critical),
            (b"error", Severity::Error),
            (b"err", Severity::Error),
            (b"warning", Severity::Warning),
            (b"warn", Severity::Warning),
            (b"notice", Severity::Notice),
            (b"notification", Severity::Notice),
            (b"informational", Severity::Informational),
            (b"info", Severity::Informational),
            (b"debugging", Severity::Debug),
            (b"debug", Severity::Debug),
            (b"trace", Severity::Debug),
        ];
        WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|&(_, severity)| severity)
    }
}
