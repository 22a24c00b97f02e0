//! What tests and benches of operations share. None of it is part of the product.
//!
//! - [`table`]: every operation, with its cases and its precisions. Tests and benches loop over it.
//! - `cases`: for each operation the model's shapes, the edges, and random cases.
//! - [`bounds`]: running error analysis, which says how far a kernel may be from its reference; for each operation what it comes to.
//! - [`harness`]: runs a kernel between guards and holds each element to its bound.
//! - [`recipe`], [`random`]: what random cases are made from.

pub mod bounds;
pub mod case;
mod cases;
pub mod harness;
pub mod random;
pub mod recipe;
pub mod table;

pub use bounds::Bounded;
pub use case::Case;
pub use random::Random;
pub use recipe::{Draw, Recipe, Values};
pub use table::{Entry, ops};
