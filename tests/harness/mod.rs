//! What the tests share: the real program, real peers, and waiting for what they say.
//!
//! Nothing here sleeps for a guessed time. A test waits for a line of output ([`lines`]) or for a condition ([`wait`]),
//! and fails with all that was said when it does not come.

pub(crate) mod alertmanager;
pub(crate) mod browser;
pub(crate) mod ccxwatch;
pub(crate) mod clock;
pub(crate) mod http;
pub(crate) mod lines;
pub(crate) mod lines_of_cisco;
pub(crate) mod live;
pub(crate) mod mta;
pub(crate) mod prometheus;
pub(crate) mod senders;
pub(crate) mod smtp;
pub(crate) mod store;
pub(crate) mod wait;
