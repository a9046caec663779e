//! The license alert of one cluster: the machine, its episode, and when which change is told.

use crate::{
    alert::told_labels,
    context::Context,
    engine::Outbox,
    fact::Fact,
    hold::Hold,
    input::OperatorCommand,
    license::{
        episode::{Acknowledgement, End, EndReason, Episode, Flag, Told},
        machine::Rules,
        state::{Effect, State, Statement, StatementKind},
        telling::{mark, notification},
    },
    notification::{Reason, needs_notification, rung_at, rung_passed},
    now::Now,
    routing::{Present, ledger::LedgerEntry},
    rules::mute::Muted,
    texts,
    timer::{Look, Moment},
    timing::Timing,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Compliance of one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct License {
    /// Where it stands.
    pub(crate) state: State,
    /// What happened before this belongs to a closed episode.
    pub(crate) closed_before: Option<Timestamp>,
    /// The current episode, or the last one: then it carries its end.
    pub(crate) episode: Option<Episode>,
    /// Late lines are still coming in. Not saved: a restart holds by itself.
    #[serde(skip)]
    pub(crate) hold: Option<Hold>,
}

/// One line that says something about compliance.
pub(crate) struct Heard<'a> {
    /// The line.
    pub(crate) fact: &'a Fact,
    /// What it says.
    pub(crate) said: Statement,
    /// When.
    pub(crate) timing: Timing,
    /// The node, as the configuration names it.
    pub(crate) node: Option<&'a str>,
    /// What is odd about it.
    pub(crate) flags: &'a [Flag],
}

impl Default for License {
    fn default() -> Self {
        Self { state: State::START, closed_before: None, episode: None, hold: None }
    }
}

impl License {
    /// The current episode, where one is open.
    pub(crate) fn open(&self) -> Option<&Episode> {
        self.episode.as_ref().filter(|episode| episode.end.is_none())
    }

    /// One line.
    pub(crate) fn hear(&mut self, heard: &Heard<'_>, context: &mut Context<'_>, out: &mut Outbox) {
        if !heard.timing.unknown && self.closed_before.is_some_and(|closed| heard.said.at < closed) {
            if let Some(episode) = self.episode.as_mut().filter(|episode| episode.end.is_some()) {
                episode.evidence.add(heard.fact, &context.limits);
            }
            return;
        }
        let before = self.state;
        let untold = self.untold(context).is_some();
        let effect = self.state.apply(heard.said, context.moment.now, &Rules::from(&context.settings.license));
        match effect {
            Effect::Evidence => {}
            Effect::Changed => {
                if untold {
                    self.note(&before, context);
                }
            }
            Effect::NewEpisode { previous_unconfirmed } => {
                if untold {
                    self.note(&before, context);
                }
                self.begin(heard.said.at, previous_unconfirmed, context);
            }
            Effect::Ended => {
                self.closed_before = Some(heard.said.at);
                self.end(EndReason::ClearedByEvent, heard.said.at, None, None);
            }
        }
        if let Some(episode) = &mut self.episode {
            episode.started = episode.started.min(heard.said.at);
            episode.evidence.add(heard.fact, &context.limits);
            // A copy without minutes changes nothing, so it needs no remark.
            let remark = |flag: &Flag| {
                effect != Effect::Evidence || !matches!(flag, Flag::MinutesAssumed | Flag::DeadlineUnknown)
            };
            episode.flags.extend(heard.flags.iter().copied().filter(remark).chain(heard.timing.flag));
            if self.state.deadline().is_some() {
                episode.flags.remove(&Flag::DeadlineUnknown);
            }
            if effect != Effect::Evidence || episode.node.is_none() {
                if let Some(node) = heard.node {
                    episode.node = Some(node.to_owned());
                }
                if let Some(stage) = Some(self.state.stage()).filter(|stage| stage.alertname().is_some()) {
                    episode.stage = stage;
                }
            }
        }
        self.hold_or_release(heard.timing.late, context);
        self.tell(context, out);
    }

