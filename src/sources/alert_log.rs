//! RTMT's alert log among the files: known by its header, and read row by row.

use ccxwatch_parsers::rtmt::{Layout, Row};

/// The columns of a file that is an alert log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlertLog {
    header: Vec<u8>,
}

impl AlertLog {
    /// The alert log that begins with these bytes; `None` where they are another file's, or not yet a whole line.
    pub(crate) fn beginning_with(beginning: &[u8]) -> Option<Self> {
        let end = memchr::memchr(b'\n', beginning)?;
        Self::of_header(&beginning[..end])
    }

    /// The alert log whose first line this is.
    pub(crate) fn of_header(line: &[u8]) -> Option<Self> {
        // Asked of every line that says nothing: most are none, by their first word.
        let may_be = line.get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"Time Stamp"));
        may_be.then(|| Layout::of_header(line)).flatten().map(|_| Self { header: line.to_vec() })
    }

    /// A row; `None` where the line is none: too few fields, or no time.
    pub(crate) fn row<'a>(&'a self, line: &'a [u8]) -> Option<Row<'a, 'a>> {
        Layout::of_header(&self.header)?.row(line).filter(|row| row.time().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_makes_an_alert_log() {
        let header = b"Time Stamp,Alert Type,Alert Name,Alert Message,Monitored Object Name,Severity,PollValue,Action,Node ID,Group ID ";
        let log = AlertLog::of_header(header).expect("a header");
        let row = log.row(b"1795510800000,2,CpuPegging,over, and over,ucx1,2,0,Default,ucx1,System").expect("a row");
        assert_eq!((row.name(), &*row.message()), (Some(&b"CpuPegging"[..]), &b"over, and over"[..]));
        assert!(log.row(b"not a row").is_none());
        assert!(log.row(b"yesterday,2,CpuPegging,over,ucx1,2,0,Default,ucx1,System").is_none());
        let file = [header.as_slice(), b"\r\n1795510800000,2"].concat();
        assert!(AlertLog::beginning_with(&file).is_some());
        assert!(AlertLog::beginning_with(header).is_none(), "half a line");
        assert!(AlertLog::of_header(b"Time Stamps are fine").is_none());
        assert!(AlertLog::of_header(b"7: ucx1: Nov 24 2026").is_none());
    }
}
