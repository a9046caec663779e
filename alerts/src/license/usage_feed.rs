//! Live reports of use: they warn before the first license line, and on releases where no countdown comes at all.

use crate::{
    alert::Alert,
    cluster::Cluster,
    context::Context,
    engine::Outbox,
    input::UsageReport,
    license::{
        episode::EndReason,
        profile::Locking,
        usage::{Report, UsageModel, UsageState},
    },
    notification::{EvidenceSummary, Reason},
    texts::{self, UsageScene},
    view::UsageView,
};
use ccxwatch_parsers::severity::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Reports over the purchase that warn a second time: the countdown line comes with the second one.
const SECOND: u8 = 2;
/// The key of the one alert.
const KEY: &str = "SmartLicenseUsage";

/// What was warned of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Warned {
    /// Nothing.
    #[default]
    Nothing,
    /// Use is near the purchase, or over it once.
    Near,
    /// Use is over it for the second time, or at once irreversible.
    Over,
}

/// The live use of one cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UsageFeed {
    model: UsageModel,
    /// Licenses bought, as a report last said; it goes before the configuration.
    reported: Option<u32>,
    warned: Warned,
    last: Option<Timestamp>,
    /// Where the last reports left it.
    shown: Shown,
}

/// What people see of the last reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Shown {
    used: Option<u32>,
    reported: Option<u32>,
    locked: bool,
    deficit: u32,
}

impl UsageFeed {
    /// What outsiders see; nothing where neither a report nor the configuration says anything.
    pub(crate) fn view(&self, configured: Option<u32>) -> Option<UsageView> {
        let purchased = self.reported.or(configured);
        if self.last.is_none() && purchased.is_none() {
            return None;
        }
        Some(UsageView {
            at: self.last,
            used: self.shown.used,
            purchased,
            locked: self.shown.reported.filter(|_| self.shown.locked),
            deficit: self.last.map(|_| self.shown.deficit),
            state: self.model.state().name(),
        })
    }
}

impl Cluster {
    /// One report.
    pub(crate) fn usage_report(&mut self, report: &UsageReport, context: &mut Context<'_>, out: &mut Outbox) {
        if self.usage.last.is_some_and(|last| report.at <= last) {
            return;
        }
        self.dirty = true;
        self.usage.last = Some(report.at);
        let configured = context.site.and_then(|site| site.purchased);
        self.usage.reported = report.purchased.or(self.usage.reported);
        self.usage.model.purchased = self.usage.reported.or(configured);
        let given = Report { time: report.at, used: report.used, purchased: report.purchased };
        let outcome = self.usage.model.report(given, context.profile);
        self.usage.shown = Shown {
            used: outcome.used.or(self.usage.shown.used),
            reported: outcome.reported.or(self.usage.shown.reported),
            locked: outcome.state == UsageState::OutOfCompliance && context.profile.locking == Locking::Locks,
            deficit: outcome.deficit,
        };
        let (Some(used), Some(purchased)) = (outcome.used, outcome.purchased) else { return };
        if used <= purchased {
            self.license.within_limit(report.at, context, out);
        }
        let share = u64::from(context.settings.license.usage_warning_percent);
        let near = u64::from(used) * 100 >= u64::from(purchased) * share;
        let level = match outcome.state {
            UsageState::OutOfCompliance => Warned::Over,
            UsageState::Over if outcome.over_count >= SECOND => Warned::Over,
            _ if near || used > purchased => Warned::Near,
            _ => Warned::Nothing,
        };
        let last = std::mem::replace(&mut self.usage.warned, level);
        if level == Warned::Nothing {
            self.end_alert(KEY, EndReason::Inferred, report.at);
        } else if level > last {
            let scene = UsageScene {
                cluster: &context.cluster,
                used,
                purchased,
                over_count: outcome.over_count,
                profile: context.profile,
            };
            let words = texts::usage(&scene);
            self.warn(level, report.at, words, context, out);
        }
    }

    fn warn(&mut self, level: Warned, at: Timestamp, words: texts::Words, context: &mut Context<'_>, out: &mut Outbox) {
        let (name, severity) = match level {
            Warned::Over => ("SmartLicenseOverUse", Severity::Critical),
            Warned::Near | Warned::Nothing => ("SmartLicenseUseNearPurchase", Severity::Warning),
        };
        let firing = self.alerts.remove(KEY).filter(Alert::is_firing);
        let alert = Alert {
            id: context.next_id(),
            name: name.to_owned(),
            node: None,
            subject: None,
            severity,
            starts_at: firing.map_or(at, |alert| alert.starts_at),
            words,
            evidence: EvidenceSummary::default(),
            expires: None,
            reason: Reason::UsageWarning,
            told: false,
            end_told: false,
            end: None,
            acknowledged: None,
            muted: None,
            recorded: None,
        };
        self.alerts.insert(KEY.to_owned(), alert);
        self.tell_alerts(context, out);
    }
}
