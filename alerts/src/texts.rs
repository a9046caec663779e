//! Every sentence that a person reads: one place. A summary is one line; a runbook is one step an entry.

mod routing;

pub(crate) use routing::*;

use crate::{
    license::{
        episode::Flag,
        profile::{Locking, Profile},
        stage::Stage,
        state::{Level, State},
    },
    notification::Reason,
    rules::instance::Identity,
    service::evidence::{Service, ServiceState, Trouble},
    signal::About,
};
use core::fmt::Write as _;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, net::IpAddr};

/// What a notification says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Words {
    /// One line: what, where, until when.
    pub(crate) summary: String,
    /// What it means.
    pub(crate) description: String,
    /// What to do.
    pub(crate) runbook: Vec<String>,
}

/// What a license text speaks of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LicenseScene<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) zone: &'a TimeZone,
    pub(crate) profile: &'a Profile,
    pub(crate) state: &'a State,
    pub(crate) flags: &'a BTreeSet<Flag>,
    pub(crate) now: Timestamp,
    pub(crate) reason: Reason,
    pub(crate) days_left: Option<u32>,
    pub(crate) ended_by: Option<&'a str>,
}

/// `10:45 IST`, with the day where it is not today's.
pub(crate) fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned_datetime(zone.clone());
    let same_day = local.date() == now.to_zoned_datetime(zone.clone()).date();
    let format = if same_day { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" };
    local.strftime(format).to_string()
}

/// `2027-02-22`.
pub(crate) fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d").to_string()
}

/// `45 min`, `3 h`, `12 days`: rounded to the nearest minute, and down above two hours.
pub(crate) fn span(length: SignedDuration) -> String {
    let minutes = length.as_secs().saturating_add(30).div_euclid(60).max(0);
    match minutes {
        0..=119 => format!("{minutes} min"),
        120..=2879 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 60 / 24),
    }
}

fn left(until: Timestamp, now: Timestamp) -> String {
    let left = now.duration_until(until);
    if left.is_negative() { format!("passed {} ago", span(-left)) } else { format!("{} left", span(left)) }
}

/// The words of a license notification.
pub(crate) fn license(scene: &LicenseScene<'_>) -> Words {
    let mut words = match scene.state {
        _ if scene.reason == Reason::ConfirmedCompliant => confirmed(scene),
        State::Countdown(_) if scene.reason != Reason::EnforcementReminder => countdown(scene),
        State::Unconfirmed(_) if scene.reason != Reason::EnforcementReminder => unconfirmed(scene),
        State::EnforcementDue(_) => enforcement_due(scene),
        _ => overage(scene),
    };
    for flag in scene.flags {
        words.description.push(' ');
        words.description.push_str(&flag_note(*flag, scene));
    }
    words
}

fn countdown(scene: &LicenseScene<'_>) -> Words {
    let State::Countdown(running) = scene.state else { return overage(scene) };
    let name = scene.cluster;
    let again = if scene.reason == Reason::CountdownRestarted { " (countdown restarted)" } else { "" };
    let summary = match (running.deadline, running.level) {
        (Some(deadline), Level::Countdown) => format!(
            "{name}: licenses out of compliance at {}, {}{again}",
            clock(deadline, scene.now, scene.zone),
            left(deadline, scene.now),
        ),
        (Some(deadline), Level::Shortly) => format!(
            "{name}: licenses out of compliance shortly, at {}, {}{again}",
            clock(deadline, scene.now, scene.zone),
            left(deadline, scene.now),
        ),
        (None, Level::Countdown) => {
            format!("{name}: licenses about to run out of compliance, deadline not known{again}")
        }
        (None, Level::Shortly) => format!("{name}: licenses out of compliance shortly, deadline not known{again}"),
    };
    let mut description = String::from(
        "More agent seats or ports are in use than were bought. Until the deadline this can be undone by using fewer; after it the state stays until licenses are bought.",
    );
    if let (Some(deadline), Some(interval)) = (running.deadline, scene.profile.interval())
        && !scene.profile.is_immediate()
    {
        let to_come = scene.now.duration_until(deadline).as_mins().max(0) / interval.as_mins();
        let _ = write!(
            description,
            " Use is reported every {}; by that rhythm about {to_come} more report(s) come before it (an estimate).",
            span(interval)
        );
    }
    Words {
        summary,
        description,
        runbook: vec![
            "Ask supervisors to log out agents who are not needed, and stop outbound campaigns that hold ports, until use is within the purchased quantity.".into(),
            "Compare use with the purchase: Unified CCX Administration > System > License Management, and the License Consumption report in Unified Intelligence Center.".into(),
            "If more seats are needed for good, buy them now: it takes effect only when the order reaches the Smart Account.".into(),
            "Acknowledge this alert, so that the others know who acts.".into(),
        ],
    }
}

