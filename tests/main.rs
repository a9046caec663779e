//! The real program against real peers. One binary: its tests share one harness and run in parallel, each with a
//! directory and ports of its own.

mod direction;
#[expect(dead_code, reason = "the tests of the running program, which follow, use the rest")]
mod harness;
mod peers;
