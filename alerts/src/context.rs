//! What a step of one cluster sees beside its own state.

use crate::{
    alert::Owner,
    license::profile::Profile,
    limits::Limits,
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

    /// A new episode's id: unique for ever, for the counter is saved with the engine.
    pub(crate) fn next_id(&mut self) -> String {
        *self.ids += 1;
        format!("{}/{}", self.cluster, self.ids)
    }
}
