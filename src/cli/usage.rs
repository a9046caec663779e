//! `ccxwatch usage`: what a series of license reports comes to.

use super::Failure;
use ccxwatch_alerts::license::{
    profile::{PROFILES, Profile},
    usage::{Outcome, Report, UsageModel, caveat},
};
use clap::Args;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::Deserialize;
use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// `ccxwatch usage`
#[derive(Debug, Args)]
#[command(after_help = "\
The file has the columns time,used[,purchased]; an empty `used` is a missing report. Times are RFC 3339, or civil times in UTC.

Examples:
  ccxwatch usage reports.csv --purchased 100
  ccxwatch usage reports.csv --purchased 100 --release \"12.5(1)SU3\" --json")]
pub struct Arguments {
    /// The reports as CSV; `-` is standard input.
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Licenses bought, until a report says otherwise.
    #[arg(long, value_name = "N")]
    purchased: Option<u32>,
    /// The release, for its rules; without it those of 12.5(1) to SU2.
    #[arg(long, value_name = "RELEASE", default_value = "12.5(1)")]
    release: String,
    /// License control is on (overage allowance off): use is capped at what was bought.
    #[arg(long)]
    license_control: bool,
    /// One JSON object per report, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Row {
    time: String,
    used: Option<u32>,
    #[serde(default)]
    purchased: Option<u32>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let profile = Profile::of(&arguments.release).ok_or_else(|| {
        let known: Vec<_> = PROFILES.iter().map(|profile| profile.release).collect();
        let message = format!(
            "{:?} is no release of which the rules are known; known are {}",
            arguments.release,
            known.join(", ")
        );
        Failure::Input { path: PathBuf::from("--release"), message }
    })?;
    let reports = read(&arguments.file)?;
    let mut model = UsageModel::new(arguments.purchased);
    model.capped = arguments.license_control;
    let outcomes: Vec<Outcome> = reports.iter().map(|report| model.report(*report, profile)).collect();
    let mut output = io::stdout().lock();
    let written = if arguments.json { json(&mut output, &outcomes) } else { table(&mut output, &outcomes, profile) };
    written.map_err(|error| Failure::output(&error))
}

fn read(path: &Path) -> Result<Vec<Report>, Failure> {
    let fault = |message: String| Failure::Input { path: path.to_owned(), message };
    let input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(|error| fault(error.to_string()))?)
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(input);
    let mut reports = Vec::new();
    for (index, row) in reader.deserialize::<Row>().enumerate() {
        let row = row.map_err(|error| fault(format!("{error}; the columns are time,used[,purchased]")))?;
        let time = time(&row.time).ok_or_else(|| {
            fault(format!("report {}: {:?} is no time; write it as 2026-11-24T10:00:00Z", index + 1, row.time))
        })?;
        reports.push(Report { time, used: row.used, purchased: row.purchased });
    }
    Ok(reports)
}

fn time(text: &str) -> Option<Timestamp> {
    let civil = || text.parse::<DateTime>().ok()?.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(civil)
}

fn json(output: &mut impl Write, outcomes: &[Outcome]) -> io::Result<()> {
    for outcome in outcomes {
        serde_json::to_writer(&mut *output, outcome)?;
        writeln!(output)?;
    }
    Ok(())
}

fn table(output: &mut impl Write, outcomes: &[Outcome], profile: &Profile) -> io::Result<()> {
    let number = |value: Option<u32>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    writeln!(
        output,
        "{:<22}{:>6}{:>11}{:>10}  {:<18}{:>9}{:>9}",
        "time", "used", "purchased", "over-use", "state", "reported", "deficit"
    )?;
    for outcome in outcomes {
        writeln!(
            output,
            "{:<22}{:>6}{:>11}{:>10}  {:<18}{:>9}{:>9}",
            outcome.time.to_string(),
            number(outcome.used),
            number(outcome.purchased),
            outcome.over_count,
            outcome.state.name(),
            number(outcome.reported),
            outcome.deficit,
        )?;
    }
    if let Some(caveat) = caveat(profile) {
        writeln!(output, "note: {caveat}")?;
    }
    Ok(())
}
