//! An episode: from the first line about a compliance problem to its confirmed end. What was seen of it, and what was told.

use crate::{
    fact::{Fact, Origin},
    license::{stage::Stage, state::Level},
    limits::{Limits, bounded, cleaned},
    notification::EvidenceSummary,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An oddity of an episode. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// A node's clock is more than 2 minutes off: the time of receipt counts.
    ClockSkew,
    /// The sender's address belongs to this cluster, the `NodeID` of the line does not.
    NodeMismatch,
    /// Several clusters have a node of this name, and nothing else decides.
    NodeAmbiguous,
    /// A countdown on a release that enters out of compliance without one.
    ReleaseMismatch,
    /// The feed, or the Cluster View Daemon, was down while the countdown ran.
    FeedWasSilent,
    /// The episode before was out of compliance and nobody confirmed its end.
    PreviousEpisodeUnconfirmed,
    /// A line without usable minutes; those that the release documents were taken.
    MinutesAssumed,
    /// A line without usable minutes or time: there is no deadline.
    DeadlineUnknown,
    /// A line of a backlog without usable time.
    TimeUnknown,
    /// The printed time happens twice, or never, in its zone.
    TimeAmbiguous,
    /// The Cluster View Daemon of a node was out of service.
    ClusterViewDaemonDown,
    /// The master changed during the episode.
    DuringFailover,
    /// More than one node was master.
    IslandMode,
}

impl Flag {
    /// The name as it is written in JSON: `clock_skew`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClockSkew => "clock_skew",
            Self::NodeMismatch => "node_mismatch",
            Self::NodeAmbiguous => "node_ambiguous",
            Self::ReleaseMismatch => "release_mismatch",
            Self::FeedWasSilent => "feed_was_silent",
            Self::PreviousEpisodeUnconfirmed => "previous_episode_unconfirmed",
            Self::MinutesAssumed => "minutes_assumed",
            Self::DeadlineUnknown => "deadline_unknown",
            Self::TimeUnknown => "time_unknown",
            Self::TimeAmbiguous => "time_ambiguous",
            Self::ClusterViewDaemonDown => "cluster_view_daemon_down",
            Self::DuringFailover => "during_failover",
            Self::IslandMode => "island_mode",
        }
    }
}

/// What was told of an episode. Grows only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    /// The latest restart and level of the countdown.
    pub(crate) countdown: Option<(u32, Level)>,
    /// The restart after which unconfirmed was told.
    pub(crate) unconfirmed: Option<u32>,
    /// Out of compliance.
    pub(crate) out_of_compliance: bool,
    /// The lowest rung of the reminder ladder, in days.
    pub(crate) rung: Option<u32>,
    /// The day of enforcement.
    pub(crate) enforcement_due: bool,
    /// The end.
    pub(crate) ended: bool,
    /// Who was told anything, by a build that kept it here; routing remembers it now.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) receivers: BTreeSet<String>,
}

impl Told {
    /// Whether anything was told of the episode itself.
    pub(crate) fn anything(&self) -> bool {
        self.countdown.is_some() || self.unconfirmed.is_some() || self.out_of_compliance || self.enforcement_due
    }

    /// Both: for two records of the same incident.
    pub(crate) fn unite(&mut self, other: Self) {
        self.countdown = self.countdown.max(other.countdown);
        self.unconfirmed = self.unconfirmed.max(other.unconfirmed);
        self.out_of_compliance |= other.out_of_compliance;
        self.rung = match (self.rung, other.rung) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.enforcement_due |= other.enforcement_due;
        self.ended |= other.ended;
        self.receivers.extend(other.receivers);
    }
}

/// Who acknowledged which stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The stage that it covers, and no worse one.
    pub stage: String,
    /// Restarts of the countdown at that time.
    pub restarts: u32,
    /// Who.
    pub who: Option<String>,
    /// Why, in their words.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Until when it counts; until the end where there is none.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// How an alert ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: Timestamp,
    /// Who, for an operator's end.
    pub who: Option<String>,
    /// Their words.
    pub comment: Option<String>,
}

/// Why an alert ended. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// An event said so.
    ClearedByEvent,
    /// Concluded from something else, such as a use report within the limit.
    Inferred,
    /// An operator said so.
    Operator,
    /// Nothing was heard for long enough.
    Expired,
    /// A new episode took its place.
    Superseded,
}

/// The most earlier episodes that one goes on from.
const CONTINUES_MAX: usize = 8;

