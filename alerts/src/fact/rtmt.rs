//! Unwrapping: an RTMT alert that quotes lines is those lines, one fact each; one that quotes none is the alert, about the node that
//! its body names. So the alarm, its copies and every wrapper of it end as facts of the same event.

use super::{Fact, Origin, lossy, text};
use crate::limits::Limits;
use ccxwatch_parsers::{
    Event, Record, parse,
    rtmt::{Alert, Body, Row},
    severity::Severity,
    stamp::{Accuracy, Stamp, Zone},
};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// An alert in an alert in an alert: RTMT matches its own lines as well.
const MOST_LEVELS: u8 = 3;

/// The RTMT alert that brought a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtmtAlert {
    /// `CriticalServiceDown`.
    pub name: String,
    /// The severity that RTMT gives it, or matched; `None` where its line does not say.
    pub severity: Option<Severity>,
    /// The fact is a line that the alert quotes, and not the alert itself.
    pub quotes: bool,
}

impl Fact {
    /// The facts of a row of RTMT's alert log: those of the `RTMT_ALERT` line that says the same.
    pub fn of_alert_log(
        row: &Row<'_, '_>,
        line: &[u8],
        received_at: Timestamp,
        origin: Origin,
        catching_up: bool,
    ) -> Vec<Self> {
        let Some(name) = row.name().filter(|name| !name.is_empty()) else { return Vec::new() };
        let alert = Alert { name: name.into(), detail: row.message(), truncated: false };
        let plain = Self::of_alert(&alert, line, received_at, origin, catching_up);
        let outer = Self {
            stamp: row.time().map(stamp_of),
            node_id: row.node().map(text),
            severity: row.severity().unwrap_or(plain.severity),
            ..plain
        };
        unwrapped(&alert, row.severity(), &outer, 0)
    }

    /// The facts of an alert that a third party wrapped anew, so that its line is no Cisco event any more; else none.
    pub(super) fn of_wrapped_alert(
        record: &Record<'_>,
        received_at: Timestamp,
        origin: Origin,
        catching_up: bool,
    ) -> Vec<Self> {
        let has_name = memchr::memmem::find(record.raw, b"AlertName=").is_some();
        let Some(alert) = has_name.then(|| Alert::in_tags(record.raw)).flatten() else { return Vec::new() };
        let plain = Self::of_alert(&alert, record.raw, received_at, origin, catching_up);
        let outer = Self { stamp: record.stamp(), host: record.envelope.hostname.map(text), ..plain };
        unwrapped(&alert, None, &outer, 0)
    }

    fn of_alert(alert: &Alert<'_>, line: &[u8], received_at: Timestamp, origin: Origin, catching_up: bool) -> Self {
        let param = |key: &str, value: &[u8]| (key.to_owned(), lossy(value, Limits::DEFAULT.param_bytes));
        Self {
            version: Self::VERSION,
            received_at,
            origin,
            stamp: None,
            host: None,
            node_id: None,
            app_id: Some("Cisco AMC Service".to_owned()),
            sequence: None,
            process: None,
            facility: "UC_RTMT".to_owned(),
            mnemonic: "RTMT_ALERT".to_owned(),
            severity: Severity::Critical,
            license: None,
            params: vec![param("AlertName", &alert.name), param("AlertDetail", &alert.detail)],
            raw: lossy(line, Limits::DEFAULT.raw_bytes),
            copies: 1,
            catching_up,
            rtmt: None,
        }
    }
}

/// The facts of an event: of the lines that it quotes, where it is an alert that does; else its own.
pub(super) fn facts(event: &Event<'_>, outer: Fact, level: u8) -> Vec<Fact> {
    if level < MOST_LEVELS {
        if let Some(alert) = Alert::of(event) {
            return unwrapped(&alert, None, &outer, level);
        }
        if let Some(facts) = matched_by_agent(event, &outer, level) {
            return facts;
        }
    }
    vec![outer]
}

/// The alarm `SyslogSeverityMatchFound` of the syslog agent itself, from which RTMT makes its alert.
fn matched_by_agent(event: &Event<'_>, outer: &Fact, level: u8) -> Option<Vec<Fact>> {
    if event.mnemonic != b"SyslogSeverityMatchFound" {
        return None;
    }
    let line = event.param("MatchedEvent")?;
    let severity = event.param("SeverityMatch").and_then(|word| Severity::from_word(word.trim_ascii()));
    Some(quoted(&line, "SyslogSeverityMatchFound", severity, outer.node_id.as_deref(), outer, level))
}

