//! Who is told. For now everybody; routes, grouping, quiet hours and escalation will decide here.

use crate::settings::Settings;

/// The receivers of a notification, in the order of the configuration. `except` is the one that it is about.
pub(crate) fn receivers(settings: &Settings, except: Option<&str>) -> Vec<String> {
    settings.receivers.iter().filter(|receiver| Some(receiver.as_str()) != except).cloned().collect()
}
