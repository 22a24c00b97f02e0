//! What a reader of a format is given: a file's bytes from the first, its name, and what the user says about it.

use std::io::{Cursor, Read, Result as IoResult};
use std::path::Path;

use crate::error::{Error, Result};
use crate::opened;

/// Bytes at the start of a file by which its format is told.
pub(crate) const HEAD: u64 = 1 << 16;
/// Longest file that is read into memory as a whole. Real ones of these formats have some megabytes.
const MOST: u64 = 1 << 30;

/// What the user says of a file that does not say it itself. Formats that hold these do not ask.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Samples a second.
    pub rate: Option<f64>,
    /// Unit of the samples.
    pub unit: Option<String>,
    /// Names of the leads, in the file's order. The file then has no header.
    pub leads: Vec<String>,
}

impl ReadOptions {
    /// Nothing said.
    pub fn new() -> ReadOptions {
        ReadOptions::default()
    }

    /// Samples a second.
    pub fn rate(mut self, rate: f64) -> ReadOptions {
        self.rate = Some(rate);
        self
    }

    /// Unit of the samples.
    pub fn unit(mut self, unit: impl Into<String>) -> ReadOptions {
        self.unit = Some(unit.into());
        self
    }

    /// Names of the leads of a file without a header.
    pub fn leads<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> ReadOptions {
        self.leads = names.into_iter().map(Into::into).collect();
        self
    }
}

/// A file that is being read, from its first byte.
pub struct Source<'a> {
    path: &'a Path,
    head: Vec<u8>,
    /// How much of the head has been read.
    at: usize,
    rest: Box<dyn Read + 'a>,
    length: Option<u64>,
    options: &'a ReadOptions,
}

impl<'a> Source<'a> {
    /// Opens a regular file, or one of an archive.
    pub(crate) fn open(path: &'a Path, options: &'a ReadOptions) -> Result<Source<'a>> {
        let (file, length) = opened::open(path).map_err(Error::reading(path))?;
        Source::new(path, Box::new(file), Some(length), options)
    }

    /// A stream, with its length in bytes where that is known; `path` is for names and errors.
    pub(crate) fn new(
        path: &'a Path,
        mut input: Box<dyn Read + 'a>,
        length: Option<u64>,
        options: &'a ReadOptions,
    ) -> Result<Source<'a>> {
        let mut head = Vec::new();
        input.by_ref().take(HEAD).read_to_end(&mut head).map_err(Error::reading(path))?;
        Ok(Source { path, head, at: 0, rest: input, length, options })
    }

    /// Bytes in memory; `path` is for names and errors.
    pub fn of_bytes(path: &'a Path, bytes: &'a [u8], options: &'a ReadOptions) -> Source<'a> {
        let head = bytes.iter().copied().take(HEAD as usize).collect::<Vec<u8>>();
        let rest = Box::new(Cursor::new(&bytes[head.len()..]));
        Source { path, head, at: 0, rest, length: Some(bytes.len() as u64), options }
    }

    /// The file, for errors.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// A record's name where the file has none: its own, without folder and ending.
    pub fn name(&self) -> String {
        self.path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
    }

    /// The first bytes, up to 64 KiB: all of a shorter file.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Bytes of the whole file, where that is known: not of a stream.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// What the user says of the file.
    pub fn options(&self) -> &'a ReadOptions {
        self.options
    }

    /// All bytes, for formats that are not read piece by piece.
    ///
    /// # Errors
    /// The file cannot be read, or has more than 1 GiB.
    pub fn bytes(mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let path = self.path;
        self.by_ref().take(MOST + 1).read_to_end(&mut bytes).map_err(Error::reading(path))?;
        if bytes.len() as u64 > MOST {
            return Err(Error::Unsupported {
                path: path.to_path_buf(),
                item: format!("a file of more than {} GiB", MOST >> 30),
                fix: "give the record in parts",
            });
        }
        Ok(bytes)
    }
}

impl Read for Source<'_> {
    fn read(&mut self, to: &mut [u8]) -> IoResult<usize> {
        let left = self.head.get(self.at..).unwrap_or_default();
        if left.is_empty() {
            return self.rest.read(to);
        }
        let count = left.len().min(to.len());
        to[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_read_again_and_then_the_rest() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
        let options = ReadOptions::new();
        for length in [0, 1, HEAD as usize - 1, HEAD as usize, HEAD as usize + 1, bytes.len()] {
            let part = &bytes[..length];
            let stream = Source::new(Path::new("a/b.c"), Box::new(part), None, &options).expect("reads");
            for source in [Source::of_bytes(Path::new("a/b.c"), part, &options), stream] {
                assert_eq!(source.name(), "b");
                assert_eq!(source.head(), &part[..length.min(HEAD as usize)]);
                assert!(source.bytes().expect("all") == part, "{length}");
            }
        }
    }
}
