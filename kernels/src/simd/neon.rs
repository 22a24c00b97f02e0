//! AArch64 with Advanced SIMD (NEON): four lanes, thirty-two registers.

#[cfg(miri)]
use super::miri_neon::{vaddvq_f32, vmaxq_f32, vminq_f32};
use super::{Body, Isa};
use crate::half;
use std::arch::aarch64::*;

/// Proof that the processor has NEON.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    /// # Safety
    /// The processor must have NEON.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Neon {
        Neon(())
    }

    pub(crate) fn detect() -> Option<Neon> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Neon(()))
    }
}

/// # Safety
/// The processor must have NEON, as the token proves.
#[target_feature(enable = "neon")]
pub(super) unsafe fn shell<B: Body>(body: B, token: Neon) -> B::Output {
    body.call(token)
}

// SAFETY of every intrinsic below: the token proves NEON.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Isa for Neon {
    type F32 = float32x4_t;
    const LANES: usize = 4;
    const ACCUMULATORS: usize = 24;
    const FUSED: bool = true;

    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        let _ = p;
    }
    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: float32x4_t) {
        unsafe { vst1q_f32(p, v) }
    }
    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }
    // These instructions return NaN when either operand is NaN; the bound never is.
    #[inline(always)]
    fn max(self, bound: float32x4_t, x: float32x4_t) -> float32x4_t {
        unsafe { vmaxq_f32(bound, x) }
    }
    #[inline(always)]
    fn min(self, bound: float32x4_t, x: float32x4_t) -> float32x4_t {
        unsafe { vminq_f32(bound, x) }
    }
    #[inline(always)]
    fn div(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    fn scale_by_magic(self, p: float32x4_t, magic: float32x4_t) -> float32x4_t {
        unsafe {
            let n = vshlq_n_u32::<23>(vreinterpretq_u32_f32(magic));
            vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(p), n))
        }
    }
    #[inline(always)]
    fn dot_bf16(self, acc: float32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe {
            let even = |v| vreinterpretq_f32_u32(vshlq_n_u32::<16>(vreinterpretq_u32_f32(v)));
            let high = vdupq_n_u32(0xffff_0000);
            let odd = |v| vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), high));
            vfmaq_f32(vfmaq_f32(acc, even(a), even(b)), odd(a), odd(b))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut u16, v: float32x4_t) {
        unsafe {
            let bits = vreinterpretq_u32_f32(v);
            let odd = vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1));
            let rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
            vst1_u16(p, vshrn_n_u32::<16>(rounded));
        }
    }
    #[inline(always)]
    unsafe fn load_f16(self, p: *const u16) -> float32x4_t {
        // The intrinsic is not stable.
        unsafe {
            let values = p.cast::<[u16; 4]>().read_unaligned().map(half::to_f32);
            vld1q_f32(values.as_ptr())
        }
    }
    #[inline(always)]
    fn reduce_add(self, v: float32x4_t) -> f32 {
        unsafe { vaddvq_f32(v) }
    }
}
