//! What the operations of EfficientECG are: contracts, f64 references and SIMD kernels. No I/O, no allocation in a
//! kernel, no dependency but `half`, which converts f16 and bf16.
//!
//! - [`op`]: the traits [`op::Op`] (contract, cost, reference) and [`op::Kernel`] (tasks on one instruction set).
//! - [`ops`]: one folder an operation. Cases and error bounds of each, and the table that tests and benches loop over, are in `tests/kit`.
//! - [`tensor`]: two-dimensional tensors as kernels see them.
//! - [`simd`]: vectors, instruction sets, the one dispatch site. [`math`]: `exp` and its kin on them.
//! - [`aligned`]: memory for whole vectors.
//! - [`peak`]: what the machine can do at most, to measure kernels against.
//! - [`half`]: f16 and bf16. `gemm`: the matrix product and its table of micro-kernels. `gemv`: matrix-vector products. `norm`, `softmax`.
//! - [`weight_rows`]: a layer's weights as it is given them. [`half_blocks`]: those that stay where they lie.
//! - `tuning`: every constant of the schedule.

pub mod aligned;
pub mod error;
mod gemm;
mod gemv;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod half;
pub mod half_blocks;
pub mod math;
mod norm;
pub mod op;
pub mod ops;
pub mod peak;
mod precision;
pub mod simd;
mod softmax;
pub mod tensor;
mod time_chunk;
mod tuning;
pub mod weight_rows;

/// What the README shows is run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
