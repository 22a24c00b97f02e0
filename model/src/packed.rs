//! Packed weights: a network in one flat file, for programs that have no NumPy, JSON or inflate.
//!
//! Batch norm is folded in, every value is checked, and arrays stand in the order in which they are loaded. Weights that
//! kernels can store in 16 bits may be in f16 or bf16, all others are in f32. A file is mapped into memory and gone through once, front to
//! back. Weights in f16 lie in the blocks of rows that kernels read, and are used where they lie: a model keeps the file's bytes then.
//!
//! All numbers are little-endian. The file is a header of 32 bytes, the configuration, and then the arrays:
//!
//! | bytes | header |
//! | --- | --- |
//! | 8 | `89 45 43 47 57 0d 0a 1a`: `ECGW` between bytes that a transfer as text would change |
//! | 4 | the version, 1 |
//! | 4 | length of the configuration in bytes |
//! | 8 | length of the file in bytes |
//! | 8 | XXH64 of all that follows the header |
//!
//! An array begins at a multiple of 64 bytes, with a header of its own, its data follow 64 bytes further on:
//!
//! | bytes | an array's header |
//! | --- | --- |
//! | 8 | number of elements |
//! | 8 | XXH64 of its name |
//! | 4 | encoding: 1 is f32, 2 is f16 (IEEE 754 binary16), 3 is bf16, 4 is f16 in blocks of rows ([`HalfBlocks`](efficientecg_kernels::half_blocks::HalfBlocks)), whose zeros count as elements |
//! | 44 | zeros |
//!
//! ```text
//! configuration.rs  the configuration in bytes
//! hash.rs           XXH64
//! read.rs           layers from a file or from bytes
//! write.rs          a file from weights
//! ```

mod configuration;
mod hash;
mod read;
mod write;

#[cfg(not(feature = "npz"))]
pub(crate) use read::not_packed;
pub(crate) use read::{Bytes, PackedFile, open};
pub use write::pack;

use crate::config::Config;
use crate::layers::Layers;
use crate::weights::WeightsError;
use std::path::Path;

/// What a file begins with.
pub(crate) const MAGIC: [u8; 8] = *b"\x89ECGW\r\n\x1a";

/// The only version that is read and written.
const VERSION: u32 = 1;

/// Length of the header, and where its fields are.
const HEADER: usize = 32;

/// Arrays and their data begin at multiples of it.
const ALIGNMENT: usize = 64;

/// Longest configuration in bytes.
const MAX_CONFIG: usize = 4 << 20;

/// The extension that files are given.
pub const EXTENSION: &str = "ecgw";

/// The configuration of a packed file; none of a file of another kind.
///
/// # Errors
/// The file is malformed.
pub fn config(path: impl AsRef<Path>) -> Result<Option<Config>, WeightsError> {
    Ok(open(path.as_ref())?.map(|file| file.config().clone()))
}

/// How the elements of an array are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    F32 = 1,
    F16 = 2,
    Bf16 = 3,
    /// In blocks of rows.
    F16Blocks = 4,
}

impl Encoding {
    /// The one of this number.
    fn by_number(number: u32) -> Option<Encoding> {
        [Encoding::F32, Encoding::F16, Encoding::Bf16, Encoding::F16Blocks]
            .into_iter()
            .find(|e| *e as u32 == number)
    }

    /// Bytes of an element.
    fn bytes(self) -> usize {
        if self == Encoding::F32 { 4 } else { 2 }
    }
}

#[cfg(test)]
mod tests;
