//! The ccxwatch process.
