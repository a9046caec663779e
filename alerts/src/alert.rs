//! Alerts as outside tools see them: labels identify, annotations describe, every end carries its reason.

use crate::{
    license::episode::{Acknowledgement, End},
    notification::{EvidenceSummary, Notification, Reason},
    now::Now,
    routing::Present,
    rules::mute::{SuppressedBy, Suppression},
    texts::Words,
    timer::Timer,
};
use ccxwatch_parsers::severity::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An alert, for the page, the API and Alertmanager.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertView {
    /// `alertname`, `cluster`, `node`, … : they identify the alert.
    pub labels: BTreeMap<String, String>,
    /// `summary`, `description`, `runbook`: they describe it.
    pub annotations: BTreeMap<String, String>,
    /// Firing or resolved.
    pub status: AlertStatus,
    /// By stage, not by Cisco's number.
    pub severity: Severity,
    /// When the episode began.
    pub starts_at: Timestamp,
    /// When it ended.
    pub ends_at: Option<Timestamp>,
    /// Sixteen hexadecimal digits over the labels.
    pub fingerprint: String,
    /// The episode's id, as notifications carry it.
    pub episode: String,
    /// Who acknowledged the present stage.
    pub acknowledged: Option<Acknowledgement>,
    /// What keeps it from being told, while it fires.
    pub suppressed: Option<Suppression>,
    /// What was seen.
    pub evidence: EvidenceSummary,
    /// How it ended.
    pub end: Option<End>,
    /// Oddities.
    pub flags: Vec<String>,
    /// The end of the countdown, or the day of enforcement.
    pub deadline: Option<Timestamp>,
}

/// Whether an alert fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// It does.
    Firing,
    /// It ended.
    Resolved,
}

/// A hash over labels that does not depend on the build: FNV-1a, 64 bits.
pub(crate) fn fingerprint(labels: &BTreeMap<String, String>) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut hash = OFFSET;
    for (key, value) in labels {
        for byte in key.bytes().chain([0xff]).chain(value.bytes()).chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    format!("{hash:016x}")
}

/// The labels of a notification: those that identify the alert, its severity, and the configured ones of its cluster, which never
/// replace one that identifies.
pub(crate) fn told_labels(
    identity: BTreeMap<String, String>,
    severity: Severity,
    configured: Option<&BTreeMap<String, String>>,
) -> BTreeMap<String, String> {
    let mut labels = configured.cloned().unwrap_or_default();
    labels.insert("severity".to_owned(), severity.name().to_ascii_lowercase());
    labels.extend(identity);
    labels
}

/// Whose an alert is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    /// The cluster; none for ccxwatch's own alerts.
    pub(crate) cluster: Option<&'a str>,
    /// The zone of its clocks, IANA name where it has one.
    pub(crate) zone: Option<&'a str>,
    /// Its configured labels.
    pub(crate) labels: Option<&'a BTreeMap<String, String>>,
}

impl Owner<'_> {
    /// The owner of ccxwatch's own alerts.
    pub(crate) const CCXWATCH: Self = Self { cluster: None, zone: Some("UTC"), labels: None };
}

/// An alert beside the license alert of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alert {
    /// `<cluster>/<number>`: unique for ever.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// The node.
    pub(crate) node: Option<String>,
    /// What else identifies it: a subsystem, a mnemonic, a receiver.
    pub(crate) subject: Option<(String, String)>,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// When it began.
    pub(crate) starts_at: Timestamp,
    /// What it says.
    pub(crate) words: Words,
    /// What was seen.
    pub(crate) evidence: EvidenceSummary,
    /// When it ends by itself, if nothing more is heard.
    #[serde(default)]
    pub(crate) expires: Option<Timer>,
    /// Why its start is told.
    pub(crate) reason: Reason,
    /// Its start was told.
    pub(crate) told: bool,
    /// Its end was told, or needs not be.
    pub(crate) end_told: bool,
    /// How it ended.
    pub(crate) end: Option<End>,
    /// Who acknowledged it.
    #[serde(default)]
    pub(crate) acknowledged: Option<Acknowledgement>,
    /// What keeps it from being told, as the ledger has it.
    #[serde(default)]
    pub(crate) muted: Option<SuppressedBy>,
    /// What the history has of it: told, ended, acknowledged.
    #[serde(skip)]
    pub(crate) recorded: Option<(bool, bool, bool)>,
}

impl Alert {
    pub(crate) fn is_firing(&self) -> bool {
        self.end.is_none()
    }

    pub(crate) fn labels(&self, cluster: Option<&str>) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([("alertname".to_owned(), self.name.clone())]);
        labels.extend(cluster.map(|cluster| ("cluster".to_owned(), cluster.to_owned())));
        labels.extend(self.node.as_ref().map(|node| ("node".to_owned(), node.clone())));
        labels.extend(self.subject.clone());
        labels
    }

    pub(crate) fn view(&self, cluster: Option<&str>) -> AlertView {
        let labels = self.labels(cluster);
        AlertView {
            fingerprint: fingerprint(&labels),
            labels,
            annotations: annotations(&self.words),
            status: if self.is_firing() { AlertStatus::Firing } else { AlertStatus::Resolved },
            severity: self.severity,
            starts_at: self.starts_at,
            ends_at: self.end.as_ref().map(|end| end.at),
            episode: self.id.clone(),
            acknowledged: self.acknowledged.clone(),
            suppressed: None,
            evidence: self.evidence.clone(),
            end: self.end.clone(),
            flags: Vec::new(),
            deadline: None,
        }
    }

    /// What is true of it now.
    pub(crate) fn present(&self, owner: Owner<'_>, muted: bool, now: Now) -> Present {
        if self.is_firing() {
            let fresh = Box::new(self.notification(Reason::Repeat, owner, now));
            Present::Firing { fresh, quiet: muted || self.acknowledged.is_some() }
        } else {
            Present::Ended
        }
    }

    /// What to tell of it.
    pub(crate) fn notification(&self, reason: Reason, owner: Owner<'_>, now: Now) -> Notification {
        let identity = self.labels(owner.cluster);
        Notification {
            at: now.wall,
            elapsed_s: now.elapsed.as_secs_f64(),
            reason,
            alertname: self.name.clone(),
            cluster: owner.cluster.map(ToOwned::to_owned),
            node: self.node.clone(),
            fingerprint: fingerprint(&identity),
            labels: told_labels(identity, self.severity, owner.labels),
            severity: if self.is_firing() { self.severity } else { Severity::Informational },
            episode: self.id.clone(),
            told_as: reason.name().to_owned(),
            continues: Vec::new(),
            grouped: None,
            receivers: Vec::new(),
            since: Some(self.starts_at),
            deadline: None,
            days_left: None,
            time_zone: owner.zone.map(ToOwned::to_owned),
            summary: self.words.summary.clone(),
            description: self.words.description.clone(),
            runbook: self.words.runbook.clone(),
            history: Vec::new(),
            flags: Vec::new(),
            evidence: self.evidence.clone(),
        }
    }
}

/// The annotations of a text.
pub(crate) fn annotations(words: &Words) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("summary".to_owned(), words.summary.clone()),
        ("description".to_owned(), words.description.clone()),
        ("runbook".to_owned(), words.runbook.join("\n")),
    ])
}
