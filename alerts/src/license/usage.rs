//! The usage model: what the reports of license use come to. Five reports in a row over the purchased quantity make out of
//! compliance irreversible (releases up to 12.5(1) SU2); from SU3 on one report does. From then on the peak is reported, not the
//! real use, until the deficit is bought. Source: Features Guide 12.5(1) SU1, *Smart Licensing*, scenarios 1 and 2.

use crate::license::profile::{Locking, Profile};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One report, as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// When.
    pub time: Timestamp,
    /// Licenses in use; `None` is a missing report.
    pub used: Option<u32>,
    /// Licenses bought from this report on, where it says so.
    pub purchased: Option<u32>,
}

/// What a report comes to. Serializes as `ccxwatch usage --json` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// When.
    pub time: Timestamp,
    /// Licenses in use; `None` is a missing report.
    pub used: Option<u32>,
    /// Licenses bought.
    pub purchased: Option<u32>,
    /// Reports over the purchased quantity in a row, this one included. Stands still once out of compliance.
    pub over_count: u8,
    /// The state after the report.
    pub state: UsageState,
    /// The use that is reported: the peak while it is locked, otherwise the real use. `None` for a missing report.
    pub reported: Option<u32>,
    /// Licenses to buy to be covered.
    pub deficit: u32,
}

/// Where the reports stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageState {
    /// Within the purchased quantity.
    #[default]
    Compliant,
    /// Over it, but not for long enough yet.
    Over,
    /// Over it for long enough: only a purchase ends it.
    OutOfCompliance,
}

impl UsageState {
    /// The name as it is written in JSON: `out_of_compliance`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Over => "over",
            Self::OutOfCompliance => "out_of_compliance",
        }
    }
}

/// The running model of one cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageModel {
    /// Licenses bought, as last said.
    pub purchased: Option<u32>,
    /// License control is on (overage allowance off): use is capped at the purchased quantity.
    pub capped: bool,
    over_count: u8,
    state: UsageState,
    /// The highest use since the first report of the run that is over.
    peak: u32,
    /// The deficit of the last report that came.
    deficit: u32,
}

impl UsageModel {
    /// A model that has seen nothing.
    pub fn new(purchased: Option<u32>) -> Self {
        Self { purchased, ..Self::default() }
    }

    /// Where the reports stand.
    pub fn state(&self) -> UsageState {
        self.state
    }

    /// One report. `profile` says how many reports in a row it takes; where the release is not known, none are enough.
    pub fn report(&mut self, report: Report, profile: &Profile) -> Outcome {
        self.purchased = report.purchased.or(self.purchased);
        let cap = self.purchased.filter(|_| self.capped);
        let used = report.used.map(|used| cap.map_or(used, |cap| used.min(cap)));
        if let Some(used) = used {
            self.count(used, profile);
        } else if let (UsageState::OutOfCompliance, Some(purchased)) = (self.state, self.purchased) {
            self.deficit = self.peak.saturating_sub(purchased);
        }
        let locked = self.state == UsageState::OutOfCompliance && profile.locking == Locking::Locks;
        Outcome {
            time: report.time,
            used,
            purchased: self.purchased,
            over_count: self.over_count,
            state: self.state,
            reported: used.map(|used| if locked { self.peak } else { used }),
            deficit: self.deficit,
        }
    }

    fn count(&mut self, used: u32, profile: &Profile) {
        let Some(purchased) = self.purchased else { return };
        let over = used > purchased;
        self.peak = if over || self.state != UsageState::Compliant { self.peak.max(used) } else { 0 };
        if self.state == UsageState::OutOfCompliance {
            if self.peak > purchased {
                self.deficit = self.peak - purchased;
                return;
            }
            // Bought.
            *self = Self { purchased: self.purchased, capped: self.capped, ..Self::default() };
        }
        if over {
            self.over_count = self.over_count.saturating_add(1);
            let enough = profile.consecutive.is_some_and(|consecutive| self.over_count >= consecutive);
            self.state = if enough { UsageState::OutOfCompliance } else { UsageState::Over };
            self.deficit = if enough { self.peak - purchased } else { used - purchased };
        } else {
            self.over_count = 0;
            self.state = UsageState::Compliant;
            self.peak = 0;
            self.deficit = 0;
        }
    }
}

/// What a series of reports comes to, one outcome a report. `purchased` holds until a report says otherwise.
pub fn evaluate(reports: &[Report], profile: &Profile, purchased: Option<u32>) -> Vec<Outcome> {
    let mut model = UsageModel::new(purchased);
    reports.iter().map(|report| model.report(*report, profile)).collect()
}

