//! Plain Rust: four vectors of four lanes by three columns.

use super::micro_kernel::{
    ActivationFormat, Bf16, Cold, F32, Gated, Plain, RegisterTiles, Taps, Variant, run,
};
use super::table::{
    MAX_COLUMNS, MicroKernel, MicroKernels, Table, by_columns, kernels, micro_kernels, splits,
};
use crate::simd::scalar::Scalar;
use crate::tensor::BLOCK;

const LANES: usize = 4;

/// # Safety
/// As for [`run`].
unsafe fn leaf<X: ActivationFormat, W: Variant, const V: usize, const N: usize, const HALF: bool>(
    t: &RegisterTiles,
) {
    // SAFETY: handed on to the caller.
    unsafe { run::<Scalar, X, W, V, N, HALF>(Scalar, t) }
}

pub(crate) static TABLE: Table = Table {
    f32: micro_kernels!("f32_gemm", "scalar", F32: 16 x [1 2 3] gated [3] cold [3];),
    bf16: micro_kernels!("bf16_gemm", "scalar", Bf16: 16 x [1 2 3];),
    conv: [
        micro_kernels!("f32_conv_s1", "scalar", Taps<1>: 16 x [1 2 3];),
        micro_kernels!("f32_conv_s2", "scalar", Taps<2>: 16 x [1 2 3];),
        micro_kernels!("f32_conv_any", "scalar", Taps<0>: 16 x [1 2 3];),
    ],
};
