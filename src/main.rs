//! The `ccxwatch` command: arguments, then one command.

use ccxwatch::cli::{Arguments, Failure, exit_code};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Arguments::parse().command.run() {
        Ok(()) | Err(Failure::EnoughRead) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("ccxwatch: {failure}");
            ExitCode::from(exit_code(&failure))
        }
    }
}
