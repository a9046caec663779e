//! One alert: what identifies it, and where it is in its life.

use crate::{
    alert::{AlertStatus, AlertView, annotations, fingerprint},
    license::episode::{Acknowledgement, End, EndReason},
    notification::EvidenceSummary,
    now::Now,
    rules::{
        mute::{SuppressedBy, Suppression},
        settings::{AlertSettings, Frequency, Threshold},
    },
    texts::Words,
    timer::{Deadline, Look, Moment, Timer, plus},
};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many starts within [`FLAPPING_WITHIN`] are flapping.
const FLAPPING_STARTS: usize = 4;
/// See [`FLAPPING_STARTS`]; it ends when nothing changed for as long.
pub(crate) const FLAPPING_WITHIN: SignedDuration = SignedDuration::from_mins(30);
/// An alert that ended is remembered for so long; the history has it after that.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

/// What identifies an alert within its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) node: Option<String>,
    /// What tells instances apart, sorted by label.
    pub(crate) labels: Vec<(String, String)>,
}

impl Identity {
    /// All labels that identify it.
    pub(crate) fn labels(&self, cluster: &str) -> BTreeMap<String, String> {
        let mut labels: BTreeMap<String, String> = self.labels.iter().cloned().collect();
        labels.insert("alertname".to_owned(), self.name.clone());
        labels.insert("cluster".to_owned(), cluster.to_owned());
        labels.extend(self.node.clone().map(|node| ("node".to_owned(), node)));
        labels
    }
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(crate) identity: Identity,
    pub(crate) severity: Severity,
    pub(crate) words: Words,
    pub(crate) evidence: EvidenceSummary,
    /// The event time of the last raise or clear that was applied.
    pub(crate) changed_at: Timestamp,
    /// The event time of the last clear: an older line does not raise it.
    #[serde(default)]
    cleared_at: Option<Timestamp>,
    pub(crate) phase: Phase,
    /// Event times of its latest starts.
    #[serde(default)]
    starts: Vec<Timestamp>,
    /// When each of its latest tellings no longer counts towards its frequency.
    #[serde(default)]
    tellings: Vec<Timer>,
    /// When it was last looked at and muted: when to look again.
    #[serde(skip)]
    pub(crate) look: Look,
    /// What keeps it from being told, as the ledger has it.
    #[serde(default)]
    pub(crate) muted: Option<SuppressedBy>,
    /// What the history has of it.
    #[serde(skip)]
    pub(crate) recorded: Option<(String, bool, bool, bool)>,
}

/// Where an alert is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Its threshold is not reached.
    Gathering {
        /// The event times that count, the oldest first.
        times: Vec<Timestamp>,
        /// When it is forgotten.
        forget: Timer,
    },
    /// Its threshold is reached, but not for long enough.
    Pending {
        /// Since when.
        since: Timestamp,
        /// When it fires.
        due: Timer,
        /// When it ends by itself.
        expires: Option<Timer>,
    },
    /// It fires.
    Firing(Firing),
    /// It ended.
    Resolved(Resolved),
}

/// An alert that fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Firing {
    /// `<cluster>/<number>`: unique for ever.
    pub(crate) episode: String,
    pub(crate) since: Timestamp,
    pub(crate) told: bool,
    pub(crate) expires: Option<Timer>,
    pub(crate) acknowledged: Option<Acknowledged>,
    pub(crate) flapping: Option<Flapping>,
}

/// Who has seen it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acknowledged {
    pub(crate) by: Acknowledgement,
    /// Until when it counts.
    pub(crate) until: Option<Deadline>,
}

/// It comes and goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flapping {
    /// Whether it is here now.
    pub(crate) raised: bool,
    /// When it is over, if nothing changes any more.
    pub(crate) quiet: Timer,
}

/// An alert that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resolved {
    pub(crate) episode: String,
    pub(crate) since: Timestamp,
    pub(crate) end: End,
    /// Its end is still to be told.
    pub(crate) owed: bool,
    /// When it is forgotten.
    pub(crate) forget: Timer,
}

impl Instance {
    /// An alert that nothing was said of yet.
    pub(crate) fn new(identity: Identity, severity: Severity, now: Now) -> Self {
        Self {
            identity,
            severity,
            words: Words::default(),
            evidence: EvidenceSummary::default(),
            changed_at: Timestamp::MIN,
            cleared_at: None,
            phase: Phase::Gathering { times: Vec::new(), forget: Timer::within(now, REMEMBERED) },
            starts: Vec::new(),
            tellings: Vec::new(),
            look: Look::default(),
            muted: None,
            recorded: None,
        }
    }

