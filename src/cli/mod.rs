//! The command line: one file a command.

pub mod alerts;
pub mod check;
mod client;
mod deliveries;
mod exit;
mod explain;
pub mod families;
pub mod parse;
pub mod reload;
pub mod replay;
pub mod run;
mod suggest;
mod unheard;
pub mod usage;

pub use exit::{Failure, exit_code};

use crate::config::{self, Config, ConfigError};
use clap::{Parser, Subcommand};
use std::path::Path;

/// Watches the licenses of Cisco Unified CCX clusters and tells people in time.
#[derive(Debug, Parser)]
#[command(name = "ccxwatch", version, max_term_width = 120, after_help = exit::HELP)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive syslog, tail files, watch and tell.
    Run(run::Arguments),
    /// Say what is wrong with a configuration, or print the effective one.
    Check(check::Arguments),
    /// Parse log lines: one record per line.
    Parse(parse::Arguments),
    /// What would we have been told? The whole engine over old logs, in virtual time.
    Replay(replay::Arguments),
    /// License use: over-use counter, state, locked usage and deficit of each report.
    Usage(usage::Arguments),
    /// List, acknowledge and confirm alerts of the running process.
    Alerts(alerts::Arguments),
    /// List the alerts of Unified Communications that are known, with what raises and what clears them.
    Families(families::Arguments),
    /// Let the running process read its configuration again.
    Reload(reload::Arguments),
}

impl Command {
    /// Runs the command to its end.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Run(arguments) => run::run(&arguments),
            Self::Check(arguments) => check::run(&arguments),
            Self::Parse(arguments) => parse::run(&arguments),
            Self::Replay(arguments) => replay::run(&arguments),
            Self::Usage(arguments) => usage::run(&arguments),
            Self::Alerts(arguments) => alerts::run(&arguments),
            Self::Families(arguments) => families::run(&arguments),
            Self::Reload(arguments) => reload::run(&arguments),
        }
    }
}

/// The named configuration, or the embedded default.
pub(crate) fn configuration(path: Option<&Path>) -> Result<Config, ConfigError> {
    match path {
        Some(path) => config::load(path),
        None => config::parse(config::DEFAULT, "the embedded default"),
    }
}
