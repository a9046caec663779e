//! A plain log file as a timeline: the clock is the running maximum of event times.

use super::{Reader, Row};
use crate::sources::alert_log::AlertLog;
use ccxwatch_alerts::{
    fact::{Channel, Fact, Heard, Origin},
    input::Input,
};
use ccxwatch_parsers::{Event, Record, parse};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// A file that says nothing of interest still shows that it lives, this often.
const HEARD_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The rows of a log file that was received at `received_at`.
pub(super) fn rows(reader: &Reader<'_>, name: &str, text: &[u8], received_at: Timestamp) -> Vec<Row> {
    let origin = Origin { channel: Channel::File, sender: None, source: name.to_owned(), node: reader.node.clone() };
    let mut rows: Vec<Row> = Vec::new();
    let mut clock: Option<Timestamp> = None;
    let mut heard_at: Option<Timestamp> = None;
    let mut alert_log = None;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        alert_log = AlertLog::of_header(line).or(alert_log);
        if let Some(row) = alert_log.as_ref().and_then(|log| log.row(line)) {
            clock = clock.max(row.time());
            let at = clock.unwrap_or(received_at);
            let facts = Fact::of_alert_log(&row, line, at, origin.clone(), false);
            let inputs = facts.into_iter().map(|fact| Input::Fact(Box::new(fact))).collect();
            rows.push(Row { at, elapsed: None, inputs });
            continue;
        }
        let record = parse(line);
        let printed = record.stamp().and_then(|stamp| stamp.resolve(received_at, &reader.zone_of(&record)));
        clock = clock.max(printed.map(|resolved| resolved.at));
        let at = clock.unwrap_or(received_at);
        match reader.line(line, at, &origin) {
            inputs if inputs.iter().any(|input| matches!(input, Input::Fact(_))) => {
                rows.push(Row { at, elapsed: None, inputs });
            }
            _ if heard_at.is_none_or(|last| at.duration_since(last) >= HEARD_EVERY) => {
                heard_at = Some(at);
                let heard = Heard { origin: origin.clone(), host: None, last: at, lines: 1 };
                rows.push(Row { at, elapsed: None, inputs: vec![Input::Heard(heard)] });
            }
            _ => {}
        }
    }
    if let Some(at) = clock {
        rows.push(Row { at, elapsed: None, inputs: Vec::new() });
    }
    rows
}

impl Reader<'_> {
    /// The zone of the clock that printed a record: of the cluster whose node it names, of the only cluster, or UTC.
    fn zone_of(&self, record: &Record<'_>) -> TimeZone {
        let named = record.event.as_ref().and_then(Event::node_id);
        let named = named.map(String::from_utf8_lossy);
        let node = self.node.as_deref().or(named.as_deref());
        let owner = self.settings.clusters.iter().find(|cluster| {
            node.is_some_and(|node| cluster.nodes.iter().any(|known| known.id.eq_ignore_ascii_case(node)))
        });
        match (owner, self.settings.clusters.as_slice()) {
            (Some(cluster), _) | (None, [cluster]) => cluster.time_zone.clone(),
            _ => TimeZone::UTC,
        }
    }
}
