//! Arrays in NumPy's files: `.npz` archives, directories of `.npy`, single `.npy`; read and written.
//!
//! Reading is strict and cheap to refuse: an array's type, shape and length are held against what the caller expects
//! and against the file's real length before its data are read, and memory grows as data arrive. Floats of 2, 4 and 8
//! bytes and integers of 1 to 8 bytes, either byte order, C or Fortran order; anything else is an error.

mod archive;
mod npy;
mod write;

pub use archive::{Archive, read_npy};
pub use efficientecg_files::{Dim, check_shape};
pub use write::{Packing, npz_bytes, write_npz};

/// An array with its elements in C order (last index fastest).
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Sizes of the dimensions; empty for a single value.
    pub shape: Vec<usize>,
    /// The elements.
    pub data: Data,
}

/// Elements, widened without loss.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// `f2` and `f4`.
    F32(Vec<f32>),
    /// `f8`.
    F64(Vec<f64>),
    /// `i1` to `i8`.
    I64(Vec<i64>),
    /// `u1`.
    U8(Vec<u8>),
    /// `u2` to `u8`.
    U64(Vec<u64>),
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::F64(v) => v.len(),
            Data::I64(v) => v.len(),
            Data::U8(v) => v.len(),
            Data::U64(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as `f64`; exact for floats, nearest for integers beyond 2^53.
    pub fn into_f64(self) -> Vec<f64> {
        match self {
            Data::F32(v) => v.into_iter().map(f64::from).collect(),
            Data::F64(v) => v,
            Data::I64(v) => v.into_iter().map(|x| x as f64).collect(),
            Data::U8(v) => v.into_iter().map(f64::from).collect(),
            Data::U64(v) => v.into_iter().map(|x| x as f64).collect(),
        }
    }

    /// A copy of the elements as `f64`, as [`Data::into_f64`].
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Data::F32(v) => v.iter().copied().map(f64::from).collect(),
            other => other.clone().into_f64(),
        }
    }

    /// One element as an integer, exact; floats are truncated.
    ///
    /// # Panics
    /// `i` is out of range.
    pub fn int_at(&self, i: usize) -> i128 {
        match self {
            Data::F32(v) => v[i] as i128,
            Data::F64(v) => v[i] as i128,
            Data::I64(v) => i128::from(v[i]),
            Data::U8(v) => i128::from(v[i]),
            Data::U64(v) => i128::from(v[i]),
        }
    }
}

/// The class of element types that a caller takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// `f2`, `f4`, `f8`.
    Float,
    /// `i1` to `i8`, `u1` to `u8`.
    Integer,
    /// Any of the floats and integers.
    Number,
    /// `u1` only: the configuration's text.
    Bytes,
}

impl Class {
    fn describe(self) -> &'static str {
        match self {
            Class::Float => "floats (f2, f4 or f8)",
            Class::Integer => "integers (i1 to i8 or u1 to u8)",
            Class::Number => "numbers (f2 to f8, i1 to i8 or u1 to u8)",
            Class::Bytes => "bytes (uint8)",
        }
    }
}

/// What the README shows is run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests;
