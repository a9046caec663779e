//! The compliance state machine of one cluster: which statement, in which state, does what. Nothing here tells anybody; see
//! [`crate::notification`] for that.

use crate::{
    license::state::{Countdown, Effect, Level, Overage, State, Statement, StatementKind, Unconfirmed},
    now::Now,
    settings::LicenseSettings,
    timer::{Moment, Timer, plus},
};
use jiff::{SignedDuration, Timestamp};

/// A countdown after out of compliance counts as a new episode when it is farther than this behind the last evidence.
const NEW_EPISODE_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// `unconfirmed` is forgotten after this.
const FORGET_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// The longest countdown that a line can carry (1,440 minutes): a countdown without a deadline has surely ended by then.
const LONGEST_COUNTDOWN: SignedDuration = SignedDuration::from_hours(24);

/// The rules of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How far a copy's deadline may be from the anchor, inclusive.
    pub(crate) merge_tolerance: SignedDuration,
    /// From the deadline to unconfirmed.
    pub(crate) unconfirmed_grace: SignedDuration,
    /// From out of compliance to enforcement.
    pub(crate) enforcement_after: SignedDuration,
}

impl From<&LicenseSettings> for Rules {
    fn from(settings: &LicenseSettings) -> Self {
        Self {
            merge_tolerance: settings.merge_tolerance,
            unconfirmed_grace: settings.unconfirmed_grace,
            enforcement_after: SignedDuration::from_hours(24 * i64::from(settings.enforcement_after_days)),
        }
    }
}

/// How a deadline relates to the anchor.
enum Relation {
    /// Within the tolerance, or one of them is not known.
    Copy,
    /// Older: a late copy.
    Older,
    /// Later: the countdown began anew.
    Later,
}

impl Rules {
    fn relate(&self, anchor: Option<Timestamp>, deadline: Option<Timestamp>) -> Relation {
        let (Some(anchor), Some(deadline)) = (anchor, deadline) else { return Relation::Copy };
        let ahead = anchor.duration_until(deadline);
        if ahead > self.merge_tolerance {
            Relation::Later
        } else if ahead < -self.merge_tolerance {
            Relation::Older
        } else {
            Relation::Copy
        }
    }

    fn ends(&self, now: Now, deadline: Option<Timestamp>) -> Timer {
        match deadline {
            Some(deadline) => Timer::at(now, deadline),
            None => Timer::within(now, LONGEST_COUNTDOWN),
        }
        .later(self.unconfirmed_grace)
    }

    fn overage(&self, at: Timestamp, standing: Option<Overage>) -> Overage {
        let enforcement_at = plus(at, self.enforcement_after);
        Overage {
            since: at,
            last_evidence: at,
            enforcement_at: standing.map_or(enforcement_at, |old| old.enforcement_at.min(enforcement_at)),
        }
    }
}

impl Overage {
    /// One more line that says so.
    fn heard(&mut self, at: Timestamp, rules: &Rules) {
        if at < self.since {
            self.since = at;
            self.enforcement_at = self.enforcement_at.min(plus(at, rules.enforcement_after));
        }
        self.last_evidence = self.last_evidence.max(at);
    }
}

impl State {
    /// One statement.
    pub(crate) fn apply(&mut self, said: Statement, now: Now, rules: &Rules) -> Effect {
        match said.kind {
            StatementKind::Countdown { level, deadline } => self.count(level, deadline, said.at, now, rules),
            StatementKind::OutOfCompliance => self.exceed(said.at, rules),
            StatementKind::Compliant => self.relax(said.at),
        }
    }

    fn count(&mut self, level: Level, deadline: Option<Timestamp>, at: Timestamp, now: Now, rules: &Rules) -> Effect {
        let start = |standing| {
            let ends = rules.ends(now, deadline);
            Self::Countdown(Countdown { level, since: at, deadline, restarts: 0, ends, standing })
        };
        match self {
            Self::Unknown { standing } => {
                *self = start(*standing);
                Effect::NewEpisode { previous_unconfirmed: false }
            }
            Self::Compliant { .. } => {
                *self = start(None);
                Effect::NewEpisode { previous_unconfirmed: false }
            }
            Self::Countdown(running) => running.count(level, deadline, at, now, rules),
            Self::Unconfirmed(ended) => {
                let older = match deadline {
                    Some(_) => !matches!(rules.relate(ended.deadline, deadline), Relation::Later),
                    None => at <= ended.since,
                };
                if older {
                    return Effect::Evidence;
                }
                *self = start(ended.standing);
                Effect::NewEpisode { previous_unconfirmed: false }
            }
            Self::OutOfCompliance(overage) | Self::EnforcementDue(overage) => {
                if at <= plus(overage.last_evidence, NEW_EPISODE_AFTER) {
                    return Effect::Evidence;
                }
                *self = start(Some(*overage));
                Effect::NewEpisode { previous_unconfirmed: true }
            }
        }
    }

