//! Parsers for Cisco UC syslog, traces and RTMT alerts: bytes to frames to records.
//!
//! Unified CM, Unified CCX and their kin write one grammar in many dialects, and stock syslog parsers lose most of it: they take the
//! sequence number for a tag, drop the milliseconds behind `PM`, or reject the line. This crate reads all of the dialects, never fails,
//! never copies, and does no I/O and reads no clock.
//!
//! # Example
//!
//! A stream is cut into frames, each frame gets a first look, and what is wanted is read as a whole:
//!
//! ```
//! use ccxwatch_parsers::{LicenseEventKind, framing::{Framer, Mode}, parse, triage};
//! use jiff::{Timestamp, tz::TimeZone};
//!
//! let stream = b"<184>812: ucx1.example.net: Jul 02 2025 06:22:31 PM.7 UTC :  \
//!     %UC_LIB_LICENSE-0-SYSTEM_TO_ENTER_OOC_STATE_SHORTLY: \
//!     %[The time remaining to enter OOC state=15 minutes][AppID=CVD][ClusterID=][NodeID=ucx1]: Buy licenses.\n";
//!
//! let mut framer = Framer::new(Mode::Auto, 64 * 1024);
//! framer.push(stream, &mut |frame| {
//!     // The hot path: facility, severity and name, and nothing else.
//!     let wanted = triage(frame.bytes).is_some_and(|found| found.facility.ends_with(b"LIB_LICENSE"));
//!     assert!(wanted);
//!
//!     let record = parse(frame.bytes);
//!     let event = record.event.expect("a Cisco event");
//!     assert_eq!(event.node_id(), Some(&b"ucx1"[..]));
//!     assert_eq!(event.cluster_id(), None, "printed, and empty");
//!     let license = event.license().expect("a license event");
//!     assert_eq!(license.kind, LicenseEventKind::EnteringOutOfComplianceShortly);
//!     assert_eq!(license.minutes_left, Some(15));
//!
//!     // What the line does not say is only decided here, by a caller that knows the time and the sender's zone.
//!     let received: Timestamp = "2025-07-02T18:22:32Z".parse().expect("a time");
//!     let at = record.stamp().and_then(|stamp| stamp.resolve(received, &TimeZone::UTC)).expect("an instant").at;
//!     assert_eq!(at.to_string(), "2025-07-02T18:22:31.007Z");
//! });
//! ```
//!
//! # Rooms
//!
//! | module | reads | rules from |
//! | --- | --- | --- |
//! | [`framing`] | byte streams: LF, NUL, octet counts, or whichever comes | RFC 6587 sections 3.4.1, 3.4.2; RFC 8446 section 5.1 for the TLS hello |
//! | [`syslog`] | PRI, RFC 5424, RFC 3164 as it is really sent, `CiscoSyslog` lines | RFC 5424 section 6, RFC 3164 sections 4.1, 4.3, 5.4; Cisco support documents |
//! | [`ciscolog`] | head, triplet, tags, older free-text keys, multi-part messages | `CiscoLog` specification (Managed Services Guide 12.5); lines of CUCM 6 to 15 |
//! | [`trace`] | MCVD, MIVR, MADM and CER traces, their continuation lines and exceptions | UCCX Serviceability Guide, CUCM Troubleshooting Guide 12.5 |
//! | [`rtmt`] | the body of an `RTMT_ALERT` and the lines that it quotes, the alert log | RTMT Administration Guide 14, Cisco support documents 217518 and 200410 |
//! | [`stamp`] | printed times, and the instants that they mean | the above; IOS `service timestamps`; Java's `Date.toString` |
//! | [`license`] | the typed events of `LIB_LICENSE` | UCCX 12.5 Smart Licensing document |
//!
//! # Promises
//!
//! * [`parse`] always returns a [`Record`]. What was odd is in its [`Defects`], a closed list whose names may become metric labels.
//! * No input costs more than linear time, and none is read recursively.
//! * A well-formed line is read without allocation. Only a value with escapes is copied, when it is asked for.
//! * Nothing is invented: a year, a zone or a number of minutes that the line does not carry is `None`.
//! * An event begins where a line, or the message of an envelope, begins. A line that only quotes one is none.
//! * [`triage()`] and [`parse`] agree: an event of a record is the one that triage found.
//!
//! # Features
//!
//! `serde` serializes the small owned types. `json` adds `vector_json`: records as JSON objects, as the example program `vectors` prints
//! them for test vectors. `testing` is for the tests, benches and fuzz targets of this project.

#![forbid(unsafe_code)]

mod bytes;
pub mod ciscolog;
pub mod defect;
pub mod framing;
pub mod license;
pub mod record;
pub mod rtmt;
pub mod severity;
mod simd;
pub mod stamp;
pub mod syslog;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
pub mod trace;
pub mod triage;
#[cfg(feature = "json")]
pub mod vector_json;

pub use ciscolog::{Event, Form, Params};
pub use defect::{Defect, Defects};
pub use license::{LicenseEvent, LicenseEventKind};
pub use record::{Record, parse};
pub use severity::Severity;
pub use stamp::{Accuracy, Resolved, Stamp, Zone};
pub use syslog::{DiskMark, Envelope, EnvelopeFormat, Pri, StructuredData};
pub use triage::{Triage, triage};
