//! `ccxwatch alerts`: what fires, and what a person says to it.

mod list;
mod mutes;
mod time;

use super::{
    Failure, client, configuration,
    deliveries::{self, DeadLettersArguments, PreviewArguments, TestArguments},
    explain,
};
use crate::{config::Config, terminal::inert};
use ccxwatch_alerts::{
    input::{OperatorAction, OperatorCommand},
    rules::known_alerts,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::PathBuf,
};
use time::When;

/// `ccxwatch alerts`
#[derive(Debug, Args)]
#[command(after_help = "\
Talks to the running process over the socket in its data directory, so it needs the same user and the same configuration.

Examples:
  ccxwatch alerts list
  ccxwatch alerts list --since 24h --cluster berlin --json
  ccxwatch alerts explain 9f86d081884c7d65
  ccxwatch alerts acknowledge berlin --comment \"calling the license desk\"
  ccxwatch alerts acknowledge berlin --alert 53d2e28f0cf1a1b2 --for 4h
  ccxwatch alerts confirm-compliant berlin --comment \"30 seats bought, order 4711\"
  ccxwatch alerts resolve berlin 53d2e28f0cf1a1b2 --comment \"disk replaced\"
  ccxwatch alerts maintenance start --cluster berlin --for 2h --comment \"patches\"
  ccxwatch alerts silence add 'alertname=\"LogFeedSilent\"' 'node=~\"ucx.*\"' --for 8h
  ccxwatch alerts suspend berlin --node uccxsub
  ccxwatch alerts preview --receiver uc-team --reason countdown_shortly
  ccxwatch alerts send-test --receiver uc-team
  ccxwatch alerts dead-letters")]
pub struct Arguments {
    /// The configuration of the running process; without it the embedded default.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    action: Option<Action>,
}

