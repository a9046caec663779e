//! `ccxwatch reload`: the running process reads its configuration again.

use super::{Failure, client, configuration};
use crate::{config::ConfigError, control::SOCKET};
use clap::Args;
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// `ccxwatch reload`
#[derive(Debug, Args)]
#[command(after_help = "\
The running process reads its file again, checks the whole of it and takes it over without losing a line or a countdown. A wrong
one is refused as a whole with the reason, and the old one stays. SIGHUP does the same without an answer. Only [store] path and
[web] listen need a restart.

Examples:
  ccxwatch check --config /etc/ccxwatch/ccxwatch.toml && ccxwatch reload --config /etc/ccxwatch/ccxwatch.toml
  systemctl reload ccxwatch")]
pub struct Arguments {
    /// The configuration of the running process; without it the embedded default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON object, for programs.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let answer = client::ask_at(&socket(arguments.config.as_deref())?, "/-/reload", Some(&json!({})))?;
    let mut output = io::stdout().lock();
    let listening = answer["listening"].as_array().map(Vec::as_slice).unwrap_or_default();
    let written = if arguments.json {
        writeln!(output, "{answer}")
    } else {
        let lines = listening.iter().filter_map(Value::as_str);
        lines.chain(["reloaded"]).try_for_each(|line| writeln!(output, "{line}"))
    };
    written.map_err(|error| Failure::output(&error))
}

/// The control socket of the process that runs with this configuration. What else is wrong in the file is for the process to say: it
/// refuses it, and shows in its metrics that it did.
fn socket(config: Option<&Path>) -> Result<PathBuf, ConfigError> {
    let data = match configuration(config) {
        Ok(config) => config.store.path.into_inner(),
        Err(error) => config.and_then(data_directory).ok_or(error)?,
    };
    Ok(data.join(SOCKET))
}

/// The data directory that a file names, whatever else it says.
fn data_directory(file: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(file).ok()?;
    let table: toml::Table = text.parse().ok()?;
    Some(table.get("store")?.get("path")?.as_str()?.into())
}
