//! A slim reader of zip archives: the central directory, zip64, members stored or deflated, CRC checked.
//!
//! Written to PKWARE's APPNOTE 6.3.10, for archives that are complete in one file. Strict where archives of arrays and records give no reason
//! for leniency: no encryption, no overlaps, no duplicate names, sizes and CRC must agree. Every size is held against
//! the file's real length before it is used.

use crate::inflate::Inflate;
use crate::{FileError, Timed, one_line};
use std::collections::HashSet;
use std::io::{BufRead, Read, Seek, SeekFrom, Take};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Deflate's greatest possible expansion, rounded up.
const DEFLATE_RATIO: u64 = 1040;
/// The greatest expansion of a large member; more is a bomb. Measured signals and weights come nowhere near it.
const LARGE_RATIO: u64 = 64;
/// From how many bytes on a member is large.
const LARGE: u64 = 256 << 20;

/// Bytes that are read ahead: members lie one after another, and most are much smaller.
const WINDOW: usize = 1 << 16;

/// Parts of a member from so many bytes on are read on their own.
const DIRECT: usize = 1 << 15;

const END: &[u8; 4] = b"PK\x05\x06";
const END64: &[u8; 4] = b"PK\x06\x06";
const END64_LOCATOR: &[u8; 4] = b"PK\x06\x07";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const LOCAL: &[u8; 4] = b"PK\x03\x04";

/// One entry of a zip archive's central directory.
#[derive(Debug, Clone)]
pub struct ZipEntry {
    /// The name as stored; that of a folder ends in `/`.
    pub name: String,
    deflated: bool,
    crc: u32,
    packed: u64,
    /// Length of the data once unpacked, in bytes.
    pub size: u64,
    offset: u64,
}

fn u16_at(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([b[at], b[at + 1]])
}

fn u32_at(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

fn u64_at(b: &[u8], at: usize) -> u64 {
    u64::from(u32_at(b, at)) | u64::from(u32_at(b, at + 4)) << 32
}

/// A zip archive: an open file and its members in the directory's order.
#[derive(Debug)]
pub struct Zip {
    file: Timed,
    /// In the directory's order.
    pub members: Vec<ZipEntry>,
    /// Where the central directory starts: members end before it.
    directory: u64,
    window: Mutex<Window>,
}

/// What of the file was read ahead.
#[derive(Debug, Default)]
struct Window {
    bytes: Vec<u8>,
    /// Where in the file they start.
    start: u64,
}

impl Window {
    /// Its bytes from a place in the file to another.
    fn from(&self, at: u64, end: u64) -> &[u8] {
        let skip = at.checked_sub(self.start).and_then(|n| usize::try_from(n).ok());
        let bytes = skip.and_then(|n| self.bytes.get(n..)).unwrap_or_default();
        &bytes[..usize::try_from(end - at).map_or(bytes.len(), |left| left.min(bytes.len()))]
    }

    /// Reads it anew.
    fn read(&mut self, mut file: &Timed, at: u64) -> std::io::Result<()> {
        file.seek(SeekFrom::Start(at))?;
        self.bytes.resize(WINDOW, 0);
        let read = file.read(&mut self.bytes);
        self.bytes.truncate(*read.as_ref().unwrap_or(&0));
        self.start = at;
        read.map(drop)
    }
}

/// Part of an archive's file. No two are read at once: they share the window, and the file's position.
struct Part<'a> {
    file: &'a Timed,
    window: MutexGuard<'a, Window>,
    at: u64,
    /// From `at` on.
    end: u64,
}

impl BufRead for Part<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.at < self.end && self.window.from(self.at, self.end).is_empty() {
            self.window.read(self.file, self.at)?;
        }
        Ok(self.window.from(self.at, self.end))
    }

    fn consume(&mut self, n: usize) {
        self.at = (self.at + n as u64).min(self.end);
    }
}

impl Read for Part<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.end - self.at).map_or(to.len(), |left| left.min(to.len()));
        let n = if left >= DIRECT && self.window.from(self.at, self.end).is_empty() {
            // Past the window, and a copy less.
            let mut file = self.file;
            file.seek(SeekFrom::Start(self.at))?;
            file.read(&mut to[..left])?
        } else {
            self.fill_buf()?.read(to)?
        };
        self.consume(n);
        Ok(n)
    }
}

