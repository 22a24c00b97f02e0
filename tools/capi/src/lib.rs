//! EfficientECG for C and C++: what `include/efficientecg.h` declares. `tools/capi/README.md` shows how it is used.
//!
//! ```text
//! error.rs     status numbers, the caller's memory for messages, the guard around every entry
//! memory.rs    slices of the caller's memory, checked
//! model.rs     loading; what a model is
//! session.rs   a plan, and runs that allocate nothing
//! stream.rs    beats of a live signal: feature `stream`
//! ```
//!
//! Names are C's, so that cbindgen copies them. Every entry goes through `guard`: a panic becomes `ECG_ERROR_PANIC` where the
//! library is built with `panic = "unwind"`, and ends the process with `panic = "abort"`.

#![allow(non_camel_case_types)]
// What a caller must keep to is the header's beginning, for all functions alike: pointers are null or as it says.
#![allow(clippy::missing_safety_doc)]
// Shapes stand in brackets, for the header.
#![allow(rustdoc::broken_intra_doc_links)]

mod error;
mod memory;
mod model;
mod session;
#[cfg(feature = "stream")]
mod stream;

pub use error::*;
pub use model::*;
pub use session::*;
#[cfg(feature = "stream")]
pub use stream::*;

use std::ffi::c_char;

/// The version of this header's structs and functions. It changes when a program has to be compiled again.
pub const ECG_ABI_VERSION: u32 = 1;

/// The ABI's version that the library was built with; it must be ECG_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn ecg_abi_version() -> u32 {
    ECG_ABI_VERSION
}

/// The library's version, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn ecg_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
