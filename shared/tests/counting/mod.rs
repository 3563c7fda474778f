//! An allocator that counts, of each thread alone, since tests run beside each other.
#![allow(dead_code, reason = "each test counts something else")]
#![expect(unsafe_code, reason = "an allocator is unsafe to implement; this one hands everything on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    /// How often something was allocated or grown.
    pub static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes that are allocated; below 0 where it has freed what another thread made.
    pub static LIVE: Cell<isize> = const { Cell::new(0) };
    /// The most that [`LIVE`] has been since this was set.
    pub static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn more(bytes: usize) {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    LIVE.set(LIVE.get() + bytes as isize);
    PEAK.set(PEAK.get().max(LIVE.get()));
}

fn less(bytes: usize) {
    LIVE.set(LIVE.get() - bytes as isize);
}

// SAFETY: all is the system's allocator; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        less(layout.size());
        // SAFETY: as above; every pointer is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        more(size);
        less(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
