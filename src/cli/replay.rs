//! `ccxwatch replay`: what would we have been told?

use super::{Failure, configuration};
use crate::{
    clock,
    replay::{Reader, Row, Timeline, read},
    step::Recipients,
    store::Store,
};
use ccxwatch_alerts::{
    engine::{ClusterView, Engine},
    interest::Interest,
    notification::Notification,
    now::Now,
};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// `ccxwatch replay`
#[derive(Debug, Args)]
#[command(after_help = "\
Reads plain log files, or JSONL rows such as
  {\"at\": \"2026-11-24T10:00:00Z\", \"source\": \"udp\", \"from\": \"10.0.0.5\", \"raw\": \"<185>8004: uccxpub: …\"}
  {\"at\": \"2026-11-24T10:20:00Z\", \"operator\": \"acknowledge\", \"cluster\": \"berlin\", \"comment\": \"on it\"}
  {\"at\": \"2026-11-24T12:00:00Z\"}
and prints one JSON object per notification. A row may carry \"elapsed_s\", the monotonic seconds since the first row;
without it the wall time is trusted.

Examples:
  ccxwatch replay --config ccxwatch.toml --node uccxpub Cisco001MCVD014.log
  ccxwatch replay --final incident.jsonl
  ccxwatch replay --until 2026-12-24T00:00:00Z incident.jsonl")]
pub struct Arguments {
    /// The configuration; without it the embedded default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Let time pass until then after the last row, and leave out later rows (RFC 3339).
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Print one last object with the state of all clusters.
    #[arg(long)]
    r#final: bool,
    /// When a plain log file was received, for the year of its stamps; without it the file's own date.
    #[arg(long, value_name = "TIME")]
    received_at: Option<Timestamp>,
    /// The node whose log a plain file is.
    #[arg(long, value_name = "ID")]
    node: Option<String>,
    /// Keep the state in this directory, as `run` keeps it; a second call goes on from there as a restarted process would.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The files; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// One notification, as `replay` prints it.
#[derive(Serialize)]
struct Printed<'a> {
    at: Timestamp,
    elapsed_s: f64,
    reason: &'static str,
    alertname: &'a str,
    cluster: Option<&'a str>,
    node: Option<&'a str>,
    severity: &'static str,
    deadline: Option<Timestamp>,
    days_left: Option<u32>,
    summary: &'a str,
}

#[derive(Serialize)]
struct Final {
    clusters: BTreeMap<String, FinalCluster>,
}

#[derive(Serialize)]
struct FinalCluster {
    stage: &'static str,
    since: Option<Timestamp>,
    deadline: Option<Timestamp>,
    enforcement_at: Option<Timestamp>,
    evidence: u64,
    flags: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = configuration(arguments.config.as_deref())?;
    let settings = config.settings();
    let reader = Reader {
        config: &config,
        interest: Interest::from(&settings),
        settings: &settings,
        node: arguments.node.clone(),
    };
    let mut files = Vec::new();
    for path in &arguments.files {
        files.push(read_file(&reader, path, arguments.received_at)?);
    }
    let mut rows = merge(files);
    if let Some(until) = arguments.until {
        rows.retain(|row| row.at <= until);
    }
    let mut output = io::stdout().lock();
    let start = rows.first().map_or_else(clock::wall, |row| row.at);
    let start = Now { wall: start, elapsed: rows.first().and_then(|row| row.elapsed).unwrap_or(SignedDuration::ZERO) };
    let opened = arguments.state.as_deref().map(Store::open).transpose()?;
    let (store, saved) = opened.map_or((None, Vec::new()), |opened| (Some(opened.store), opened.saved));
    let engine = Engine::restore(settings.clone(), start, saved).map_err(Failure::running)?;
    let mut timeline = Timeline::new(engine, start, Recipients::default());
    for row in rows {
        let told = timeline.play(row);
        commit(store.as_ref(), &mut timeline)?;
        print(&mut output, &told)?;
    }
    let end = arguments.until.unwrap_or(timeline.now().wall);
    let told = timeline.finish(end);
    commit(store.as_ref(), &mut timeline)?;
    print(&mut output, &told)?;
    if arguments.r#final {
        let clusters =
            timeline.engine().clusters().into_iter().map(|cluster| (cluster.name.clone(), cluster.into())).collect();
        write_line(&mut output, &Final { clusters })?;
    }
    if let Some(store) = store {
        store.close()?;
    }
    output.flush().map_err(|error| Failure::output(&error))
}

fn read_file(reader: &Reader<'_>, path: &Path, received_at: Option<Timestamp>) -> Result<Vec<Row>, Failure> {
    let fault = |message: String| Failure::Input { path: path.to_owned(), message };
    let mut text = Vec::new();
    let modified = if path.as_os_str() == "-" {
        io::stdin().lock().read_to_end(&mut text).map_err(|error| fault(error.to_string()))?;
        clock::wall()
    } else {
        text = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        modified.ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_else(clock::wall)
    };
    read(reader, &path.display().to_string(), &text, received_at.unwrap_or(modified)).map_err(fault)
}

/// One timeline of several: by time, the order within each file kept.
fn merge(mut files: Vec<Vec<Row>>) -> Vec<Row> {
    if files.len() == 1 {
        return files.pop().unwrap_or_default();
    }
    let mut keyed: Vec<(Timestamp, Row)> = Vec::new();
    for rows in files {
        let mut latest = Timestamp::MIN;
        for row in rows {
            latest = latest.max(row.at);
            keyed.push((latest, row));
        }
    }
    keyed.sort_by_key(|(latest, _)| *latest);
    keyed.into_iter().map(|(_, row)| row).collect()
}

fn commit(store: Option<&Store>, timeline: &mut Timeline) -> Result<(), Failure> {
    let transaction = timeline.take_transaction();
    let Some(store) = store else { return Ok(()) };
    match store.commit(transaction).blocking_recv() {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(failed)) => Err(Failure::Store(failed.error)),
        Err(_) => Err(Failure::running("the store's thread ended")),
    }
}

fn print(output: &mut impl Write, told: &[std::sync::Arc<Notification>]) -> Result<(), Failure> {
    for notification in told {
        write_line(
            output,
            &Printed {
                at: notification.at,
                elapsed_s: notification.elapsed_s,
                reason: notification.reason.name(),
                alertname: &notification.alertname,
                cluster: notification.cluster.as_deref(),
                node: notification.node.as_deref(),
                severity: notification.severity.name(),
                deadline: notification.deadline,
                days_left: notification.days_left,
                summary: &notification.summary,
            },
        )?;
    }
    Ok(())
}

fn write_line(output: &mut impl Write, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::running)?;
    writeln!(output, "{text}").map_err(|error| Failure::output(&error))
}

impl From<ClusterView> for FinalCluster {
    fn from(cluster: ClusterView) -> Self {
        Self {
            stage: cluster.stage,
            since: cluster.since,
            deadline: cluster.deadline,
            enforcement_at: cluster.enforcement_at,
            evidence: cluster.evidence,
            flags: cluster.flags,
        }
    }
}
