//! What an operator can do, and what comes of it.

use crate::{
    cluster::Cluster,
    context::Context,
    engine::{Engine, Outbox},
    input::{Answer, OperatorAction, OperatorCommand},
    license::episode::{Acknowledgement, End, EndReason},
    limits::bounded,
    matcher::Matchers,
    rules::{
        instance::{Acknowledged, Phase},
        mute::{Note, Scope, Silence, Suspended, Window},
    },
    timer::{Deadline, Moment},
};
use jiff::Timestamp;
use std::sync::Arc;

/// The most bytes of a comment or a name.
const WORDS_MAX: usize = 1024;

impl Engine {
    /// An operator's command.
    pub(crate) fn operate(&mut self, command: &OperatorCommand, moment: Moment, out: &mut Outbox) {
        out.answer = Some(match &command.action {
            OperatorAction::Acknowledge
            | OperatorAction::ConfirmCompliant
            | OperatorAction::AcknowledgeAlert { .. }
            | OperatorAction::ResolveAlert { .. } => self.operate_cluster(command, moment, out),
            OperatorAction::AddSilence { .. }
            | OperatorAction::ExpireSilence { .. }
            | OperatorAction::StartMaintenance { .. }
            | OperatorAction::EndMaintenance { .. }
            | OperatorAction::Suspend { .. }
            | OperatorAction::Resume { .. } => {
                let answer = self.mute(command, moment);
                if matches!(answer, Answer::Done { .. }) {
                    self.dirty = true;
                    self.recheck(moment, out);
                }
                answer
            }
        });
    }

    fn operate_cluster(&mut self, command: &OperatorCommand, moment: Moment, out: &mut Outbox) -> Answer {
        let Some(slot) = self.roster.named(&command.cluster) else {
            return Answer::refused(format!("no cluster {:?} is known", bounded(&command.cluster, 100)));
        };
        let answer = self.step(slot, moment, |cluster, context| Some(cluster.operate(command, context, out)));
        answer.unwrap_or_else(|| Answer::refused("the cluster is gone".to_owned()))
    }

    /// What was muted may be told now.
    pub(crate) fn recheck(&mut self, moment: Moment, out: &mut Outbox) {
        let slots: Vec<_> = self.roster.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.step(slot, moment, |cluster, context| cluster.recheck(context, out));
        }
    }

    fn mute(&mut self, command: &OperatorCommand, moment: Moment) -> Answer {
        let now = moment.now;
        let note = Note { who: words(command.who.as_ref()), comment: words(command.comment.as_ref()), at: now.wall };
        let cluster = (!command.cluster.is_empty()).then(|| command.cluster.clone());
        let known = cluster.as_ref().is_none_or(|name| self.roster.named(name).is_some());
        let most = self.limits.mutes;
        let unknown = || Answer::refused(format!("no cluster {:?} is known", bounded(&command.cluster, 100)));
        let full = |what: &str| Answer::refused(format!("there are {most} {what} already; end some first"));
        let past = || Answer::refused("its end is not after now and after its start; give a later one".to_owned());
        let begins = |starts_at: Option<Timestamp>| starts_at.unwrap_or(now.wall);
        let over = |starts_at: Option<Timestamp>, until: Timestamp| until <= begins(starts_at).max(now.wall);
        let id = self.ids + 1;
        let mutes = Arc::make_mut(&mut self.mutes);
        mutes.forget(now);
        match &command.action {
            OperatorAction::AddSilence { matchers, starts_at, until } => {
                if matchers.is_empty() {
                    return Answer::refused(
                        "a silence without matchers would silence everything; say which alerts".to_owned(),
                    );
                }
                if over(*starts_at, *until) {
                    return past();
                }
                if mutes.silences.len() >= most {
                    return full("silences");
                }
                let id = format!("silence-{id}");
                let matchers: Matchers = matchers.clone();
                let ends = Deadline::at(now, *until);
                mutes.silences.push(Silence { id: id.clone(), matchers, starts_at: begins(*starts_at), ends, note });
                self.ids += 1;
                Answer::made(id)
            }
            OperatorAction::ExpireSilence { id } => {
                let running =
                    mutes.silences.iter_mut().find(|silence| silence.id == *id && !silence.ends.is_due(moment));
                let Some(silence) = running else {
                    return Answer::refused(format!(
                        "no silence {:?} runs; `alerts silence list` shows them",
                        bounded(id, 100)
                    ));
                };
                silence.ends = Deadline::at(now, now.wall);
                Answer::made(silence.id.clone())
            }
            OperatorAction::StartMaintenance { node, alert, starts_at, until } => {
                if !known {
                    return unknown();
                }
                if over(*starts_at, *until) {
                    return past();
                }
                if mutes.windows.len() >= most {
                    return full("maintenance windows");
                }
                let id = format!("maintenance-{id}");
                let scope = Scope { cluster, node: node.clone(), alert: alert.clone() };
                let ends = Deadline::at(now, *until);
                mutes.windows.push(Window { id: id.clone(), scope, starts_at: begins(*starts_at), ends, note });
                self.ids += 1;
                Answer::made(id)
            }
            OperatorAction::EndMaintenance { id } => {
                let running = mutes.windows.iter_mut().find(|window| window.id == *id && !window.ends.is_due(moment));
                let Some(window) = running else {
                    return Answer::refused(format!(
                        "no maintenance window {:?} is open or planned; `alerts maintenance list` shows them",
                        bounded(id, 100)
                    ));
                };
                window.ends = Deadline::at(now, now.wall);
                Answer::made(window.id.clone())
            }
            OperatorAction::Suspend { node, until } => {
                let Some(cluster) = cluster.filter(|_| known) else { return unknown() };
                if until.is_some_and(|until| over(None, until)) {
                    return past();
                }
                mutes.suspended.retain(|suspended| suspended.cluster != cluster || suspended.node != *node);
                if mutes.suspended.len() >= most {
                    return full("suspensions");
                }
                let ends = until.map(|until| Deadline::at(now, until));
                mutes.suspended.push(Suspended { cluster, node: node.clone(), ends, note });
                Answer::Done { id: None }
            }
            OperatorAction::Resume { node } => {
                let before = mutes.suspended.len();
                mutes.suspended.retain(|suspended| suspended.cluster != command.cluster || suspended.node != *node);
                if mutes.suspended.len() == before {
                    return Answer::refused("it is not suspended".to_owned());
                }
                Answer::Done { id: None }
            }
            _ => Answer::Done { id: None },
        }
    }
}

