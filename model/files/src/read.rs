//! Files in: only regular files are read. A pipe would block, a device never end; both are refused before they are opened, and
//! what takes a file's place in between is opened without waiting and refused then.

use crate::FileError;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Opens a regular file for reading; it and its length in bytes.
///
/// # Errors
/// It cannot be opened, or is no regular file.
pub fn open(path: &Path) -> Result<(File, u64)> {
    regular(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = options.open(path)?;
    let meta = file.metadata()?;
    regular(&meta)?;
    Ok((file, meta.len()))
}

/// How long the system took to read, for all files that share it.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    /// Counts what `read` takes; nothing on `wasm32-unknown-unknown`, where asking for the time panics.
    pub fn time<T>(&self, read: impl FnOnce() -> T) -> T {
        let start = (!cfg!(all(target_family = "wasm", target_os = "unknown"))).then(Instant::now);
        let made = read();
        let taken = start.map_or(Duration::ZERO, |start| start.elapsed());
        self.0.fetch_add(taken.as_nanos() as u64, Ordering::Relaxed);
        made
    }

    /// The time so far.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A file whose reads are counted by a clock, or what a file would hold, in memory.
#[derive(Debug)]
pub struct Timed {
    bytes: Bytes,
    clock: Arc<Clock>,
}

#[derive(Debug)]
enum Bytes {
    OnDisk(File),
    /// The bytes, and where the next read begins.
    InMemory(Arc<[u8]>, AtomicU64),
}

impl Timed {
    /// A file that the clock shall time.
    pub fn new(file: File, clock: &Arc<Clock>) -> Timed {
        Timed { bytes: Bytes::OnDisk(file), clock: Arc::clone(clock) }
    }

    /// Bytes in memory, which take no time to read.
    pub fn in_memory(bytes: impl Into<Arc<[u8]>>) -> Timed {
        Timed { bytes: Bytes::InMemory(bytes.into(), AtomicU64::new(0)), clock: Arc::default() }
    }
}

impl Read for &Timed {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        match &self.bytes {
            Bytes::OnDisk(file) => self.clock.time(|| (&*file).read(to)),
            Bytes::InMemory(bytes, at) => {
                let start = usize::try_from(at.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
                let read = bytes.get(start..).unwrap_or_default().read(to)?;
                at.fetch_add(read as u64, Ordering::Relaxed);
                Ok(read)
            }
        }
    }
}

impl Seek for &Timed {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        match &self.bytes {
            Bytes::OnDisk(file) => self.clock.time(|| (&*file).seek(to)),
            Bytes::InMemory(bytes, at) => {
                let (from, by) = match to {
                    SeekFrom::Start(at) => (at, 0),
                    SeekFrom::End(by) => (bytes.len() as u64, by),
                    SeekFrom::Current(by) => (at.load(Ordering::Relaxed), by),
                };
                let place = from.checked_add_signed(by);
                let place =
                    place.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "a place before the start"))?;
                at.store(place, Ordering::Relaxed);
                Ok(place)
            }
        }
    }
}

/// Reads a text file of at most `most` bytes; `what` it holds is for messages.
///
/// # Errors
/// It cannot be read, is longer, or is no UTF-8.
pub fn text(path: &Path, what: &str, most: u64) -> std::result::Result<String, FileError> {
    let invalid = |expected: &str, found: String, fix: &str| FileError::new(path, what, expected, found, fix);
    let cannot = |e: Error| invalid("a file that can be read", e.to_string(), "check the path");
    let (file, length) = open(path).map_err(cannot)?;
    let long = |n: u64| invalid(&format!("at most {most} bytes"), format!("{n} bytes"), "check the path");
    if length > most {
        return Err(long(length));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > most {
        return Err(long(bytes.len() as u64));
    }
    String::from_utf8(bytes).map_err(|e| {
        invalid("text in UTF-8", format!("other bytes at {}", e.utf8_error().valid_up_to()), "check the path")
    })
}

/// Refuses what is no regular file.
fn regular(meta: &fs::Metadata) -> Result<()> {
    if meta.is_file() {
        return Ok(());
    }
    let found = if meta.is_dir() { "a directory" } else { "a pipe, device or socket" };
    Err(Error::new(ErrorKind::InvalidInput, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read after each seek is the same from a file and from memory.
    #[test]
    fn memory_reads_as_a_file_does() {
        let bytes: Vec<u8> = (0..100).collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("bytes");
        std::fs::write(&path, &bytes).expect("written");
        let clock = Arc::default();
        let file = Timed::new(open(&path).expect("opens").0, &clock);
        let memory = Timed::in_memory(bytes);
        for to in [
            SeekFrom::Start(0),
            SeekFrom::Start(93),
            SeekFrom::Current(-20),
            SeekFrom::End(-3),
            SeekFrom::Start(1000),
            SeekFrom::End(-101),
            SeekFrom::Current(i64::MIN),
            SeekFrom::End(2),
        ] {
            let read = |mut of: &Timed| {
                let place = of.seek(to).map_err(|e| e.kind());
                let mut bytes = [0; 10];
                let count = of.read(&mut bytes).expect("reads");
                (place, bytes[..count].to_vec())
            };
            assert_eq!(read(&memory), read(&file), "{to:?}");
        }
        assert!(clock.elapsed() > Duration::ZERO && memory.clock.elapsed() == Duration::ZERO);
    }
}
