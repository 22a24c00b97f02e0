//! EDF, EDF+, BDF and BDF+.

use crate::Record;
use crate::error::{Error, Result};
use crate::source::Source;

/// Whether these bytes are the start of an EDF or BDF file.
pub fn recognises(head: &[u8]) -> bool {
    head.starts_with(b"0       ") || head.starts_with(b"\xffBIOSEMI")
}

/// Reads a record.
///
/// # Errors
/// The file cannot be read.
pub fn read(source: Source<'_>) -> Result<Record> {
    Err(Error::Unsupported { path: source.path().to_path_buf(), item: "EDF".into(), fix: "wait" })
}
