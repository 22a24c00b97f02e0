//! The allocations of a process, counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, for tests to name as the global one.
pub struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Allocations by now: none is counted unless [`Counting`] is the global allocator.
pub fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

// SAFETY: every call goes to the system's allocator unchanged; the methods left out come down to these two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` by the method above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
