//! `ccxwatch check`: what is wrong with a configuration, and what it comes to.

use super::{Failure, client, configuration, suggest, unheard};
use crate::config;
use clap::Args;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// `ccxwatch check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ccxwatch check --config ccxwatch.toml
  ccxwatch check --default > ccxwatch.toml
  ccxwatch check --config ccxwatch.toml --suggest >> ccxwatch.toml")]
pub struct Arguments {
    /// The configuration; without it the embedded default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the embedded default configuration, documented.
    #[arg(long, conflicts_with_all = ["config", "suggest", "json"])]
    default: bool,
    /// Print `[[cluster]]` blocks for senders that the running process has seen and that are in no cluster.
    #[arg(long, conflicts_with = "json")]
    suggest: bool,
    /// Print the effective configuration as JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let text = if arguments.default {
        config::DEFAULT.to_owned()
    } else {
        let config = configuration(arguments.config.as_deref())?;
        check_templates(&config)?;
        for note in unheard::notes(&config) {
            writeln!(io::stderr(), "note: {note}").map_err(|error| Failure::output(&error))?;
        }
        if arguments.suggest {
            let clusters = client::ask(&config, "/api/v1/clusters", None)?;
            suggest::blocks(&clusters, &client::ask(&config, "/api/v1/senders", None)?)
        } else if arguments.json {
            serde_json::to_string(&config).map_err(Failure::running)? + "\n"
        } else {
            let text = toml::to_string(&config).map_err(Failure::running)?;
            format!(
                "# The effective configuration. Passwords are in their files or variables, and what may be a secret of a webhook is not shown.\n{text}"
            )
        }
    };
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

/// Templates are files of their own: they are compiled, and tried with every reason.
fn check_templates(config: &config::Config) -> Result<(), Failure> {
    let faults = crate::notify::check_templates(config);
    let mut lines = faults.iter().map(ToString::to_string);
    match lines.next() {
        None => Ok(()),
        Some(first) => Err(Failure::Templates(lines.fold(first, |text, line| text + "\n" + &line))),
    }
}