fn unconfirmed(scene: &LicenseScene<'_>) -> Words {
    let name = scene.cluster;
    let summary = match scene.state.deadline() {
        Some(deadline) => {
            format!("{name}: license deadline {} passed, outcome not confirmed", clock(deadline, scene.now, scene.zone))
        }
        None => format!("{name}: license countdown ended unheard, outcome not confirmed"),
    };
    Words {
        summary,
        description: "The countdown is over and no line said what came of it. Unified CCX sends no line that says compliant again, so silence proves nothing: use may have fallen in time, or the line that says out of compliance was lost.".into(),
        runbook: vec![
            "Look at the authorization status: Unified CCX Administration > System > License Management.".into(),
            "If it says In Compliance: confirm compliance here, with a comment.".into(),
            "If it says Out of Compliance: buy the missing licenses; the 90 days count from the moment it was entered.".into(),
            "If nothing else was heard from the cluster either: check its remote syslog settings and the network.".into(),
        ],
    }
}

fn locking(profile: &Profile) -> &'static str {
    match profile.locking {
        Locking::Locks => {
            " The reported use is locked at its peak and falls only when the deficit is bought; logging agents out does not help any more."
        }
        Locking::Unknown => {
            " Whether the reported use is locked at its peak is not documented for this release; see Reported Usage in License Management."
        }
    }
}

fn buy(profile: &Profile) -> Vec<String> {
    let mut steps = vec![
        "Read Reported Usage and the purchased quantity: Unified CCX Administration > System > License Management. The difference is what has to be bought.".into(),
        "Buy it, see it arrive in the Smart Account, then renew the authorization on the same page.".into(),
        "When the page says In Compliance: confirm compliance here, with a comment.".into(),
    ];
    if profile.is_immediate() {
        steps.insert(
            1,
            "This release reports every 8 hours: the page may lag that long behind the seats in use.".into(),
        );
    }
    steps
}

fn overage(scene: &LicenseScene<'_>) -> Words {
    let name = scene.cluster;
    let Some(overage) = scene.state.overage() else {
        return Words {
            summary: format!("{name}: license state changed"),
            description: String::new(),
            runbook: Vec::new(),
        };
    };
    let enforcement = day(overage.enforcement_at, scene.zone);
    let summary = match scene.days_left {
        Some(1) => format!("{name}: out of compliance, enforcement in 1 day, on {enforcement}"),
        Some(days) => format!("{name}: out of compliance, enforcement in {days} days, on {enforcement}"),
        None => format!(
            "{name}: out of compliance since {}, enforcement on {enforcement}",
            clock(overage.since, scene.now, scene.zone)
        ),
    };
    let mut description = String::from("The cluster is out of compliance.");
    description.push_str(locking(scene.profile));
    let _ = write!(
        description,
        " On {enforcement} enforcement begins: additions, changes and deletions of agents in Unified CM no longer reach Unified CCX."
    );
    if scene.profile.is_immediate() {
        description.push_str(" This release enters the state at once, without a countdown.");
    }
    Words { summary, description, runbook: buy(scene.profile) }
}

fn enforcement_due(scene: &LicenseScene<'_>) -> Words {
    let name = scene.cluster;
    let at = scene.state.overage().map(|overage| overage.enforcement_at);
    let when = at.map(|at| clock(at, scene.now, scene.zone)).unwrap_or_default();
    Words {
        summary: format!("{name}: license enforcement due since {when}"),
        description: "The overage period is over by our count; no documented line confirms it. Under enforcement, additions, changes and deletions of agents in Unified CM do not reach Unified CCX. Nothing says that calls or log-ins stop.".into(),
        runbook: buy(scene.profile),
    }
}