/// Errors of the archive as a whole.
fn broken(path: &Path, found: impl AsRef<str>) -> FileError {
    FileError::new(path, "archive", "a complete zip archive", found, "save or copy the archive again")
}

fn invalid_member(path: &Path, name: &str, expected: &str, found: impl AsRef<str>, fix: &str) -> FileError {
    FileError::new(path, format!("member {name}"), expected, found, fix)
}

fn read_at(mut file: &Timed, path: &Path, offset: u64, len: usize) -> Result<Vec<u8>, FileError> {
    let mut buffer = vec![0; len];
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.read_exact(&mut buffer))
        .map_err(|e| broken(path, e.to_string()))?;
    Ok(buffer)
}

impl Zip {
    /// Reads the central directory of `file`, of `len` bytes; `path` is named in errors only.
    ///
    /// # Errors
    /// The file is no whole archive, or contradicts itself.
    pub fn open(path: &Path, file: Timed, len: u64) -> Result<Zip, FileError> {
        if len == 0 {
            return Err(broken(path, "an empty file"));
        }
        let (end, tail) = find_end(&file, path, len)?;
        let record = &tail[..];
        let mut entries = u64::from(u16_at(record, 10));
        let mut size = u64::from(u32_at(record, 12));
        let mut start = u64::from(u32_at(record, 16));
        let mut disks = [u32::from(u16_at(record, 4)), u32::from(u16_at(record, 6))];
        let mut limit = end;
        let locator = match end.checked_sub(20) {
            Some(at) => Some(read_at(&file, path, at, 20)?).filter(|l| l.starts_with(END64_LOCATOR)),
            None => None,
        };
        if let Some(locator) = locator {
            let at = u64_at(&locator, 8);
            if at.checked_add(56).is_none_or(|e| e > end) {
                return Err(broken(path, "a zip64 end record beyond the file's end"));
            }
            let end64 = read_at(&file, path, at, 56)?;
            if !end64.starts_with(END64) {
                return Err(broken(path, "no zip64 end record where its locator points"));
            }
            disks = [u32_at(&end64, 16), u32_at(&end64, 20)];
            entries = u64_at(&end64, 32);
            size = u64_at(&end64, 40);
            start = u64_at(&end64, 48);
            limit = at;
        }
        if disks != [0, 0] {
            return Err(broken(path, "one part of an archive in several files"));
        }
        if start.checked_add(size).is_none_or(|e| e > limit) {
            return Err(broken(path, format!("a directory of {size} bytes at {start} in a file of {len}")));
        }
        // Each entry takes at least 46 bytes, so the count is bounded by the file's length too.
        if entries > size / 46 {
            return Err(broken(path, format!("{entries} members announced in a directory of {size} bytes")));
        }
        let size = usize::try_from(size).map_err(|_| broken(path, "a directory beyond memory"))?;
        let central = read_at(&file, path, start, size)?;
        let members = directory(path, &central, entries, start)?;
        Ok(Zip { file, members, directory: start, window: Mutex::default() })
    }

    /// Opens one member for reading from its start. One is read at a time: another thread waits.
    ///
    /// # Errors
    /// The member does not lie where the directory says.
    pub fn member(&self, path: &Path, member: &ZipEntry) -> Result<ZipEntryReader<'_>, FileError> {
        let invalid = |found: &str| {
            invalid_member(
                path,
                &member.name,
                "a member that lies within the archive",
                found,
                "save or copy the archive again",
            )
        };
        let io = |e: std::io::Error| invalid(&e.to_string());
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file =
            Part { file: &self.file, window, at: member.offset, end: self.directory.max(member.offset) };
        let mut local = [0u8; 30];
        file.read_exact(&mut local).map_err(io)?;
        if !local.starts_with(LOCAL) {
            return Err(invalid("no local header where the directory points"));
        }
        let name_len = usize::from(u16_at(&local, 26));
        let mut name = vec![0; name_len];
        file.read_exact(&mut name).map_err(io)?;
        if name != member.name.as_bytes() {
            return Err(invalid("another name in its local header"));
        }
        let data = member.offset + 30 + name_len as u64 + u64::from(u16_at(&local, 28));
        if data.checked_add(member.packed).is_none_or(|e| e > self.directory) {
            return Err(invalid("data that runs into the directory"));
        }
        let mut extra = vec![0; usize::from(u16_at(&local, 28))];
        file.read_exact(&mut extra).map_err(io)?;
        let packed = file.take(member.packed);
        Ok(ZipEntryReader {
            source: if member.deflated {
                Source::Deflated(Inflate::new(packed))
            } else {
                Source::Stored(packed)
            },
            crc: crc32fast::Hasher::new(),
            left: member.size,
            expected: member.crc,
        })
    }
}

