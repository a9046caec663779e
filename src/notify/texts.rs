//! All words of a message, so that they can be read, checked and one day translated in one place.

use super::{
    content::Audience,
    escape::{HeaderText, visible},
};
use ccxwatch_alerts::notification::{GroupMember, Notification, Reason};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// Longest subject, in characters.
const SUBJECT: usize = 95;

/// Longest name of a cluster within a subject, so that what happened is never cut off.
const NAME: usize = 32;

/// Above a message that the store does not know.
pub(super) const NOT_RECORDED: &str =
    "NOT RECORDED: the store of ccxwatch is failing. This message may come again after a restart.";

/// The subject: whose, what, time left.
pub(super) fn subject(notification: &Notification, now: Timestamp) -> String {
    let name = HeaderText::new(whose(notification), NAME).into_string();
    HeaderText::new(&after_name(notification, &name, &headline(notification, now)), SUBJECT).into_string()
}

/// Whose the alert is.
pub(super) fn whose(notification: &Notification) -> &str {
    notification.cluster.as_deref().unwrap_or("ccxwatch")
}

/// Whose, and what: said once where it is ccxwatch's own and begins with that.
pub(super) fn after_name(notification: &Notification, name: &str, what: &str) -> String {
    let said = notification.cluster.is_none() && what.starts_with("ccxwatch ");
    if said { what.to_owned() } else { format!("{name}: {what}") }
}

/// The summary without the name of the cluster before it.
fn bare_summary(notification: &Notification) -> &str {
    bare(&notification.summary, notification.cluster.as_deref())
}

/// A summary without the name of the cluster before it.
pub(super) fn bare<'a>(summary: &'a str, cluster: Option<&str>) -> &'a str {
    let bare = summary.strip_prefix(cluster.unwrap_or_default()).and_then(|rest| rest.strip_prefix(": "));
    bare.unwrap_or(summary)
}

/// A template's subject as a subject may be.
pub(super) fn bounded_subject(text: &str) -> String {
    HeaderText::new(text, SUBJECT).into_string()
}

/// What happened and how much time is left, without whose.
pub(super) fn headline(notification: &Notification, now: Timestamp) -> String {
    let left = notification.deadline.map(|deadline| now.duration_until(deadline));
    let passed = left.is_some_and(|left| !left.is_positive());
    match notification.reason {
        Reason::CountdownStarted | Reason::CountdownShortly | Reason::CountdownRestarted => {
            let again = if notification.reason == Reason::CountdownRestarted { " (a new countdown)" } else { "" };
            match left {
                None => format!("licenses will run out of compliance, time not known{again}"),
                Some(left) if passed => {
                    format!("license deadline passed {} ago, compliance not known", span(left.abs()))
                }
                Some(left) => format!("licenses out of compliance in {}{again}", span(left)),
            }
        }
        Reason::CountdownUnconfirmed => "license deadline passed, nothing heard since: check compliance".to_owned(),
        Reason::OutOfCompliance => match left {
            Some(left) if !passed => format!("licenses OUT OF COMPLIANCE, enforcement in {}", span(left)),
            _ => "licenses OUT OF COMPLIANCE".to_owned(),
        },
        Reason::EnforcementReminder => match (left, notification.days_left) {
            (_, Some(1)) => "still out of compliance, license enforcement in 1 day".to_owned(),
            (_, Some(days)) => format!("still out of compliance, license enforcement in {days} days"),
            (Some(left), None) => format!("still out of compliance, license enforcement in {}", span(left.abs())),
            (None, None) => "still out of compliance".to_owned(),
        },
        Reason::EnforcementDue => "LICENSE ENFORCEMENT IS DUE".to_owned(),
        Reason::ConfirmedCompliant => "licenses confirmed compliant".to_owned(),
        Reason::Resolved => format!("resolved: {}", bare_summary(notification)),
        Reason::Repeat => format!("still firing: {}", bare_summary(notification)),
        Reason::Escalated => format!("nobody acknowledged: {}", bare_summary(notification)),
        Reason::Test => "test message, nothing is wrong".to_owned(),
        Reason::UsageWarning
        | Reason::LicenseEventUnclassified
        | Reason::ExpiryReminder
        | Reason::Firing
        | Reason::FeedSilent
        | Reason::FeedRestored
        | Reason::FeedNeverHeard
        | Reason::StoreFailing
        | Reason::NotificationFailing
        | Reason::Heartbeat => bare_summary(notification).to_owned(),
    }
}

