//! `[storm]`: when many alerts of one node are told together.

use super::{Config, ReceiverKind, route::RouteFault};
use ccxwatch_alerts::routing::settings::StormSettings;
use jiff::{SignedDuration, fmt::serde::duration::friendly::compact};
use serde::{Deserialize, Serialize};

/// When many different alerts of one node are a storm, and how it is told.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storm {
    /// So many go at once, within `within`; 0: all of them, always.
    pub alerts: usize,
    /// For how long an alert counts.
    #[serde(serialize_with = "compact::required")]
    pub within: SignedDuration,
    /// How long the first alert beyond these waits for others.
    #[serde(serialize_with = "compact::required")]
    pub group_wait: SignedDuration,
    /// How long what changes after that waits.
    #[serde(serialize_with = "compact::required")]
    pub group_interval: SignedDuration,
}

impl Default for Storm {
    fn default() -> Self {
        let StormSettings { alerts, within, wait, interval, except: _ } = StormSettings::default();
        Self { alerts, within, group_wait: wait, group_interval: interval }
    }
}

/// The longest of each of its times.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// The most alerts that go at once.
const ALERTS_MAX: usize = 1_000;

impl Storm {
    /// The engine's part of it: none where nothing is gathered. An Alertmanager gathers by itself and wants each alert.
    pub(super) fn settings(&self, config: &Config) -> Option<StormSettings> {
        let gathers = config.receiver.iter().filter(|known| matches!(known.kind, ReceiverKind::Alertmanager(_)));
        (self.alerts > 0).then(|| StormSettings {
            alerts: self.alerts,
            within: self.within,
            wait: self.group_wait,
            interval: self.group_interval,
            except: gathers.map(|receiver| receiver.name.get_ref().clone()).collect(),
        })
    }

    /// What is wrong with it.
    pub(super) fn faults(&self) -> Vec<RouteFault> {
        let second = SignedDuration::from_secs(1);
        let within = |length: SignedDuration, least| length >= least && length <= LONGEST;
        let rows = [
            (self.alerts <= ALERTS_MAX, "[storm] `alerts` is 0 to 1000"),
            (within(self.within, second), "[storm] `within` is 1 second to 24 hours"),
            (within(self.group_wait, SignedDuration::ZERO), "[storm] `group_wait` is 0 to 24 hours"),
            (within(self.group_interval, second), "[storm] `group_interval` is 1 second to 24 hours"),
        ];
        rows.into_iter().filter(|(holds, _)| !holds).map(|(_, message)| (0..0, message.to_owned())).collect()
    }
}
