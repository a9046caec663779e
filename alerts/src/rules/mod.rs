//! The life of an alert: when it fires, when somebody is told, what mutes it, how it ends.

pub(crate) mod book;
pub(crate) mod inhibition;
pub(crate) mod instance;
pub mod mute;
mod operate;
pub mod schedule;
pub mod settings;
pub mod user;

use crate::{families, settings::Settings};
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
    /// The defaults of the families and of RTMT, where the configuration does not say otherwise.
    pub(crate) fn of_settings(settings: &Settings) -> Self {
        let of_families = families::alerts().into_iter().map(|name| (name.to_owned(), families::defaults(name)));
        let overridden = |by: &settings::AlertOverride| (by.name.clone(), families::defaults(&by.name).overridden(by));
        let of_settings = settings.rules.overrides.iter().map(overridden);
        let of_users = settings.rules.user_alerts.iter().cloned();
        Self {
            by_name: of_families.chain(of_settings).chain(of_users).collect(),
            default: AlertSettings::default(),
            user: Arc::clone(&settings.rules.user),
        }
    }

    /// The settings of an alert.
    pub(crate) fn of(&self, alert: &str) -> &AlertSettings {
        self.by_name.get(alert).unwrap_or(&self.default)
    }
}