/// Finds the end record: its position and its bytes.
fn find_end(mut file: &Timed, path: &Path, len: u64) -> Result<(u64, Vec<u8>), FileError> {
    // The record is 22 bytes and a comment of at most 65,535.
    let tail_len = len.min(22 + 65_535);
    let tail = read_at(file, path, len - tail_len, tail_len as usize)?;
    let found = (0..=tail.len().saturating_sub(22))
        .rev()
        .filter(|&at| tail.len() >= 22 && tail[at..].starts_with(END))
        .find(|&at| at + 22 + usize::from(u16_at(&tail, at + 20)) == tail.len());
    match found {
        Some(at) => Ok((len - tail_len + at as u64, tail[at..].to_vec())),
        None => {
            let mut start = [0u8; 6];
            let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read(&mut start)).unwrap_or(0);
            Err(if start[..read].starts_with(b"PK") {
                broken(path, "no end record: the file is cut off or has bytes after its end")
            } else if start == *b"\x93NUMPY" {
                FileError::new(
                    path,
                    "file",
                    "an .npz archive or a directory of .npy files",
                    "a single .npy array",
                    "save with numpy.savez",
                )
            } else {
                broken(path, "a file that is not a zip archive")
            })
        }
    }
}

/// Parses the central directory.
fn directory(path: &Path, bytes: &[u8], entries: u64, limit: u64) -> Result<Vec<ZipEntry>, FileError> {
    let mut members = Vec::new();
    let mut names = HashSet::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if rest.len() < 46 || !rest.starts_with(CENTRAL) {
            return Err(broken(path, "a garbled directory"));
        }
        let lengths = [28, 30, 32].map(|at| usize::from(u16_at(rest, at)));
        let total = 46 + lengths.iter().sum::<usize>();
        if rest.len() < total {
            return Err(broken(path, "a directory that is cut off"));
        }
        let member = entry(path, &rest[..total], lengths, limit)?;
        if !names.insert(&rest[46..46 + lengths[0]]) {
            return Err(invalid_member(
                path,
                &member.name,
                "each name once",
                "it twice",
                "save the archive again with distinct names",
            ));
        }
        members.push(member);
        rest = &rest[total..];
    }
    if members.len() as u64 != entries {
        return Err(broken(path, format!("{} members where {entries} are announced", members.len())));
    }
    no_overlap(path, &members)?;
    Ok(members)
}