fn confirmed(scene: &LicenseScene<'_>) -> Words {
    let name = scene.cluster;
    let by = scene.ended_by.map(|who| format!(", by {who}")).unwrap_or_default();
    Words {
        summary: format!("{name}: licenses in compliance, confirmed{by}"),
        description:
            "The episode is closed. What still arrives of it with an earlier time belongs to it and is not told.".into(),
        runbook: Vec::new(),
    }
}

/// A stage that passed before anybody was told of it, as one line.
pub(crate) fn history(state: &State, now: Timestamp, zone: &TimeZone) -> String {
    let since = state.since().map(|since| format!("{}: ", clock(since, now, zone))).unwrap_or_default();
    let until = match state.deadline().or(state.overage().map(|overage| overage.enforcement_at)) {
        Some(until) => format!(" (until {})", clock(until, now, zone)),
        None => String::new(),
    };
    format!("{since}{}{until}", state.stage().name())
}

fn flag_note(flag: Flag, scene: &LicenseScene<'_>) -> String {
    match flag {
        Flag::ClockSkew => "A node's clock is more than 2 minutes off; the time of receipt was taken.".into(),
        Flag::NodeMismatch => "A line names a node that is none of this cluster; the sender's address decided.".into(),
        Flag::NodeAmbiguous => "Several clusters have a node of this name, and nothing else told them apart.".into(),
        Flag::ReleaseMismatch => format!(
            "Release {} is documented to enter out of compliance without a countdown, yet one was announced: check the configured release.",
            scene.profile.release
        ),
        Flag::FeedWasSilent => {
            "The log feed or the Cluster View Daemon was down in between, so lines may be missing.".into()
        }
        Flag::PreviousEpisodeUnconfirmed => {
            let date = scene.state.overage().map(|old| day(old.enforcement_at, scene.zone));
            format!(
                "The cluster was out of compliance before and nobody confirmed its end{}.",
                date.map(|date| format!("; the enforcement date {date} stands until then")).unwrap_or_default()
            )
        }
        Flag::MinutesAssumed => {
            "A line carried no usable number of minutes; the one that the release documents was taken.".into()
        }
        Flag::DeadlineUnknown => "No usable time or number of minutes was in the line, so there is no deadline.".into(),
        Flag::TimeUnknown => "A line of a backlog carried no usable time.".into(),
        Flag::TimeAmbiguous => {
            "The printed time happens twice or never because of daylight saving; an hour either way is possible.".into()
        }
        Flag::ClusterViewDaemonDown => {
            "The Cluster View Daemon, which reports license use, was out of service on a node.".into()
        }
        Flag::DuringFailover => "The master changed while this happened.".into(),
        Flag::IslandMode => "More than one node was master: the nodes do not see each other.".into(),
    }
}

/// A license message that nobody has documented.
pub(crate) fn unclassified(cluster: &str, mnemonic: &str) -> Words {
    Words {
        summary: format!("{cluster}: license message {mnemonic}, not documented"),
        description: "Cisco documents three license messages, and this is none of them. What it means for compliance is not known, so no state was changed.".into(),
        runbook: vec![
            "Read the line below and the authorization status: Unified CCX Administration > System > License Management.".into(),
            "If its meaning is clear, map the mnemonic to a transition in the configuration; no new build is needed.".into(),
        ],
    }
}

/// Too many unmapped nodes.
pub(crate) fn unmapped_limit(limit: usize) -> Words {
    Words {
        summary: format!("More than {limit} unmapped nodes speak of licenses: further ones are not told one by one"),
        description: "Lines name more nodes than the configuration knows. Either clusters are missing in the configuration, or somebody sends invented lines.".into(),
        runbook: vec![
            "See which senders are not mapped, and add their clusters to the configuration.".into(),
            "Restrict allowed_senders to the addresses of the clusters and relays.".into(),
        ],
    }
}

