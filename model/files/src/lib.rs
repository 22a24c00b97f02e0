//! What everything that reads or writes files shares: the one shape of an error about a file, how a file is opened, and
//! how one is written whole or not at all.
//!
//! - [`ItemError`] and [`FileError`]: what is wrong with a file, in one line that names the file, the item and the fix.
//! - [`Dim`] and [`check_shape`]: an array's shape held against the expected one.
//! - [`reserve`]: memory for what files hold. [`Contents`]: a file's bytes, mapped where the system does that.
//! - `open`, `text`, `Timed`: files in; feature `read`.
//! - `write`, `write_all`: files out; feature `write`, which brings `read`.
//! - `Zip`: archives in; feature `zip`, which brings `read`.

mod contents;
mod error;
#[cfg(feature = "zip")]
mod inflate;
mod memory;
#[cfg(feature = "read")]
mod read;
mod shape;
#[cfg(feature = "write")]
mod write;
#[cfg(feature = "zip")]
mod zip;

pub use contents::Contents;
pub use error::{FileError, ItemError, line_of, one_line};
pub use memory::{Reserved, reserve};
#[cfg(feature = "read")]
pub use read::{Clock, Timed, open, text};
pub use shape::{Dim, check_shape};
#[cfg(feature = "write")]
pub use write::{write, write_all};
#[cfg(feature = "zip")]
pub use zip::{Zip, ZipEntry, ZipEntryReader};

/// What the README shows is run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
