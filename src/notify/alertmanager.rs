//! Prometheus Alertmanager, by its v2 API: an alert fires for as long as somebody says so again and again.
//!
//! Which alerts an Alertmanager knows follows from what was told to its receiver; whether each still fires follows from the
//! engine's view of its episode. A stage that a worse one has superseded keeps firing to the episode's end: nothing is resolved
//! while the episode lasts. `grafana/prometheus/alertmanager-inhibit.yml` hides it.

use super::{
    Common, NotifyError, World,
    content::is_end,
    escape::visible,
    failure::Failure,
    http::{self, Endpoint},
};
use crate::{
    clock,
    config::{Alertmanager as Settings, Receiver, Secret},
    store::Message,
};
use ccxwatch_alerts::{
    alert::{AlertStatus, AlertView},
    notification::{GroupMember, Notification, Reason},
};
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// Where alerts are posted, below the Alertmanager's own path.
const PATH: &str = "/api/v2/alerts";

/// An alert that is not sent again within so many intervals ends by itself. Prometheus takes 4.
const ENDS_AFTER: i32 = 5;

/// How long an ended alert is sent along, as Prometheus does: an Alertmanager that restarted meanwhile learns of the end.
const REMEMBER_ENDED: SignedDuration = SignedDuration::from_mins(15);

/// How long a test fires.
const TEST: SignedDuration = SignedDuration::from_mins(5);

/// After a fault the state is sent again this soon.
const AGAIN: Duration = Duration::from_secs(10);

/// How long it waits for the engine's first view after a start.
const FIRST_VIEW: Duration = Duration::from_millis(200);

/// Alerts in one request.
const AT_ONCE: usize = 500;

/// The most alerts that are kept firing. Beyond them the oldest are let go of.
const MOST: usize = 10_000;

/// Characters of a label's or an annotation's value.
const VALUE: usize = 1_000;

/// One Alertmanager of a receiver.
pub(super) struct Alertmanager {
    endpoint: Endpoint,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    receiver: String,
    resend: SignedDuration,
    external_url: Option<String>,
    alerts: BTreeMap<Key, Posted>,
    /// What was told before the start has been read.
    recalled: bool,
    next_at: Option<Instant>,
}

/// What tells alerts apart: the fingerprint, and the severity, which is a label.
type Key = (String, String);

/// An alert as the Alertmanager was told of it.
#[derive(Clone, Debug, PartialEq)]
struct Posted {
    episode: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: Timestamp,
    /// When it was told: an older view of the engine cannot know of it.
    told_at: Timestamp,
    ended: Option<Timestamp>,
}

/// An alert in the request (`postableAlert` of the v2 API).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Postable<'a> {
    labels: &'a BTreeMap<String, String>,
    annotations: &'a BTreeMap<String, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<&'a str>,
}

impl Alertmanager {
    /// One for each URL.
    pub(super) fn start(
        receiver: &Receiver,
        settings: &Settings,
        common: &Common,
    ) -> Result<Vec<(String, Self)>, NotifyError> {
        let mut all: Vec<(String, Self)> = Vec::new();
        for url in &settings.urls {
            let url = url.get_ref();
            let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
            let mut secrets = Vec::new();
            if let Some(login) = &settings.login {
                let (value, hidden) = http::basic(login).map_err(|error| NotifyError::of(receiver, error))?;
                headers.insert(AUTHORIZATION, value);
                secrets = hidden;
            }
            if all.iter().all(|(known, _)| known != url) {
                let one = Self {
                    endpoint: Endpoint::new(receiver, url, PATH)?,
                    headers,
                    secrets,
                    receiver: receiver.name.get_ref().clone(),
                    resend: settings.resend_interval,
                    external_url: common.external_url.clone(),
                    alerts: BTreeMap::new(),
                    recalled: false,
                    next_at: Some(clock::timer()),
                };
                all.push((url.clone(), one));
            }
        }
        Ok(all)
    }

    /// Tells of the message, and of everything else that fires.
    pub(super) async fn deliver(&mut self, message: &Message, world: &World) -> Result<(), Failure> {
        let notification = &*message.notification;
        if is_end(notification) && !self.alerts.values().any(|posted| posted.episode == notification.episode) {
            // Its start was told before this process started.
            self.recall(BTreeSet::from([notification.episode.clone()]), world).await;
        }
        take(&mut self.alerts, notification);
        self.post_all(world).await
    }

