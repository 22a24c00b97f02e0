//! Writing `.npz`, whole or not at all.

use super::npy::MAX_DIMS;
use super::{Array, Data};
use efficientecg_files::{self as files, FileError};
use miniz_oxide::deflate::compress_to_vec;
use npyz::{DType, Serialize, WriteOptions, WriterBuilder};
use std::collections::HashSet;
use std::path::Path;

/// How members are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packing {
    /// As they are (`numpy.savez`).
    Stored,
    /// Deflated (`numpy.savez_compressed`).
    Deflated,
}

/// Writes arrays to an `.npz`: `F32` as `<f4`, `F64` as `<f8`, `I64` as `<i8`, `U8` as `|u1`, `U64` as `<u8`, C order.
///
/// Each member must stay below 4 GiB, and all of them together. An existing file is replaced once the new one is whole; a
/// pipe or a device is written directly.
pub fn write_npz(
    path: impl AsRef<Path>,
    arrays: &[(&str, &Array)],
    packing: Packing,
) -> Result<(), FileError> {
    let path = path.as_ref();
    let bytes = npz_bytes(path, arrays, packing)?;
    files::write(path, &bytes).map_err(|e| failed(path, &e))
}

fn failed(path: &Path, error: &std::io::Error) -> FileError {
    let fix = match error.kind() {
        std::io::ErrorKind::NotFound => "make the folder first",
        std::io::ErrorKind::PermissionDenied => "give write permission to the folder",
        std::io::ErrorKind::IsADirectory | std::io::ErrorKind::InvalidInput => "choose another path",
        _ => "check the folder and its free space",
    };
    FileError::new(path, "file", "a file that can be written", error.to_string(), fix)
}

/// The bytes that [`write_npz`] writes to `path`.
pub fn npz_bytes(path: &Path, arrays: &[(&str, &Array)], packing: Packing) -> Result<Vec<u8>, FileError> {
    let invalid = |item: &str, expected: &str, found: &str| {
        FileError::new(path, item, expected, found, "correct what is to be written")
    };
    let mut out = Vec::new();
    let mut directory = Vec::new();
    let mut names = HashSet::new();
    for (name, array) in arrays {
        let file_name = format!("{name}.npy");
        if !names.insert(*name) || name.is_empty() || file_name.len() > usize::from(u16::MAX) {
            return Err(invalid(name, "a distinct, short name", "a duplicate, empty or long one"));
        }
        let plain = npy_bytes(array).ok_or_else(|| {
            invalid(
                name,
                &format!("a shape of at most {MAX_DIMS} sizes that fits its elements"),
                &format!("shape {:?} of {} elements", array.shape, array.data.len()),
            )
        })?;
        let crc = crc32fast::hash(&plain);
        let size = plain.len();
        let (method, packed) = match packing {
            Packing::Stored => (0u16, plain),
            Packing::Deflated => (8, compress_to_vec(&plain, 6)),
        };
        let small = |n: usize| u32::try_from(n).ok().filter(|n| *n < u32::MAX);
        let end = out.len() + packed.len() + file_name.len() + 30;
        let (Some(size), Some(packed_size), Some(offset), Some(_)) =
            (small(size), small(packed.len()), small(out.len()), small(end))
        else {
            return Err(invalid(name, "less than 4 GiB in all", "more"));
        };
        // Fields shared by both headers, from "version needed" to the name's length; dated 1980-01-01.
        let mut common = Vec::new();
        for v in [20u16, 0x800, method, 0, 0x21] {
            common.extend(v.to_le_bytes());
        }
        for v in [crc, packed_size, size] {
            common.extend(v.to_le_bytes());
        }
        common.extend((file_name.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(file_name.as_bytes());
        out.extend(&packed);
        directory.extend(b"PK\x01\x02");
        directory.extend(20u16.to_le_bytes());
        directory.extend(&common);
        directory.extend([0u8; 10]); // comment length, disk, internal and external attributes
        directory.extend(offset.to_le_bytes());
        directory.extend(file_name.as_bytes());
    }
    let (Ok(count), Ok(start), Ok(size)) =
        (u16::try_from(arrays.len()), u32::try_from(out.len()), u32::try_from(directory.len()))
    else {
        return Err(invalid("archive", "at most 65,535 members", "more"));
    };
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    Ok(out)
}

/// One array as a `.npy` file; `None` if its shape and its elements disagree, or it has too many dimensions.
fn npy_bytes(array: &Array) -> Option<Vec<u8>> {
    let count = array.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))?;
    if count != array.data.len() || array.shape.len() > MAX_DIMS {
        return None;
    }
    let shape: Vec<u64> = array.shape.iter().map(|&n| n as u64).collect();
    match &array.data {
        Data::F32(v) => elements("<f4", &shape, v),
        Data::F64(v) => elements("<f8", &shape, v),
        Data::I64(v) => elements("<i8", &shape, v),
        Data::U8(v) => elements("|u1", &shape, v),
        Data::U64(v) => elements("<u8", &shape, v),
    }
    // Writing to memory fails only for what is held against above.
    .ok()
}

fn elements<T: Serialize + Copy>(descr: &str, shape: &[u64], values: &[T]) -> std::io::Result<Vec<u8>> {
    let dtype = descr.parse().map_err(std::io::Error::other)?;
    let mut out = Vec::with_capacity(size_of_val(values) + 1024);
    let options = WriteOptions::new().dtype(DType::new_scalar(dtype)).shape(shape);
    let mut writer = options.writer(&mut out).begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()?;
    Ok(out)
}
