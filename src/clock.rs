//! The only place that reads a clock (`clippy.toml` bans the others), so that everything else can run in virtual time.

use ccxwatch_alerts::now::Now;
use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// Wall time.
#[expect(clippy::disallowed_methods, reason = "this is the one clock of the process")]
pub fn wall() -> Timestamp {
    Timestamp::now()
}

/// Time since the machine started, suspended time included. A step of the wall clock does not move it.
pub fn elapsed() -> SignedDuration {
    match clock_gettime(ClockId::CLOCK_BOOTTIME) {
        Ok(time) => SignedDuration::new(time.tv_sec(), i32::try_from(time.tv_nsec()).unwrap_or(0)),
        // Linux has had this clock since 2.6.39; the answer cannot be "no".
        Err(_) => SignedDuration::ZERO,
    }
}

/// The clock of time limits: of connections, attempts and commits. It stands still while the machine is suspended, because
/// nobody answers then, and a test that pauses the runtime pauses it too.
#[expect(clippy::disallowed_methods, reason = "this is the one clock of the process")]
pub fn timer() -> Instant {
    Instant::now()
}

/// Both clocks, for one step of the engine.
pub fn now() -> Now {
    Now { wall: wall(), elapsed: elapsed() }
}