    /// When [`Alertmanager::resend`] should be called.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Says again what fires, and what has ended since. `None` where there was nothing to say.
    pub(super) async fn resend(&mut self, world: &World) -> Option<Result<(), Failure>> {
        if !self.recalled {
            let view = world.snapshot.load_full();
            if view.at == Timestamp::default() {
                self.next_at = Some(clock::timer() + FIRST_VIEW);
                return None;
            }
            let firing = view.alerts.iter().filter(|alert| alert.status == AlertStatus::Firing);
            let episodes: BTreeSet<_> = firing.map(|alert| alert.episode.clone()).collect();
            self.recalled = self.recall(episodes, world).await;
        }
        if self.alerts.is_empty() {
            self.next_at = (!self.recalled).then(|| clock::timer() + AGAIN);
            return None;
        }
        Some(self.post_all(world).await)
    }

    /// Reads what this receiver was told of these episodes; `false` where the store cannot be read now.
    async fn recall(&mut self, episodes: BTreeSet<String>, world: &World) -> bool {
        if episodes.is_empty() {
            return true;
        }
        let (backlog, receiver) = (world.backlog.clone(), self.receiver.clone());
        let read = tokio::task::spawn_blocking(move || backlog.told_to(&receiver, &episodes, MOST)).await;
        let told = match read {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => {
                tracing::warn!(receiver = self.receiver, %error, "what was told before cannot be read; reading again soon");
                return false;
            }
            // The runtime is shutting down.
            Err(_) => return false,
        };
        let mut before = BTreeMap::new();
        for notification in told.iter().filter(|notification| !is_end(notification)) {
            take(&mut before, notification);
        }
        before.append(&mut self.alerts);
        self.alerts = before;
        true
    }

    async fn post_all(&mut self, world: &World) -> Result<(), Failure> {
        let now = clock::wall();
        let view = world.snapshot.load_full();
        follow(&mut self.alerts, view.at, &view.alerts, now);
        forget(&mut self.alerts, now);
        let all: Vec<_> = self.alerts.values().map(|posted| self.postable(posted, now)).collect();
        let mut result = Ok(());
        for some in all.chunks(AT_ONCE) {
            result = match serde_json::to_vec(some) {
                Ok(body) => self.endpoint.post(self.headers.clone(), body).await,
                Err(error) => Err(Failure::never(crate::store::FailureReason::Template, error.to_string())),
            };
            if result.is_err() {
                break;
            }
        }
        let wait = if result.is_ok() { self.resend.unsigned_abs() } else { AGAIN.min(self.resend.unsigned_abs()) };
        self.next_at = (!self.alerts.is_empty()).then(|| clock::timer() + wait);
        result.map_err(|failure| failure.without(&self.secrets))
    }

    fn postable<'a>(&'a self, posted: &'a Posted, now: Timestamp) -> Postable<'a> {
        let until = now.saturating_add(self.resend * ENDS_AFTER).unwrap_or(Timestamp::MAX);
        // An alert cannot end before it starts; the wall clock may have been set in between.
        let ends_at = posted.ended.unwrap_or(until).max(posted.starts_at);
        Postable {
            labels: &posted.labels,
            annotations: &posted.annotations,
            starts_at: posted.starts_at,
            ends_at,
            generator_url: self.external_url.as_deref(),
        }
    }
}

/// The alert of a notification, as it would be posted: for a preview.
pub(super) fn preview(notification: &Notification, external_url: Option<&str>) -> String {
    let mut alerts = BTreeMap::new();
    take(&mut alerts, notification);
    let ends_at = |posted: &Posted| posted.ended.unwrap_or(notification.at).max(posted.starts_at);
    let all: Vec<_> = alerts
        .values()
        .map(|posted| Postable {
            labels: &posted.labels,
            annotations: &posted.annotations,
            starts_at: posted.starts_at,
            ends_at: ends_at(posted),
            generator_url: external_url,
        })
        .collect();
    serde_json::to_string_pretty(&all).unwrap_or_default()
}

