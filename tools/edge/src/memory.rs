//! The program's allocator where the C library is musl, which gives each large block back to the system and maps the next one anew, 4 kB at a
//! time: that takes longer than to run a network once. `dlmalloc` keeps what is given back, and gets its memory in huge pages, where
//! the system gives those on demand.

use dlmalloc::{Allocator, Dlmalloc};
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

/// What is asked of the system at a time, at least. What is never touched takes no memory.
const REGION: usize = 32 << 20;
/// A huge page.
const HUGE: usize = 2 << 20;

/// Memory of the system.
struct Regions;

// SAFETY: regions are of zeros, and are never given back.
unsafe impl Allocator for Regions {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let Some(size) = size.max(REGION).checked_next_multiple_of(HUGE) else { return (null_mut(), 0, 0) };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: it asks for memory wherever there is some.
        let at = unsafe { libc::mmap(null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if at == libc::MAP_FAILED {
            return (null_mut(), 0, 0);
        }
        // The end, where the allocator keeps a few words, stays in small pages.
        // SAFETY: advice on memory that is ours; it may be refused.
        let _ = unsafe { libc::madvise(at, size - HUGE, libc::MADV_HUGEPAGE) };
        (at.cast(), size, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        // The largest pages of any processor that are not huge.
        1 << 16
    }
}

/// An allocator that keeps its memory.
pub(crate) struct Keeping(Mutex<Dlmalloc<Regions>>);

impl Keeping {
    pub(crate) const fn new() -> Keeping {
        Keeping(Mutex::new(Dlmalloc::new_with_allocator(Regions)))
    }

    fn with<T>(&self, run: impl FnOnce(&mut Dlmalloc<Regions>) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// SAFETY: each call goes to one allocator, which keeps the contract.
unsafe impl GlobalAlloc for Keeping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        self.with(|all| unsafe { all.malloc(layout.size(), layout.align()) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        self.with(|all| unsafe { all.calloc(layout.size(), layout.align()) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        self.with(|all| unsafe { all.free(block, layout.size(), layout.align()) });
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        self.with(|all| unsafe { all.realloc(block, layout.size(), layout.align(), size) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lie_apart_and_keep_what_they_hold() {
        let all = Keeping::new();
        let mut random = 1_u64;
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let check = |block: *mut u8, len: usize, value: u8| {
            // SAFETY: the block is held, and was written or zeroed to this length.
            let bytes = unsafe { std::slice::from_raw_parts(block, len) };
            assert!(bytes.iter().all(|b| *b == value), "{len}");
        };
        for turn in 0..400 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let size = [1 << 10, 200_000, 131_072, 1 << 20, 20 << 20][(random >> 33) as usize % 5]
                + (random >> 45) as usize % 50_000;
            let mut layout = Layout::from_size_align(size, 64).expect("a layout");
            let (value, zeroed) = (turn as u8, turn % 2 == 0);
            // SAFETY: sizes are not zero, and each block is given back once, with its layout.
            unsafe {
                let mut block = if zeroed { all.alloc_zeroed(layout) } else { all.alloc(layout) };
                assert!(!block.is_null() && block.addr().is_multiple_of(64));
                if zeroed {
                    check(block, size, 0);
                }
                block.write_bytes(value, size);
                if turn % 3 == 0 {
                    let size = size / 2 + 100_000;
                    block = all.realloc(block, layout, size);
                    check(block, size.min(layout.size()), value);
                    layout = Layout::from_size_align(size, 64).expect("a layout");
                    block.write_bytes(value, size);
                }
                held.push((block, layout, value));
                if held.len() > 6 {
                    let (block, layout, value) = held.swap_remove((random >> 20) as usize % held.len());
                    check(block, layout.size(), value);
                    all.dealloc(block, layout);
                }
            }
        }
        for (block, layout, value) in held {
            check(block, layout.size(), value);
            // SAFETY: as above.
            unsafe { all.dealloc(block, layout) };
        }
    }
}
