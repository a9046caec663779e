//! What was odd about a line. A closed list: each name becomes a metric label.

/// One oddity of a line. The line is still delivered, with everything that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum Defect {
    /// The line is not UTF-8.
    InvalidUtf8,
    /// A license countdown without a usable number of minutes.
    MinutesUnusable,
}
