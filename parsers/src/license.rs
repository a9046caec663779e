//! The typed license events of facility `LIB_LICENSE`.
//!
//! Source: the UCCX Smart Licensing document (lines of MCVD traces and of syslog) and the UCCX 12.5 serviceability documents for the
//! names. Nothing else of the facility is documented, so nothing else is given a meaning.

use crate::{
    bytes::{number, same_key, split_at_byte, trim},
    ciscolog::Event,
    severity::Severity,
};

/// A countdown longer than a day is no countdown: the longest documented one has 45 minutes.
const MOST_MINUTES: u64 = 1440;

/// What a `*_LIB_LICENSE-*` line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LicenseEvent {
    /// Which event.
    pub kind: LicenseEventKind,
    /// The minutes that the line says are left, 0–1,440. `None` where the line carries none or an absurd number (then a defect
    /// says so).
    pub minutes_left: Option<u16>,
}

/// The three documented license events, and everything else of the facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum LicenseEventKind {
    /// `SYSTEM_TO_ENTER_OOC_STATE`.
    EnteringOutOfCompliance,
    /// `SYSTEM_TO_ENTER_OOC_STATE_SHORTLY`.
    EnteringOutOfComplianceShortly,
    /// `SYSTEM_IN_OOC_STATE`.
    OutOfCompliance,
    /// Any other mnemonic of the facility: undocumented, so never guessed.
    Unclassified,
}

impl LicenseEventKind {
    /// The kind of a mnemonic. Names are compared exactly: a new name is a new event.
    pub fn of_mnemonic(mnemonic: &[u8]) -> Self {
        match mnemonic {
            b"SYSTEM_TO_ENTER_OOC_STATE" => Self::EnteringOutOfCompliance,
            b"SYSTEM_TO_ENTER_OOC_STATE_SHORTLY" => Self::EnteringOutOfComplianceShortly,
            b"SYSTEM_IN_OOC_STATE" => Self::OutOfCompliance,
            _ => Self::Unclassified,
        }
    }

    /// Whether the event carries a number of minutes.
    pub const fn is_countdown(self) -> bool {
        matches!(self, Self::EnteringOutOfCompliance | Self::EnteringOutOfComplianceShortly)
    }
}

/// Whether license events come from this facility: `LIB_LICENSE` of a process, or the alarm catalog `UC_LIB_LICENSE`.
pub(crate) fn is_license(facility: &[u8]) -> bool {
    matches!(facility, b"LIB_LICENSE" | b"UC_LIB_LICENSE")
}

/// The license event that an event is. A debug line without a name of its own (`UNK`), or the stack trace behind one, may mention a
/// state and reports none.
pub(crate) fn license_event(event: &Event<'_>) -> Option<LicenseEvent> {
    if !is_license(event.facility) {
        return None;
    }
    if event.severity == Severity::Debug && matches!(event.mnemonic, b"UNK" | b"EXCEPTION" | b"DEBUG") {
        return None;
    }
    let kind = LicenseEventKind::of_mnemonic(event.mnemonic);
    let minutes_left = if kind.is_countdown() { minutes(event) } else { None };
    Some(LicenseEvent { kind, minutes_left })
}

/// Whether a countdown lacks a usable number of minutes.
pub(crate) fn is_unusable(event: &Event<'_>) -> bool {
    license_event(event).is_some_and(|event| event.kind.is_countdown() && event.minutes_left.is_none())
}

/// The minutes of a countdown: from its tag, or (trace) from the text behind `… state in =`. Two statements that differ are none.
fn minutes(event: &Event<'_>) -> Option<u16> {
    let mut found: Option<Option<u16>> = None;
    let mut state = |value: &[u8]| {
        let minutes = minutes_of(value);
        found = Some(match found {
            Some(before) if before != minutes => None,
            _ => minutes,
        });
    };
    for (key, value) in event.tag_values() {
        if is_minutes_key(key) {
            state(value);
        }
    }
    // A trace has no tags; its sentence stands in the text, and may be followed by others.
    let mut rest = if event.has_tags() { b"" } else { event.text };
    while let Some((key, behind)) = split_at_byte(rest, b'=') {
        if is_minutes_key(key) {
            let end = behind.iter().position(|&byte| matches!(byte, b',' | b'\n' | b'#' | b'='));
            state(&behind[..end.unwrap_or(behind.len())]);
        }
        rest = behind;
    }
    found.flatten()
}

/// The tag of the alarm, or the sentence of the trace up to its `=`. Of a long text only the end can be a key.
fn is_minutes_key(key: &[u8]) -> bool {
    const SENTENCE: &[u8] = b"will enter Out of Compliance state in";
    let key = trim(key);
    same_key(key, b"The time remaining to enter OOC state")
        || key.len().checked_sub(SENTENCE.len()).is_some_and(|start| key[start..].eq_ignore_ascii_case(SENTENCE))
}

/// `45 minutes`: a whole number from 0 to 1,440 and the unit. Anything else is not guessed at.
fn minutes_of(value: &[u8]) -> Option<u16> {
    let (minutes, unit) = number(trim(value), 9)?;
    let unit = trim(unit).strip_suffix(b".").unwrap_or(trim(unit));
    let known = [&b"minutes"[..], b"minute", b"mins", b"min"].iter().any(|name| unit.eq_ignore_ascii_case(name));
    if !known || minutes > MOST_MINUTES {
        return None;
    }
    u16::try_from(minutes).ok()
}
