//! Whether a line is wanted costs no allocation. The allocator counts per thread, so that other tests do not disturb.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use ccxwatch_alerts::{interest::Interest, settings::Settings};
use ccxwatch_parsers::{testing::corpus::corpus, triage};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
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
fn interest_allocates_nothing() {
    let corpus = corpus(11, 2_000);
    let interest = Interest::from(&Settings::default());
    let (mut wanted, mut unwanted) = (0, 0);
    let made = allocations(|| {
        for line in corpus.split(|byte| *byte == b'\n') {
            let is_wanted = triage(line).is_some_and(|triage| interest.wants(&triage, line));
            *(if is_wanted { &mut wanted } else { &mut unwanted }) += 1;
        }
    });
    assert!(wanted > 300 && unwanted > 300, "{wanted} {unwanted}");
    assert_eq!(made, 0);
}