    /// A late line with something to tell starts or prolongs the hold; a live one ends it.
    fn hold_or_release(&mut self, late: bool, context: &Context<'_>) {
        let now = context.moment.now;
        if !late {
            self.hold = None;
        } else if let Some(hold) = &mut self.hold {
            hold.prolong(now);
        } else if self.untold(context).is_some() {
            self.hold = Some(Hold::start(now));
        }
    }

    /// After a load: what differs from what was told waits like late lines.
    pub(crate) fn restore(&mut self, context: &Context<'_>) {
        self.state.reanchor(context.moment.now);
        self.hold_or_release(true, context);
    }

    /// An operator, or a use report, says that it is over.
    pub(crate) fn confirm(
        &mut self,
        at: Timestamp,
        reason: EndReason,
        command: Option<&OperatorCommand>,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) {
        self.hold = None;
        self.closed_before = Some(self.closed_before.map_or(at, |closed| closed.max(at)));
        self.state = State::Compliant { since: at };
        let who = command.and_then(|command| command.who.clone());
        let comment = command.and_then(|command| command.comment.clone());
        if let Some(episode) = self.episode.as_mut().filter(|episode| episode.is_expired()) {
            // Whoever was told of the start of what was forgotten since is told of this end.
            episode.end = None;
        }
        self.end(reason, at, who, comment);
        self.tell(context, out);
    }

    /// A report of use is within the purchased quantity: that ends a countdown that began before it, never out of compliance.
    pub(crate) fn within_limit(&mut self, at: Timestamp, context: &mut Context<'_>, out: &mut Outbox) {
        if self.open().is_none_or(|episode| at < episode.started) {
            return;
        }
        let said = Statement { kind: StatementKind::Compliant, at };
        if self.state.apply(said, context.moment.now, &Rules::from(&context.settings.license)) == Effect::Ended {
            self.confirm(at, EndReason::Inferred, None, context, out);
        }
    }

    /// Takes over the record of the same incident under another name. The worse state stays; what either was told counts.
    pub(crate) fn adopt(&mut self, other: Self, context: &Context<'_>) {
        self.closed_before = self.closed_before.max(other.closed_before);
        let worse = other.state.stage() > self.state.stage();
        let (mut kept, merged) = if worse { (other, self.clone()) } else { (self.clone(), other) };
        if let (Some(episode), Some(same)) = (&mut kept.episode, merged.episode)
            && episode.end.is_none()
            && same.end.is_none()
        {
            episode.go_on_from(&same);
            episode.started = episode.started.min(same.started);
            episode.told.unite(same.told);
            episode.flags.extend(same.flags);
            episode.evidence.unite(same.evidence, &context.limits);
        }
        kept.closed_before = self.closed_before;
        kept.hold = self.hold.or(kept.hold);
        *self = kept;
        // Told like late lines, in a step of its own: a start has nobody to tell yet.
        self.hold_or_release(true, context);
    }

    /// An operator has seen the present stage.
    pub(crate) fn acknowledge(&mut self, command: &OperatorCommand, now: Now) {
        let stage = self.state.stage();
        let restarts = self.state.restarts();
        if let Some(episode) = self.episode.as_mut().filter(|episode| episode.end.is_none()) {
            episode.acknowledged = Some(Acknowledgement {
                stage: stage.name().to_owned(),
                restarts,
                who: command.who.clone(),
                comment: command.comment.clone(),
                at: now.wall,
                until: None,
            });
        }
    }

    /// The acknowledgement of the present stage: one of a better stage does not count.
    pub(crate) fn acknowledged(&self) -> Option<&Acknowledgement> {
        self.open()?.acknowledged.as_ref().filter(|acknowledged| {
            acknowledged.stage == self.state.stage().name() && acknowledged.restarts == self.state.restarts()
        })
    }

    /// What the state of the nodes adds to a running countdown.
    pub(crate) fn correlate(&mut self, flags: &[Flag]) {
        if let (State::Countdown(_), Some(episode)) = (&self.state, &mut self.episode) {
            episode.flags.extend(flags);
        }
    }

