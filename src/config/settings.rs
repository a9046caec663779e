//! From what the operator wrote to what the engine needs.

use super::{Alert, Config, Maintenance, Rule, license::Transition};
use crate::step::CONSOLE;
use ccxwatch_alerts::{
    rules::user::{RuleSettings, UserRules},
    settings::{
        ClusterSettings, FeedSettings, LicenseSettings, MappedTransition, NodeSettings, RulesSettings, Settings,
    },
};
use jiff::tz::TimeZone;
use std::sync::Arc;

impl Config {
    /// The engine's part of a checked configuration.
    pub fn settings(&self) -> Settings {
        Settings {
            clusters: self.cluster.iter().map(cluster).collect(),
            license: LicenseSettings {
                merge_tolerance: self.license.merge_tolerance,
                unconfirmed_grace: self.license.unconfirmed_grace,
                late_after: self.license.late_after,
                enforcement_after_days: self.license.enforcement_after_days,
                reminder_days: self.license.reminder_days.clone(),
                usage_warning_percent: self.license.usage_warning_percent,
                mnemonics: self.license.mnemonics.iter().map(|(name, to)| (name.clone(), transition(*to))).collect(),
            },
            relays: self.sources.relays.clone(),
            // The console is always there, and is told everything.
            receivers: self
                .receiver
                .iter()
                .map(|receiver| receiver.name.get_ref().clone())
                .chain([CONSOLE.to_owned()])
                .collect(),
            routing: self.routing().0,
            feeds: FeedSettings {
                silent_floor: self.feeds.silent_floor,
                silent_ceiling: self.feeds.silent_ceiling,
                never_heard_after: self.feeds.never_heard_after,
            },
            rules: self.rules(),
        }
    }

    fn rules(&self) -> RulesSettings {
        let rules: Vec<RuleSettings> = self.rule.iter().map(Rule::settings).collect();
        RulesSettings {
            overrides: self.alert.iter().map(Alert::settings).collect(),
            // The check has refused what does not compile.
            user: Arc::new(UserRules::compile(&rules).unwrap_or_default()),
            user_alerts: rules.into_iter().map(|rule| (rule.name, rule.alert)).collect(),
            maintenance: self.maintenance.iter().filter_map(Maintenance::settings).collect(),
            syslog_severity: self.alerts.syslog_severity.into(),
        }
    }
}

fn cluster(cluster: &super::Cluster) -> ClusterSettings {
    ClusterSettings {
        name: cluster.name.get_ref().clone(),
        former_names: cluster.former_names.clone(),
        release: cluster.release.clone(),
        // The check has refused unknown names.
        time_zone: TimeZone::get(cluster.timezone.get_ref()).unwrap_or(TimeZone::UTC),
        purchased: cluster.purchased,
        labels: cluster.labels.iter().map(|(name, value)| (name.clone(), value.get_ref().clone())).collect(),
        nodes: cluster
            .node
            .iter()
            .map(|node| NodeSettings {
                id: node.id.get_ref().clone(),
                addresses: node.addresses.clone(),
                role: node.role.clone(),
            })
            .collect(),
    }
}

fn transition(transition: Transition) -> MappedTransition {
    match transition {
        Transition::Countdown => MappedTransition::Countdown,
        Transition::CountdownShortly => MappedTransition::CountdownShortly,
        Transition::OutOfCompliance => MappedTransition::OutOfCompliance,
        Transition::Compliant => MappedTransition::Compliant,
        Transition::Ignore => MappedTransition::Ignore,
    }
}
