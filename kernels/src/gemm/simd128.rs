//! WebAssembly with SIMD: four vectors of four lanes by two columns, eight of the fifteen registers that an engine has on x86-64.

use super::micro_kernel::{
    ActivationFormat, Bf16, Cold, F32, Gated, Plain, RegisterTiles, Taps, Variant, run,
};
use super::table::{
    MAX_COLUMNS, MicroKernel, MicroKernels, Table, by_columns, kernels, micro_kernels, splits,
};
use crate::simd::simd128::Simd128;
use crate::tensor::BLOCK;

const LANES: usize = 4;

/// # Safety
/// As for [`run`].
unsafe fn leaf<X: ActivationFormat, W: Variant, const V: usize, const N: usize, const HALF: bool>(
    t: &RegisterTiles,
) {
    // SAFETY: handed on to the caller.
    unsafe { run::<Simd128, X, W, V, N, HALF>(Simd128, t) }
}

/// The table, by the name of the level.
macro_rules! table {
    ($isa:literal) => {
        Table {
            f32: micro_kernels!("f32_gemm", $isa, F32: 16 x [1 2] gated [2] cold [2];),
            bf16: micro_kernels!("bf16_gemm", $isa, Bf16: 16 x [1 2];),
            conv: [
                micro_kernels!("f32_conv_s1", $isa, Taps<1>: 16 x [1 2];),
                micro_kernels!("f32_conv_s2", $isa, Taps<2>: 16 x [1 2];),
                micro_kernels!("f32_conv_any", $isa, Taps<0>: 16 x [1 2];),
            ],
        }
    };
}

#[cfg(not(target_feature = "relaxed-simd"))]
pub(crate) static TABLE: Table = table!("simd128");
#[cfg(target_feature = "relaxed-simd")]
pub(crate) static TABLE: Table = table!("simd128_relaxed");
