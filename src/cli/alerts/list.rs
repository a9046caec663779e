//! `ccxwatch alerts list`

use super::time::Since;
use crate::{
    cli::{Failure, client},
    config::Config,
    terminal::inert,
};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{self, Write},
};

/// `ccxwatch alerts list`
#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    /// What had not ended before then: a time (RFC 3339) or a duration before now, such as 24h.
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Alerts of this cluster.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Alerts in this state.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// At most so many, the latest.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
    /// One JSON array, for programs.
    #[arg(long)]
    json: bool,
}

/// The states that can be asked for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Firing,
    Acknowledged,
    Suppressed,
    Resolved,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<(), Failure> {
    let answer = client::ask(config, &path(arguments), None)?;
    let mut output = io::stdout().lock();
    if arguments.json {
        return writeln!(output, "{answer}").map_err(|error| Failure::output(&error));
    }
    let alerts = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    if alerts.is_empty() {
        return writeln!(output, "no alerts").map_err(|error| Failure::output(&error));
    }
    for alert in alerts {
        line(&mut output, alert).map_err(|error| Failure::output(&error))?;
    }
    Ok(())
}

fn path(arguments: &Arguments) -> String {
    let state = arguments.state.map(|state| match state {
        State::Firing => "firing",
        State::Acknowledged => "acknowledged",
        State::Suppressed => "suppressed",
        State::Resolved => "resolved",
    });
    let query: Vec<String> = [
        arguments.since.map(|since| format!("since={}", client::segment(&since.0.to_string()))),
        arguments.cluster.as_ref().map(|cluster| format!("cluster={}", client::segment(cluster))),
        state.map(|state| format!("state={state}")),
        arguments.limit.map(|limit| format!("limit={limit}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/api/v1/alerts{mark}{}", query.join("&"))
}

fn line(output: &mut impl Write, alert: &Value) -> io::Result<()> {
    let text = |path: &str| inert(alert.pointer(path).and_then(Value::as_str).unwrap_or("-")).into_owned();
    let mut marks = String::new();
    if let Some(by) = alert.pointer("/acknowledged/who").and_then(Value::as_str) {
        let _ = write!(marks, " [acknowledged by {}]", inert(by));
    } else if alert.get("acknowledged").is_some_and(|seen| !seen.is_null()) {
        marks.push_str(" [acknowledged]");
    }
    if let Some(by) = alert.pointer("/suppressed/by").and_then(Value::as_str) {
        let id = alert.pointer("/suppressed/id").and_then(Value::as_str).unwrap_or_default();
        marks.push_str(format!(" [suppressed by {} {}", inert(by), inert(id)).trim_end());
        marks.push(']');
    }
    writeln!(
        output,
        "{:<9} {:<13} {} {:<20} {:<40} since {}  {}{marks}",
        text("/status"),
        text("/severity"),
        text("/fingerprint"),
        text("/labels/cluster"),
        text("/labels/alertname"),
        text("/starts_at"),
        text("/annotations/summary"),
    )
}
