//! The alert log `AlertLog_MM_DD_YYYY_hh_mm.csv` of the AMC service.
//!
//! Sources: RTMT Administration Guide 14 for the documented columns; the header of real files, as Centreon's plug-in knows it. The two
//! differ, and nothing says how a comma in a message is written. So a row is read from both ends, and the message is what is left.

use std::borrow::Cow;

use jiff::Timestamp;
use memchr::{memchr, memrchr};

use crate::{
    bytes::{number, trim},
    rtmt::Body,
    severity::Severity,
};

/// More columns than this are not read.
const MOST_COLUMNS: usize = 16;

/// The columns of a file, from its first line.
///
/// ```
/// use ccxwatch_parsers::rtmt::Layout;
/// let layout = Layout::real();
/// let row = layout.row(b"1601977332000,2,CoreDumpFileFound,one, two, three,pub,2,0,Default,pub,System").expect("a row");
/// assert_eq!(&*row.message(), b"one, two, three");
/// assert_eq!(row.severity().map(|severity| severity.name()), Some("Critical"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout<'h> {
    columns: [&'h [u8]; MOST_COLUMNS],
    count: usize,
    message: usize,
}

/// One alert. Fields are borrowed from the line.
#[derive(Clone, Copy, Debug)]
pub struct Row<'h, 'a> {
    layout: Layout<'h>,
    fields: [&'a [u8]; MOST_COLUMNS],
}

const REAL: &[u8] =
    b"Time Stamp,Alert Type,Alert Name,Alert Message,Monitored Object Name,Severity,PollValue,Action,Node ID,Group ID";
const DOCUMENTED: &[u8] =
    b"Time Stamp,Alert Name,Node,Alert Message,Type,Description,Severity,PollValue,Action,Group ID";

impl<'h> Layout<'h> {
    /// The columns of a header line. `None` where it is none, or has no message column.
    pub fn of_header(header: &'h [u8]) -> Option<Self> {
        let mut columns: [&'h [u8]; MOST_COLUMNS] = [b""; MOST_COLUMNS];
        let mut count = 0;
        let header = header.strip_suffix(b"\n").unwrap_or(header);
        let header = header.strip_suffix(b"\r").unwrap_or(header);
        for name in header.split(|&byte| byte == b',') {
            *columns.get_mut(count)? = unquoted(name);
            count += 1;
        }
        let message = columns.iter().position(|name| name.eq_ignore_ascii_case(b"Alert Message"))?;
        columns[0].eq_ignore_ascii_case(b"Time Stamp").then_some(Self { columns, count, message })
    }

    /// The header of real files.
    pub fn real() -> Layout<'static> {
        Layout::of_header(REAL).unwrap_or(Layout::EMPTY)
    }

    /// The columns as Cisco documents them.
    pub fn documented() -> Layout<'static> {
        Layout::of_header(DOCUMENTED).unwrap_or(Layout::EMPTY)
    }

    const EMPTY: Layout<'static> = Layout { columns: [b""; MOST_COLUMNS], count: 1, message: 0 };

    /// Reads a row. `None` where it has fewer fields than the header.
    pub fn row<'a>(&self, line: &'a [u8]) -> Option<Row<'h, 'a>> {
        let mut fields: [&'a [u8]; MOST_COLUMNS] = [b""; MOST_COLUMNS];
        let mut rest = line.strip_suffix(b"\r").unwrap_or(line);
        for field in &mut fields[..self.message] {
            let comma = memchr(b',', rest)?;
            *field = unquoted(&rest[..comma]);
            rest = &rest[comma + 1..];
        }
        for field in fields[self.message + 1..self.count].iter_mut().rev() {
            let comma = memrchr(b',', rest)?;
            *field = unquoted(&rest[comma + 1..]);
            rest = &rest[..comma];
        }
        fields[self.message] = unquoted(rest);
        Some(Row { layout: *self, fields })
    }
}

impl<'a> Row<'_, 'a> {
    /// The field of a column.
    pub fn field(&self, column: &str) -> Option<&'a [u8]> {
        let columns = &self.layout.columns[..self.layout.count];
        let at = columns.iter().position(|name| name.eq_ignore_ascii_case(column.as_bytes()))?;
        Some(self.fields[at])
    }

    /// When the alert was raised: the column holds milliseconds of the epoch.
    pub fn time(&self) -> Option<Timestamp> {
        let (milliseconds, rest) = number(self.fields[0], 15)?;
        if !rest.is_empty() {
            return None;
        }
        Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()
    }

    /// The alert's name.
    pub fn name(&self) -> Option<&'a [u8]> {
        self.field("Alert Name")
    }

    /// The message, commas and all. Doubled quotes of a quoted field are undone.
    pub fn message(&self) -> Cow<'a, [u8]> {
        let message = self.fields[self.layout.message];
        if memchr::memmem::find(message, b"\"\"").is_none() {
            return Cow::Borrowed(message);
        }
        let mut out = Vec::with_capacity(message.len());
        let mut bytes = message.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            if byte == b'"' && bytes.peek() == Some(&b'"') {
                bytes.next();
            }
            out.push(byte);
        }
        Cow::Owned(out)
    }

    /// The message, read as the body of an alert.
    pub fn body(&self) -> Body<'a> {
        Body::read(self.fields[self.layout.message])
    }

    /// The severity: a digit 0–7.
    pub fn severity(&self) -> Option<Severity> {
        let (digit, rest) = number(self.field("Severity")?, 1)?;
        if !rest.is_empty() {
            return None;
        }
        Severity::from_number(u8::try_from(digit).ok()?)
    }

    /// The node, under either name of its column.
    pub fn node(&self) -> Option<&'a [u8]> {
        self.field("Node ID").or_else(|| self.field("Node"))
    }
}

/// Without blanks and without the quotes around a field.
fn unquoted(field: &[u8]) -> &[u8] {
    let field = trim(field);
    match field {
        [b'"', inner @ .., b'"'] => inner,
        _ => field,
    }
}
