//! The bytes of a file, mapped into memory where the system does that.

use mapping::Mapped;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

/// All bytes of a file. On Linux they are the system's own copy of it, mapped and not read: who changes the file in place changes
/// them, and who cuts it off ends the program. A file that is replaced by another, as [`crate::write`] does, stays as it was.
#[derive(Debug)]
pub struct Contents(Bytes);

#[derive(Debug)]
enum Bytes {
    Mapped(Mapped),
    Read(Vec<u8>),
}

impl Contents {
    /// Maps or reads an open file from its start, which must be where it stands.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(mut file: File) -> io::Result<Contents> {
        if let Some(mapped) = Mapped::new(&file) {
            return Ok(Contents(Bytes::Mapped(mapped)));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Contents(Bytes::Read(bytes)))
    }

    /// Gives the memory of some bytes back that will hardly be read again. They stay what they are: whoever reads them has the system
    /// map them once more.
    pub fn give_back(&self, range: Range<usize>) {
        if let Bytes::Mapped(mapped) = &self.0 {
            mapped.give_back(range);
        }
    }
}

impl AsRef<[u8]> for Contents {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Mapped(mapped) => mapped.bytes(),
            Bytes::Read(bytes) => bytes,
        }
    }
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"),
    not(miri)
))]
mod mapping {
    use std::ffi::{c_int, c_void};
    use std::fs::File;
    use std::num::NonZeroUsize;
    use std::ops::Range;
    use std::os::fd::AsRawFd;
    use std::ptr::NonNull;

    unsafe extern "C" {
        // The C library's, which the standard library links: a crate for these functions would be two for the core.
        fn mmap(
            at: *mut c_void,
            len: usize,
            access: c_int,
            how: c_int,
            file: c_int,
            first: i64,
        ) -> *mut c_void;
        fn munmap(at: *mut c_void, len: usize) -> c_int;
        fn madvise(at: *mut c_void, len: usize, advice: c_int) -> c_int;
    }

    /// `PROT_READ`.
    const READ: c_int = 1;
    /// `MAP_PRIVATE`, and `MAP_POPULATE`: all pages at once, which one by one would take longer.
    const PRIVATE: c_int = 2;
    const POPULATE: c_int = 0x8000;
    /// `MADV_DONTNEED`.
    const DONT_NEED: c_int = 4;
    /// The largest pages of any processor that are not huge.
    const PAGE: usize = 1 << 16;

    /// A mapped file.
    #[derive(Debug)]
    pub(super) struct Mapped {
        first: NonNull<c_void>,
        len: NonZeroUsize,
    }

    // SAFETY: nothing writes to the pages, which are the process's until they are let go of.
    unsafe impl Send for Mapped {}
    // SAFETY: as above.
    unsafe impl Sync for Mapped {}

    impl Mapped {
        /// None of an empty file, of one that is none, and where the system does not map it.
        pub(super) fn new(file: &File) -> Option<Mapped> {
            let about = file.metadata().ok().filter(|about| about.is_file())?;
            let len = usize::try_from(about.len()).ok().and_then(NonZeroUsize::new)?;
            // SAFETY: a new mapping, wherever the system has room for it.
            let at = unsafe {
                mmap(std::ptr::null_mut(), len.get(), READ, PRIVATE | POPULATE, file.as_raw_fd(), 0)
            };
            // The address -1 is an error.
            let first = NonNull::new(at).filter(|at| at.as_ptr().addr() != usize::MAX)?;
            Some(Mapped { first, len })
        }

        pub(super) fn give_back(&self, range: Range<usize>) {
            let first = range.start.next_multiple_of(PAGE);
            let Some(pages) = self.bytes().get(first..range.end) else { return };
            let len = pages.len() / PAGE * PAGE;
            if len > 0 {
                // SAFETY: whole pages of a mapping that nothing writes to; the system reads them from the file again.
                let _ = unsafe { madvise(pages.as_ptr().cast_mut().cast(), len, DONT_NEED) };
            }
        }

        pub(super) fn bytes(&self) -> &[u8] {
            // SAFETY: the mapping is so long, and lives as long as this.
            unsafe { std::slice::from_raw_parts(self.first.as_ptr().cast(), self.len.get()) }
        }
    }

    impl Drop for Mapped {
        fn drop(&mut self) {
            // SAFETY: nobody else has the mapping.
            let _ = unsafe { munmap(self.first.as_ptr(), self.len.get()) };
        }
    }
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"),
    not(miri)
)))]
mod mapping {
    use std::fs::File;
    use std::ops::Range;

    /// No file is mapped.
    #[derive(Debug)]
    pub(super) enum Mapped {}

    impl Mapped {
        pub(super) fn new(_: &File) -> Option<Mapped> {
            None
        }

        pub(super) fn give_back(&self, _: Range<usize>) {}

        pub(super) fn bytes(&self) -> &[u8] {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn all_bytes_of_files_of_any_length_are_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        for len in [0_usize, 1, 4095, 4096, 4097, 100_000, 500_000] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7 % 251) as u8).collect();
            std::fs::write(&path, &bytes).expect("written");
            let contents = Arc::new(Contents::of(File::open(&path).expect("opened")).expect("read"));
            // One that takes its place leaves it as it is.
            let other = folder.path().join("other");
            std::fs::write(&other, b"other").expect("written");
            std::fs::rename(&other, &path).expect("renamed");
            let of_thread = Arc::clone(&contents);
            let same = std::thread::spawn(move || (*of_thread).as_ref() == bytes.as_slice()).join();
            assert!(same.expect("a thread"), "{len} bytes");
            for range in [0..len, 5..len.saturating_sub(5), len..len, 1 << 20..2 << 20] {
                contents.give_back(range);
            }
            assert!(
                (*contents).as_ref().iter().enumerate().all(|(i, b)| *b == (i * 7 % 251) as u8),
                "{len} bytes"
            );
        }
        Contents::of(File::open(folder.path()).expect("opened")).expect_err("a folder");
    }
}
