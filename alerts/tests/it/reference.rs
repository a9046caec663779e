//! A slow and obvious model of the license rules: a fold over events in the order of their times. It knows nothing of copies,
//! channels, restarts or clocks.

use ccxwatch_alerts::notification::Reason;

/// What happens, at a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A countdown of so many minutes.
    Enter(u16),
    /// The last minutes of one.
    Shortly(u16),
    /// Out of compliance.
    Ooc,
    /// An operator confirms.
    Confirm,
}

const GRACE: i64 = 5 * 60;
const TOLERANCE: i64 = 5 * 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const LADDER: [u32; 5] = [30, 7, 3, 2, 1];

/// An out of compliance, present or of an earlier episode that nobody confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Overage {
    since: i64,
    last: i64,
    enforcement: i64,
    /// The lowest rung that was told, or passed before anything was.
    rung: u32,
    due_told: bool,
}

/// The model of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The stage's name.
    pub(crate) stage: &'static str,
    /// Since when the stage holds.
    pub(crate) since: Option<i64>,
    /// The end of the countdown.
    pub(crate) deadline: Option<i64>,
    /// What was told.
    pub(crate) told: Vec<Reason>,
    overage: Option<Overage>,
    /// Something was told that no confirmation ended yet.
    open: bool,
}

impl Model {
    /// Nothing heard.
    pub(crate) fn new() -> Self {
        Self { stage: "unknown", since: None, deadline: None, told: Vec::new(), overage: None, open: false }
    }

    /// The day of enforcement.
    pub(crate) fn enforcement(&self) -> Option<i64> {
        self.overage.map(|overage| overage.enforcement)
    }

    /// One event, after all that was due before it.
    pub(crate) fn happen(&mut self, at: i64, what: What) {
        self.pass(at - 1);
        match what {
            What::Confirm => {
                if self.open {
                    self.told.push(Reason::ConfirmedCompliant);
                }
                *self =
                    Self { stage: "compliant", since: Some(at), told: std::mem::take(&mut self.told), ..Self::new() };
            }
            What::Ooc => self.out_of_compliance(at),
            What::Enter(minutes) => self.countdown(at, minutes, "countdown", Reason::CountdownStarted),
            What::Shortly(minutes) => self.countdown(at, minutes, "countdown_shortly", Reason::CountdownShortly),
        }
    }

    fn out_of_compliance(&mut self, at: i64) {
        if let (Some(overage), "out_of_compliance" | "enforcement_due") = (&mut self.overage, self.stage) {
            overage.last = at;
            return;
        }
        let old = self.overage;
        let enforcement = old.map_or(at + 90 * DAY, |old| old.enforcement.min(at + 90 * DAY));
        let rung = old.map_or(u32::MAX, |old| old.rung);
        let due_told = old.is_some_and(|old| old.due_told);
        self.overage = Some(Overage { since: at, last: at, enforcement, rung, due_told });
        self.change("out_of_compliance", at, None, Reason::OutOfCompliance);
    }

    fn countdown(&mut self, at: i64, minutes: u16, stage: &'static str, reason: Reason) {
        let deadline = at + 60 * i64::from(minutes);
        let ahead = self.deadline.map(|anchor| deadline - anchor);
        match (self.stage, ahead) {
            ("out_of_compliance" | "enforcement_due", _) => {
                if self.overage.is_some_and(|overage| at > overage.last + HOUR) {
                    self.change(stage, at, Some(deadline), reason);
                }
            }
            ("countdown" | "countdown_shortly", Some(ahead)) => {
                if ahead > TOLERANCE {
                    self.change(stage, at, Some(deadline), Reason::CountdownRestarted);
                } else if ahead >= -TOLERANCE && self.stage == "countdown" && stage == "countdown_shortly" {
                    self.change(stage, at, self.deadline, reason);
                }
            }
            ("unconfirmed", Some(ahead)) if ahead <= TOLERANCE => {}
            _ => self.change(stage, at, Some(deadline), reason),
        }
    }

    fn change(&mut self, stage: &'static str, since: i64, deadline: Option<i64>, reason: Reason) {
        self.stage = stage;
        self.since = Some(since);
        self.deadline = deadline;
        self.told.push(reason);
        self.open = true;
    }

    /// Everything that is due up to and including a second, one thing after the other.
    pub(crate) fn pass(&mut self, until: i64) {
        while let Some((at, due)) = self.next().filter(|(at, _)| *at <= until) {
            match due {
                Due::End => self.change("unconfirmed", at, self.deadline, Reason::CountdownUnconfirmed),
                Due::Forget => {
                    (self.stage, self.since, self.deadline) = ("unknown", None, None);
                }
                Due::Rung(days) => {
                    self.told.push(Reason::EnforcementReminder);
                    self.overage.iter_mut().for_each(|overage| overage.rung = days);
                }
                Due::Enforcement => {
                    let told = self.overage.is_some_and(|overage| overage.due_told);
                    self.overage.iter_mut().for_each(|overage| overage.due_told = true);
                    (self.stage, self.since, self.deadline) = ("enforcement_due", self.enforcement(), None);
                    if !told {
                        self.told.push(Reason::EnforcementDue);
                    }
                }
            }
        }
    }

    fn next(&self) -> Option<(i64, Due)> {
        let mut due = Vec::new();
        match (self.stage, self.deadline) {
            ("countdown" | "countdown_shortly", Some(deadline)) => due.push((deadline + GRACE, Due::End)),
            ("unconfirmed", Some(deadline)) => due.push((deadline + GRACE + DAY, Due::Forget)),
            _ => {}
        }
        if let Some(overage) = self.overage.filter(|_| self.stage != "enforcement_due") {
            if !self.stage.starts_with("countdown") {
                due.push((overage.enforcement.max(self.since.unwrap_or(i64::MIN)), Due::Enforcement));
            }
            let rungs = LADDER.into_iter().filter(|days| *days < overage.rung && !overage.due_told);
            due.extend(rungs.map(|days| (overage.enforcement - i64::from(days) * DAY, Due::Rung(days))));
        }
        due.into_iter().min_by_key(|(at, _)| *at)
    }
}

enum Due {
    End,
    Forget,
    Rung(u32),
    Enforcement,
}
