//! `ccxwatch alerts explain`: who was told of an alert, or was not, by which rule and why.

use super::{Failure, client};
use crate::{config::Config, terminal::inert};
use serde_json::Value;
use std::io::{self, Write};

/// Prints what became of everything that the alert's episodes had to tell.
pub(super) fn run(config: &Config, fingerprint: &str, json: bool) -> Result<(), Failure> {
    let answer = client::ask(config, &format!("/api/v1/alerts/{}/explain", client::segment(fingerprint)), None)?;
    let mut output = io::stdout().lock();
    let mut print = |line: &str| writeln!(output, "{line}").map_err(|error| Failure::output(&error));
    if json {
        return print(&answer.to_string());
    }
    let text =
        |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).map(|text| inert(text).into_owned());
    if let Some(summary) = text(&answer, "/alert/annotations/summary") {
        print(&summary)?;
    }
    let entries = answer.get("entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return print("nothing of it was told, held or dropped yet");
    }
    for entry in entries {
        let at = text(entry, "/at").unwrap_or_default();
        let receiver = text(entry, "/receiver").unwrap_or_else(|| "nobody".to_owned());
        let to =
            text(entry, "/recipient").map_or_else(|| receiver.clone(), |recipient| format!("{receiver} ({recipient})"));
        let rule = text(entry, "/rule").map(|rule| format!("by {rule}"));
        let why: Vec<String> = rule.into_iter().chain(text(entry, "/detail")).collect();
        let outcome = text(entry, "/outcome").unwrap_or_default();
        let told_as = text(entry, "/told_as").unwrap_or_default();
        print(format!("{at:<24}  {outcome:<9}  {to}: {told_as}  {}", why.join("; ")).trim_end())?;
    }
    Ok(())
}
