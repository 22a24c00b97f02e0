//! x86-64 with AVX2 and FMA: two vectors of eight lanes by six columns, twelve of the sixteen registers.

use super::micro_kernel::{
    ActivationFormat, Bf16, Cold, F32, Gated, Plain, RegisterTiles, Taps, Variant, run,
};
use super::table::{
    MAX_COLUMNS, MicroKernel, MicroKernels, Table, by_columns, kernels, micro_kernels, splits,
};
use crate::simd::avx2::Avx2;
use crate::tensor::BLOCK;

const LANES: usize = 8;

/// # Safety
/// The processor must have AVX2, FMA and F16C; besides, as for [`run`].
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn leaf<X: ActivationFormat, W: Variant, const V: usize, const N: usize, const HALF: bool>(
    t: &RegisterTiles,
) {
    // SAFETY: handed on to the caller.
    unsafe { run::<Avx2, X, W, V, N, HALF>(Avx2::assume(), t) }
}

pub(crate) static TABLE: Table = Table {
    f32: micro_kernels!("f32_gemm", "avx2", F32: 16 x [1 2 3 4 5 6] gated [6] cold [6];),
    bf16: micro_kernels!("bf16_gemm", "avx2", Bf16: 16 x [1 2 3 4 5 6];),
    conv: [
        micro_kernels!("f32_conv_s1", "avx2", Taps<1>: 16 x [1 2 4 6];),
        micro_kernels!("f32_conv_s2", "avx2", Taps<2>: 16 x [1 2 4 6];),
        micro_kernels!("f32_conv_any", "avx2", Taps<0>: 16 x [1 2 4 6];),
    ],
};