/// The store takes no transactions.
pub(crate) fn store_failing(reason: &str) -> Words {
    Words {
        summary: "ccxwatch cannot save its state: notifications are sent, but may repeat after a restart".into(),
        description: format!("The store says: {reason}. Nothing is lost while the process runs."),
        runbook: vec![
            "Check free space, permissions and the disk of the data directory.".into(),
            "Do not restart the process before it saves again.".into(),
        ],
    }
}

/// A sender that brings more than its budget.
pub(crate) fn sender_over_budget(sender: IpAddr) -> Words {
    Words {
        summary: format!("{sender} sends more lines than its budget: some are dropped on UDP, and wait on TCP"),
        description: "Lines about the license are taken all the same, and other senders lose nothing.".into(),
        runbook: vec![
            "Look at what it sends: a fault that repeats, or an alarm level that is set too low.".into(),
            "Where that much is meant, raise [sources] sender_budget.".into(),
        ],
    }
}

/// A receiver cannot be reached.
pub(crate) fn notification_failing(receiver: &str) -> Words {
    Words {
        summary: format!("ccxwatch cannot reach receiver {receiver}"),
        description: "Deliveries to it fail and are tried again. Who relies on it is not told of anything meanwhile."
            .into(),
        runbook: vec![
            "Check the server, its name, its port and the credentials in the receiver's configuration.".into(),
            "Tell the people behind it by another way.".into(),
        ],
    }
}

/// A service of a node that does not work, or works in part.
pub(crate) fn service(cluster: &str, node: &str, service: Service, state: ServiceState, broken: &[&str]) -> Words {
    let title = service.title();
    let what = match state {
        ServiceState::PartialService => format!("in partial service ({})", broken.join(", ")),
        ServiceState::ShutDown => "shut down".into(),
        _ => "out of service".into(),
    };
    let mut description = match service {
        Service::Engine => String::from(
            "The CCX Engine routes calls. When the master's engine goes down, the other node takes over and queued calls are dropped.",
        ),
        Service::ClusterViewDaemon => String::from(
            "The Cluster View Daemon reports license use and elects the master. While it is down, license lines of this node may be missing: no news is no proof of compliance.",
        ),
    };
    if state == ServiceState::PartialService {
        description.push_str(" RTMT does not show partial service.");
    }
    Words {
        summary: format!("{cluster}: {title} on {node} {what}"),
        description,
        runbook: vec![
            "Look at the service and its subsystems: Unified CCX Serviceability > Tools > Control Center - Network Services.".into(),
            format!("If it does not come back: collect the traces of {title}, then restart it from the same page."),
        ],
    }
}

/// Trouble of an engine.
pub(crate) fn trouble(cluster: &str, node: &str, trouble: Trouble) -> Words {
    let (what, description, step) = match trouble {
        Trouble::OutOfMemory => (
            format!("CCX Engine on {node} is out of memory"),
            "The Java heap is exhausted. The engine usually restarts soon after, and calls are lost.",
            "Collect the MIVR traces and the heap dump before a restart overwrites them.",
        ),
        Trouble::KeepAliveLost => (
            format!("CCX Engine on {node} lost its keep-alive"),
            "An engine that does not answer in time ends itself; the other node takes over.",
            "See whether the other node is master now, and collect the MIVR and MCVD traces of both nodes.",
        ),
        Trouble::HeapNearlyFull => (
            format!("CCX Engine memory on {node} nearly full"),
            "RTMT sees the heap of the engine near its limit. Out of memory may follow.",
            "Plan a restart of the engine outside business hours, and collect the MIVR traces.",
        ),
        Trouble::MoreThanOneMaster => (
            "more than one master (island mode)".into(),
            "The nodes do not see each other: each is master. Configuration changes are not possible; after more than four days replication breaks. When they meet again, one drops its calls.",
            "Check the network between the nodes, TCP port 5900 above all.",
        ),
    };
    Words { summary: format!("{cluster}: {what}"), description: description.into(), runbook: vec![step.into()] }
}

/// The end of an alert.
pub(crate) fn ended(summary: &str, reason: Reason) -> Words {
    let (what, description) = match reason {
        Reason::FeedRestored => ("heard again", "Lines arrive again. What was sent meanwhile over UDP is lost."),
        _ => ("resolved", "A later line says that it is over."),
    };
    Words { summary: format!("{summary}: {what}"), description: description.into(), runbook: Vec::new() }
}

