//! How a command fails: one message, one documented exit code.

use crate::{config::ConfigError, notify::NotifyError, store::StoreError};
use std::{fmt, io, path::PathBuf};

/// The table of exit codes, for `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0  done
  1  a failure while running
  2  the arguments are wrong
  3  the configuration is wrong
  4  an address or port cannot be used
  5  the data directory cannot be used, or another process uses it
  6  an input file cannot be read or is not what it should be
  7  no running ccxwatch was reached, or it refused

Examples:
  ccxwatch run --demo                     an incident in half a minute, on this machine only
  ccxwatch check --default > ccxwatch.toml
  ccxwatch run --config ccxwatch.toml
  ccxwatch replay --config ccxwatch.toml Cisco001MCVD014.log";

/// How a command fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error("{0}")]
    Configuration(#[from] ConfigError),
    /// A receiver cannot be started: its secret or certificate cannot be read.
    #[error("{0}")]
    Receiver(#[from] NotifyError),
    /// Templates are wrong, or cannot be read.
    #[error("{0}")]
    Templates(String),
    /// An address or port cannot be used.
    #[error("cannot listen on {address}: {source}. {hint}")]
    Listen {
        /// `udp 127.0.0.1:514`
        address: String,
        /// Why.
        source: io::Error,
        /// What to do next.
        hint: &'static str,
    },
    /// The data directory cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// An input file cannot be read, or a row of it is not what it should be.
    #[error("{}: {message}", path.display())]
    Input {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with the line where there is one.
        message: String,
    },
    /// No running process was reached, or it refused.
    #[error("{0}")]
    Control(String),
    /// Whoever reads the output has read enough of it, as `head` does. Nobody is told.
    #[error("the output is closed")]
    EnoughRead,
    /// Anything else.
    #[error("{0}")]
    Running(String),
}

impl Failure {
    /// A failure to write to standard output. A closed pipe is no failure of ours, but the end of the work.
    pub fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::EnoughRead;
        }
        Self::Running(format!("cannot write the output: {error}"))
    }

    /// A failure while running, said in one line.
    pub fn running(error: impl fmt::Display) -> Self {
        Self::Running(error.to_string())
    }
}

/// The exit code of a failure, as [`HELP`] lists it.
pub fn exit_code(failure: &Failure) -> u8 {
    match failure {
        Failure::EnoughRead => 0,
        Failure::Running(_) => 1,
        Failure::Configuration(_) | Failure::Receiver(_) | Failure::Templates(_) => 3,
        Failure::Listen { .. } => 4,
        Failure::Store(_) => 5,
        Failure::Input { .. } => 6,
        Failure::Control(_) => 7,
    }
}
