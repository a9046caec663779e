//! The `ccxwatch` command.
fn main() {}
