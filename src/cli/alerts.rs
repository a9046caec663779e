//! `ccxwatch alerts`: what fires, and what a person says to it.

use super::{
    Failure, client, configuration,
    deliveries::{self, DeadLettersArguments, PreviewArguments, TestArguments},
};
use crate::{config::Config, terminal::inert};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// `ccxwatch alerts`
#[derive(Debug, Args)]
#[command(after_help = "\
Talks to the running process over the socket in its data directory, so it needs the same user and the same configuration.

Examples:
  ccxwatch alerts list
  ccxwatch alerts acknowledge berlin --comment \"calling the license desk\"
  ccxwatch alerts confirm-compliant berlin --comment \"30 seats bought, order 4711\"
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
    /// List the alerts.
    List {
        /// One JSON array, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Say that a cluster's alert was seen. A worse stage tells anew.
    Acknowledge(Statement),
    /// Say that the licenses were bought or the use fell: the episode ends, and who was told of its start is told.
    ConfirmCompliant(Statement),
    /// Print the message that a receiver would get.
    Preview(PreviewArguments),
    /// Send a test to a receiver.
    SendTest(TestArguments),
    /// List messages that were given up, and try them again.
    DeadLetters(DeadLettersArguments),
}

#[derive(Debug, Args)]
struct Statement {
    /// The cluster's name.
    cluster: String,
    /// Why, for those who read it later.
    #[arg(long)]
    comment: Option<String>,
    /// Who; without it the user who runs the command.
    #[arg(long)]
    who: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = configuration(arguments.config.as_deref())?;
    match arguments.action.as_ref().unwrap_or(&Action::List { json: false }) {
        Action::List { json } => list(&config, *json),
        Action::Acknowledge(statement) => state(&config, statement, "acknowledge"),
        Action::ConfirmCompliant(statement) => state(&config, statement, "confirm-compliant"),
        Action::Preview(arguments) => deliveries::preview(&config, arguments),
        Action::SendTest(arguments) => deliveries::send_test(&config, arguments),
        Action::DeadLetters(arguments) => deliveries::dead_letters(&config, arguments),
    }
}

fn list(config: &Config, json: bool) -> Result<(), Failure> {
    let answer = client::ask(config, "/api/v1/alerts", None)?;
    let mut output = io::stdout().lock();
    if json {
        return writeln!(output, "{answer}").map_err(|error| Failure::output(&error));
    }
    let alerts = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    if alerts.is_empty() {
        return writeln!(output, "no alerts").map_err(|error| Failure::output(&error));
    }
    for alert in alerts {
        let text = |path: &str| inert(alert.pointer(path).and_then(Value::as_str).unwrap_or("-")).into_owned();
        writeln!(
            output,
            "{:<9} {:<10} {:<20} {:<40} since {}  {}",
            text("/status"),
            text("/severity"),
            text("/labels/cluster"),
            text("/labels/alertname"),
            text("/starts_at"),
            text("/annotations/summary"),
        )
        .map_err(|error| Failure::output(&error))?;
    }
    Ok(())
}

fn state(config: &Config, statement: &Statement, action: &str) -> Result<(), Failure> {
    let who = statement.who.clone().or_else(|| std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).ok());
    let path = format!("/api/v1/clusters/{}/{action}", client::segment(&statement.cluster));
    client::ask(config, &path, Some(&json!({"comment": statement.comment, "who": who})))?;
    writeln!(io::stdout(), "done: {action} {}", inert(&statement.cluster)).map_err(|error| Failure::output(&error))
}
