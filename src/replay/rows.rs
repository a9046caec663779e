//! The rows of a timeline: JSONL, or made from a plain log file.

use super::log_file;
use crate::config::Config;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ccxwatch_alerts::{
    fact::{Channel, Fact, Heard, Origin},
    input::{Input, OperatorAction, OperatorCommand, UsageReport},
    interest::Interest,
    settings::Settings,
};
use ccxwatch_parsers::{parse, triage};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::net::IpAddr;

/// One moment of a timeline.
#[derive(Debug)]
pub struct Row {
    /// The collector's wall time.
    pub at: Timestamp,
    /// The collector's monotonic time since the first row, where the row says it.
    pub elapsed: Option<SignedDuration>,
    /// What reaches the engine then; nothing where only time passes.
    pub inputs: Vec<Input>,
}

/// How the files of a replay are read.
#[derive(Debug)]
pub struct Reader<'a> {
    /// Who may speak, and whose zone a stamp is in.
    pub config: &'a Config,
    /// The same for the engine.
    pub settings: &'a Settings,
    /// What the engine wants of a plain line.
    pub interest: Interest,
    /// The node whose log a plain file is.
    pub node: Option<String>,
}

/// One JSONL row, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    at: Timestamp,
    elapsed_s: Option<f64>,
    source: Option<Channel>,
    from: Option<IpAddr>,
    node: Option<String>,
    file: Option<String>,
    raw: Option<String>,
    raw_base64: Option<String>,
    operator: Option<OperatorAction>,
    cluster: Option<String>,
    comment: Option<String>,
    who: Option<String>,
    usage: Option<Usage>,
}

/// One report of license use, as a row writes it; without `used` the report is missing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Usage {
    used: Option<u32>,
    purchased: Option<u32>,
}

/// Reads one file: JSONL rows where its first line is a JSON object, a plain log otherwise. `received_at` is when the file
/// was received, for the year of its stamps. Errors name the line.
pub fn read(reader: &Reader<'_>, name: &str, text: &[u8], received_at: Timestamp) -> Result<Vec<Row>, String> {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'{') { json_rows(reader, text) } else { Ok(log_file::rows(reader, name, text, received_at)) }
}

fn json_rows(reader: &Reader<'_>, text: &[u8]) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let fault = |what: String| format!("line {}: {what}", index + 1);
        let written: Written = serde_json::from_slice(line).map_err(|error| fault(error.to_string()))?;
        rows.push(row(reader, written).map_err(fault)?);
    }
    Ok(rows)
}

fn row(reader: &Reader<'_>, written: Written) -> Result<Row, String> {
    let at = written.at;
    let elapsed = match written.elapsed_s {
        Some(seconds) => {
            Some(SignedDuration::try_from_secs_f64(seconds).map_err(|error| format!("elapsed_s: {error}"))?)
        }
        None => None,
    };
    let raw = match (written.raw, written.raw_base64) {
        (Some(_), Some(_)) => return Err("a row has raw or raw_base64, not both".to_owned()),
        (Some(raw), None) => Some(raw.into_bytes()),
        (None, Some(coded)) => Some(BASE64_STANDARD.decode(coded).map_err(|error| format!("raw_base64: {error}"))?),
        (None, None) => None,
    };
    let mut inputs = Vec::new();
    if let Some(action) = written.operator {
        let cluster = match written.cluster {
            Some(cluster) => cluster,
            None if action.may_be_of_all() => String::new(),
            None => return Err("an operator's row names a cluster".to_owned()),
        };
        inputs.push(Input::Operator(OperatorCommand { action, cluster, comment: written.comment, who: written.who }));
    } else if let Some(Usage { used, purchased }) = written.usage {
        let cluster = written.cluster.ok_or("a usage row names a cluster")?;
        inputs.push(Input::Usage(UsageReport { cluster, at, used, purchased }));
    } else if let Some(raw) = raw {
        let channel = written.source.ok_or("a row with raw names its source: \"udp\", \"tcp\", \"tls\" or \"file\"")?;
        let origin = Origin {
            channel,
            sender: written.from,
            source: written.file.unwrap_or_else(|| "replay".to_owned()),
            node: written.node,
        };
        for line in raw.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            inputs.extend(reader.line(line.strip_suffix(b"\r").unwrap_or(line), at, &origin));
        }
    }
    Ok(Row { at, elapsed, inputs })
}

impl Reader<'_> {
    /// What one received line is to the engine: facts where it is wanted, a sign of life otherwise, nothing where the
    /// sender may not speak.
    pub(super) fn line(&self, line: &[u8], received_at: Timestamp, origin: &Origin) -> Vec<Input> {
        if let Some(sender) = origin.sender
            && !self.may_speak(sender)
        {
            return Vec::new();
        }
        let wanted = triage(line).is_some_and(|triage| self.interest.wants(&triage, line));
        let facts = if wanted { Fact::of_record(&parse(line), received_at, origin.clone(), false) } else { Vec::new() };
        if facts.is_empty() {
            return vec![Input::Heard(Heard { origin: origin.clone(), host: None, last: received_at, lines: 1 })];
        }
        facts.into_iter().map(|fact| Input::Fact(Box::new(fact))).collect()
    }

    fn may_speak(&self, sender: IpAddr) -> bool {
        let allowed = &self.config.sources.allowed_senders;
        allowed.is_empty() || sender.is_loopback() || allowed.iter().any(|network| network.contains(&sender))
    }
}
