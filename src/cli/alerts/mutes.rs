//! `ccxwatch alerts maintenance` and `ccxwatch alerts silence`

use super::{
    Said, operate,
    time::{Long, When},
};
use crate::{
    cli::{Failure, client},
    clock,
    config::Config,
    terminal::inert,
};
use ccxwatch_alerts::{input::OperatorAction, matcher::Matchers};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// How long it lasts.
#[derive(Debug, Args)]
pub(super) struct Span {
    /// How long: 2h, 30m, 3d.
    #[arg(long = "for", value_name = "DURATION", required_unless_present = "until", conflicts_with = "until")]
    long: Option<Long>,
    /// Until when (RFC 3339).
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// From when on (RFC 3339); from now where it is not said.
    #[arg(long, value_name = "TIME")]
    from: Option<When>,
}

impl Span {
    fn until(&self) -> Timestamp {
        let start = self.from.map_or_else(clock::wall, |from| from.0);
        self.until.map(|until| until.0).or(self.long.map(|long| long.after(start))).unwrap_or(start)
    }
}

/// `ccxwatch alerts maintenance`
#[derive(Debug, Subcommand)]
pub(super) enum Maintenance {
    /// Open a window: nobody is told of what fires in it; what still fires at its end is told then.
    Start {
        /// The cluster; all where it is not said.
        #[arg(long, value_name = "NAME")]
        cluster: Option<String>,
        /// This node only.
        #[arg(long, value_name = "ID")]
        node: Option<String>,
        /// Alerts of this name only.
        #[arg(long, value_name = "NAME")]
        alert: Option<String>,
        #[command(flatten)]
        span: Span,
        #[command(flatten)]
        said: Said,
    },
    /// End a window before its time.
    End {
        /// Its id, as `start` and `list` print it.
        id: String,
        #[command(flatten)]
        said: Said,
    },
    /// List windows and suspensions.
    List {
        /// One JSON object, for programs.
        #[arg(long)]
        json: bool,
    },
}

/// `ccxwatch alerts silence`
#[derive(Debug, Subcommand)]
pub(super) enum Silence {
    /// Add a silence. All matchers must match.
    Add {
        /// Alertmanager's matchers: alertname="X", node=~"ucx.*", severity!="critical".
        #[arg(value_name = "MATCHER", required = true)]
        matchers: Vec<String>,
        #[command(flatten)]
        span: Span,
        #[command(flatten)]
        said: Said,
    },
    /// End a silence now.
    Expire {
        /// Its id, as `add` and `list` print it.
        id: String,
        #[command(flatten)]
        said: Said,
    },
    /// List silences.
    List {
        /// One JSON array, for programs.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn maintenance(config: &Config, action: &Maintenance) -> Result<(), Failure> {
    match action {
        Maintenance::Start { cluster, node, alert, span, said } => {
            let starts_at = span.from.map(|from| from.0);
            let until = span.until();
            let action =
                OperatorAction::StartMaintenance { node: node.clone(), alert: alert.clone(), starts_at, until };
            operate(config, action, cluster.as_deref().unwrap_or_default(), said)
        }
        Maintenance::End { id, said } => operate(config, OperatorAction::EndMaintenance { id: id.clone() }, "", said),
        Maintenance::List { json } => list(config, &["maintenance", "suspended"], *json),
    }
}

pub(super) fn silence(config: &Config, action: &Silence) -> Result<(), Failure> {
    match action {
        Silence::Add { matchers, span, said } => {
            let mut all = Matchers::default();
            for text in matchers {
                let fault = |error: &dyn std::fmt::Display| Failure::Input {
                    path: PathBuf::from("silence add"),
                    message: error.to_string(),
                };
                all = all.and(Matchers::parse(text).map_err(|error| fault(&error))?);
            }
            let action = OperatorAction::AddSilence {
                matchers: all,
                starts_at: span.from.map(|from| from.0),
                until: span.until(),
            };
            operate(config, action, "", said)
        }
        Silence::Expire { id, said } => operate(config, OperatorAction::ExpireSilence { id: id.clone() }, "", said),
        Silence::List { json } => list(config, &["silences"], *json),
    }
}

fn list(config: &Config, kinds: &[&str], json: bool) -> Result<(), Failure> {
    let mut answer = client::ask(config, "/api/v1/mutes", None)?;
    let mut output = io::stdout().lock();
    let mut wrote = false;
    if json {
        let kept = match kinds {
            [kind] => answer[*kind].take(),
            kinds => kinds.iter().map(|kind| ((*kind).to_owned(), answer[*kind].take())).collect(),
        };
        return writeln!(output, "{kept}").map_err(|error| Failure::output(&error));
    }
    for kind in kinds {
        for mute in answer[*kind].as_array().into_iter().flatten() {
            wrote = true;
            line(&mut output, kind, mute).map_err(|error| Failure::output(&error))?;
        }
    }
    if wrote { Ok(()) } else { writeln!(output, "none").map_err(|error| Failure::output(&error)) }
}

fn line(output: &mut impl Write, kind: &str, mute: &Value) -> io::Result<()> {
    let text = |path: &str| mute.pointer(path).and_then(Value::as_str).map(|text| inert(text).into_owned());
    let scope: Vec<String> = ["cluster", "node", "alert"]
        .iter()
        .filter_map(|part| Some(format!("{part}={}", text(&format!("/scope/{part}"))?)))
        .collect();
    let what =
        text("/matchers").unwrap_or_else(|| if scope.is_empty() { "everything".to_owned() } else { scope.join(" ") });
    let until = text("/ends_at").map(|at| format!(" until {at}")).unwrap_or_default();
    let who = text("/who").map(|who| format!(" by {who}")).unwrap_or_default();
    let comment = text("/comment").map(|comment| format!(": {comment}")).unwrap_or_default();
    let id = text("/id").unwrap_or_else(|| kind.to_owned());
    writeln!(output, "{:<10} {id:<24} {what}{until}{who}{comment}", text("/state").unwrap_or_default())
}
