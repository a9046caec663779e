//! What a license line says, and what becomes of one that nobody has documented.

use crate::{
    alert::Alert,
    cluster::Cluster,
    context::Context,
    engine::Outbox,
    fact::Fact,
    license::{
        episode::Flag,
        state::{Level, Statement, StatementKind},
        tracker::Heard,
    },
    limits::cleaned,
    notification::{EvidenceSummary, Reason},
    service::evidence::squeezed,
    settings::MappedTransition,
    texts,
    timer::plus,
    timing::Timing,
};
use ccxwatch_parsers::license::{LicenseEvent, LicenseEventKind};
use jiff::SignedDuration;

/// An unknown license mnemonic is told once in this time.
const MNEMONIC_AGAIN: SignedDuration = SignedDuration::from_hours(24);

impl Cluster {
    #[expect(clippy::too_many_arguments, reason = "one line and all that is known about it")]
    pub(crate) fn license_event(
        &mut self,
        fact: &Fact,
        event: LicenseEvent,
        timing: Timing,
        node: Option<&str>,
        mismatch: bool,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) {
        self.dirty = true;
        let mut flags = Vec::new();
        let Some(kind) = statement(fact, event, timing, context, &mut flags) else {
            return self.unclassified(fact, timing, node, context, out);
        };
        if mismatch {
            flags.push(Flag::NodeMismatch);
        }
        if self.ambiguous {
            flags.push(Flag::NodeAmbiguous);
        }
        if matches!(kind, StatementKind::Countdown { .. }) && context.profile.is_immediate() {
            flags.push(Flag::ReleaseMismatch);
        }
        flags.extend(self.correlated(timing.at));
        let said = Statement { kind, at: timing.at };
        self.license.hear(&Heard { fact, said, timing, node, flags: &flags }, context, out);
    }

    /// A license message that nobody has documented: told once per mnemonic and day.
    fn unclassified(
        &mut self,
        fact: &Fact,
        timing: Timing,
        node: Option<&str>,
        context: &mut Context<'_>,
        out: &mut Outbox,
    ) {
        let ignored = |(known, transition): &(String, MappedTransition)| {
            *transition == MappedTransition::Ignore && same_mnemonic(known, &fact.mnemonic)
        };
        if context.settings.license.mnemonics.iter().any(ignored) {
            return;
        }
        let mnemonic = cleaned(&fact.mnemonic, context.limits.unmapped_name_bytes);
        let key = format!("LicenseEventUnclassified/{mnemonic}");
        let now = context.moment.now;
        if let Some(told) = self.mnemonics.get(&mnemonic)
            && now.wall < plus(*told, MNEMONIC_AGAIN)
        {
            if let Some(alert) = self.alerts.get_mut(&key) {
                alert.evidence.add(fact, &context.limits);
            }
            return;
        }
        if !self.mnemonics.contains_key(&mnemonic) && self.mnemonics.len() >= context.limits.mnemonics {
            self.mnemonics.retain(|_, told| now.wall < plus(*told, MNEMONIC_AGAIN));
            if self.mnemonics.len() >= context.limits.mnemonics {
                return;
            }
            let kept = &self.mnemonics;
            self.alerts.retain(|_, alert| {
                alert.name != "LicenseEventUnclassified"
                    || alert.subject.as_ref().is_some_and(|(_, mnemonic)| kept.contains_key(mnemonic))
            });
        }
        self.mnemonics.insert(mnemonic.clone(), now.wall);
        let mut evidence = EvidenceSummary::default();
        evidence.add(fact, &context.limits);
        let alert = Alert {
            id: context.next_id(),
            name: "LicenseEventUnclassified".to_owned(),
            node: node.map(ToOwned::to_owned),
            subject: Some(("mnemonic".to_owned(), mnemonic.clone())),
            severity: fact.severity,
            starts_at: timing.at,
            words: texts::unclassified(&context.cluster, &mnemonic),
            evidence,
            expires: None,
            reason: Reason::LicenseEventUnclassified,
            told: true,
            end_told: true,
            end: None,
            acknowledged: None,
            muted: None,
            recorded: None,
        };
        out.notifications.push(alert.notification(Reason::LicenseEventUnclassified, context.owner(), now));
        self.alerts.insert(key, alert);
    }
}

/// Mnemonics differ in case and underscores between releases.
fn same_mnemonic(a: &str, b: &str) -> bool {
    squeezed(a.as_bytes()).eq(squeezed(b.as_bytes()))
}

/// What a license line says about compliance; nothing where that is not known.
fn statement(
    fact: &Fact,
    event: LicenseEvent,
    timing: Timing,
    context: &Context<'_>,
    flags: &mut Vec<Flag>,
) -> Option<StatementKind> {
    let mapped =
        |(known, transition): &(String, MappedTransition)| same_mnemonic(known, &fact.mnemonic).then_some(*transition);
    let level = match event.kind {
        LicenseEventKind::EnteringOutOfCompliance => Level::Countdown,
        LicenseEventKind::EnteringOutOfComplianceShortly => Level::Shortly,
        LicenseEventKind::OutOfCompliance => return Some(StatementKind::OutOfCompliance),
        LicenseEventKind::Unclassified => match context.settings.license.mnemonics.iter().find_map(mapped)? {
            MappedTransition::Countdown => Level::Countdown,
            MappedTransition::CountdownShortly => Level::Shortly,
            MappedTransition::OutOfCompliance => return Some(StatementKind::OutOfCompliance),
            MappedTransition::Compliant => return Some(StatementKind::Compliant),
            MappedTransition::Ignore => return None,
        },
    };
    let documented = match level {
        Level::Countdown => context.profile.countdown_minutes,
        Level::Shortly => context.profile.shortly_minutes,
    };
    let minutes = event.minutes_left.or_else(|| {
        flags.extend(documented.map(|_| Flag::MinutesAssumed));
        documented
    });
    let deadline = match minutes {
        Some(minutes) if !timing.unknown => Some(plus(timing.at, SignedDuration::from_mins(i64::from(minutes)))),
        _ => None,
    };
    if deadline.is_none() {
        flags.push(Flag::DeadlineUnknown);
    }
    Some(StatementKind::Countdown { level, deadline })
}
