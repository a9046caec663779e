//! The life of an alert: when it fires, when somebody is told, what mutes it, how it ends.

pub(crate) mod book;
pub(crate) mod inhibition;
pub(crate) mod instance;
pub mod mute;
mod operate;
pub mod schedule;
pub mod settings;
pub mod user;

use crate::settings::Settings;
use settings::AlertSettings;
use std::{collections::HashMap, sync::Arc};
use user::UserRules;

/// What is configured of each alert.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    by_name: HashMap<String, AlertSettings>,
    default: AlertSettings,
    /// The rules of the user.
    pub(crate) user: Arc<UserRules>,
}

impl Rules {
    /// The defaults, where the configuration does not say otherwise.
    pub(crate) fn of_settings(settings: &Settings) -> Self {
        let overridden = |by: &settings::AlertOverride| (by.name.clone(), AlertSettings::default().overridden(by));
        let of_users = settings.rules.user_alerts.iter().cloned();
        Self {
            by_name: settings.rules.overrides.iter().map(overridden).chain(of_users).collect(),
            default: AlertSettings::default(),
            user: Arc::clone(&settings.rules.user),
        }
    }

    /// The settings of an alert.
    pub(crate) fn of(&self, alert: &str) -> &AlertSettings {
        self.by_name.get(alert).unwrap_or(&self.default)
    }
}
