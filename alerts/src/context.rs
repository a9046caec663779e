//! What a step of one cluster sees beside its own state.

use crate::{
    alert::Owner,
    license::profile::Profile,
    limits::Limits,
    rules::{
        Rules,
        mute::{Gate, Mutes},
    },
    settings::{ClusterSettings, Settings},
    timer::Moment,
};
use jiff::tz::TimeZone;

/// The surroundings of one cluster in one step.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The clocks.
    pub(crate) moment: Moment,
    /// The configuration.
    pub(crate) settings: &'a Settings,
    /// The configured cluster; none where it is unmapped.
    pub(crate) site: Option<&'a ClusterSettings>,
    /// The limits.
    pub(crate) limits: Limits,
    /// The cluster's name.
    pub(crate) cluster: String,
    /// The zone of its clocks.
    pub(crate) zone: &'a TimeZone,
    /// What operators muted.
    pub(crate) mutes: &'a Mutes,
    /// What is configured of each alert.
    pub(crate) rules: &'a Rules,
    /// How its release behaves.
    pub(crate) profile: &'a Profile,
    /// The engine's counter of episodes.
    pub(crate) ids: &'a mut u64,
}

impl Context<'_> {
    /// Whose the cluster's alerts are.
    pub(crate) fn owner(&self) -> Owner<'_> {
        Owner { cluster: Some(&self.cluster), zone: self.zone.iana_name(), labels: self.site.map(|site| &site.labels) }
    }

    /// What its alerts have to pass before they are told.
    pub(crate) fn gate(&self) -> Gate<'_> {
        let labels = self.site.map(|site| &site.labels);
        Gate { moment: self.moment, zone: self.zone, settings: self.settings, mutes: self.mutes, labels }
    }

    /// A new episode's id: unique for ever, for the counter is saved with the engine.
    pub(crate) fn next_id(&mut self) -> String {
        *self.ids += 1;
        format!("{}/{}", self.cluster, self.ids)
    }
}
