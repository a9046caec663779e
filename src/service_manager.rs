//! What a service manager is told (`sd_notify(3)`): ready, reloading, stopping, and that the loop still turns. Where there is none,
//! nothing happens.

use crate::clock;
use sd_notify::NotifyState;
use std::time::Duration;
use tokio::time::Instant;

/// Everything is bound and open: the process takes lines.
pub(crate) fn ready(listening: &[String]) {
    tell(&[NotifyState::Ready, NotifyState::Status(&listening.join(", "))]);
}

/// A configuration is being taken over. `ready` or [`kept`] ends this state.
pub(crate) fn reloading() {
    // The manager tells one reload from another by the monotonic clock (`Type=notify-reload`).
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager was not told of the reload"),
    }
}

/// A configuration was refused, and the old one stays.
pub(crate) fn kept(reason: &str) {
    let reason = reason.lines().next().unwrap_or_default();
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("the new configuration was refused: {reason}"))]);
}

/// The process ends in order.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("committing what was taken")]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager was not reached");
    }
}

/// The watchdog of the service manager: the loop pets it each time it turns, so that a loop that hangs is restarted.
#[derive(Debug)]
pub(crate) struct Watchdog {
    every: Option<Duration>,
    last: Option<Instant>,
}

impl Watchdog {
    /// As the service manager wants it; none where it does not.
    pub(crate) fn new() -> Self {
        // A third of the limit: one that comes late is followed by one in time.
        Self { every: sd_notify::watchdog_enabled().map(|limit| limit / 3), last: None }
    }

    /// How often the loop has to turn.
    pub(crate) fn every(&self) -> Option<Duration> {
        self.every
    }

    /// The loop has turned.
    pub(crate) fn pet(&mut self) {
        let Some(every) = self.every else { return };
        let now = clock::timer();
        if self.last.is_none_or(|last| now - last >= every / 2) {
            self.last = Some(now);
            tell(&[NotifyState::Watchdog]);
        }
    }
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}
