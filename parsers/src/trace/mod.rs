//! Trace files of UCCX (MIVR, MCVD, MADM) and Emergency Responder.

pub mod assembly;
pub mod link;
pub(crate) mod params;

pub use assembly::{Continuation, TraceRecord};
pub use link::ExceptionLinker;

use crate::ciscolog::{head, triplet};

/// Whether a line begins a trace record; every other line continues the one before (UCCX Serviceability Guide, "Trace files").
///
/// ```
/// use ccxwatch_parsers::trace::is_head;
/// assert!(is_head(b"102: Mar 24 11:37:42.168 PST%MIVR-SS_TEL-7-EXCEPTION:"));
/// assert!(!is_head(b"com.cisco.jtapi.PlatformExceptionImpl:"));
/// ```
pub fn is_head(line: &[u8]) -> bool {
    triplet::find(line).is_some_and(|triplet| head::read(&line[..triplet.at], None, triplet.is_trace()).is_some())
}