/// What a reader of the outcomes must know of the release; nothing where all is documented.
pub fn caveat(profile: &Profile) -> Option<&'static str> {
    match (profile.consecutive, profile.locking) {
        (None, _) => Some("The release is not known, so no number of reports is taken as out of compliance."),
        (Some(_), Locking::Unknown) => {
            Some("Whether this release locks the reported use at its peak is not documented: the real use is shown.")
        }
        (Some(_), Locking::Locks) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(release: &str, purchased: u32, used: &[Option<u32>]) -> Vec<(u8, UsageState, Option<u32>, u32)> {
        let reports: Vec<Report> = used
            .iter()
            .zip(0..)
            .map(|(&used, at)| Report {
                time: Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_mins(15 * at),
                used,
                purchased: None,
            })
            .collect();
        let profile = Profile::of(release).unwrap_or(&Profile::UNKNOWN);
        evaluate(&reports, profile, Some(purchased))
            .iter()
            .map(|outcome| (outcome.over_count, outcome.state, outcome.reported, outcome.deficit))
            .collect()
    }

    #[test]
    fn five_in_a_row_lock_the_peak() {
        use UsageState::{OutOfCompliance as Ooc, Over};
        let used = [Some(110), Some(130), Some(120), Some(115), Some(105), Some(90)];
        let expected = [
            (1, Over, Some(110), 10),
            (2, Over, Some(130), 30),
            (3, Over, Some(120), 20),
            (4, Over, Some(115), 15),
            (5, Ooc, Some(130), 30),
            (5, Ooc, Some(130), 30),
        ];
        assert_eq!(run("12.5(1)SU1", 100, &used), expected);
    }

    #[test]
    fn a_return_within_the_limit_starts_the_count_anew() {
        use UsageState::{Compliant, Over};
        let used = [Some(110), Some(120), Some(100), Some(101)];
        let expected =
            [(1, Over, Some(110), 10), (2, Over, Some(120), 20), (0, Compliant, Some(100), 0), (1, Over, Some(101), 1)];
        assert_eq!(run("12.5(1)", 100, &used), expected);
    }

    #[test]
    fn a_missing_report_changes_nothing() {
        use UsageState::{OutOfCompliance as Ooc, Over};
        let used = [Some(110), None, Some(110), Some(110), None, Some(110), Some(111), None];
        let expected = [
            (1, Over, Some(110), 10),
            (1, Over, None, 10),
            (2, Over, Some(110), 10),
            (3, Over, Some(110), 10),
            (3, Over, None, 10),
            (4, Over, Some(110), 10),
            (5, Ooc, Some(111), 11),
            (5, Ooc, None, 11),
        ];
        assert_eq!(run("12.5(1)SU2", 100, &used), expected);
    }

    #[test]
    fn a_purchase_of_the_deficit_ends_it_and_of_less_does_not() {
        let profile = Profile::of("12.5(1)").expect("a row");
        let mut model = UsageModel::new(Some(100));
        let mut report =
            |used, purchased| model.report(Report { time: Timestamp::UNIX_EPOCH, used, purchased }, profile);
        for _ in 0..5 {
            report(Some(130), None);
        }
        let outcome = report(Some(80), Some(120));
        assert_eq!((outcome.state, outcome.reported, outcome.deficit), (UsageState::OutOfCompliance, Some(130), 10));
        let outcome = report(Some(80), Some(130));
        assert_eq!((outcome.state, outcome.reported, outcome.over_count), (UsageState::Compliant, Some(80), 0));
    }

    #[test]
    fn later_peaks_raise_the_locked_use_and_earlier_ones_do_not() {
        let used: Vec<_> = [150, 90, 101, 101, 101, 101, 102, 140, 50].map(Some).to_vec();
        let outcomes = run("12.5(1)SU2", 100, &used);
        assert_eq!(outcomes[6], (5, UsageState::OutOfCompliance, Some(102), 2));
        assert_eq!(outcomes[8], (5, UsageState::OutOfCompliance, Some(140), 40));
    }

    #[test]
    fn later_releases_are_out_of_compliance_at_once_and_nobody_knows_of_a_lock() {
        let outcomes = run("12.5(1)SU3", 100, &[Some(101), Some(90)]);
        assert_eq!(outcomes[0], (1, UsageState::OutOfCompliance, Some(101), 1));
        assert_eq!(outcomes[1], (1, UsageState::OutOfCompliance, Some(90), 1));
    }

    #[test]
    fn license_control_caps_use_at_the_purchase() {
        let profile = Profile::of("12.5(1)").expect("a row");
        let mut model = UsageModel { capped: true, ..UsageModel::new(Some(100)) };
        for _ in 0..9 {
            let outcome =
                model.report(Report { time: Timestamp::UNIX_EPOCH, used: Some(130), purchased: None }, profile);
            assert_eq!((outcome.state, outcome.reported, outcome.over_count), (UsageState::Compliant, Some(100), 0));
        }
    }
}
