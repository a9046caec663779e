//! `ccxwatch run`: receive, tail, watch, tell.

use super::{Failure, configuration};
use crate::{
    config::Config,
    process::{Bound, Process},
};
use clap::Args;
use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};
use tracing_subscriber::EnvFilter;

/// `ccxwatch run`
#[derive(Debug, Args)]
#[command(after_help = "\
Without a configuration it listens for syslog on 127.0.0.1:5514 (UDP and TCP), shows its page and metrics on
http://127.0.0.1:9914/, keeps its state in ./ccxwatch-data and sends no mail.

Examples:
  ccxwatch run --demo
  ccxwatch run --config /etc/ccxwatch/ccxwatch.toml
  CCXWATCH_LOG=debug ccxwatch run")]
pub struct Arguments {
    /// The configuration; without it the embedded default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Play an incident, compressed to half a minute, through a real socket and a really tailed file. Its state is kept
    /// in a temporary directory and removed at the end.
    #[arg(long, conflicts_with = "config")]
    demo: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    log_to_standard_error();
    if arguments.demo {
        return crate::demo::run();
    }
    let config = configuration(arguments.config.as_deref())?;
    run_process(config, arguments.config.clone(), |_| {})
}

/// Starts the process with a checked configuration and runs it to its end; `started` is called when it is ready. `file` is where a
/// reload reads the configuration again.
pub(crate) fn run_process(config: Config, file: Option<PathBuf>, started: impl FnOnce(&Bound)) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failure::running)?;
    runtime.block_on(async {
        let process = Process::start(config, file).await?;
        let bound = process.bound();
        for line in bound.lines() {
            println!("{line}");
        }
        println!("{}", bound.test_line());
        println!("ready");
        started(bound);
        process.run_to_the_end().await;
        Ok(())
    })
}

fn log_to_standard_error() {
    let filter = EnvFilter::try_from_env("CCXWATCH_LOG").unwrap_or_else(|_| EnvFilter::new("warn,ccxwatch=info"));
    let colors = io::stderr().is_terminal();
    // A second subscriber in one process is a test's; the first one stays.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colors).try_init();
}
