//! What a license notification carries, and how it is remembered that it was told.

use crate::{
    alert::{fingerprint, told_labels},
    context::Context,
    license::{
        episode::{Episode, Told},
        stage::Stage,
        state::State,
    },
    notification::{Notification, Reason},
    texts::{self, LicenseScene},
};
use ccxwatch_parsers::severity::Severity;
use std::collections::BTreeMap;

/// Remembers what was told.
pub(crate) fn mark(told: &mut Told, state: &State, reason: Reason, rung: Option<u32>) {
    match (reason, state) {
        (Reason::EnforcementReminder, _) => told.rung = rung,
        (_, State::Countdown(running)) => told.countdown = Some((running.restarts, running.level)),
        (_, State::Unconfirmed(ended)) => told.unconfirmed = Some(ended.restarts),
        (_, State::OutOfCompliance(_)) => {
            told.out_of_compliance = true;
            told.rung = match (told.rung, rung) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        (_, State::EnforcementDue(_)) => told.enforcement_due = true,
        (_, State::Compliant { .. } | State::Unknown { .. }) => told.ended = true,
    }
}

/// A notification of the present state.
pub(crate) fn notification(
    state: &State,
    episode: &Episode,
    reason: Reason,
    rung: Option<u32>,
    context: &Context<'_>,
) -> Notification {
    let now = context.moment.now;
    let shown = match reason {
        Reason::EnforcementReminder => Stage::OutOfCompliance,
        Reason::ConfirmedCompliant => episode.stage,
        _ => state.stage(),
    };
    let days_left = rung.filter(|_| reason == Reason::EnforcementReminder);
    let enforcement_at = state.overage().map(|overage| overage.enforcement_at);
    let deadline = match shown {
        _ if reason == Reason::ConfirmedCompliant => None,
        Stage::OutOfCompliance | Stage::EnforcementDue => enforcement_at,
        _ => state.deadline(),
    };
    let alertname = shown.alertname().unwrap_or("SmartLicenseComplianceUnconfirmed");
    let identity = BTreeMap::from([
        ("alertname".to_owned(), alertname.to_owned()),
        ("cluster".to_owned(), context.cluster.clone()),
    ]);
    let fingerprint = fingerprint(&identity);
    let mut labels = told_labels(identity, shown.severity(), context.owner().labels);
    labels.extend(episode.node.clone().map(|node| ("node".to_owned(), node)));
    let ended_by = episode.end.as_ref().and_then(|end| end.who.as_deref());
    let words = texts::license(&LicenseScene {
        cluster: &context.cluster,
        zone: context.zone,
        profile: context.profile,
        state,
        flags: &episode.flags,
        now: now.wall,
        reason,
        days_left,
        ended_by,
    });
    Notification {
        at: now.wall,
        elapsed_s: now.elapsed.as_secs_f64(),
        reason,
        alertname: alertname.to_owned(),
        cluster: Some(context.cluster.clone()),
        node: episode.node.clone(),
        labels,
        fingerprint,
        severity: if reason == Reason::ConfirmedCompliant { Severity::Informational } else { shown.severity() },
        episode: episode.id.clone(),
        told_as: match (reason, state.restarts(), days_left) {
            (_, _, Some(days)) => format!("{}/{days}", reason.name()),
            (_, 0, None) => reason.name().to_owned(),
            (_, restarts, None) => format!("{}/{restarts}", reason.name()),
        },
        continues: episode.continues.clone(),
        grouped: None,
        receivers: Vec::new(),
        since: state.since(),
        deadline,
        days_left,
        time_zone: context.zone.iana_name().map(ToOwned::to_owned),
        summary: words.summary,
        description: words.description,
        runbook: words.runbook,
        history: episode.untold.clone(),
        flags: episode.flag_names(),
        evidence: episode.evidence.clone(),
    }
}