    fn exceed(&mut self, at: Timestamp, rules: &Rules) -> Effect {
        let standing = match self {
            Self::OutOfCompliance(overage) | Self::EnforcementDue(overage) => {
                overage.heard(at, rules);
                return Effect::Evidence;
            }
            Self::Unknown { standing } => standing.as_mut(),
            Self::Compliant { .. } => None,
            Self::Countdown(running) => running.standing.as_mut(),
            Self::Unconfirmed(ended) => ended.standing.as_mut(),
        };
        let old = match standing {
            Some(old) if at <= old.last_evidence => {
                old.heard(at, rules);
                return Effect::Evidence;
            }
            Some(old) => Some(*old),
            None => None,
        };
        let new_episode = matches!(self, Self::Unknown { standing: None } | Self::Compliant { .. });
        *self = Self::OutOfCompliance(rules.overage(at, old));
        if new_episode { Effect::NewEpisode { previous_unconfirmed: false } } else { Effect::Changed }
    }

    /// A user's own mapping, or a use report, says compliant: that ends a countdown, never out of compliance.
    fn relax(&mut self, at: Timestamp) -> Effect {
        let ends = match self {
            Self::Countdown(running) => running.standing.is_none() && at >= running.since,
            Self::Unconfirmed(ended) => ended.standing.is_none(),
            Self::Compliant { .. } | Self::Unknown { .. } | Self::OutOfCompliance(_) | Self::EnforcementDue(_) => false,
        };
        if !ends {
            return Effect::Evidence;
        }
        *self = Self::Compliant { since: at };
        Effect::Ended
    }

    /// Time passed: at most one step. `true` when the state changed; call again until it is `false`.
    pub(crate) fn fire(&mut self, moment: Moment) -> bool {
        match *self {
            Self::Countdown(running) if moment.elapsed_due(running.ends.elapsed) => {
                *self = Self::Unconfirmed(Unconfirmed {
                    since: running.ends.wall,
                    deadline: running.deadline,
                    restarts: running.restarts,
                    forget: running.ends.later(FORGET_AFTER),
                    standing: running.standing,
                });
            }
            Self::Unconfirmed(Unconfirmed { standing: Some(old), .. }) | Self::Unknown { standing: Some(old) }
                if moment.wall_due(old.enforcement_at) =>
            {
                *self = Self::EnforcementDue(old);
            }
            Self::Unconfirmed(ended) if moment.elapsed_due(ended.forget.elapsed) => {
                *self = Self::Unknown { standing: ended.standing };
            }
            Self::OutOfCompliance(overage) if moment.wall_due(overage.enforcement_at) => {
                *self = Self::EnforcementDue(overage);
            }
            _ => return false,
        }
        true
    }
}

impl Countdown {
    fn count(&mut self, level: Level, deadline: Option<Timestamp>, at: Timestamp, now: Now, rules: &Rules) -> Effect {
        match rules.relate(self.deadline, deadline) {
            Relation::Older => Effect::Evidence,
            Relation::Later => {
                self.level = level;
                self.since = at;
                self.deadline = deadline;
                self.restarts += 1;
                self.ends = rules.ends(now, deadline);
                Effect::Changed
            }
            Relation::Copy => {
                if self.deadline.is_none() && deadline.is_some() {
                    self.deadline = deadline;
                    self.ends = rules.ends(now, deadline);
                }
                if level > self.level {
                    self.level = level;
                    self.since = at;
                    return Effect::Changed;
                }
                if level == self.level {
                    self.since = self.since.min(at);
                }
                Effect::Evidence
            }
        }
    }
}