    /// A countdown that ends now, unheard because something was down in between, says so.
    pub(crate) fn mark_deaf(&mut self, moment: Moment, deaf: bool) {
        if let (State::Countdown(running), Some(episode)) = (&self.state, &mut self.episode)
            && moment.elapsed_due(running.ends.elapsed)
            && (deaf || episode.flags.contains(&Flag::ClusterViewDaemonDown))
        {
            episode.flags.insert(Flag::FeedWasSilent);
        }
    }

    /// Time passed. `true` when anything changed.
    pub(crate) fn fire(&mut self, context: &mut Context<'_>, out: &mut Outbox) -> bool {
        let mut changed = false;
        loop {
            if self.awaits_telling(context) {
                if self.held(context.moment) {
                    break;
                }
                self.tell(context, out);
            }
            let before = self.state;
            let untold = self.untold(context).is_some();
            if !self.state.fire(context.moment) {
                break;
            }
            changed = true;
            if untold {
                self.note(&before, context);
            }
            self.step_taken();
        }
        let told = out.notifications.len();
        let held = self.hold.is_some();
        self.tell(context, out);
        changed || out.notifications.len() != told || held != self.hold.is_some()
    }

    /// After a step of the machine by time.
    fn step_taken(&mut self) {
        let stage = self.state.stage();
        let Some(episode) = &mut self.episode else { return };
        if stage.alertname().is_some() {
            episode.stage = stage;
        }
        if let State::Unknown { standing: None } = self.state
            && episode.end.is_none()
        {
            let at = episode.changed_at.unwrap_or(episode.started);
            episode.end = Some(End { reason: EndReason::Expired, at, who: None, comment: None });
        }
        episode.changed_at = self.state.since().or(episode.changed_at);
    }

    /// An unconfirmed end of something that people were told of is told before it is forgotten.
    fn awaits_telling(&self, context: &Context<'_>) -> bool {
        matches!(self.state, State::Unconfirmed(_))
            && self.open().is_some_and(|episode| episode.told.anything())
            && self.untold(context).is_some()
    }

    fn held(&self, moment: Moment) -> bool {
        self.hold.is_some_and(|hold| hold.lasts(moment))
    }

    /// The next deadlines: of elapsed and of wall time.
    pub(crate) fn deadlines(&self, context: &Context<'_>) -> (Option<SignedDuration>, Option<Timestamp>) {
        let hold = self.hold.map(Hold::due);
        let elapsed =
            if self.hold.is_some() && self.awaits_telling(context) { None } else { self.state.next_elapsed() };
        let elapsed = match (hold, elapsed) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let Some(overage) = self.state.overage() else { return (elapsed, None) };
        let enforcement = match self.state {
            State::EnforcementDue(_) | State::Countdown(_) | State::Compliant { .. } => None,
            _ => Some(overage.enforcement_at),
        };
        let rung = if self.hold.is_none() && self.silenced(context).is_none() { self.next_rung(context) } else { None };
        let wall = match (enforcement, rung) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        (elapsed, wall)
    }

    fn next_rung(&self, context: &Context<'_>) -> Option<Timestamp> {
        let told = &self.open()?.told;
        if told.enforcement_due || matches!(self.state, State::EnforcementDue(_)) {
            return None;
        }
        let overage = self.state.overage()?;
        let ladder = &context.settings.license.reminder_days;
        let days = ladder.iter().copied().filter(|&days| told.rung.is_none_or(|lowest| days < lowest)).max()?;
        Some(rung_at(overage.enforcement_at, days))
    }

    /// What is true of its episode now.
    pub(crate) fn present(&self, context: &Context<'_>) -> Present {
        match self.open() {
            Some(episode) if self.state.stage().alertname().is_some() => Present::Firing {
                fresh: Box::new(notification(&self.state, episode, Reason::Repeat, None, context)),
                quiet: self.acknowledged().is_some() || context.gate().silenced(|| self.labels(context)).is_some(),
            },
            // Nothing says that it is over.
            Some(_) => Present::Unknown,
            None => Present::Ended,
        }
    }

    /// The lowest rung of the reminder ladder that has passed.
    fn rung(&self, context: &Context<'_>) -> Option<u32> {
        let overage = self.state.overage()?;
        rung_passed(overage.enforcement_at, &context.settings.license.reminder_days, |at| context.moment.wall_due(at))
    }

