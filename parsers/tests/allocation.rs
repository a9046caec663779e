//! A well-formed line costs no allocation. The allocator counts per thread, so that other tests do not disturb.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    borrow::Cow,
    cell::Cell,
};

use ccxwatch_parsers::{
    framing::{Framer, Mode},
    parse,
    testing::corpus::corpus,
    triage,
};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came; only a number is kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8]))), 1);
}

#[test]
fn well_formed_lines_are_read_without_allocation() {
    let corpus = corpus(11, 2_000);
    let mut events = 0;
    let made = allocations(|| {
        let mut framer = Framer::new(Mode::Auto, 64 * 1024);
        framer.push(&corpus, &mut |frame| {
            let record = parse(frame.bytes);
            assert!(triage(frame.bytes).is_some() || record.event.is_none());
            let Some(event) = &record.event else { return };
            events += 1;
            let _ = (event.node_id(), event.app_id(), event.cluster_id(), event.license(), record.stamp());
            // Where something was escaped, the plain text has to be put somewhere.
            if memchr::memchr2(b'#', b'\\', frame.bytes).is_none() {
                assert!(event.params().all(|(_, value)| matches!(value, Cow::Borrowed(_))));
            }
        });
    });
    assert!(events > 1_500);
    assert_eq!(made, 0);
}
