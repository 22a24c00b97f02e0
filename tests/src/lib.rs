//! The harness of the whole-model tests: goldens, comparisons that can fail, random networks and inputs.
//!
//! What each test proves stands in `tests/README.md`.

pub mod compare;
pub mod conditioning;
pub mod data;
pub mod defects;
pub mod golden;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod live;
pub mod ludb;
pub mod mitbih;
pub mod random;

/// The first page's example is compiled with the examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FirstPage;
