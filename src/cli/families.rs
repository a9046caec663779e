//! `ccxwatch families`: which alarm raises which alert, and what to do.

use super::Failure;
use ccxwatch_alerts::families::{Known, known};
use clap::Args;
use std::io::{self, Write};

/// `ccxwatch families`
#[derive(Debug, Args)]
#[command(after_help = "\
Prints one line an alert: its name, its severity, whether it is on, and what it means. With a name, or a part of one, it prints
all of the alert: its defaults, the alarms that raise and clear it, and what to do. Only alerts that alarms raise are here:
`ccxwatch alerts names` prints the names of all, for `[[alert]]`.

Examples:
  ccxwatch families
  ccxwatch families CriticalServiceDown
  ccxwatch families --json | jq '.[] | select(.seen_through_rtmt_only) | .alert'")]
pub struct Arguments {
    /// A name, or a part of one; letter case does not count. An alarm's name finds the alert that it raises.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// One JSON array, for programs.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut families = known();
    if let Some(name) = &arguments.name {
        let wanted = name.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        families.retain(|known| has(known.alert) || known.raise.iter().chain(&known.clear).any(|alarm| has(alarm)));
        if families.is_empty() && !arguments.json {
            let message = format!("no alert and no alarm is called {name:?}; `ccxwatch families` lists them all");
            return Err(Failure::running(message));
        }
    }
    let mut output = io::stdout().lock();
    let written = if arguments.json {
        serde_json::to_string(&families).map_err(io::Error::from).and_then(|json| writeln!(output, "{json}"))
    } else if arguments.name.is_some() {
        families.iter().try_for_each(|known| whole(&mut output, known))
    } else {
        families.iter().try_for_each(|known| line(&mut output, known))
    };
    written.map_err(|error| Failure::output(&error))
}

fn severity(known: &Known) -> &'static str {
    known.severity.map_or("its line's", |severity| severity.name())
}

fn line(output: &mut impl Write, known: &Known) -> io::Result<()> {
    let state = if known.enabled { "on" } else { "off" };
    writeln!(output, "{:<50} {:<13} {state:<3}  {}", known.alert, severity(known), known.title)
}

fn whole(output: &mut impl Write, known: &Known) -> io::Result<()> {
    line(output, known)?;
    writeln!(output, "  {}", known.meaning)?;
    writeln!(output, "  threshold  {}, told {}", known.threshold, known.frequency)?;
    if known.seen_through_rtmt_only {
        writeln!(output, "  raised by  RTMT only: no alarm tells it")?;
    }
    known.raise.iter().try_for_each(|alarm| writeln!(output, "  raised by  {alarm}"))?;
    known.clear.iter().try_for_each(|alarm| writeln!(output, "  cleared by {alarm}"))?;
    if !known.instance.is_empty() {
        writeln!(output, "  one for each {}", known.instance.join(", "))?;
    }
    known.runbook.iter().try_for_each(|step| writeln!(output, "  do         {step}"))
}