fn unwrapped(alert: &Alert<'_>, severity: Option<Severity>, outer: &Fact, level: u8) -> Vec<Fact> {
    let name = lossy(&alert.name, Limits::DEFAULT.name_bytes);
    let body = alert.body();
    let affected = body.node().map(text);
    let matches = body.matches().take(Limits::DEFAULT.quoted_lines);
    let facts: Vec<Fact> = matches
        .flat_map(|matched| {
            quoted(matched.line, &name, matched.severity.or(severity), affected.as_deref(), outer, level)
        })
        .collect();
    if !facts.is_empty() {
        return facts;
    }
    if let Some(line) = quoted_license(&alert.detail) {
        return quoted(line, &name, severity, affected.as_deref(), outer, level);
    }
    vec![itself(name, severity, &body, affected, outer)]
}

/// The facts of a quoted line. One of the operating system keeps its program and its text.
fn quoted(
    line: &[u8],
    name: &str,
    severity: Option<Severity>,
    affected: Option<&str>,
    outer: &Fact,
    level: u8,
) -> Vec<Fact> {
    let record = parse(line);
    let alert = Some(RtmtAlert { name: name.to_owned(), severity, quotes: true });
    let copy = |fact: Fact| Fact {
        stamp: fact.stamp.or(outer.stamp),
        host: fact.host.or_else(|| affected.map(ToOwned::to_owned)),
        node_id: fact.node_id.or_else(|| affected.map(ToOwned::to_owned)),
        rtmt: alert.clone(),
        copies: outer.copies,
        ..fact
    };
    let Some(event) = &record.event else {
        return vec![copy(of_operating_system(&record, severity, outer))];
    };
    let plain = Fact::of_event(event, &record, outer.received_at, outer.origin.clone(), outer.catching_up);
    facts(event, copy(plain), level + 1)
}

fn of_operating_system(record: &Record<'_>, severity: Option<Severity>, outer: &Fact) -> Fact {
    let line = record.raw.trim_ascii();
    let program = memchr::memmem::find(line, b": ").map(|end| {
        let word = line[..end].rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        let end = word.iter().position(|byte| matches!(byte, b'(' | b'[')).unwrap_or(word.len());
        text(&word[..end])
    });
    Fact {
        host: None,
        node_id: None,
        app_id: None,
        sequence: None,
        process: None,
        facility: String::new(),
        mnemonic: String::new(),
        severity: severity.unwrap_or(outer.severity),
        license: None,
        params: program.map(|program| ("program".to_owned(), program)).into_iter().collect(),
        raw: lossy(line, Limits::DEFAULT.raw_bytes),
        ..outer.clone()
    }
}

/// The alert itself: its node, its time and its parameters are those of the body.
fn itself(name: String, severity: Option<Severity>, body: &Body<'_>, affected: Option<String>, outer: &Fact) -> Fact {
    let limits = Limits::DEFAULT;
    let mut params = outer.params.clone();
    let room = limits.params.saturating_sub(params.len());
    let pairs = body.pairs().take(room);
    params.extend(pairs.map(|(key, value)| (lossy(key, limits.param_bytes), lossy(value, limits.param_bytes))));
    params.extend(
        service_down(body.text()).map(|service| ("ServiceName".to_owned(), lossy(service, limits.param_bytes))),
    );
    let written = body.value(b"TimeStamp").and_then(|time| Stamp::read(time.trim_ascii())).map(|(stamp, _)| stamp);
    Fact {
        stamp: written.or_else(|| body.stamp()).or(outer.stamp),
        node_id: affected.or_else(|| outer.node_id.clone()),
        params,
        rtmt: Some(RtmtAlert { name, severity, quotes: false }),
        ..outer.clone()
    }
}

/// The service in a sentence such as `Service operational status is DOWN. Cisco Tomcat. The alert is generated on …`, which
/// `CriticalServiceDown` has instead of keys.
fn service_down(text: &[u8]) -> Option<&[u8]> {
    let behind = &text[memchr::memmem::find(text, b"status is DOWN.")? + b"status is DOWN.".len()..];
    let end = memchr::memmem::find(behind, b". ").or_else(|| memchr::memchr(b'\n', behind))?;
    Some(behind[..end].trim_ascii()).filter(|service| !service.is_empty())
}

/// The license line that a body quotes in no known shape, from its `%` on.
fn quoted_license(detail: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(detail, b"LIB_LICENSE-")?;
    let percent = memchr::memrchr(b'%', &detail[..at])?;
    Some(&detail[percent..]).filter(|line| parse(line).event.is_some_and(|event| event.license().is_some()))
}

/// An instant as a line would print it in UTC.
fn stamp_of(at: Timestamp) -> Stamp {
    let civil = TimeZone::UTC.to_datetime(at);
    let small = |number: i8| u8::try_from(number).unwrap_or_default();
    Stamp {
        year: Some(civil.year()),
        month: small(civil.month()),
        day: small(civil.day()),
        hour: small(civil.hour()),
        minute: small(civil.minute()),
        second: small(civil.second()),
        nanosecond: u32::try_from(civil.subsec_nanosecond()).unwrap_or_default(),
        zone: Zone::Offset(0),
        accuracy: Accuracy::Unmarked,
    }
}
