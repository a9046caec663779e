//! What differs between releases of Unified CCX: data, one row per release.
//!
//! Sources: Features Guides 12.5(1) SU1, SU2, SU3 and 15.0 (chapter *Smart Licensing*), release notes 12.5(1) SU3. The rule
//! "five reports, 45 minutes" belongs to the releases up to SU2. From SU3 on, use is reported every 8 hours and the instance is
//! out of compliance at once. No guide says whether use still locks there.

use jiff::SignedDuration;
use serde::{Serialize, Serializer};

/// Whether the reported use stays at its peak while the instance is out of compliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locking {
    /// Documented: the peak is reported until the deficit is bought.
    Locks,
    /// The guides of the release do not say.
    Unknown,
}

impl Serialize for Locking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Locks => "locks",
            Self::Unknown => "unknown",
        })
    }
}

/// One row: how a release behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The release as a person writes it; empty for a release that is not known.
    pub release: &'static str,
    /// Minutes between two reports of use; 15 or 480. `None` where the release is not known.
    pub report_minutes: Option<u16>,
    /// Consecutive reports over the purchased quantity that make the state irreversible: 5, or 1 for at once.
    pub consecutive: Option<u8>,
    /// Minutes of the first warning: 45. `None` where no countdown is expected.
    pub countdown_minutes: Option<u16>,
    /// Minutes of the second warning: 15. `None` where no countdown is expected.
    pub shortly_minutes: Option<u16>,
    /// Whether use locks.
    pub locking: Locking,
}

/// Up to SU2.
const COUNTDOWN: Profile = Profile {
    release: "",
    report_minutes: Some(15),
    consecutive: Some(5),
    countdown_minutes: Some(45),
    shortly_minutes: Some(15),
    locking: Locking::Locks,
};

/// From SU3 on.
const IMMEDIATE: Profile = Profile {
    release: "",
    report_minutes: Some(8 * 60),
    consecutive: Some(1),
    countdown_minutes: None,
    shortly_minutes: None,
    locking: Locking::Unknown,
};

/// The table.
pub const PROFILES: [Profile; 5] = [
    Profile { release: "12.5(1)", ..COUNTDOWN },
    Profile { release: "12.5(1)SU1", ..COUNTDOWN },
    Profile { release: "12.5(1)SU2", ..COUNTDOWN },
    Profile { release: "12.5(1)SU3", ..IMMEDIATE },
    Profile { release: "15.0", ..IMMEDIATE },
];

impl Profile {
    /// A release that nobody named: nothing is assumed.
    pub const UNKNOWN: Self = Self {
        release: "",
        report_minutes: None,
        consecutive: None,
        countdown_minutes: None,
        shortly_minutes: None,
        locking: Locking::Unknown,
    };

    /// The row of a release, written with or without blanks, brackets and case: `12.5(1) SU2`, `12.5.1su2`.
    pub fn of(release: &str) -> Option<&'static Self> {
        let wanted = squeezed(release);
        PROFILES.iter().find(|profile| squeezed(profile.release) == wanted || Self::alias(profile, &wanted))
    }

    /// Shorter and longer spellings of the same release: `12.5`, `15`, `15.0(1)`.
    fn alias(&self, wanted: &str) -> bool {
        match self.release {
            "12.5(1)" => wanted == "125",
            "12.5(1)SU1" => wanted == "125SU1",
            "12.5(1)SU2" => wanted == "125SU2",
            "12.5(1)SU3" => wanted == "125SU3",
            "15.0" => wanted == "15" || wanted.starts_with("1501"),
            _ => false,
        }
    }

    /// Whether the release enters out of compliance at once, without a countdown.
    pub fn is_immediate(&self) -> bool {
        self.report_minutes.is_some() && self.countdown_minutes.is_none()
    }

    /// The time between two reports of use.
    pub fn interval(&self) -> Option<SignedDuration> {
        self.report_minutes.map(|minutes| SignedDuration::from_mins(i64::from(minutes)))
    }
}

/// Letters and digits only, in upper case.
fn squeezed(release: &str) -> String {
    release.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}