/// What has become of one alert of several.
pub(super) fn state(member: &GroupMember) -> &'static str {
    match (member.firing, member.news) {
        (true, true) => "new",
        (true, false) => "still firing",
        (false, _) => "ended",
    }
}

/// What tells one alert from others of its name: the labels that not all of them have in common, and its node and cluster where
/// those differ.
pub(super) fn instance(member: &GroupMember, of: &Notification) -> String {
    let differs = |(name, value): &(&String, &String)| {
        !matches!(name.as_str(), "alertname" | "severity" | "cluster" | "node") && of.labels.get(*name) != Some(*value)
    };
    let whose = |own: &Option<String>, common: &Option<String>| own.clone().filter(|_| own != common);
    let labels = member.labels.iter().filter(differs).map(|(name, value)| format!("{name}={value}"));
    let parts: Vec<String> = [whose(&member.cluster, &of.cluster), whose(&member.node, &of.node)]
        .into_iter()
        .flatten()
        .chain(labels)
        .collect();
    parts.join(", ")
}

/// A time in a table, whose zone stands above it.
pub(super) fn short_time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%d %b %H:%M:%S").to_string()
}

/// What the list of what was told before is called.
pub(super) fn history_title(reason: Reason) -> &'static str {
    if reason == Reason::Heartbeat { "State of the clusters" } else { "What came before" }
}

/// The last line: who wrote, to whom.
pub(super) fn footer(audience: &Audience) -> String {
    let page = audience.external_url.as_ref().map_or_else(String::new, |url| format!(", {url}"));
    format!("ccxwatch, receiver {}, to {}{page}", visible(&audience.receiver, 100), visible(&audience.recipient, 100))
}

/// What the deadline is the end of.
pub(super) fn deadline_name(reason: Reason) -> &'static str {
    match reason {
        Reason::OutOfCompliance | Reason::EnforcementReminder | Reason::EnforcementDue => "Enforcement",
        Reason::ExpiryReminder => "Expires",
        _ => "Until",
    }
}

/// Time left or passed, for the body.
pub(super) fn time_left(deadline: Timestamp, now: Timestamp) -> String {
    let left = now.duration_until(deadline);
    if left.is_positive() { format!("{} left", span(left)) } else { format!("passed {} ago", span(left.abs())) }
}

/// A span as a person says it.
pub(super) fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    let minutes = (seconds + 30) / 60;
    match minutes {
        0 => "less than a minute".to_owned(),
        1..=119 => format!("{minutes} min"),
        120..=2_879 => format!("{} h {:02} min", minutes / 60, minutes % 60),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

/// A time in a zone, the zone named.
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> String {
    let name = zone.iana_name().unwrap_or("local time");
    let local = at.to_zoned_datetime(zone.clone());
    if name == "UTC" {
        local.strftime("%a %d %b %Y %H:%M:%S UTC").to_string()
    } else {
        format!("{} ({name})", local.strftime("%a %d %b %Y %H:%M:%S %Z"))
    }
}

/// An entry of the history for a notification that worse news has overtaken on its way.
pub(super) fn overtaken(notification: &Notification) -> String {
    format!("{}: {} (could not be delivered then)", time(notification.at, &TimeZone::UTC), notification.summary)
}

/// What an oddity means to the reader.
pub(super) fn flag(flag: &str) -> String {
    let known = match flag {
        "clock_skew" => {
            "The clock of the box or of this server is wrong by more than two minutes; the time of receipt counts."
        }
        "feed_was_silent" => {
            "The feed of this cluster was silent in between, so that news may have been missed: look at the box itself."
        }
        "held" => "It waited for the time window of its receiver.",
        "late" => "The line arrived late; its own time counts.",
        "no_usable_time" | "no_deadline" => "The line had no usable time, so that the deadline is not known.",
        "node_mismatch" => {
            "The line names another node than its address belongs to: check [[cluster.node]] in the configuration."
        }
        "previous_episode_unconfirmed" => {
            "Nobody confirmed the end of the episode before this one; its day of enforcement stands until that is done."
        }
        "release_mismatch" => {
            "A countdown does not fit the configured release (SU3 and later enter at once): check `release` in the configuration."
        }
        "unmapped" => {
            "The sender is in no [[cluster]] of the configuration: `ccxwatch check --suggest` prints one to add."
        }
        _ => return visible(flag, 100),
    };
    format!("{flag}: {known}")
}
