//! Bytes to text, by the byte order mark, the XML declaration, or the first bytes (XML 1.0, appendix F).

use std::path::Path;

use crate::error::{Error, Result, quote};

/// The text of a file.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// What of it could not be read as its declaration says.
    pub(crate) warning: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Width {
    Bytes,
    LittleEndian,
    BigEndian,
}

/// How many bytes a character has, and how long the byte order mark is.
fn width(bytes: &[u8]) -> (Width, usize) {
    match bytes {
        [0xff, 0xfe, ..] => (Width::LittleEndian, 2),
        [0xfe, 0xff, ..] => (Width::BigEndian, 2),
        [0xef, 0xbb, 0xbf, ..] => (Width::Bytes, 3),
        [b'<', 0, ..] => (Width::LittleEndian, 0),
        [0, b'<', ..] => (Width::BigEndian, 0),
        _ => (Width::Bytes, 0),
    }
}

fn units(bytes: &[u8], width: Width) -> impl Iterator<Item = u16> + '_ {
    bytes.as_chunks::<2>().0.iter().map(move |pair| match width {
        Width::BigEndian => u16::from_be_bytes(*pair),
        _ => u16::from_le_bytes(*pair),
    })
}

/// The beginning of a file as text, if it may be XML. What is not ASCII is replaced.
pub(crate) fn beginning(head: &[u8]) -> Option<String> {
    let (width, mark) = width(head);
    let ascii = |c: u8| if c.is_ascii() { char::from(c) } else { char::REPLACEMENT_CHARACTER };
    let rest = &head[mark..];
    // Most files of other formats need no more than this.
    if width == Width::Bytes && rest.trim_ascii_start().first() != Some(&b'<') {
        return None;
    }
    Some(match width {
        Width::Bytes => rest.iter().map(|c| ascii(*c)).collect(),
        _ => units(rest, width)
            .map(|unit| u8::try_from(unit).map_or(char::REPLACEMENT_CHARACTER, ascii))
            .collect(),
    })
}

/// The encoding that an XML declaration names, in lower case.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = bytes.trim_ascii_start();
    let declaration = head.strip_prefix(b"<?xml")?;
    let end = declaration.iter().take(1000).position(|c| *c == b'>')?;
    let text = std::str::from_utf8(&declaration[..end]).ok()?;
    let value = text.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let mark = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = value[1..].split(mark).next()?;
    Some(name.trim().to_ascii_lowercase())
}

/// All text of a file. UTF-16 may say so by its first bytes alone; of other encodings that have ASCII within, all but ASCII is
/// replaced, with a warning.
pub(crate) fn decode(path: &Path, mut bytes: Vec<u8>) -> Result<Text> {
    let (width, mark) = width(&bytes);
    if width != Width::Bytes {
        return utf16(path, &bytes[mark..], width);
    }
    bytes.drain(..mark);
    let declared = declared(&bytes);
    let name = declared.as_deref().unwrap_or("utf-8");
    match name {
        // What is read byte by byte is no UTF-16, whatever it says.
        "utf-8" | "utf8" | "us-ascii" | "ascii" | "utf-16" | "ucs-2" | "" => {
            let (text, warning) = match String::from_utf8(bytes) {
                Ok(text) => (text, None),
                Err(e) => {
                    let at = e.utf8_error().valid_up_to();
                    let warning = format!("byte {at} is not UTF-8; the text is read as ISO-8859-1");
                    (latin(e.as_bytes()), Some(warning))
                }
            };
            Ok(Text { text, warning })
        }
        "iso-8859-1" | "latin1" | "latin-1" | "windows-1252" | "cp1252" => {
            Ok(Text { text: latin(&bytes), warning: None })
        }
        _ if around_ascii(name) => {
            let other = bytes.iter().any(|c| !c.is_ascii());
            let ascii = |c: &u8| if c.is_ascii() { char::from(*c) } else { char::REPLACEMENT_CHARACTER };
            let warning = other.then(|| format!("of the encoding {} ASCII alone is read", quote(name)));
            Ok(Text { text: bytes.iter().map(ascii).collect(), warning })
        }
        _ => Err(Error::Unsupported {
            path: path.to_path_buf(),
            item: format!("the encoding {}", quote(name)),
            fix: "convert the file to UTF-8",
        }),
    }
}

/// The bytes of ISO-8859-1 are the first characters of Unicode. Windows-1252 has other signs at 0x80 to 0x9f, which no reader needs.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|c| char::from(*c)).collect()
}

/// Whether `<`, `&` and letters are the same bytes as in ASCII, and no part of other characters.
fn around_ascii(name: &str) -> bool {
    let names = ["gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "koi8-r", "tis-620"];
    names.contains(&name) || name.starts_with("iso-8859-") || name.starts_with("windows-125")
}

fn utf16(path: &Path, bytes: &[u8], width: Width) -> Result<Text> {
    let error = |item: String, expected: &str, found: String| Error::Content {
        path: path.to_path_buf(),
        item,
        expected: expected.to_owned(),
        found,
        fix: super::FIX,
    };
    if bytes.len() % 2 == 1 {
        return Err(error("UTF-16".into(), "an even number of bytes", bytes.len().to_string()));
    }
    let mut text = String::with_capacity(bytes.len() / 2);
    for (i, unit) in char::decode_utf16(units(bytes, width)).enumerate() {
        text.push(unit.map_err(|e| {
            let found = format!("{:#06x}", e.unpaired_surrogate());
            error(format!("character {}", i + 1), "UTF-16", found)
        })?);
    }
    Ok(Text { text, warning: None })
}
