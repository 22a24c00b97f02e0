//! x86-64 with AVX-512: one to three vectors of sixteen lanes by eight to twelve columns, twenty-four of the thirty-two
//! registers. A last block of half as many rows takes two columns a vector. The two tables differ in their instructions
//! ([`Avx512`]), and in that Intel's has micro-kernels without prefetches.

use super::micro_kernel::{
    ActivationFormat, Bf16, Cold, F32, Gated, Plain, Quiet, RegisterTiles, Taps, Variant, run,
};
use super::table::{
    MAX_COLUMNS, MicroKernel, MicroKernels, Table, by_columns, kernels, micro_kernels, splits,
};
use crate::simd::avx512::Avx512;
use crate::tensor::BLOCK;

const LANES: usize = 16;

/// A table of all shapes; `quiet` lists the columns that have a micro-kernel without prefetches, by rows.
macro_rules! table {
    ($isa:literal, quiet: $one:tt $two:tt $three:tt, halves: $half:tt $one_half:tt $two_halves:tt) => {
        Table {
            f32: micro_kernels!("f32_gemm", $isa, F32:
                16 x [1 2 3 4 5 6 7 8 9 10 11 12] gated [12] cold [12] quiet $one;
                32 x [1 2 3 4 5 6 7 8 9 10 11 12] gated [12] cold [12] quiet $two;
                48 x [1 2 3 4 5 6 7 8] gated [8] cold [8] quiet $three;
                8 x [1 2 4 6 8 10 12] gated [12] cold [12] quiet $half;
                24 x [1 2 4 6 8 10 12] gated [12] cold [12] quiet $one_half;
                40 x [1 2 4 6 8] gated [8] cold [8] quiet $two_halves;
            ),
            bf16: micro_kernels!("bf16_gemm", $isa, Bf16:
                16 x [1 2 3 4 5 6 7 8 9 10 11 12];
                32 x [1 2 3 4 5 6 7 8 9 10 11 12];
                48 x [1 2 3 4 5 6 7 8];
                8 x [1 2 4 6 8 10 12];
                24 x [1 2 4 6 8 10 12];
                40 x [1 2 4 6 8];
            ),
            conv: [
                micro_kernels!("f32_conv_s1", $isa, Taps<1>: 16 x [1 2 4 8 12]; 32 x [1 2 4 8 12]; 48 x [1 2 4 8];),
                micro_kernels!("f32_conv_s2", $isa, Taps<2>: 16 x [1 2 4 8 12]; 32 x [1 2 4 8 12]; 48 x [1 2 4 8];),
                // An address for each column: more columns, and sums would not stay in registers.
                micro_kernels!("f32_conv_any", $isa, Taps<0>: 16 x [1 2 4 8]; 32 x [1 2 4 8]; 48 x [1 2 4 6];),
            ],
        }
    };
}

/// Any processor with AVX-512F.
pub(crate) mod any {
    use super::*;

    /// # Safety
    /// The processor must have AVX-512F, AVX2 and FMA; besides, as for [`run`].
    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn leaf<X: ActivationFormat, W: Variant, const V: usize, const N: usize, const HALF: bool>(
        t: &RegisterTiles,
    ) {
        // SAFETY: handed on to the caller.
        unsafe { run::<Avx512<false>, X, W, V, N, HALF>(Avx512::assume(), t) }
    }

    pub(crate) static TABLE: Table = table!("avx512", quiet: [11 12] [11 12] [7 8], halves: [12] [12] [8]);
}

/// AMD's, from Zen 4 on.
pub(crate) mod zen {
    use super::*;

    /// # Safety
    /// The processor must have AVX-512F, AVX512-BF16, AVX2 and FMA; besides, as for [`run`].
    #[target_feature(enable = "avx512f,avx512bf16,avx2,fma")]
    unsafe fn leaf<X: ActivationFormat, W: Variant, const V: usize, const N: usize, const HALF: bool>(
        t: &RegisterTiles,
    ) {
        // SAFETY: handed on to the caller.
        unsafe { run::<Avx512<true>, X, W, V, N, HALF>(Avx512::assume(), t) }
    }

    pub(crate) static TABLE: Table = table!("avx512_zen", quiet: [] [] [], halves: [] [] []);
}
