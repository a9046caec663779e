//! Reading and checking a configuration: each fault is said with line, column and a next step.

use super::{Cluster, Config, ReceiverKind, check_alerts};
use crate::{notify, step::CONSOLE};
use jiff::{SignedDuration, tz::TimeZone};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, SocketAddr},
    ops::Range,
    path::{Path, PathBuf},
};
use toml::Spanned;

/// What is wrong with a configuration, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}", Lines(.0))]
    Invalid(Vec<Fault>),
}

/// One fault of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `file:line:column`, or the file alone.
    pub place: String,
    /// What is wrong and what to do next.
    pub message: String,
}

struct Lines<'a>(&'a [Fault]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}: {}", fault.place, fault.message)?;
        }
        Ok(())
    }
}

/// Reads and checks a configuration file.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, &path.display().to_string())
}

/// Reads and checks a configuration; `name` is what errors call it.
pub fn parse(text: &str, name: &str) -> Result<Config, ConfigError> {
    let place = |span: Option<Range<usize>>| match span {
        Some(span) => format!("{name}:{}", line_and_column(text, span.start)),
        None => name.to_owned(),
    };
    let config: Config = toml::from_str(text).map_err(|error| {
        let message = error.message().replace('\n', " ");
        ConfigError::Invalid(vec![Fault { place: place(error.span()), message }])
    })?;
    let mut faults = Faults { list: Vec::new() };
    check(&config, &mut faults);
    if faults.list.is_empty() {
        return Ok(config);
    }
    let list = faults.list.into_iter().map(|(span, message)| Fault { place: place(Some(span)), message }).collect();
    Err(ConfigError::Invalid(list))
}

pub(super) struct Faults {
    list: Vec<(Range<usize>, String)>,
}

impl Faults {
    pub(super) fn at<T>(&mut self, value: &Spanned<T>, message: String) {
        self.list.push((value.span(), message));
    }

    fn time_zone(&mut self, name: &Spanned<String>) {
        if TimeZone::get(name.get_ref()).is_err() {
            self.at(
                name,
                format!("time zone {:?} is not known; use an IANA name such as \"Europe/Berlin\"", name.get_ref()),
            );
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    pub(super) fn unique<'a>(&mut self, what: &str, names: impl Iterator<Item = &'a Spanned<String>>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if name.get_ref().trim().is_empty() {
                self.at(name, format!("{what} has an empty name; give it one"));
            } else if !seen.insert(name.get_ref()) {
                self.at(name, format!("{what} {:?} is there twice; rename one of them", name.get_ref()));
            }
        }
    }
}

fn check(config: &Config, faults: &mut Faults) {
    check_clusters(config, faults);
    check_license(config, faults);
    check_sources(config, faults);
    faults.unique("time window", config.time_window.iter().map(|window| &window.name));
    faults.list.extend(config.routing().1);
    check_alerts::check(config, faults);
    faults.unique("receiver", config.receiver.iter().map(|receiver| &receiver.name));
    let url = config.web.external_url.get_ref();
    if !url.is_empty() && !notify::is_http_url(url) {
        faults.at(&config.web.external_url, format!("{url:?} is no URL; write https://HOST/"));
    }
    check_heartbeats(config, faults);
    for receiver in &config.receiver {
        if let Err(message) = notify::check_receiver(receiver) {
            faults.at(&receiver.name, format!("receiver {:?}: {message}", receiver.name.get_ref()));
        }
        if receiver.name.get_ref() == CONSOLE {
            faults.at(&receiver.name, format!("{CONSOLE:?} is the name of the built-in receiver; choose another one"));
        }
    }
}

/// The shortest and the longest interval of a heartbeat.
const HEARTBEAT: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_hours(24)];

fn check_heartbeats(config: &Config, faults: &mut Faults) {
    for heartbeat in &config.heartbeat {
        let name = &heartbeat.receiver;
        faults.time_zone(&heartbeat.timezone);
        match config.receiver.iter().find(|receiver| receiver.name.get_ref() == name.get_ref()).map(|found| &found.kind)
        {
            None => {
                faults.at(name, format!("no [[receiver]] is called {:?}; add it or correct the name", name.get_ref()));
            }
            Some(ReceiverKind::Alertmanager(_)) => faults.at(
                name,
                "an Alertmanager takes alerts and no heartbeats; let Prometheus watch `up` of ccxwatch".to_owned(),
            ),
            Some(ReceiverKind::Email(_) | ReceiverKind::Webhook(_)) => {}
        }
        match (heartbeat.interval, heartbeat.at) {
            (Some(interval), None) if (HEARTBEAT[0]..=HEARTBEAT[1]).contains(&interval) => {}
            (Some(_), None) => faults.at(name, "a heartbeat's `interval` must be between 1m and 24h".to_owned()),
            (None, Some(_)) => {}
            _ => faults.at(name, "a heartbeat has either an `interval` or a time of day `at`; write one".to_owned()),
        }
    }
    let mut seen = BTreeSet::new();
    for heartbeat in &config.heartbeat {
        if !seen.insert(heartbeat.receiver.get_ref()) {
            faults.at(&heartbeat.receiver, "this receiver has a heartbeat already; remove one".to_owned());
        }
    }
}

