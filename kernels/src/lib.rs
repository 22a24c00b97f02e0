//! kernels
pub mod math;
pub mod simd;