    /// What is true and was not told.
    fn untold(&self, context: &Context<'_>) -> Option<Reason> {
        let episode = self.episode.as_ref()?;
        needs_notification(&self.state, &episode.told, self.rung(context))
    }

    /// Keeps a stage that is left before it was told.
    fn note(&mut self, before: &State, context: &Context<'_>) {
        let line = texts::history(before, context.moment.now.wall, context.zone);
        if let Some(episode) = &mut self.episode {
            episode.note(line, &context.limits);
        }
    }

    fn begin(&mut self, at: Timestamp, previous_unconfirmed: bool, context: &mut Context<'_>) {
        let mut episode = Episode::new(context.next_id(), at);
        if let Some(old) = self.episode.take().filter(|old| old.end.is_none()) {
            episode.go_on_from(&old);
            episode.untold = old.untold;
            // An older out of compliance still counts towards its enforcement: its reminders go on where they are.
            episode.told = Told { rung: old.told.rung, enforcement_due: old.told.enforcement_due, ..Told::default() };
        }
        if previous_unconfirmed {
            episode.flags.insert(Flag::PreviousEpisodeUnconfirmed);
        }
        self.episode = Some(episode);
    }

    fn end(&mut self, reason: EndReason, at: Timestamp, who: Option<String>, comment: Option<String>) {
        if let Some(episode) = self.episode.as_mut().filter(|episode| episode.end.is_none()) {
            episode.end = Some(End { reason, at, who, comment });
        }
    }

    /// A silence may be over.
    pub(crate) fn retell(&mut self, context: &Context<'_>, out: &mut Outbox) {
        if self.hold.is_none() {
            self.tell(context, out);
        }
    }

    /// The silence that keeps what is untold from being told. Maintenance and suspension do not: no change on a box explains that
    /// its licenses run out.
    fn silenced(&self, context: &Context<'_>) -> Option<Muted> {
        self.untold(context)?;
        self.episode.as_ref()?;
        context.gate().silenced(|| self.labels(context))
    }

    fn labels(&self, context: &Context<'_>) -> BTreeMap<String, String> {
        let stage = self.state.stage();
        let mut labels = BTreeMap::from([("cluster".to_owned(), context.cluster.clone())]);
        labels.extend(stage.alertname().map(|name| ("alertname".to_owned(), name.to_owned())));
        let node = self.episode.as_ref().and_then(|episode| episode.node.clone());
        labels.extend(node.map(|node| ("node".to_owned(), node)));
        told_labels(labels, stage.severity(), context.owner().labels)
    }

    /// Enters in the ledger what a silence keeps from being told, once.
    fn enter_silenced(&mut self, silenced: &Muted, context: &Context<'_>, out: &mut Outbox) {
        let (Some(reason), rung) = (self.untold(context), self.rung(context)) else { return };
        let Some(episode) = &mut self.episode else { return };
        let would = notification(&self.state, episode, reason, rung, context);
        if episode.silenced.as_ref() != Some(&would.told_as) {
            out.ledger.push(LedgerEntry::muted(&would, &silenced.what, context.moment.now.wall));
            episode.silenced = Some(would.told_as);
        }
    }

    /// When to look again at what a silence keeps from being told.
    pub(crate) fn silenced_look(&self, context: &Context<'_>) -> Look {
        self.silenced(context).map(|muted| muted.look).unwrap_or_default()
    }

    /// Tells what is true and was not told, unless late lines are still coming in, or a silence matches it.
    fn tell(&mut self, context: &Context<'_>, out: &mut Outbox) {
        if self.held(context.moment) {
            return;
        }
        self.hold = None;
        if let Some(silenced) = self.silenced(context) {
            self.enter_silenced(&silenced, context, out);
            return;
        }
        while let Some(reason) = self.untold(context) {
            let rung = self.rung(context);
            let Some(episode) = &mut self.episode else { return };
            out.notifications.push(notification(&self.state, episode, reason, rung, context));
            mark(&mut episode.told, &self.state, reason, rung);
            episode.untold.clear();
        }
    }
}
