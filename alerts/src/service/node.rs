//! One node: its services, their subsystems, its feeds.

use crate::{
    limits::Limits,
    notification::EvidenceSummary,
    now::Now,
    service::{
        evidence::{Service, ServiceState},
        feed::Feed,
    },
    settings::FeedSettings,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows leave out what says nothing.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One service of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceStatus {
    /// What the last line about the whole service said.
    #[serde(skip_serializing_if = "is_default")]
    state: ServiceState,
    /// The event time of that line.
    #[serde(skip_serializing_if = "is_default")]
    since: Option<Timestamp>,
    /// Its subsystems that were named, with the event time.
    #[serde(skip_serializing_if = "is_default")]
    subsystems: BTreeMap<String, (ServiceState, Timestamp)>,
    /// The lines.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) evidence: EvidenceSummary,
}

impl ServiceStatus {
    /// A line about the whole service. `false` when it is older than what is known. A start or a stop makes its subsystems
    /// unknown: they begin anew.
    pub(crate) fn set(&mut self, state: ServiceState, at: Timestamp) -> bool {
        if self.since.is_some_and(|since| at < since) {
            return false;
        }
        if state != self.state || state == ServiceState::InService {
            self.subsystems.retain(|_, (_, since)| *since > at);
        }
        if state != self.state {
            self.evidence = EvidenceSummary::default();
        }
        self.state = state;
        self.since = Some(at);
        true
    }

    /// A line about one subsystem.
    pub(crate) fn set_subsystem(&mut self, name: &str, state: ServiceState, at: Timestamp, limits: &Limits) -> bool {
        if self.since.is_some_and(|since| at < since) {
            return false;
        }
        if let Some((known, since)) = self.subsystems.get_mut(name) {
            if at < *since {
                return false;
            }
            // The first of several equal lines is since when.
            if *known != state {
                (*known, *since) = (state, at);
            }
            return true;
        }
        if self.subsystems.len() >= limits.subsystems_per_node {
            return false;
        }
        self.subsystems.insert(name.to_owned(), (state, at));
        true
    }

    /// The state that people see: a service with a broken subsystem is in partial service.
    pub(crate) fn state(&self) -> ServiceState {
        match self.state {
            ServiceState::OutOfService | ServiceState::ShutDown => self.state,
            _ if self.broken().next().is_some() => ServiceState::PartialService,
            state => state,
        }
    }

    /// Since when.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        match self.state() {
            ServiceState::PartialService => self.broken().map(|(_, since)| since).min(),
            _ => self.since,
        }
    }

    /// Subsystems that do not work.
    pub(crate) fn broken(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.subsystems
            .iter()
            .filter(|(_, (state, _))| !matches!(state, ServiceState::InService | ServiceState::Unknown))
            .map(|(name, (_, since))| (name.as_str(), *since))
    }

    /// Whether it surely does not do its work.
    pub(crate) fn is_down(&self) -> bool {
        matches!(self.state, ServiceState::OutOfService | ServiceState::ShutDown)
    }
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    /// When any of its lines was last heard.
    pub(crate) last_heard: Option<Timestamp>,
    /// When the configuration first named it.
    pub(crate) known_since: Option<Timestamp>,
    /// Its Cluster View Daemon was heard at least once.
    pub(crate) daemon_heard: bool,
    /// The CCX Engine.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) engine: ServiceStatus,
    /// The Cluster View Daemon.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) daemon: ServiceStatus,
    /// The ways that its lines come.
    pub(crate) feeds: BTreeMap<String, Feed>,
    /// When to say that the daemon was never heard.
    #[serde(skip)]
    pub(crate) never_at: Option<SignedDuration>,
}

impl Node {
    /// One of its services.
    pub(crate) fn service(&self, service: Service) -> &ServiceStatus {
        match service {
            Service::Engine => &self.engine,
            Service::ClusterViewDaemon => &self.daemon,
        }
    }

    /// One of its services.
    pub(crate) fn service_mut(&mut self, service: Service) -> &mut ServiceStatus {
        match service {
            Service::Engine => &mut self.engine,
            Service::ClusterViewDaemon => &mut self.daemon,
        }
    }

    /// The configuration names it.
    pub(crate) fn configure(&mut self, now: Now, settings: &FeedSettings) -> bool {
        let news = self.known_since.is_none();
        let known_since = *self.known_since.get_or_insert(now.wall);
        let left = now.wall.duration_until(crate::timer::plus(known_since, settings.never_heard_after));
        self.never_at = (!self.daemon_heard).then(|| now.elapsed.saturating_add(left));
        news
    }

    /// The next deadline, of elapsed time.
    pub(crate) fn next(&self) -> Option<SignedDuration> {
        self.feeds.values().filter_map(Feed::next).chain(self.never_at).min()
    }
}
