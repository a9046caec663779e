//! Parsers for Cisco UC syslog, traces and RTMT alerts: bytes to frames to records.

#![forbid(unsafe_code)]

pub mod defect;
pub mod license;
pub mod severity;
pub mod stamp;