impl Cluster {
    /// An operator's command for this cluster.
    pub(crate) fn operate(&mut self, command: &OperatorCommand, context: &mut Context<'_>, out: &mut Outbox) -> Answer {
        self.dirty = true;
        let now = context.moment.now;
        match &command.action {
            OperatorAction::Acknowledge => self.license.acknowledge(command, now),
            OperatorAction::ConfirmCompliant => {
                self.smart.confirm(now.wall);
                self.license.confirm(now.wall, EndReason::Operator, Some(command), context, out);
            }
            OperatorAction::AcknowledgeAlert { fingerprint, until } => {
                if until.is_some_and(|until| until <= now.wall) {
                    return Answer::refused("its end is not after now; give a later one".to_owned());
                }
                let by = Acknowledgement {
                    stage: "firing".to_owned(),
                    restarts: 0,
                    who: words(command.who.as_ref()),
                    comment: words(command.comment.as_ref()),
                    at: now.wall,
                    until: *until,
                };
                if !self.acknowledge_alert(fingerprint, by, context, out) {
                    return unknown_alert(fingerprint);
                }
            }
            OperatorAction::ResolveAlert { fingerprint } => {
                let end = End {
                    reason: EndReason::Operator,
                    at: now.wall,
                    who: words(command.who.as_ref()),
                    comment: words(command.comment.as_ref()),
                };
                if !self.resolve_alert(fingerprint, end, context, out) {
                    return unknown_alert(fingerprint);
                }
            }
            _ => {}
        }
        self.record(context, out);
        Answer::Done { id: None }
    }

    fn acknowledge_alert(
        &mut self,
        fingerprint: &str,
        by: Acknowledgement,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) -> bool {
        let until = by.until.map(|until| Deadline::at(context.moment.now, until));
        if let Some(alert) = self.alert_mut(fingerprint) {
            alert.acknowledged = Some(by);
            return true;
        }
        let Some((slot, instance)) = self.book.firing_mut(&self.name, fingerprint) else { return false };
        if let Phase::Firing(firing) = &mut instance.phase {
            firing.acknowledged = Some(Acknowledged { by, until });
        }
        self.book_touched(slot, context, out);
        true
    }

    fn resolve_alert(&mut self, fingerprint: &str, end: End, context: &mut Context<'_>, out: &mut Outbox) -> bool {
        if let Some(alert) = self.alert_mut(fingerprint) {
            alert.end = Some(end);
            alert.expires = None;
            self.tell_alerts(context, out);
            return true;
        }
        let Some((slot, instance)) = self.book.firing_mut(&self.name, fingerprint) else { return false };
        instance.end(end, context.moment.now);
        self.book_touched(slot, context, out);
        true
    }

    /// What was muted may be told now.
    pub(crate) fn recheck(&mut self, context: &mut Context<'_>, out: &mut Outbox) {
        self.license.retell(context, out);
        self.tell_alerts(context, out);
        self.tell_book(context, out);
        self.record(context, out);
    }
}

fn unknown_alert(fingerprint: &str) -> Answer {
    Answer::refused(format!(
        "no alert of this cluster with fingerprint {:?} fires; `alerts list` shows them. The license alert is acknowledged by its cluster's name, and ended with confirm-compliant",
        bounded(fingerprint, 100)
    ))
}

/// What a person said, bounded.
fn words(said: Option<&String>) -> Option<String> {
    said.map(|said| bounded(said, WORDS_MAX).to_owned())
}
