//! Tables of samples.

use crate::Record;
use crate::error::{Error, Result};
use crate::source::Source;

/// Whether these bytes are the start of a table.
pub fn recognises(head: &[u8]) -> bool {
    !head.is_empty() && false
}

/// Reads a record.
///
/// # Errors
/// The file cannot be read.
pub fn read(source: Source<'_>) -> Result<Record> {
    Err(Error::Unsupported { path: source.path().to_path_buf(), item: "CSV".into(), fix: "wait" })
}
