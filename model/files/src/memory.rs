//! Memory for what is about to be loaded.

/// What [`reserve`] keeps from being used while it lives: memory that no page is taken for.
#[derive(Debug)]
#[must_use = "it is to live as long as what is loaded takes memory"]
pub struct Reserved {
    _before: Vec<u8>,
}

/// Has the allocator keep what is let go of the next `bytes` for reuse, in place of mapping each block anew, and take them in
/// huge pages where the system gives those on demand. To map small pages one by one takes a fifth of the time that a
/// network of 4 M weights takes to load.
///
/// It touches no page, and is nothing but advice to glibc: elsewhere it does nothing. What lies before the first whole huge page is not used
/// while the result lives.
pub fn reserve(bytes: usize) -> Reserved {
    Reserved { _before: allocator::reserve(bytes) }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", not(miri))))]
mod allocator {
    pub(super) fn reserve(_: usize) -> Vec<u8> {
        Vec::new()
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
mod allocator {
    use std::ffi::{c_int, c_void};
    use std::hint::black_box;

    /// The least that huge pages are worth asking for.
    const HUGE: usize = 2 << 20;

    /// What the allocator keeps beside a block, at most.
    const HEADER: usize = 64;

    /// A little less than the largest block that glibc ever takes from its heap.
    const MOST: usize = 31 << 20;

    /// `MADV_HUGEPAGE` of every architecture.
    const HUGE_PAGES: c_int = 14;

    unsafe extern "C" {
        /// The C library's, which the standard library links: a crate for this one function would be three for the core.
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }

    /// What is not to be used meanwhile.
    pub(super) fn reserve(bytes: usize) -> Vec<u8> {
        let bytes = bytes.min(MOST);
        let block = |bytes: usize| {
            let mut block = Vec::<u8>::new();
            // Without the memory there is nothing to advise.
            let _ = block.try_reserve_exact(bytes);
            black_box(block)
        };
        // glibc takes from its heap what is smaller than the largest block that was mapped on its own and let go, and keeps
        // twice as much at the heap's end.
        drop(block(bytes + (1 << 16)));
        if bytes < HUGE {
            return Vec::new();
        }
        let mut advised = block(bytes);
        advise(&mut advised);
        let before = advised.as_ptr().align_offset(HUGE).saturating_sub(HEADER);
        drop(advised);
        block(before)
    }

    /// Asks for huge pages where the block lies, which is where the next blocks will.
    fn advise(block: &mut Vec<u8>) {
        /// Of this size are the largest pages that are not huge.
        const PAGE: usize = 1 << 16;
        let spare = block.spare_capacity_mut();
        let skip = spare.as_ptr().align_offset(PAGE);
        let Some(pages) = spare.get_mut(skip..) else { return };
        let len = pages.len() / PAGE * PAGE;
        // SAFETY: the pages lie within a block that is ours, and the advice changes nothing of what they hold. Where the system
        // has no huge pages it refuses, and all stays as it was.
        let _ = unsafe { madvise(pages.as_mut_ptr().cast(), len, HUGE_PAGES) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn any_size_can_be_reserved() {
        for bytes in [0, 1, 1 << 20, 5 << 20, 20 << 20, usize::MAX] {
            let _reserved = reserve(bytes);
            let used = black_box(vec![1u8; bytes.min(31 << 20)]);
            assert!(used.iter().all(|b| *b == 1));
        }
    }
}
