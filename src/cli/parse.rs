//! `ccxwatch parse`: one record per line.

use super::Failure;
use crate::{clock, config, terminal::inert};
use ccxwatch_alerts::{
    fact::{Channel, Fact, Origin},
    rules::user::UserRules,
    signal::Change,
};
use ccxwatch_parsers::{Record, parse, vector_json::record_json};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Files from this size show a progress bar on a terminal, in bytes.
const LARGE: u64 = 16 * 1024 * 1024;
/// A longer line is cut, in bytes.
const LINE_MAX: u64 = 1024 * 1024;

/// `ccxwatch parse`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ccxwatch parse CiscoSyslog
  ccxwatch parse --rules --config ccxwatch.toml CiscoSyslog
  ssh collector tail -f /srv/uccx/MCVD.log | ccxwatch parse --json")]
pub struct Arguments {
    /// One JSON object per line, for programs.
    #[arg(long)]
    json: bool,
    /// The IANA zone of stamps that do not say theirs.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// When the lines were received, for the year of their stamps (RFC 3339); without it a file's own date, or now.
    #[arg(long, value_name = "TIME")]
    received_at: Option<Timestamp>,
    /// Show which `[[rule]]` of the configuration each line meets, and whether it raises or clears.
    #[arg(long, requires = "config")]
    rules: bool,
    /// The configuration with the rules.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The files; standard input when none is named.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let zone = TimeZone::get(&arguments.timezone)
        .map_err(|error| Failure::Input { path: PathBuf::from("--timezone"), message: error.to_string() })?;
    let rules = match &arguments.config {
        Some(path) if arguments.rules => Some(config::load(path)?.settings().rules.user),
        _ => None,
    };
    let mut printer = Printer {
        rules,
        output: BufWriter::new(io::stdout().lock()),
        json: arguments.json,
        zone,
        received_at: Timestamp::MIN,
    };
    if arguments.files.is_empty() {
        printer.received_at = arguments.received_at.unwrap_or_else(clock::wall);
        let live = !io::stdin().is_terminal() && io::stdout().is_terminal();
        return printer
            .lines(io::stdin().lock(), &ProgressBar::hidden(), live)
            .map_err(|error| Failure::output(&error));
    }
    for path in &arguments.files {
        let fault = |error: io::Error| Failure::Input { path: path.clone(), message: error.to_string() };
        let file = File::open(path).map_err(fault)?;
        let metadata = file.metadata().map_err(fault)?;
        let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        printer.received_at = arguments.received_at.or(modified).unwrap_or_else(clock::wall);
        let bar = progress(path, metadata.len());
        printer.lines(BufReader::new(file), &bar, false).map_err(|error| Failure::output(&error))?;
        bar.finish_and_clear();
    }
    Ok(())
}

fn progress(path: &Path, size: u64) -> ProgressBar {
    if size < LARGE || !io::stderr().is_terminal() || io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(size).with_message(path.display().to_string());
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

struct Printer<W: Write> {
    /// Where it is asked which rules a line meets.
    rules: Option<Arc<UserRules>>,
    output: W,
    json: bool,
    zone: TimeZone,
    received_at: Timestamp,
}

impl<W: Write> Printer<W> {
    fn lines(&mut self, mut input: impl BufRead, bar: &ProgressBar, flush_each: bool) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = input.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            bar.inc(read as u64);
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            match self.record(text) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                other => other?,
            }
            if flush_each {
                self.output.flush()?;
            }
        }
        match self.output.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    fn record(&mut self, line: &[u8]) -> io::Result<()> {
        let record = parse(line);
        if self.json {
            let mut fields = record_json(&record, Some(self.received_at), Some(&self.zone));
            if let Some(met) = self.met(&record) {
                let met = met.into_iter().map(|(rule, change)| json!({"rule": rule, "change": change}));
                fields.insert("rules".to_owned(), met.collect());
            }
            serde_json::to_writer(&mut self.output, &fields)?;
            return self.output.write_all(b"\n");
        }
        self.text(&record)
    }

    /// The rules that a line meets: their names, and what it does.
    fn met(&self, record: &Record<'_>) -> Option<Vec<(String, &'static str)>> {
        let rules = self.rules.as_ref()?;
        let origin = Origin { channel: Channel::Stdin, sender: None, source: "parse".to_owned(), node: None };
        let facts = Fact::of_record(record, self.received_at, origin, false);
        let change = |change| if change == Change::Raise { "raise" } else { "clear" };
        let met = facts.iter().flat_map(|fact| rules.names_met(fact));
        Some(met.map(|(name, what)| (name.to_owned(), change(what))).collect())
    }

    fn text(&mut self, record: &Record<'_>) -> io::Result<()> {
        let at = record.stamp().and_then(|stamp| stamp.resolve(self.received_at, &self.zone));
        match at {
            Some(resolved) => write!(self.output, "{:.3} ", resolved.at)?,
            None => write!(self.output, "{:24} ", "-")?,
        }
        let safe = |bytes: &[u8]| inert(&String::from_utf8_lossy(bytes)).into_owned();
        match &record.event {
            Some(event) => {
                let node = event.node_id().map_or_else(|| "-".to_owned(), &safe);
                write!(
                    self.output,
                    "{:<13} {}{}{} {} node={node} {}",
                    event.severity.name(),
                    event.process.map_or_else(String::new, safe),
                    if event.process.is_some() { "-" } else { "" },
                    safe(event.facility),
                    safe(event.mnemonic),
                    safe(event.text),
                )?;
            }
            None => write!(self.output, "{:<13} {}", "-", safe(record.envelope.message))?,
        }
        for defect in record.defects.iter() {
            write!(self.output, " [{}]", defect.name())?;
        }
        for (rule, change) in self.met(record).into_iter().flatten() {
            write!(self.output, " [{change}s {rule}]")?;
        }
        writeln!(self.output)
    }
}
