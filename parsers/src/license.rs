//! The typed license events of facility `LIB_LICENSE`.

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