/// Parses one entry of the central directory; `lengths` are those of its name, extra field and comment.
fn entry(path: &Path, e: &[u8], lengths: [usize; 3], limit: u64) -> Result<ZipEntry, FileError> {
    let raw = &e[46..46 + lengths[0]];
    let invalid = |expected: &str, found: String, fix: &str| {
        let shown = one_line(&String::from_utf8_lossy(raw));
        Err(invalid_member(path, &shown, expected, found, fix))
    };
    let Ok(name) = std::str::from_utf8(raw) else {
        return invalid("a name in UTF-8", "other bytes".to_owned(), "rename it");
    };
    let flags = u16_at(e, 8);
    if flags & 0x2041 != 0 {
        return invalid("plain data", "an encrypted member".to_owned(), "save without a password");
    }
    let method = u16_at(e, 10);
    if method != 0 && method != 8 {
        return invalid(
            "stored (0) or deflated (8) data",
            format!("compression method {method}"),
            "save it stored or deflated",
        );
    }
    let mut size = u64::from(u32_at(e, 24));
    let mut packed = u64::from(u32_at(e, 20));
    let mut offset = u64::from(u32_at(e, 42));
    let mut disk = u64::from(u16_at(e, 34));
    let mut wide = [&mut size, &mut packed, &mut offset]
        .into_iter()
        .filter(|v| **v == u64::from(u32::MAX))
        .collect::<Vec<_>>();
    let asks_disk = disk == u64::from(u16::MAX);
    if !wide.is_empty() || asks_disk {
        let extra = &e[46 + lengths[0]..46 + lengths[0] + lengths[1]];
        let field = zip64_field(extra).unwrap_or(&[]);
        if field.len() < 8 * wide.len() + if asks_disk { 4 } else { 0 } {
            return invalid(
                "zip64 sizes in its extra field",
                "none".to_owned(),
                "save or copy the archive again",
            );
        }
        for (i, value) in wide.iter_mut().enumerate() {
            **value = u64_at(field, 8 * i);
        }
        if asks_disk {
            disk = u64::from(u32_at(field, 8 * wide.len()));
        }
    }
    if disk != 0 {
        return invalid("an archive in one file", format!("part {disk}"), "join the parts");
    }
    let header = 30 + lengths[0] as u64;
    let end = offset.checked_add(header).and_then(|o| o.checked_add(packed));
    if end.is_none_or(|end| end > limit) {
        return invalid(
            "a member that lies within the archive",
            format!("{packed} bytes at {offset}, the directory at {limit}"),
            "save or copy the archive again",
        );
    }
    let possible = if method == 0 { size == packed } else { size <= packed.saturating_mul(DEFLATE_RATIO) };
    if !possible {
        return invalid(
            "sizes that agree",
            format!("{size} bytes from {packed}"),
            "save or copy the archive again",
        );
    }
    if size > LARGE && size / LARGE_RATIO > packed {
        let expected = format!("at most {LARGE_RATIO} times its packed size beyond {} MiB", LARGE >> 20);
        let found = format!("{size} bytes from {packed}");
        return invalid(&expected, found, "if it is meant, save it uncompressed");
    }
    Ok(ZipEntry { name: name.to_owned(), deflated: method == 8, crc: u32_at(e, 16), packed, size, offset })
}

/// The zip64 field (id 1) of an extra field.
fn zip64_field(mut extra: &[u8]) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let (id, len) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let field = extra.get(4..4 + len)?;
        if id == 1 {
            return Some(field);
        }
        extra = &extra[4 + len..];
    }
    None
}

/// Members that share bytes are how small archives unpack to huge ones.
fn no_overlap(path: &Path, members: &[ZipEntry]) -> Result<(), FileError> {
    let mut order: Vec<&ZipEntry> = members.iter().collect();
    order.sort_by_key(|m| m.offset);
    for pair in order.windows(2) {
        let end = pair[0].offset + 30 + pair[0].name.len() as u64 + pair[0].packed;
        if end > pair[1].offset {
            return Err(invalid_member(
                path,
                &pair[1].name,
                "bytes of its own",
                format!("an overlap with {}", pair[0].name),
                "save the archive again",
            ));
        }
    }
    Ok(())
}

enum Source<'a> {
    Stored(Take<Part<'a>>),
    Deflated(Inflate<Take<Part<'a>>>),
}

/// Reads a member's data; never more than its announced size.
pub struct ZipEntryReader<'a> {
    source: Source<'a>,
    crc: crc32fast::Hasher,
    left: u64,
    expected: u32,
}

impl Read for ZipEntryReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let n = match &mut self.source {
            Source::Stored(s) => s.read(&mut buffer[..room])?,
            Source::Deflated(s) => s.read(&mut buffer[..room])?,
        };
        self.crc.update(&buffer[..n]);
        self.left -= n as u64;
        Ok(n)
    }
}

impl ZipEntryReader<'_> {
    /// Call when everything was read: checks that the data ends here and its CRC.
    ///
    /// # Errors
    /// What was found.
    pub fn finish(mut self) -> Result<(), String> {
        if self.left != 0 {
            return Err(format!("{} bytes too few", self.left));
        }
        let mut one = [0u8; 1];
        let more = match &mut self.source {
            Source::Stored(s) => s.read(&mut one),
            Source::Deflated(s) => s.read(&mut one),
        };
        match more {
            Ok(0) => {}
            Ok(_) => return Err("more data than announced".to_owned()),
            Err(e) => return Err(e.to_string()),
        }
        if let Source::Deflated(s) = &mut self.source
            && s.has_more().map_err(|e| e.to_string())?
        {
            return Err("bytes after the deflated data".to_owned());
        }
        if self.crc.finalize() != self.expected {
            return Err("a CRC that differs from the directory's".to_owned());
        }
        Ok(())
    }
}
