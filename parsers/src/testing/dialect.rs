//! Prints one alarm in every dialect that this crate reads, for round trips.

use std::{fmt::Write as _, io::Write as _};

/// An alarm to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// `UC_CALLMANAGER`.
    pub facility: String,
    /// 0–7.
    pub severity: u8,
    /// `CodeRedEntry`.
    pub mnemonic: String,
    /// Keys and values in their order.
    pub params: Vec<(String, String)>,
    /// The explanation.
    pub text: String,
    /// The sequence number.
    pub sequence: u64,
    /// The host.
    pub host: String,
    /// Month 1–12, day, hour, minute, second, millisecond.
    pub time: [u16; 6],
    /// The year.
    pub year: u16,
}

/// How to print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// By the `CiscoLog` specification, escapes and all.
    Specification,
    /// As CUCM 9 to 15 sends it.
    Wire,
    /// The same without host.
    WireWithoutHost,
    /// As the Java services of CUCM send it: a 12-hour clock.
    WireTwelveHour,
    /// As the `CiscoSyslog` file holds it.
    Disk,
    /// With a relay's header in front.
    Relayed,
    /// Inside RFC 5424.
    Rfc5424,
    /// CUCM up to 8.x: no year, keys in the text.
    FreeText,
    /// A UCCX trace line.
    Trace,
    /// Tags without the percent sign, as CCE prints them.
    WithoutPercent,
    /// Nothing before the triplet.
    Bare,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Specification,
        Self::Wire,
        Self::WireWithoutHost,
        Self::WireTwelveHour,
        Self::Disk,
        Self::Relayed,
        Self::Rfc5424,
        Self::FreeText,
        Self::Trace,
        Self::WithoutPercent,
        Self::Bare,
    ];

    /// Whether the head carries a year.
    pub const fn has_year(self) -> bool {
        !matches!(self, Self::FreeText | Self::Trace | Self::Bare)
    }

    /// Whether the head carries a time at all.
    pub const fn has_time(self) -> bool {
        !matches!(self, Self::Bare)
    }

    /// Whether the head carries the host.
    pub const fn has_host(self) -> bool {
        !matches!(self, Self::WireWithoutHost | Self::FreeText | Self::Trace | Self::Bare)
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Alarm {
    /// The line, without a line end.
    pub fn print(&self, dialect: Dialect) -> Vec<u8> {
        let mut out = Vec::new();
        let pri = 184 + u16::from(self.severity);
        let [month, day, hour, minute, second, milli] = self.time;
        let month_name = MONTHS[usize::from(month - 1) % 12];
        let Self { sequence, host, year, .. } = self;
        let wire = format!("{month_name} {day:02} {year} {hour:02}:{minute:02}:{second:02}.{milli} UTC : ");
        let head = match dialect {
            Dialect::Specification => format!(
                "<{pri}>{sequence}: {host}: {month_name} {day:2} {year} {hour:02}:{minute:02}:{second:02}.{milli:03} UTC: "
            ),
            Dialect::Wire => format!("<{pri}>{sequence}: {host}: {wire} "),
            Dialect::WithoutPercent => format!("<{pri}>{sequence}: {host}: {wire}"),
            Dialect::WireWithoutHost => format!("<{pri}>{sequence}: {wire}"),
            Dialect::WireTwelveHour => {
                let half = if hour < 12 { "AM" } else { "PM" };
                let clock = if hour % 12 == 0 { 12 } else { hour % 12 };
                format!(
                    "<{pri}>{sequence}: {host}: {month_name} {day:02} {year} {clock:02}:{minute:02}:{second:02} {half}.{milli:03} UTC :  "
                )
            }
            Dialect::Disk => format!(
                "{month_name} {day:2} {hour:02}:{minute:02}:{second:02} relay local7 {} : {sequence}: {host}: {wire}",
                self.severity
            ),
            Dialect::Relayed => {
                format!(
                    "<{pri}>{month_name} {day:2} {hour:02}:{minute:02}:{second:02} relay {sequence}: {host}: {wire}"
                )
            }
            Dialect::Rfc5424 => format!(
                "<{pri}>1 {year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z relay - - - - {sequence}: {host}: {wire}"
            ),
            Dialect::FreeText => {
                format!("<{pri}>{sequence}: {month_name} {day:02} {hour:02}:{minute:02}:{second:02}.{milli:03} UTC : ")
            }
            Dialect::Trace => {
                format!("{sequence}: {month_name} {day:02} {hour:02}:{minute:02}:{second:02}.{milli:03} UTC ")
            }
            Dialect::Bare => String::new(),
        };
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(self.body(dialect).as_bytes());
        out
    }

    /// The process and facility as they are read back from the dialect.
    pub fn names(&self, dialect: Dialect) -> (Option<String>, String) {
        match dialect {
            Dialect::FreeText => {
                let name = self.facility.strip_prefix("UC_").unwrap_or(&self.facility);
                let name = if name.is_empty() { "NONE" } else { name };
                (Some(format!("CCM_{name}")), name.to_owned())
            }
            Dialect::Trace => (Some("MIVR".to_owned()), self.facility.clone()),
            _ => (None, self.facility.clone()),
        }
    }

    fn body(&self, dialect: Dialect) -> String {
        let (process, facility) = self.names(dialect);
        let process = process.map_or_else(String::new, |process| format!("{process}-"));
        let mut body = format!("%{process}{facility}-{}-{}:", self.severity, self.mnemonic);
        match dialect {
            Dialect::FreeText => {
                let _ = write!(body, " {}", self.text);
                for (key, value) in &self.params {
                    let _ = write!(body, " {}:{value}", spaced(key));
                }
            }
            Dialect::Trace => {
                body.push_str(&self.text);
                body.push_str(": ");
                let params: Vec<String> = self.params.iter().map(|(key, value)| format!("{key}={value}")).collect();
                body.push_str(&params.join(","));
            }
            _ => {
                body.push(' ');
                if !self.params.is_empty() {
                    body.push_str(if dialect == Dialect::WithoutPercent { "" } else { "%" });
                    for (key, value) in &self.params {
                        let value = if dialect == Dialect::Specification { escaped(value) } else { value.clone() };
                        let _ = write!(body, "[{key}={value}]");
                    }
                    body.push_str(": ");
                }
                body.push_str(&self.text);
            }
        }
        body
    }

    /// Appends the line and a line end to a stream.
    pub fn append(&self, dialect: Dialect, stream: &mut Vec<u8>) {
        let line = self.print(dialect);
        let _ = stream.write_all(&line);
        stream.push(b'\n');
    }
}

/// The escapes of the specification.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// `DeviceName` as 8.x prints it: `Device Name`.
pub fn spaced(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 4);
    let mut previous_lower = false;
    for (at, character) in key.chars().enumerate() {
        if character.is_ascii_uppercase() && previous_lower {
            out.push(' ');
        }
        previous_lower = character.is_ascii_lowercase();
        out.push(if at == 0 { character.to_ascii_uppercase() } else { character });
    }
    out
}