/// What `ccxwatch alerts` can do.
#[derive(Debug, Subcommand)]
enum Action {
    /// List what fires and ended last; with --since, --cluster or --state, from the history.
    List(list::Arguments),
    /// Say who was told of an alert, who was not, by which rule of the configuration, and why.
    Explain {
        /// Its fingerprint, as `alerts list --json` shows it.
        fingerprint: String,
        /// One JSON object, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Print the names that `[[alert]]` takes, those of licenses, nodes and ccxwatch itself too. `ccxwatch families` says what raises one.
    Names,
    /// Say that a cluster's license alert was seen, or with --alert another one. A worse stage tells anew.
    Acknowledge(Acknowledge),
    /// Say that the licenses were bought or the use fell: the episode ends, and who was told of its start is told.
    ConfirmCompliant(Statement),
    /// Say that an alert is over.
    Resolve(Resolve),
    /// Tell nobody of the alerts of a cluster or node until `resume`. Licenses are told all the same.
    Suspend(Suspend),
    /// End a suspension. What still fires is told now.
    Resume(Resume),
    /// Maintenance windows: start one before a change, end it, list them.
    #[command(subcommand)]
    Maintenance(mutes::Maintenance),
    /// Silences: nobody is told of alerts whose labels match.
    #[command(subcommand)]
    Silence(mutes::Silence),
    /// Print the message that a receiver would get.
    Preview(PreviewArguments),
    /// Send a test to a receiver.
    SendTest(TestArguments),
    /// List messages that were given up, and try them again.
    DeadLetters(DeadLettersArguments),
}

#[derive(Debug, Args)]
struct Said {
    /// Why, for those who read it later.
    #[arg(long)]
    comment: Option<String>,
    /// Who; without it the user who runs the command.
    #[arg(long)]
    who: Option<String>,
}

#[derive(Debug, Args)]
struct Statement {
    /// The cluster's name.
    cluster: String,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
struct Acknowledge {
    /// The cluster's name.
    cluster: String,
    /// The fingerprint of the alert, as `list` shows it; without it the license alert.
    #[arg(long, value_name = "FINGERPRINT")]
    alert: Option<String>,
    #[command(flatten)]
    until: OptionalEnd,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
struct Resolve {
    /// The cluster's name.
    cluster: String,
    /// The fingerprint of the alert, as `list` shows it.
    alert: String,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
struct Suspend {
    /// The cluster's name.
    cluster: String,
    /// This node only.
    #[arg(long, value_name = "ID")]
    node: Option<String>,
    #[command(flatten)]
    until: OptionalEnd,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
struct Resume {
    /// The cluster's name.
    cluster: String,
    /// The node that was suspended.
    #[arg(long, value_name = "ID")]
    node: Option<String>,
    #[command(flatten)]
    said: Said,
}

/// How long it lasts, where that need not be said.
#[derive(Debug, Args)]
struct OptionalEnd {
    /// How long: 2h, 30m, 3d.
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "until")]
    long: Option<time::Long>,
    /// Until when (RFC 3339).
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
}

impl OptionalEnd {
    fn at(&self) -> Option<jiff::Timestamp> {
        self.until.map(|until| until.0).or(self.long.map(time::Long::over))
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = configuration(arguments.config.as_deref())?;
    let Some(action) = &arguments.action else { return list::run(&config, &list::Arguments::default()) };
    match action {
        Action::List(arguments) => list::run(&config, arguments),
        Action::Names => names(),
        Action::Explain { fingerprint, json } => explain::run(&config, fingerprint, *json),
        Action::Acknowledge(Acknowledge { cluster, alert: None, said, .. }) => {
            state(&config, cluster, said, "acknowledge")
        }
        Action::Acknowledge(Acknowledge { cluster, alert: Some(fingerprint), until, said }) => {
            let action = OperatorAction::AcknowledgeAlert { fingerprint: fingerprint.clone(), until: until.at() };
            operate(&config, action, cluster, said)
        }
        Action::ConfirmCompliant(statement) => state(&config, &statement.cluster, &statement.said, "confirm-compliant"),
        Action::Resolve(resolve) => {
            let action = OperatorAction::ResolveAlert { fingerprint: resolve.alert.clone() };
            operate(&config, action, &resolve.cluster, &resolve.said)
        }
        Action::Suspend(suspend) => {
            let action = OperatorAction::Suspend { node: suspend.node.clone(), until: suspend.until.at() };
            operate(&config, action, &suspend.cluster, &suspend.said)
        }
        Action::Resume(resume) => {
            operate(&config, OperatorAction::Resume { node: resume.node.clone() }, &resume.cluster, &resume.said)
        }
        Action::Maintenance(action) => mutes::maintenance(&config, action),
        Action::Silence(action) => mutes::silence(&config, action),
        Action::Preview(arguments) => deliveries::preview(&config, arguments),
        Action::SendTest(arguments) => deliveries::send_test(&config, arguments),
        Action::DeadLetters(arguments) => deliveries::dead_letters(&config, arguments),
    }
}

fn names() -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    for (name, _) in known_alerts() {
        writeln!(output, "{name}").map_err(|error| Failure::output(&error))?;
    }
    Ok(())
}

/// Hands a command to the running process and prints what came of it.
fn operate(config: &Config, action: OperatorAction, cluster: &str, said: &Said) -> Result<(), Failure> {
    let command =
        OperatorCommand { action, cluster: cluster.to_owned(), comment: said.comment.clone(), who: who(said) };
    let body = serde_json::to_value(&command).map_err(Failure::running)?;
    let answer = client::ask(config, "/api/v1/operator", Some(&body))?;
    let done = match answer.get("id").and_then(Value::as_str) {
        Some(id) => format!("done: {}", inert(id)),
        None => "done".to_owned(),
    };
    writeln!(io::stdout(), "{done}").map_err(|error| Failure::output(&error))
}

fn state(config: &Config, cluster: &str, said: &Said, action: &str) -> Result<(), Failure> {
    let path = format!("/api/v1/clusters/{}/{action}", client::segment(cluster));
    client::ask(config, &path, Some(&json!({"comment": said.comment, "who": who(said)})))?;
    writeln!(io::stdout(), "done: {action} {}", inert(cluster)).map_err(|error| Failure::output(&error))
}

fn who(said: &Said) -> Option<String> {
    said.who.clone().or_else(|| std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).ok())
}