/// One episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Episode {
    /// `<cluster>/<number>`: unique for ever.
    pub(crate) id: String,
    /// The earliest event time.
    pub(crate) started: Timestamp,
    /// The last stage that has an alert name.
    pub(crate) stage: Stage,
    /// Since when.
    pub(crate) changed_at: Option<Timestamp>,
    /// The node that said it.
    pub(crate) node: Option<String>,
    /// What was seen.
    pub(crate) evidence: EvidenceSummary,
    /// Oddities.
    pub(crate) flags: BTreeSet<Flag>,
    /// What was told.
    pub(crate) told: Told,
    /// Changes since the last notification, oldest first.
    pub(crate) untold: Vec<String>,
    /// Who acknowledged it.
    pub(crate) acknowledged: Option<Acknowledgement>,
    /// How it ended.
    pub(crate) end: Option<End>,
    /// What the ledger says that a silence keeps from being told.
    #[serde(default)]
    pub(crate) silenced: Option<String>,
    /// Earlier episodes whose end nobody was told of: this one's end is theirs.
    #[serde(default)]
    pub(crate) continues: Vec<String>,
}

impl Episode {
    pub(crate) fn new(id: String, started: Timestamp) -> Self {
        Self {
            id,
            started,
            stage: Stage::Unknown,
            changed_at: None,
            node: None,
            evidence: EvidenceSummary::default(),
            flags: BTreeSet::new(),
            told: Told::default(),
            untold: Vec::new(),
            acknowledged: None,
            end: None,
            silenced: None,
            continues: Vec::new(),
        }
    }

    /// Goes on from an earlier episode, whose end nobody was told of.
    pub(crate) fn go_on_from(&mut self, earlier: &Self) {
        self.continues.extend(earlier.continues.iter().cloned().chain([earlier.id.clone()]));
        let surplus = self.continues.len().saturating_sub(CONTINUES_MAX);
        self.continues.drain(..surplus);
    }

    /// Notes a change that nobody was told of yet.
    pub(crate) fn note(&mut self, line: String, limits: &Limits) {
        if self.untold.len() >= limits.history {
            self.untold.remove(1);
        }
        self.untold.push(line);
    }

    /// It ended because nothing was heard any more.
    pub(crate) fn is_expired(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.reason == EndReason::Expired)
    }

    pub(crate) fn flag_names(&self) -> Vec<String> {
        self.flags.iter().map(|flag| flag.name().to_owned()).collect()
    }
}

impl EvidenceSummary {
    /// One more line.
    pub(crate) fn add(&mut self, fact: &Fact, limits: &Limits) {
        self.add_line(fact, &fact.raw, limits);
    }

    /// One more line of an alert of which there may be many: less of its text is kept.
    pub(crate) fn add_bounded(&mut self, fact: &Fact, limits: &Limits) {
        self.add_line(fact, bounded(&fact.raw, limits.instance_raw_bytes), limits);
    }

    fn add_line(&mut self, fact: &Fact, raw: &str, limits: &Limits) {
        self.count = self.count.saturating_add(u64::from(fact.copies.max(1)));
        if self.first_raw.is_none() {
            self.first_raw = Some(raw.to_owned());
        }
        match &mut self.last_raw {
            Some(last) => {
                last.clear();
                last.push_str(raw);
            }
            None => self.last_raw = Some(raw.to_owned()),
        }
        if let Some(node) = fact.node_id.as_deref().or(fact.host.as_deref()) {
            remember(&mut self.nodes, limits, |known| known == node, || cleaned(node, limits.unmapped_name_bytes));
        }
        let source = || source_name(&fact.origin);
        let name = source();
        remember(&mut self.sources, limits, |known| known == name, source);
    }

    /// Both: for two records of the same incident.
    pub(crate) fn unite(&mut self, other: Self, limits: &Limits) {
        self.count = self.count.saturating_add(other.count);
        self.first_raw = self.first_raw.take().or(other.first_raw);
        self.last_raw = other.last_raw.or(self.last_raw.take());
        for node in other.nodes {
            remember(&mut self.nodes, limits, |known| known == node, || node.clone());
        }
        for source in other.sources {
            remember(&mut self.sources, limits, |known| known == source, || source.clone());
        }
    }
}

fn remember(names: &mut Vec<String>, limits: &Limits, same: impl Fn(&str) -> bool, name: impl Fn() -> String) {
    if names.len() < limits.evidence_names && !names.iter().any(|known| same(known)) {
        let name = name();
        if !names.contains(&name) {
            names.push(name);
        }
    }
}

/// `udp 10.0.0.5`, `file /var/log/…`.
pub(crate) fn source_name(origin: &Origin) -> String {
    let channel = origin.channel.name();
    match origin.sender {
        Some(sender) => format!("{channel} {sender}"),
        None => format!("{channel} {}", origin.source),
    }
}
