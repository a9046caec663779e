//! The two clocks of a step. Nothing in this crate reads one; the caller hands both in.

use jiff::{SignedDuration, Timestamp};

/// The time of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall time. It may step; it decides only what is more than 24 hours away.
    pub wall: Timestamp,
    /// Time since an arbitrary origin of this process that goes on while the machine is suspended (`CLOCK_BOOTTIME`) and never
    /// steps. It decides every nearer deadline.
    pub elapsed: SignedDuration,
}
