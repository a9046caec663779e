//! What was odd about a line. A closed list: each name becomes a metric label.

/// One oddity of a line. The line is still delivered, with everything that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum Defect {
    /// The line is not UTF-8.
    InvalidUtf8,
    /// The line holds a NUL byte.
    ContainsNul,
    /// `<…>` at the start is no PRI: not 1–3 digits, a leading zero, or above 191 (RFC 5424 section 6.2.1).
    PriInvalid,
    /// The severity of the PRI is not that of the message; the `CiscoLog` specification demands that they agree.
    PriSeverityMismatch,
    /// The header looks like RFC 5424 but breaks a limit or a rule of it.
    HeaderNotStrict,
    /// Structured data that RFC 5424 section 6.3 does not allow.
    StructuredDataMalformed,
    /// A second header stands inside the first: a relay added its own.
    NestedHeader,
    /// A half line stands before this one on the same line (a process crashed while it wrote).
    HalfLine,
    /// `%FACILITY-…` begins, but neither severity nor mnemonic follows.
    TripletIncomplete,
    /// The time is marked `---`: the sender does not know it.
    ClockUnknown,
    /// An element of the tags has no `=`.
    TagMalformed,
    /// A bracket inside a value has no partner; the next `][` or `]:` ended it.
    TagsUnbalanced,
    /// The line ends inside a tag.
    TagsTruncated,
    /// A license countdown without a usable number of minutes.
    MinutesUnusable,
}

impl Defect {
    /// All defects, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::InvalidUtf8,
        Self::ContainsNul,
        Self::PriInvalid,
        Self::PriSeverityMismatch,
        Self::HeaderNotStrict,
        Self::StructuredDataMalformed,
        Self::NestedHeader,
        Self::HalfLine,
        Self::TripletIncomplete,
        Self::ClockUnknown,
        Self::TagMalformed,
        Self::TagsUnbalanced,
        Self::TagsTruncated,
        Self::MinutesUnusable,
    ];

    /// The name, as metrics and JSON print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::ContainsNul => "contains_nul",
            Self::PriInvalid => "pri_invalid",
            Self::PriSeverityMismatch => "pri_severity_mismatch",
            Self::HeaderNotStrict => "header_not_strict",
            Self::StructuredDataMalformed => "structured_data_malformed",
            Self::NestedHeader => "nested_header",
            Self::HalfLine => "half_line",
            Self::TripletIncomplete => "triplet_incomplete",
            Self::ClockUnknown => "clock_unknown",
            Self::TagMalformed => "tag_malformed",
            Self::TagsUnbalanced => "tags_unbalanced",
            Self::TagsTruncated => "tags_truncated",
            Self::MinutesUnusable => "minutes_unusable",
        }
    }

    /// Whether the bytes themselves are damaged, as against merely unusual: only damage makes an event *malformed*.
    pub const fn is_damage(self) -> bool {
        match self {
            Self::PriSeverityMismatch | Self::HeaderNotStrict | Self::NestedHeader | Self::ClockUnknown => false,
            Self::InvalidUtf8
            | Self::ContainsNul
            | Self::PriInvalid
            | Self::StructuredDataMalformed
            | Self::HalfLine
            | Self::TripletIncomplete
            | Self::TagMalformed
            | Self::TagsUnbalanced
            | Self::TagsTruncated
            | Self::MinutesUnusable => true,
        }
    }
}

/// A set of defects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Defects(u32);

impl Defects {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Adds one.
    pub const fn insert(&mut self, defect: Defect) {
        self.0 |= 1 << defect as u8;
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(mut self, defect: Defect) -> Self {
        self.insert(defect);
        self
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is in the set.
    pub const fn contains(self, defect: Defect) -> bool {
        self.0 & (1 << defect as u8) != 0
    }

    /// Whether nothing was odd.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any of them is damage ([`Defect::is_damage`]).
    pub fn any_damage(self) -> bool {
        self.iter().any(Defect::is_damage)
    }

    /// The defects in the set, in the order of [`Defect::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Defect> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let defect = Defect::ALL.get(usize::try_from(rest.trailing_zeros()).ok()?).copied();
            rest &= rest.wrapping_sub(1);
            defect
        })
    }
}

impl Extend<Defect> for Defects {
    fn extend<I: IntoIterator<Item = Defect>>(&mut self, defects: I) {
        for defect in defects {
            self.insert(defect);
        }
    }
}
