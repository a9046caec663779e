//! `ccxwatch alerts preview`, `send-test` and `dead-letters`: what receivers get, before it matters and when it failed.

use super::{Failure, client};
use crate::{
    config::Config,
    control::{ResendBody, SOCKET},
    notify::{self, Preview, World},
    store::Reader,
    terminal::inert,
};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::{
    ffi::OsStr,
    io::{self, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
};

/// `ccxwatch alerts preview`
#[derive(Debug, Args)]
#[command(after_help = "\
Needs no running process, and reads no secrets.

Examples:
  ccxwatch alerts preview --receiver uc-team --reason countdown_shortly
  ccxwatch alerts preview --receiver uc-team --reason resolved --output mail.html")]
pub(super) struct PreviewArguments {
    /// The receiver's name.
    #[arg(long, value_name = "NAME")]
    receiver: String,
    /// Why it would be told: `countdown_started`, `firing`, `resolved`, ...
    #[arg(long, value_parser = notify::reason)]
    reason: ccxwatch_alerts::notification::Reason,
    /// Write the message to a file: of a mail the HTML to .html, the text to .txt, the whole of it to any other name.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `ccxwatch alerts send-test`
#[derive(Debug, Args)]
#[command(after_help = "\
The running process sends it, in its turn; where none runs, this command does, once, and says so.

Examples:
  ccxwatch alerts send-test --receiver uc-team")]
pub(super) struct TestArguments {
    /// The receiver's name.
    #[arg(long, value_name = "NAME")]
    receiver: String,
}

/// `ccxwatch alerts dead-letters`
#[derive(Debug, Args)]
#[command(after_help = "\
Messages that were refused for good, or could not be delivered for two days. The newest 500 are listed.

Examples:
  ccxwatch alerts dead-letters
  ccxwatch alerts dead-letters resend 4711
  ccxwatch alerts dead-letters resend --all")]
pub(super) struct DeadLettersArguments {
    /// What to do with them.
    #[command(subcommand)]
    action: Option<DeadLetters>,
}

#[derive(Debug, Subcommand)]
enum DeadLetters {
    /// List them.
    List {
        /// One JSON array, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Try them again, for two days as if they were new.
    Resend {
        /// Their numbers, as the list has them.
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<i64>,
        /// All that are listed.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

pub(super) fn preview(config: &Config, arguments: &PreviewArguments) -> Result<(), Failure> {
    let made = notify::preview(config, &arguments.receiver, arguments.reason)?;
    let Some(path) = &arguments.output else {
        return print(&match made {
            Preview::Mail { subject, text, .. } => format!("Subject: {subject}\n\n{}", text.replace("\r\n", "\n")),
            Preview::Json(json) => json,
        });
    };
    let content = match made {
        Preview::Json(json) => json.into_bytes(),
        Preview::Mail { text, html, raw, .. } => match path.extension().and_then(OsStr::to_str) {
            Some("html") => html.into_bytes(),
            Some("txt") => text.into_bytes(),
            _ => raw,
        },
    };
    std::fs::write(path, content)
        .map_err(|error| Failure::Running(format!("cannot write {}: {error}", path.display())))?;
    print(&format!("written: {}", path.display()))
}

pub(super) fn send_test(config: &Config, arguments: &TestArguments) -> Result<(), Failure> {
    let results = if UnixStream::connect(config.store.path.get_ref().join(SOCKET)).is_ok() {
        print("the running process sends it")?;
        through_the_process(config, &arguments.receiver)?
    } else {
        print("no ccxwatch runs with this configuration; this command sends it")?;
        directly(config, &arguments.receiver)?
    };
    let mut failed = 0;
    for (recipient, result) in &results {
        let whom = if recipient.is_empty() { &arguments.receiver } else { recipient };
        match result {
            Ok(()) => print(&format!("{}: accepted", inert(whom)))?,
            Err(error) => {
                failed += 1;
                print(&format!("{}: {}", inert(whom), inert(error)))?;
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Running(format!("{failed} of {} recipients did not get the test", results.len()))),
    }
}

type Results = Vec<(String, Result<(), String>)>;

fn through_the_process(config: &Config, receiver: &str) -> Result<Results, Failure> {
    let path = format!("/api/v1/receivers/{}/test", client::segment(receiver));
    let answer = client::ask(config, &path, Some(&Value::Null))?;
    let text = |delivery: &Value, key: &str| delivery.get(key).and_then(Value::as_str).map(str::to_owned);
    let result = |delivery: &Value| match text(delivery, "state").as_deref() {
        Some("delivered") => Ok(()),
        _ => Err(text(delivery, "last_error").unwrap_or_else(|| "no answer yet; it is on its way".to_owned())),
    };
    let deliveries = answer.as_array().into_iter().flatten();
    Ok(deliveries.map(|delivery| (text(delivery, "recipient").unwrap_or_default(), result(delivery))).collect())
}

fn directly(config: &Config, receiver: &str) -> Result<Results, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::running)?;
    let world =
        World { backlog: Reader::new(config.store.path.get_ref().clone()), snapshot: std::sync::Arc::default() };
    Ok(runtime.block_on(notify::send_directly(config, receiver, &world))?)
}

pub(super) fn dead_letters(config: &Config, arguments: &DeadLettersArguments) -> Result<(), Failure> {
    match arguments.action.as_ref().unwrap_or(&DeadLetters::List { json: false }) {
        DeadLetters::List { json } => list(config, *json),
        DeadLetters::Resend { ids, all } => {
            let body = ResendBody { ids: (!all).then(|| ids.clone()) };
            let body = serde_json::to_value(body).map_err(Failure::running)?;
            let answer = client::ask(config, "/api/v1/dead-letters/resend", Some(&body))?;
            print(&format!("resent: {}", answer.get("resent").unwrap_or(&Value::Null)))
        }
    }
}

fn list(config: &Config, json: bool) -> Result<(), Failure> {
    let answer = client::ask(config, "/api/v1/dead-letters", None)?;
    if json {
        return print(&answer.to_string());
    }
    let letters = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    if letters.is_empty() {
        return print("no dead letters");
    }
    for letter in letters {
        let text = |key: &str| inert(letter.get(key).and_then(Value::as_str).unwrap_or("-")).into_owned();
        print(&format!(
            "{:<6} {} {:<12} {:<28} {}\n       {}",
            letter.get("id").unwrap_or(&Value::Null),
            text("given_up_at"),
            text("receiver"),
            text("recipient"),
            text("summary"),
            text("error"),
        ))?;
    }
    Ok(())
}

fn print(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{text}").map_err(|error| Failure::output(&error))
}