    pub(crate) fn is_firing(&self) -> bool {
        matches!(self.phase, Phase::Firing(_))
    }

    /// Nothing counts towards it: it only remembers that it was cleared.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.phase, Phase::Gathering { times, .. } if times.is_empty())
    }

    /// How much it matters, where there is no room for all: what matters least goes first.
    pub(crate) fn weight(&self) -> u8 {
        match &self.phase {
            Phase::Gathering { times, .. } if times.is_empty() => 0,
            Phase::Resolved(resolved) if !resolved.owed => 1,
            Phase::Gathering { .. } => 2,
            _ => 3,
        }
    }

    /// Something of it is still to be told.
    pub(crate) fn is_untold(&self) -> bool {
        match &self.phase {
            Phase::Firing(firing) => !firing.told,
            Phase::Resolved(resolved) => resolved.owed,
            _ => false,
        }
    }

    /// Who has seen it, where that still counts.
    pub(crate) fn acknowledged(&self) -> Option<&Acknowledgement> {
        match &self.phase {
            Phase::Firing(Firing { acknowledged: Some(acknowledged), .. }) => Some(&acknowledged.by),
            _ => None,
        }
    }

    /// Nothing counts towards it.
    fn nothing(&self, now: Now) -> Phase {
        Phase::Gathering { times: Vec::new(), forget: self.forget(Timer::within(now, REMEMBERED)) }
    }

    /// When it is forgotten: not before what was told of it no longer counts towards its frequency.
    fn forget(&self, at_the_earliest: Timer) -> Timer {
        self.tellings.last().copied().filter(|last| last.elapsed > at_the_earliest.elapsed).unwrap_or(at_the_earliest)
    }

    /// It was raised at an event time. `after`: when it ends by itself. `false` where the line is too old to say anything.
    pub(crate) fn raise(
        &mut self,
        at: Timestamp,
        now: Now,
        settings: &AlertSettings,
        after: Option<SignedDuration>,
        next_id: impl FnOnce() -> String,
    ) -> bool {
        let expires = after.map(|after| Timer::at(now, plus(at, after)));
        let is_over = expires.is_some_and(|expires| expires.elapsed <= now.elapsed);
        if is_over || self.cleared_at.is_some_and(|cleared| at < cleared) {
            return false;
        }
        if let Phase::Resolved(resolved) = &self.phase {
            if at < resolved.end.at {
                return false;
            }
            if resolved.owed {
                // Nobody was told that it ended, so it never did.
                self.phase = Phase::Firing(Firing {
                    episode: resolved.episode.clone(),
                    since: resolved.since,
                    told: true,
                    expires,
                    acknowledged: None,
                    flapping: None,
                });
            } else {
                self.phase = self.nothing(now);
                self.evidence = EvidenceSummary::default();
            }
        }
        self.changed_at = self.changed_at.max(at);
        let later = |known: &mut Option<Timer>| {
            if let (Some(known), Some(expires)) = (known.as_mut(), expires)
                && known.wall < expires.wall
            {
                *known = expires;
            }
        };
        match &mut self.phase {
            Phase::Gathering { times, forget } => {
                let (needed, within) = match settings.threshold {
                    Threshold::Count { times, within } => (usize::try_from(times).unwrap_or(usize::MAX), within),
                    _ => (1, SignedDuration::ZERO),
                };
                let place = times.partition_point(|known| *known <= at);
                times.insert(place, at);
                let newest = times.last().copied().unwrap_or(at);
                times.retain(|time| time.duration_until(newest) <= within);
                if times.len() < needed {
                    *forget = Timer::at(now, plus(newest, within.max(REMEMBERED)));
                    return true;
                }
                let since = times.first().copied().unwrap_or(at);
                self.phase = Phase::Pending { since, due: Timer::at(now, plus(newest, settings.duration)), expires };
            }
            Phase::Pending { expires: known, .. } => later(known),
            Phase::Firing(firing) => {
                later(&mut firing.expires);
                if let Some(flapping) = &mut firing.flapping
                    && !std::mem::replace(&mut flapping.raised, true)
                {
                    flapping.quiet = Timer::within(now, FLAPPING_WITHIN);
                    firing.expires = expires;
                }
            }
            Phase::Resolved(_) => {}
        }
        if settings.duration.is_zero() {
            self.start(now, next_id);
        }
        true
    }

    /// What is pending fires.
    fn start(&mut self, now: Now, next_id: impl FnOnce() -> String) {
        let Phase::Pending { since, expires, .. } = self.phase else { return };
        let at = self.changed_at;
        self.starts.retain(|start| start.duration_until(at) < FLAPPING_WITHIN);
        self.starts.push(at);
        let flaps = self.starts.len() >= FLAPPING_STARTS;
        if self.starts.len() > FLAPPING_STARTS {
            self.starts.remove(0);
        }
        self.phase = Phase::Firing(Firing {
            episode: next_id(),
            since,
            told: false,
            expires,
            acknowledged: None,
            flapping: flaps.then(|| Flapping { raised: true, quiet: Timer::within(now, FLAPPING_WITHIN) }),
        });
    }

    /// It was cleared at an event time. `false` where that changes nothing.
    pub(crate) fn clear(&mut self, at: Timestamp, now: Now) -> bool {
        if at < self.changed_at {
            return false;
        }
        self.changed_at = at;
        self.cleared_at = Some(at);
        match &self.phase {
            Phase::Resolved(_) => return false,
            // Nothing is left of it, save that an older line cannot raise it.
            Phase::Gathering { .. } | Phase::Pending { .. } => self.phase = self.nothing(now),
            Phase::Firing(_) => self.lower(EndReason::ClearedByEvent, at, now),
        }
        true
    }

    /// What flaps is down for now; what does not flap ends.
    fn lower(&mut self, reason: EndReason, at: Timestamp, now: Now) {
        let Phase::Firing(firing) = &mut self.phase else { return };
        if let Some(flapping) = &mut firing.flapping {
            if std::mem::take(&mut flapping.raised) {
                flapping.quiet = Timer::within(now, FLAPPING_WITHIN);
            }
            firing.expires = None;
            return;
        }
        self.end(End { reason, at, who: None, comment: None }, now);
    }

    /// It ends. An end by time is not told: nobody said that it is over.
    pub(crate) fn end(&mut self, end: End, now: Now) {
        let Phase::Firing(firing) = &self.phase else { return };
        self.phase = Phase::Resolved(Resolved {
            episode: firing.episode.clone(),
            since: firing.since,
            owed: firing.told && end.reason != EndReason::Expired,
            end,
            forget: self.forget(Timer::within(now, REMEMBERED)),
        });
    }

    /// What was due happens. `false` where the alert is to be forgotten.
    pub(crate) fn fire(&mut self, moment: Moment, mut next_id: impl FnMut() -> String) -> bool {
        let now = moment.now;
        let due = |timer: &Timer| moment.elapsed_due(timer.elapsed);
        loop {
            match &mut self.phase {
                Phase::Gathering { forget, .. } => {
                    if !due(forget) {
                        return true;
                    }
                    // What was told of late still counts towards its frequency.
                    let Some(last) = self.tellings.last().copied().filter(|last| !due(last)) else { return false };
                    *forget = last;
                }
                Phase::Pending { due: starts, expires, .. } => {
                    if expires.as_ref().is_some_and(|expires| expires.elapsed <= starts.elapsed && due(expires)) {
                        return false;
                    }
                    if !due(starts) {
                        return true;
                    }
                    self.start(now, &mut next_id);
                }
                Phase::Firing(firing) => {
                    if firing
                        .acknowledged
                        .as_ref()
                        .and_then(|seen| seen.until)
                        .is_some_and(|until| until.is_due(moment))
                    {
                        firing.acknowledged = None;
                    }
                    if let Some(expires) = firing.expires.filter(due) {
                        self.lower(EndReason::Expired, expires.wall, now);
                        continue;
                    }
                    let Some(flapping) = firing.flapping.filter(|flapping| due(&flapping.quiet)) else { return true };
                    firing.flapping = None;
                    if !flapping.raised {
                        let end =
                            End { reason: EndReason::ClearedByEvent, at: self.changed_at, who: None, comment: None };
                        self.end(end, now);
                    }
                }
                Phase::Resolved(resolved) => return resolved.owed || !due(&resolved.forget),
            }
        }
    }

    /// When something is due.
    pub(crate) fn next(&self) -> Look {
        let at = |timer: &Timer| Look::elapsed(timer.elapsed);
        match &self.phase {
            Phase::Gathering { forget, .. } => at(forget),
            Phase::Pending { due, expires, .. } => {
                let expires = expires.filter(|expires| expires.elapsed <= due.elapsed);
                at(&expires.unwrap_or(*due))
            }
            Phase::Firing(firing) => {
                let mut next = if firing.told { Look::default() } else { self.look };
                next = firing.expires.iter().fold(next, |next, expires| next.or(at(expires)));
                next = firing.flapping.iter().fold(next, |next, flapping| next.or(at(&flapping.quiet)));
                let seen = firing.acknowledged.as_ref().and_then(|seen| seen.until);
                seen.map_or(next, |until| next.or(until.look()))
            }
            Phase::Resolved(resolved) if resolved.owed => Look::default(),
            Phase::Resolved(resolved) => at(&resolved.forget),
        }
    }

    /// When its frequency lets it be told again; nothing where it may be told now.
    pub(crate) fn held_until(&mut self, frequency: Frequency, now: Now) -> Option<Timer> {
        let Frequency::UpTo { times, .. } = frequency else { return None };
        self.tellings.retain(|telling| telling.elapsed > now.elapsed);
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        let first = self.tellings.len().checked_sub(times)?;
        self.tellings.get(first).copied()
    }

    /// It is told.
    pub(crate) fn told(&mut self, frequency: Frequency, now: Now) {
        if let Phase::Firing(firing) = &mut self.phase {
            firing.told = true;
        }
        if let Frequency::UpTo { within, .. } = frequency {
            self.tellings.push(Timer::within(now, within));
        }
    }

    fn timers(&mut self) -> Vec<&mut Timer> {
        let mut timers: Vec<&mut Timer> = self.tellings.iter_mut().collect();
        match &mut self.phase {
            Phase::Gathering { forget, .. } => timers.push(forget),
            Phase::Pending { due, expires, .. } => {
                timers.push(due);
                timers.extend(expires);
            }
            Phase::Firing(firing) => {
                timers.extend(&mut firing.expires);
                timers.extend(firing.flapping.as_mut().map(|flapping| &mut flapping.quiet));
            }
            Phase::Resolved(resolved) => timers.push(&mut resolved.forget),
        }
        timers
    }

    fn seen_until(&mut self) -> Option<&mut Deadline> {
        match &mut self.phase {
            Phase::Firing(firing) => firing.acknowledged.as_mut()?.until.as_mut(),
            _ => None,
        }
    }

    /// The wall clock stepped.
    pub(crate) fn stepped(&mut self, step: SignedDuration) {
        self.timers().into_iter().for_each(|timer| timer.stepped(step));
        self.seen_until().into_iter().for_each(|until| until.stepped(step));
    }

    /// After a load from the store.
    pub(crate) fn reanchor(&mut self, now: Now) {
        self.timers().into_iter().for_each(|timer| timer.reanchor(now));
        self.seen_until().into_iter().for_each(|until| until.reanchor(now));
    }

    pub(crate) fn flags(&self) -> Vec<String> {
        let flapping = matches!(self.phase, Phase::Firing(Firing { flapping: Some(_), .. }));
        flapping.then(|| "flapping".to_owned()).into_iter().collect()
    }

    /// For the page, the API and the history; nothing before it fires.
    pub(crate) fn view(&self, cluster: &str, suppressed: Option<Suppression>) -> Option<AlertView> {
        let (episode, since, end) = match &self.phase {
            Phase::Firing(firing) => (&firing.episode, firing.since, None),
            Phase::Resolved(resolved) => (&resolved.episode, resolved.since, Some(&resolved.end)),
            _ => return None,
        };
        let labels = self.identity.labels(cluster);
        Some(AlertView {
            fingerprint: fingerprint(&labels),
            labels,
            annotations: annotations(&self.words),
            status: if end.is_none() { AlertStatus::Firing } else { AlertStatus::Resolved },
            severity: self.severity,
            starts_at: since,
            ends_at: end.map(|end| end.at),
            episode: episode.clone(),
            acknowledged: self.acknowledged().cloned(),
            suppressed: suppressed.filter(|_| end.is_none()),
            evidence: self.evidence.clone(),
            end: end.cloned(),
            flags: self.flags(),
            deadline: None,
        })
    }
}
