//! x86-64 with AVX-512F: sixteen lanes, thirty-two registers.

use super::{Body, Isa};
use std::arch::x86_64::*;

/// Proof that the processor has AVX-512F (and the AVX2 and FMA that come with it).
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Avx512> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma"))
        .then_some(Avx512(()))
    }
}

/// # Safety
/// The processor must have AVX-512F, AVX2 and FMA, as the token proves.
#[target_feature(enable = "avx512f,avx2,fma")]
pub(super) unsafe fn shell<B: Body>(body: B, token: Avx512) -> B::Output {
    body.call(token)
}

// SAFETY of every intrinsic below: the token proves AVX-512F.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Isa for Avx512 {
    type F32 = __m512;
    const LANES: usize = 16;
    const ACCUMULATORS: usize = 24;
    const BLOCKS: usize = 3;
    const FUSED: bool = true;

    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m512) {
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    // The instruction returns its second operand when either is NaN.
    #[inline(always)]
    fn max(self, bound: __m512, x: __m512) -> __m512 {
        unsafe { _mm512_max_ps(bound, x) }
    }
    #[inline(always)]
    fn min(self, bound: __m512, x: __m512) -> __m512 {
        unsafe { _mm512_min_ps(bound, x) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn scale_by_magic(self, p: __m512, magic: __m512) -> __m512 {
        unsafe {
            let n = _mm512_slli_epi32::<23>(_mm512_castps_si512(magic));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), n))
        }
    }
    #[inline(always)]
    fn reduce_add(self, v: __m512) -> f32 {
        unsafe { _mm512_reduce_add_ps(v) }
    }
}