fn check_clusters(config: &Config, faults: &mut Faults) {
    faults.unique("cluster", config.cluster.iter().map(|cluster| &cluster.name));
    let mut owners: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for cluster in &config.cluster {
        let name = cluster.name.get_ref();
        if name.starts_with("unmapped:") || name.len() > 100 || name.chars().any(char::is_control) {
            faults.at(
                &cluster.name,
                "a cluster's name has at most 100 bytes, no control characters, and does not begin with \"unmapped:\""
                    .to_owned(),
            );
        }
        faults.time_zone(&cluster.timezone);
        check_labels(cluster, faults);
        faults.unique(&format!("node of cluster {name:?}:"), cluster.node.iter().map(|node| &node.id));
        for node in &cluster.node {
            for address in &node.addresses {
                if config.sources.relays.contains(address) {
                    faults.at(
                        &node.id,
                        format!("{address} is a relay too; a relay's address cannot name a node: remove it from one of the two"),
                    );
                }
                if let Some(owner) = owners.insert(*address, node.id.get_ref()) {
                    faults.at(
                        &node.id,
                        format!("address {address} belongs to node {owner:?} already; an address names one node"),
                    );
                }
            }
        }
    }
}

/// The most labels of one cluster, and the most bytes of a value.
const LABELS_MAX: usize = 32;
const LABEL_BYTES_MAX: usize = 256;

fn check_labels(cluster: &Cluster, faults: &mut Faults) {
    if cluster.labels.len() > LABELS_MAX {
        faults.at(&cluster.name, format!("a cluster has at most {LABELS_MAX} labels; remove some"));
    }
    for (name, value) in &cluster.labels {
        if ["alertname", "cluster", "node", "severity"].contains(&name.as_str()) {
            faults.at(value, format!("every alert has a label {name:?} of its own; choose another name"));
        } else if !is_label_name(name) {
            faults.at(value, format!("{name:?} is no name of a label; use letters, digits and _, not a digit first"));
        }
        if value.get_ref().len() > LABEL_BYTES_MAX || value.get_ref().chars().any(char::is_control) {
            faults.at(value, format!("a label has at most {LABEL_BYTES_MAX} bytes and no control characters"));
        }
    }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`, as Prometheus and Alertmanager take them.
pub(super) fn is_label_name(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn check_license(config: &Config, faults: &mut Faults) {
    let license = &config.license;
    let mut fault = |message: &str| faults.list.push((0..0, message.to_owned()));
    if license.merge_tolerance.is_negative()
        || license.unconfirmed_grace.is_negative()
        || license.late_after.is_negative()
    {
        fault("[license]: merge_tolerance, unconfirmed_grace and late_after cannot be negative");
    }
    if license.enforcement_after_days == 0 || license.enforcement_after_days > 3650 {
        fault("[license]: enforcement_after_days is 1 to 3650");
    }
    if license.reminder_days.iter().any(|days| *days == 0 || *days >= license.enforcement_after_days) {
        fault("[license]: each of reminder_days is at least 1 and less than enforcement_after_days");
    }
    if config.feeds.silent_floor > config.feeds.silent_ceiling {
        fault("[feeds]: silent_floor cannot be above silent_ceiling");
    }
}

fn check_sources(config: &Config, faults: &mut Faults) {
    let sources = &config.sources;
    for listener in sources.udp.iter().chain(&sources.tcp) {
        let address: &SocketAddr = listener.listen.get_ref();
        if !address.ip().is_loopback() && sources.allowed_senders.is_empty() {
            faults.at(
                &listener.listen,
                format!("{address} listens beyond loopback, and [sources] allowed_senders is empty: list the networks whose syslog is taken, such as [\"10.20.0.0/16\"]"),
            );
        }
    }
    let known = |id: &str| config.cluster.iter().flat_map(|cluster| &cluster.node).any(|node| node.id.get_ref() == id);
    for file in &sources.file {
        if let Some(node) = &file.node
            && !known(node.get_ref())
        {
            faults.at(node, format!("node {:?} is in no [[cluster]]; add it there or correct the id", node.get_ref()));
        }
        if let Err(error) = glob::Pattern::new(file.path.get_ref()) {
            faults.at(&file.path, format!("the path is not a valid pattern: {error}"));
        }
    }
}

fn line_and_column(text: &str, offset: usize) -> String {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1) + 1;
    format!("{line}:{column}")
}
