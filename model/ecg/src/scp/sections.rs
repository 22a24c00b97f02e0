//! The file's parts: section 0 points to the others.

use std::path::Path;

use super::HEADER;
use crate::error::{Error, Result};

/// Sections that a record may have: 0 to 11.
const COUNT: usize = 12;
/// Bytes before section 0: the file's check sum and its length.
const FRONT: usize = 6;
/// Bytes of a pointer: a section's number, its length, its place from 1.
const POINTER: usize = 10;
const FIX: &str = "export the record again";

/// The sections that hold something.
#[derive(Debug)]
pub(super) struct Sections<'a> {
    path: &'a Path,
    all: [Option<Section<'a>>; COUNT],
    /// Section 12, of version 3, holds records of days.
    long: bool,
}

/// A section without its header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    path: &'a Path,
    number: usize,
    body: &'a [u8],
}

impl<'a> Sections<'a> {
    pub(super) fn read(path: &'a Path, bytes: &'a [u8], warnings: &mut Vec<String>) -> Result<Sections<'a>> {
        let file = Section { path, number: 0, body: bytes };
        let length = file.u32(2, "length of the record")? as usize;
        if length > bytes.len() {
            return Err(Error::Content {
                path: path.to_path_buf(),
                item: "record".into(),
                expected: format!("{length} bytes"),
                found: format!("{} bytes", bytes.len()),
                fix: "get the whole file again",
            });
        }
        if length < bytes.len() {
            warnings.push(format!("{} bytes after the record are left out", bytes.len() - length));
        }
        let file = Section { body: &bytes[..length], ..file };
        if file.u16(0, "check sum")? != crc(&file.body[2..]) {
            warnings.push("the check sum of the file does not fit".to_owned());
        }
        let size = file.u32(FRONT + 4, "length of section 0")? as usize;
        let pointers = file.body.get(FRONT + HEADER..FRONT.saturating_add(size)).ok_or_else(|| {
            file.error(
                "length",
                &format!("{HEADER} to {} bytes", length - FRONT.min(length)),
                &size.to_string(),
            )
        })?;
        let mut sections = Sections { path, all: [None; COUNT], long: false };
        for pointer in pointers.chunks_exact(POINTER) {
            let pointer = Section { path, number: 0, body: pointer };
            let number = usize::from(pointer.u16(0, "pointer")?);
            let (size, place) = (pointer.u32(2, "pointer")? as usize, pointer.u32(6, "pointer")? as usize);
            if number == 0 || size == 0 {
                continue;
            }
            sections.long |= number == 12;
            let Some(free) = sections.all.get_mut(number).filter(|section| section.is_none()) else {
                continue;
            };
            *free = Some(section(&file, number, place, size, warnings)?);
        }
        Ok(sections)
    }

    pub(super) fn get(&self, number: usize) -> Option<Section<'a>> {
        *self.all.get(number)?
    }

    /// A section that the record cannot do without.
    pub(super) fn need(&self, number: usize, what: &str) -> Result<Section<'a>> {
        if number == 6 && self.long && self.get(6).is_none() {
            return Err(Error::Unsupported {
                path: self.path.to_path_buf(),
                item: "a record of days (section 12)".into(),
                fix: "export it in another format",
            });
        }
        self.get(number).ok_or_else(|| {
            let part = Section { path: self.path, number, body: &[] };
            part.error("length", &format!("{what} in section {number}"), "none")
        })
    }
}

/// The section at `place`, which counts from 1.
fn section<'a>(
    file: &Section<'a>,
    number: usize,
    place: usize,
    size: usize,
    warnings: &mut Vec<String>,
) -> Result<Section<'a>> {
    let section = Section { number, ..*file };
    let bytes = place
        .checked_sub(1)
        .and_then(|start| file.body.get(start..start.checked_add(size)?))
        .filter(|bytes| bytes.len() >= HEADER);
    let Some(bytes) = bytes else {
        let expected = format!("at least {HEADER} bytes within the record's {}", file.body.len());
        return Err(section.error("pointer", &expected, &format!("{size} bytes at byte {place}")));
    };
    let head = Section { body: bytes, ..section };
    let id = usize::from(head.u16(2, "number")?);
    if id != number {
        return Err(section.error("number", &number.to_string(), &id.to_string()));
    }
    if head.u16(0, "check sum")? != crc(&bytes[2..]) {
        warnings.push(format!("the check sum of section {number} does not fit"));
    }
    Ok(Section { body: &bytes[HEADER..], ..section })
}

impl<'a> Section<'a> {
    pub(super) fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(super) fn u8(&self, at: usize, what: &str) -> Result<u8> {
        self.array::<1>(at, what).map(|[byte]| byte)
    }

    pub(super) fn u16(&self, at: usize, what: &str) -> Result<u16> {
        self.array(at, what).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, at: usize, what: &str) -> Result<u32> {
        self.array(at, what).map(u32::from_le_bytes)
    }

    fn array<const N: usize>(&self, at: usize, what: &str) -> Result<[u8; N]> {
        let bytes = at.checked_add(N).and_then(|end| self.body.get(at..end)?.try_into().ok());
        bytes.ok_or_else(|| {
            let expected = format!("{N} bytes at byte {at}");
            self.error(what, &expected, &format!("{} bytes", self.body.len()))
        })
    }

    /// Something in the section is not as it should be.
    pub(super) fn error(&self, what: &str, expected: &str, found: &str) -> Error {
        Error::Content {
            path: self.path.to_path_buf(),
            item: format!("section {}: {what}", self.number),
            expected: expected.to_owned(),
            found: found.to_owned(),
            fix: FIX,
        }
    }

    /// The section holds what this reader does not know.
    pub(super) fn unsupported(&self, what: &str) -> Error {
        Error::Unsupported {
            path: self.path.to_path_buf(),
            item: format!("section {}: {what}", self.number),
            fix: "export it in another format",
        }
    }
}

/// CRC-CCITT: polynomial 0x1021, first remainder 0xFFFF.
pub(super) fn crc(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let (mut rest, mut bit) = ((i as u16) << 8, 0);
            while bit < 8 {
                rest = if rest & 0x8000 == 0 { rest << 1 } else { rest << 1 ^ 0x1021 };
                bit += 1;
            }
            table[i] = rest;
            i += 1;
        }
        table
    };
    bytes.iter().fold(0xffff, |rest, byte| rest << 8 ^ TABLE[usize::from((rest >> 8) as u8 ^ byte)])
}
