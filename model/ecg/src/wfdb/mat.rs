//! MATLAB level 4 signal files, as PhysioNet's wfdb2mat writes them and the CinC Challenges publish them.
//!
//! Five 32-bit integers, low byte first: type `MOPT` (machine 0 = little-endian, 0, precision, 0 = full matrix), rows,
//! columns, imaginary flag, length of the name with its NUL; then the name; then the matrix column by column. Rows are
//! signals, so the matrix is an ordinary interleaved signal file at the header's byte offset (24 for the name `val`).

use std::io::Read;
use std::path::Path;

use super::format::Format;
use super::header::SignalSpec;
use crate::error::{Error, Result};
use crate::opened::Opened;

/// Whether `path` is a MATLAB file by its name.
pub(crate) fn is_mat(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mat"))
}

/// Holds the matrix header of a `.mat` file against the signal lines. The number of columns (frames), or `None` if
/// `path` is not a `.mat` file.
///
/// `rows` is the number of samples in a frame, `len` the file's length.
pub(crate) fn check(
    path: &Path,
    file: &mut Opened,
    len: u64,
    spec: &SignalSpec,
    rows: u64,
) -> Result<Option<u64>> {
    if !is_mat(path) {
        return Ok(None);
    }
    let error = |item: &str, expected: String, found: String| Error::Content {
        path: path.to_path_buf(),
        item: format!("MATLAB v4 header: {item}"),
        expected,
        found,
        fix: "save the matrix again with save -v4 or wfdb2mat, or correct the record's header",
    };
    let mut head = [0_u8; 20];
    if len < 20 {
        return Err(error("length", "at least 20 bytes".into(), len.to_string()));
    }
    file.read_exact(&mut head).map_err(Error::reading(path))?;
    let field = |i: usize| {
        let at = 4 * i;
        u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
    };
    let (kind, stored_rows, columns) = (field(0), u64::from(field(1)), u64::from(field(2)));
    let wanted_kind = match spec.format {
        Format::F32 => 20,
        Format::F16 => 30,
        Format::F160 => 40,
        Format::F80 => 50,
        other => {
            let expected = "16, 32, 80 or 160 in the record's header".to_owned();
            return Err(error("format", expected, other.code().to_string()));
        }
    };
    if kind != wanted_kind {
        let expected = format!("{wanted_kind} for signal format {}", spec.format.code());
        return Err(error("type", expected, kind.to_string()));
    }
    if field(3) != 0 {
        return Err(error("imaginary part", "none".into(), field(3).to_string()));
    }
    let data = 20 + u64::from(field(4));
    if data != spec.byte_offset {
        let expected = format!("{} as the record's header says", spec.byte_offset);
        return Err(error("offset of the data", expected, data.to_string()));
    }
    if stored_rows != rows {
        return Err(error("rows", format!("{rows}, one a signal"), stored_rows.to_string()));
    }
    // Rows and columns are below 2^32, so their product fits.
    let need =
        spec.format.bytes(rows * columns).and_then(|bytes| bytes.checked_add(data)).unwrap_or(u64::MAX);
    if need > len {
        return Err(Error::Short { path: path.to_path_buf(), samples: columns, expected: need, found: len });
    }
    Ok(Some(columns))
}