/// An alert that a line raised.
pub(crate) fn signal(cluster: &str, identity: &Identity, about: &About) -> Words {
    let title = if about.title.is_empty() { &identity.name } else { &about.title };
    let mut summary = format!("{cluster}: {title}");
    if let Some(node) = &identity.node {
        let _ = write!(summary, " on {node}");
    }
    if !identity.labels.is_empty() {
        let values: Vec<&str> = identity.labels.iter().map(|(_, value)| value.as_str()).collect();
        let _ = write!(summary, " ({})", values.join(", "));
    }
    Words { summary: one_line(&summary), description: about.meaning.clone(), runbook: about.runbook.clone() }
}

/// Without line breaks and other control characters.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What the text of a silent feed speaks of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FeedScene<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) node: &'a str,
    pub(crate) feed: &'a str,
    pub(crate) last: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) zone: &'a TimeZone,
    pub(crate) stage: Stage,
}

/// A feed that went silent.
pub(crate) fn feed_silent(scene: &FeedScene<'_>) -> Words {
    let stage = scene.stage.name();
    let trust = match scene.stage {
        Stage::Unknown | Stage::Compliant => {
            "A license countdown that starts now may not be heard, so the absence of one proves nothing.".to_owned()
        }
        _ => format!(
            "The license stage shown, {stage}, can no longer be trusted to be the latest: worse news may not arrive, and nothing that follows from silence counts."
        ),
    };
    Words {
        summary: format!(
            "{}: no lines from {} ({}) since {}",
            scene.cluster,
            scene.node,
            scene.feed,
            clock(scene.last, scene.now, scene.zone)
        ),
        description: format!("The feed is silent for longer than its usual interval allows. {trust}"),
        runbook: vec![
            "Check that the node is up and reaches this machine (UDP and firewalls).".into(),
            "Check Unified CCX Serviceability > Alarm > Configuration: remote syslog, server name and level.".into(),
            "For a tailed file: see that copies still arrive.".into(),
        ],
    }
}

/// A node whose Cluster View Daemon never spoke.
pub(crate) fn feed_never_heard(cluster: &str, node: &str) -> Words {
    Words {
        summary: format!("{cluster}: the Cluster View Daemon of {node} was never heard"),
        description: "License lines come from this service. If only the Engine's or the platform's remote syslog is set, everything else arrives and the countdown does not.".into(),
        runbook: vec![
            "On the node: Unified CCX Serviceability > Alarm > Configuration; choose Cluster View Daemon.".into(),
            "Under Remote Syslogs: enable the alarm, set the level to Informational, enter this machine as the server, save, and apply to all nodes.".into(),
            "The platform's own Remote Syslog settings do not replace it.".into(),
        ],
    }
}

/// Use near or over the purchased quantity.
pub(crate) fn usage(scene: &UsageScene<'_>) -> Words {
    let UsageScene { cluster, used, purchased, over_count, profile } = *scene;
    let over = used > purchased;
    let summary = if over {
        format!("{cluster}: {used} licenses in use, {purchased} bought ({over_count} report(s) over in a row)")
    } else {
        format!("{cluster}: {used} of {purchased} licenses in use")
    };
    let mut description = match (profile.consecutive, profile.is_immediate()) {
        (_, true) => String::from(
            "This release is out of compliance as soon as one report is over the purchase; no countdown comes before.",
        ),
        (Some(consecutive), false) => {
            format!("{consecutive} reports in a row over the purchase are irreversible: only buying the peak ends it.")
        }
        (None, false) => {
            String::from("The release is not configured, so how many reports in a row it takes is not known.")
        }
    };
    if profile.locking == Locking::Unknown {
        description.push_str(" Whether the release locks the peak is not documented.");
    }
    Words {
        summary,
        description,
        runbook: vec![
            "Have agents logged out who are not needed, before the next report.".into(),
            "See who uses the seats: License Consumption report in Unified Intelligence Center.".into(),
        ],
    }
}

/// What a usage text speaks of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UsageScene<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) used: u32,
    pub(crate) purchased: u32,
    pub(crate) over_count: u8,
    pub(crate) profile: &'a Profile,
}