/// Takes what a notification says into the state.
fn take(alerts: &mut BTreeMap<Key, Posted>, notification: &Notification) {
    if notification.reason == Reason::Heartbeat {
        return;
    }
    if let Some(grouped) = &notification.grouped {
        for member in &grouped.members {
            take(alerts, &alone(notification, member));
        }
        return;
    }
    if is_end(notification) {
        let mut of_episode = alerts.values_mut().filter(|posted| posted.episode == notification.episode).peekable();
        if of_episode.peek().is_some() {
            of_episode.for_each(|posted| posted.ended = posted.ended.or(Some(notification.at)));
            return;
        }
    }
    let labels = labels(notification);
    let severity = labels.get("severity").cloned().unwrap_or_default();
    let fingerprint = match notification.fingerprint.as_str() {
        "" => format!("{}/{}", notification.episode, notification.alertname),
        fingerprint => fingerprint.to_owned(),
    };
    let ended = match notification.reason {
        Reason::Test => notification.at.checked_add(TEST).ok(),
        _ => is_end(notification).then_some(notification.at),
    };
    let new = Posted {
        episode: notification.episode.clone(),
        labels,
        annotations: annotations(notification),
        starts_at: notification.since.unwrap_or(notification.at),
        told_at: notification.at,
        ended,
    };
    match alerts.entry((fingerprint, severity)) {
        // The same alert, still or worse: its labels and its start are what the Alertmanager knows it by.
        std::collections::btree_map::Entry::Occupied(mut known) if known.get().episode == new.episode => {
            let known = known.get_mut();
            known.annotations = new.annotations;
            known.told_at = known.told_at.max(new.told_at);
        }
        entry => {
            entry.insert_entry(new);
        }
    }
}

/// A member of a group, as if it were told alone: Alertmanager has groups of its own.
fn alone(group: &Notification, member: &GroupMember) -> Notification {
    Notification {
        reason: if member.firing { member.reason } else { Reason::Resolved },
        alertname: member.alertname.clone(),
        cluster: member.cluster.clone(),
        node: member.node.clone(),
        labels: member.labels.clone(),
        fingerprint: member.fingerprint.clone(),
        severity: member.severity,
        episode: member.episode.clone(),
        since: member.since,
        summary: member.summary.clone(),
        description: String::new(),
        runbook: Vec::new(),
        grouped: None,
        ..group.clone()
    }
}

/// Ends what the engine's view says has ended. A view from before an alert was told says nothing of it.
fn follow(alerts: &mut BTreeMap<Key, Posted>, at: Timestamp, views: &[AlertView], now: Timestamp) {
    let by_episode: BTreeMap<&str, &AlertView> = views.iter().map(|view| (view.episode.as_str(), view)).collect();
    for posted in alerts.values_mut().filter(|posted| posted.ended.is_none() && posted.told_at < at) {
        match by_episode.get(posted.episode.as_str()) {
            Some(view) if view.status == AlertStatus::Firing => {}
            Some(view) => posted.ended = Some(view.ends_at.unwrap_or(now)),
            None => posted.ended = Some(now),
        }
    }
}

/// Lets go of what ended long ago, and of the oldest where there is too much.
fn forget(alerts: &mut BTreeMap<Key, Posted>, now: Timestamp) {
    alerts.retain(|_, posted| posted.ended.is_none_or(|ended| now.duration_since(ended) < REMEMBER_ENDED));
    let surplus = alerts.len().saturating_sub(MOST);
    if surplus > 0 {
        let mut oldest: Vec<_> = alerts.iter().map(|(key, posted)| (posted.told_at, key.clone())).collect();
        oldest.sort();
        for (_, key) in oldest.into_iter().take(surplus) {
            alerts.remove(&key);
        }
    }
}

fn labels(notification: &Notification) -> BTreeMap<String, String> {
    let mut labels = super::context::labels(notification);
    labels.entry("severity".to_owned()).or_insert_with(|| notification.severity.name().to_ascii_lowercase());
    labels
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (label_name(&name), visible(&value, VALUE)))
        .collect()
}

fn annotations(notification: &Notification) -> BTreeMap<String, String> {
    let time = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let evidence = &notification.evidence;
    [
        ("summary", notification.summary.clone()),
        ("description", notification.description.clone()),
        ("runbook", notification.runbook.join(" ")),
        ("deadline", notification.deadline.map(time).unwrap_or_default()),
        ("evidence", evidence.last_raw.clone().or_else(|| evidence.first_raw.clone()).unwrap_or_default()),
        ("flags", notification.flags.join(", ")),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), visible(&value, VALUE)))
    .collect()
}

/// A name as Prometheus takes it: `[a-zA-Z_][a-zA-Z0-9_]*`.
fn label_name(name: &str) -> String {
    let mut out: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(100).collect();
    if out.chars().next().is_none_or(|first| first.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}
