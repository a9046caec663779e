//! `ccxwatch check`: what is wrong with a configuration, and what it comes to.

use super::{Failure, client, configuration};
use crate::{config, terminal::inert};
use clap::Args;
use serde_json::Value;
use std::{
    fmt::Write as _,
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
        if arguments.suggest {
            suggest(&client::ask(&config, "/api/v1/clusters", None)?)
        } else if arguments.json {
            serde_json::to_string(&config).map_err(Failure::running)? + "\n"
        } else {
            let text = toml::to_string(&config).map_err(Failure::running)?;
            format!("# The effective configuration. Passwords are in their files or variables, never here.\n{text}")
        }
    };
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

/// A block per unmapped cluster; a person joins those that are one.
fn suggest(clusters: &Value) -> String {
    let unmapped: Vec<_> = clusters
        .as_array()
        .into_iter()
        .flatten()
        .filter(|cluster| cluster.get("mapped").and_then(Value::as_bool) == Some(false))
        .collect();
    if unmapped.is_empty() {
        return "# Every sender that was seen is in a cluster.\n".to_owned();
    }
    let mut text = String::from("# Seen, and in no cluster. Join the nodes that are one cluster, and name it.\n");
    for cluster in unmapped {
        let name = cluster.get("name").and_then(Value::as_str).unwrap_or_default();
        let name = name.strip_prefix("unmapped:").unwrap_or(name);
        let quoted = |text: &str| toml::Value::String(inert(text).into_owned()).to_string();
        let _ = write!(text, "\n[[cluster]]\nname = {}\nrelease = \"\"\ntimezone = \"UTC\"\n", quoted(name));
        for node in cluster.get("nodes").and_then(Value::as_array).into_iter().flatten() {
            let id = node.get("id").and_then(Value::as_str).unwrap_or(name);
            let addresses: Vec<_> = node
                .get("addresses")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(quoted)
                .collect();
            let _ = write!(text, "[[cluster.node]]\nid = {}\naddresses = [{}]\n", quoted(id), addresses.join(", "));
        }
    }
    text
}
