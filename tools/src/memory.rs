//! Out of memory: a line and an exit code in place of an abort.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;

/// The system's allocator, which ends the program where the system gives no more. A temporary file that is being written
/// has no name yet, so none is left.
struct Last;

#[global_allocator]
static LAST: Last = Last;

// SAFETY: every call goes to the system's allocator unchanged, and so does what it returns.
unsafe impl GlobalAlloc for Last {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `alloc`'s contract.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `alloc_zeroed`'s contract.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` by the methods here.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps `realloc`'s contract, and `pointer` came from `System` by the methods here.
        given(unsafe { System.realloc(pointer, layout, size) }, size)
    }
}

fn given(pointer: *mut u8, bytes: usize) -> *mut u8 {
    if pointer.is_null() {
        refused(bytes);
    }
    pointer
}

#[cold]
#[inline(never)]
fn refused(bytes: usize) -> ! {
    // Nothing here allocates.
    let mut line = [0u8; 200];
    let mut rest = &mut line[..];
    let _ = writeln!(
        rest,
        "efficientecg: memory: expected {bytes} bytes more, found none; lower --batch or --threads, give a shorter record, or raise the limit"
    );
    let left = rest.len();
    let _ = std::io::stderr().write_all(&line[..line.len() - left]);
    exit()
}

/// Ends the process at once: what runs at a regular exit may want memory too.
fn exit() -> ! {
    #[cfg(unix)]
    {
        unsafe extern "C" {
            safe fn _exit(code: std::ffi::c_int) -> !;
        }
        _exit(2)
    }
    #[cfg(not(unix))]
    std::process::exit(2)
}
