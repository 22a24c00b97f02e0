//! x86-64 with AVX-512F: sixteen lanes, thirty-two registers.

#[cfg(miri)]
use super::miri::{
    _mm512_cvtneps_pbh, _mm512_cvtph_ps, _mm512_dpbf16_ps, _mm512_max_ps, _mm512_min_ps,
    _mm512_permutex2var_epi32, _mm512_rcp14_ps,
};
use super::{Body, Isa, Powers};
use std::arch::x86_64::*;

/// Proof that the processor has AVX-512F (and the AVX2 and FMA that come with it), and is AMD's with AVX512-BF16 where `ZEN`.
///
/// `ZEN` is AMD's cores, from Zen 4 on. On Intel's (cycles on Granite Rapids) a division of a vector takes 10, as
/// many as the rest of a SiLU. A dot product of bf16, where there is one, takes 2, so it does half the work of
/// multiply-adds. Weights that are not prefetched come late from the second-level cache.
#[derive(Clone, Copy)]
pub(crate) struct Avx512<const ZEN: bool>(());

impl<const ZEN: bool> Avx512<ZEN> {
    /// # Safety
    /// The processor must have AVX-512F, AVX2 and FMA, and AVX512-BF16 where `ZEN`.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Avx512<ZEN> {
        Avx512(())
    }

    pub(crate) fn detect() -> Option<Avx512<ZEN>> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && (!ZEN || is_x86_feature_detected!("avx512bf16") && is_amd()))
        .then_some(Avx512(()))
    }
}

/// Whether AMD made the processor. Miri has no name for the one that it is.
fn is_amd() -> bool {
    #[cfg(miri)]
    return true;
    #[cfg(not(miri))]
    {
        // SAFETY: every x86-64 has the instruction.
        #[allow(unused_unsafe)]
        let name = unsafe { __cpuid(0) };
        [name.ebx, name.edx, name.ecx].map(u32::to_le_bytes).concat() == b"AuthenticAMD"
    }
}

/// # Safety
/// The processor must have AVX-512F, AVX2 and FMA, as the token proves.
#[target_feature(enable = "avx512f,avx2,fma")]
pub(super) unsafe fn shell<B: Body>(body: B, token: Avx512<false>) -> B::Output {
    body.call(token)
}

/// # Safety
/// The processor must have AVX-512F, AVX512-BF16, AVX2 and FMA, as the token proves.
#[target_feature(enable = "avx512f,avx512bf16,avx2,fma")]
pub(super) unsafe fn shell_zen<B: Body>(body: B, token: Avx512<true>) -> B::Output {
    body.call(token)
}

// SAFETY of every intrinsic below: the token proves AVX-512F.
#[allow(clippy::undocumented_unsafe_blocks)]
impl<const ZEN: bool> Isa for Avx512<ZEN> {
    type F32 = __m512;
    const LANES: usize = 16;
    const ACCUMULATORS: usize = 24;
    const FUSED: bool = true;
    const HALVES: bool = true;
    const LEAN: bool = !ZEN;
    // The reciprocal is 2^-14 off, and the step after it squares that.
    const QUOTIENT_ERROR: f64 = if ZEN { 0.0 } else { 4e-9 };

    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    fn prefetch_near(self, p: *const f32) {
        if !ZEN {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        }
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
    fn quotient(self, a: __m512, b: __m512) -> __m512 {
        if ZEN {
            return self.div(a, b);
        }
        unsafe {
            let r = _mm512_rcp14_ps(b);
            let q = _mm512_mul_ps(a, r);
            _mm512_fmadd_ps(_mm512_fnmadd_ps(b, q, a), r, q)
        }
    }
    #[inline(always)]
    fn recip_rough(self, x: __m512) -> __m512 {
        unsafe { _mm512_rcp14_ps(x) }
    }
    #[inline(always)]
    fn scale_by_magic(self, p: __m512, magic: __m512) -> __m512 {
        unsafe {
            let n = _mm512_slli_epi32::<23>(_mm512_castps_si512(magic));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), n))
        }
    }
    #[inline(always)]
    fn power(self, table: &Powers, magic: __m512) -> Option<__m512> {
        unsafe {
            let (low, high) = (table.0.as_ptr().cast(), table.0.as_ptr().add(16).cast());
            let magic = _mm512_castps_si512(magic);
            let t = _mm512_permutex2var_epi32(_mm512_load_si512(low), magic, _mm512_load_si512(high));
            let power = _mm512_add_epi32(t, _mm512_slli_epi32::<18>(magic));
            Some(_mm512_castsi512_ps(power))
        }
    }
    #[inline(always)]
    fn dot_bf16(self, acc: __m512, a: __m512, b: __m512) -> __m512 {
        unsafe {
            if ZEN {
                let pairs = |v: __m512| std::mem::transmute::<__m512, __m512bh>(v);
                return _mm512_dpbf16_ps(acc, pairs(a), pairs(b));
            }
            let even = |v| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(v)));
            let high = _mm512_set1_epi32(0xffff_0000_u32 as i32);
            let odd = |v| _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(v), high));
            _mm512_fmadd_ps(odd(a), odd(b), _mm512_fmadd_ps(even(a), even(b), acc))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut u16, v: __m512) {
        unsafe {
            let half = if ZEN {
                std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(v))
            } else {
                let bits = _mm512_castps_si512(v);
                let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
                let rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
                _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(rounded))
            };
            _mm256_storeu_si256(p.cast(), half);
        }
    }
    #[inline(always)]
    unsafe fn load_f16(self, p: *const u16) -> __m512 {
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(p.cast())) }
    }
    #[inline(always)]
    fn join(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mask_blend_ps(0xff00, a, b) }
    }
    #[inline(always)]
    fn split(self, v: __m512) -> [__m512; 2] {
        unsafe { [_mm512_maskz_mov_ps(0xff, v), _mm512_maskz_shuffle_f32x4::<0b1110>(0xff, v, v)] }
    }
    #[inline(always)]
    fn reduce_add(self, v: __m512) -> f32 {
        unsafe { _mm512_reduce_add_ps(v) }
    }
}
