//! What tests and benches of operations share. None of it is part of the product.
//!
//! - [`operations`]: every operation, with its cases and its precisions. Tests and benches loop over it.
//! - `cases`: for each operation the model's shapes, the edges, and random cases.
//! - [`bounds`]: running error analysis, which says how far a kernel may be from its reference; for each operation what it comes to.
//! - [`harness`]: runs a kernel between guards and holds each element to its bound.
//! - [`allocations`]: counts them.
//! - [`recipe`], [`random`]: what random cases are made from.
//! - [`for_each_level!`], [`level_tests!`]: tests that bear the names of instruction sets.

pub mod allocations;
pub mod bounds;
pub mod case;
mod cases;
pub mod harness;
pub mod operations;
pub mod random;
pub mod recipe;

pub use bounds::Bounded;
pub use case::Case;
pub use operations::{Entry, ops};
pub use random::Generator;
pub use recipe::{Distribution, Draw, Recipe};

/// Calls a macro with the name of each instruction set of this architecture, and with what else it is given: it makes the tests of
/// one, in a module of this name, so that `cargo test avx512` finds them.
///
/// ```
/// macro_rules! name {
///     ($level:ident $before:literal) => {
///         mod $level {
///             pub fn name() -> String {
///                 [$before, stringify!($level)].concat()
///             }
///         }
///     };
/// }
/// efficientecg_kit::for_each_level!(name! "at ");
/// assert_eq!(scalar::name(), "at scalar");
/// ```
#[macro_export]
macro_rules! for_each_level {
    ($tests:ident! $($with:tt)*) => {
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        $tests!(scalar $($with)*);
        #[cfg(target_arch = "x86_64")]
        $tests!(avx2 $($with)*);
        #[cfg(target_arch = "x86_64")]
        $tests!(avx512 $($with)*);
        #[cfg(target_arch = "x86_64")]
        $tests!(avx512_zen $($with)*);
        #[cfg(target_arch = "aarch64")]
        $tests!(neon $($with)*);
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(target_feature = "relaxed-simd")))]
        $tests!(simd128 $($with)*);
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        $tests!(simd128_relaxed $($with)*);
    };
}

/// The tests of a level for [`for_each_level!`]: of each function here one, which calls it with the level. Where the processor lacks
/// the level, they are noted as skipped.
#[macro_export]
macro_rules! level_tests {
    ($level:ident $($test:ident)*) => {
        mod $level {$(
            #[test]
            fn $test() {
                if let Some(level) = $crate::harness::level(stringify!($level)) {
                    super::$test(level);
                }
            }
        )*}
    };
}
