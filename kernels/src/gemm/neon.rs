//! AArch64 with NEON: four vectors of four lanes by six columns, twenty-four of the thirty-two registers.

use super::micro_kernel::{
    ActivationFormat, Bf16, Cold, F32, Gated, Plain, RegisterTiles, Taps, Variant, run,
};
use super::table::{
    MAX_COLUMNS, MicroKernel, MicroKernels, Table, by_columns, kernels, micro_kernels, splits,
};
use crate::simd::neon::Neon;
use crate::tensor::BLOCK;

const LANES: usize = 4;

/// # Safety
/// The processor must have NEON; besides, as for [`run`].
#[target_feature(enable = "neon")]
unsafe fn leaf<X: ActivationFormat, W: Variant, const V: usize, const N: usize, const HALF: bool>(
    t: &RegisterTiles,
) {
    // SAFETY: handed on to the caller.
    unsafe { run::<Neon, X, W, V, N, HALF>(Neon::assume(), t) }
}

pub(crate) static TABLE: Table = Table {
    f32: micro_kernels!("f32_gemm", "neon", F32: 16 x [1 2 3 4 5 6] gated [6] cold [6];),
    bf16: micro_kernels!("bf16_gemm", "neon", Bf16: 16 x [1 2 3 4 5 6];),
    conv: [
        micro_kernels!("f32_conv_s1", "neon", Taps<1>: 16 x [1 2 4 6];),
        micro_kernels!("f32_conv_s2", "neon", Taps<2>: 16 x [1 2 4 6];),
        micro_kernels!("f32_conv_any", "neon", Taps<0>: 16 x [1 2 4 6];),
    ],
};
