//! WebAssembly with SIMD: four lanes. The module is compiled for it as a whole, since an engine that lacks an instruction refuses
//! the module; so the build proves it, and nothing is detected.
//!
//! With relaxed SIMD a multiply-add is one instruction, which rounds once where the processor has it and twice where it has not. So no
//! kernel may count on either: [`Isa::FUSED`] is false, and the error bounds are those of two roundings.

use super::Isa;
use crate::half;
use std::arch::wasm32::*;

/// What the build calls it.
pub(crate) const NAME: &str =
    if cfg!(target_feature = "relaxed-simd") { "simd128_relaxed" } else { "simd128" };

/// Proof that the module is compiled for SIMD.
#[derive(Clone, Copy)]
pub(crate) struct Simd128;

// SAFETY of every block below: the caller vouches for the memory.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Isa for Simd128 {
    type F32 = v128;
    const LANES: usize = 4;
    // On x86-64 an engine has fifteen registers to give.
    const ACCUMULATORS: usize = 8;
    const FUSED: bool = false;
    const LEAN: bool = true;

    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        let _ = p;
    }
    #[inline(always)]
    fn splat(self, x: f32) -> v128 {
        f32x4_splat(x)
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> v128 {
        unsafe { v128_load(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: v128) {
        unsafe { v128_store(p.cast(), v) }
    }
    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }
    #[inline(always)]
    fn sub(self, a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }
    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }
    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
        f32x4_relaxed_madd(a, b, c)
    }
    #[cfg(not(target_feature = "relaxed-simd"))]
    #[inline(always)]
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }
    // Each is one comparison, which is false of NaN, so the first operand is what stays.
    #[inline(always)]
    fn max(self, bound: v128, x: v128) -> v128 {
        f32x4_pmax(x, bound)
    }
    #[inline(always)]
    fn min(self, bound: v128, x: v128) -> v128 {
        f32x4_pmin(x, bound)
    }
    #[inline(always)]
    fn div(self, a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }
    #[inline(always)]
    fn scale_by_magic(self, p: v128, magic: v128) -> v128 {
        i32x4_add(p, i32x4_shl(magic, 23))
    }
    #[inline(always)]
    fn dot_bf16(self, acc: v128, a: v128, b: v128) -> v128 {
        let even = |v| i32x4_shl(v, 16);
        let odd = |v| v128_and(v, u32x4_splat(0xffff_0000));
        self.mul_add(odd(a), odd(b), self.mul_add(even(a), even(b), acc))
    }
    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut u16, v: v128) {
        let odd = v128_and(u32x4_shr(v, 16), u32x4_splat(1));
        let rounded = u32x4_shr(i32x4_add(i32x4_add(v, u32x4_splat(0x7fff)), odd), 16);
        unsafe { v128_store64_lane::<0>(u16x8_narrow_i32x4(rounded, rounded), p.cast()) }
    }
    #[inline(always)]
    unsafe fn load_f16(self, p: *const u16) -> v128 {
        let values = unsafe { p.cast::<[u16; 4]>().read_unaligned() }.map(half::to_f32);
        f32x4(values[0], values[1], values[2], values[3])
    }
    #[inline(always)]
    fn reduce_add(self, v: v128) -> f32 {
        (f32x4_extract_lane::<0>(v) + f32x4_extract_lane::<1>(v))
            + (f32x4_extract_lane::<2>(v) + f32x4_extract_lane::<3>(v))
    }
}
