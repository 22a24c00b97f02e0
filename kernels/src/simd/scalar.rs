//! Plain Rust: four lanes, which the compiler may vectorise with whatever the target always has.

use super::Isa;
use crate::half;

/// The token of the scalar level; every processor has it.
#[derive(Clone, Copy)]
pub(crate) struct Scalar;

#[inline(always)]
fn zip(a: [f32; 4], b: [f32; 4], f: impl Fn(f32, f32) -> f32) -> [f32; 4] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

impl Isa for Scalar {
    type F32 = [f32; 4];
    const LANES: usize = 4;
    const ACCUMULATORS: usize = 12;
    const FUSED: bool = false;

    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        let _ = p;
    }
    #[inline(always)]
    fn splat(self, x: f32) -> [f32; 4] {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> [f32; 4] {
        // SAFETY: the caller vouches for four readable floats.
        unsafe { p.cast::<[f32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: [f32; 4]) {
        // SAFETY: the caller vouches for four writable floats.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v) }
    }
    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        self.add(self.mul(a, b), c)
    }
    #[inline(always)]
    fn max(self, bound: [f32; 4], x: [f32; 4]) -> [f32; 4] {
        zip(bound, x, |b, x| if b > x { b } else { x })
    }
    #[inline(always)]
    fn min(self, bound: [f32; 4], x: [f32; 4]) -> [f32; 4] {
        zip(bound, x, |b, x| if b < x { b } else { x })
    }
    #[inline(always)]
    fn div(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn scale_by_magic(self, p: [f32; 4], magic: [f32; 4]) -> [f32; 4] {
        zip(p, magic, |p, m| f32::from_bits(p.to_bits().wrapping_add(m.to_bits() << 23)))
    }
    #[inline(always)]
    fn dot_bf16(self, acc: [f32; 4], a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        let even = |v: [f32; 4]| v.map(|v| f32::from_bits(v.to_bits() << 16));
        let odd = |v: [f32; 4]| v.map(|v| f32::from_bits(v.to_bits() & 0xffff_0000));
        self.mul_add(odd(a), odd(b), self.mul_add(even(a), even(b), acc))
    }
    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut u16, v: [f32; 4]) {
        // SAFETY: handed on to the caller.
        unsafe { p.cast::<[u16; 4]>().write_unaligned(v.map(half::bf16)) };
    }
    #[inline(always)]
    unsafe fn load_f16(self, p: *const u16) -> [f32; 4] {
        // SAFETY: handed on to the caller.
        unsafe { p.cast::<[u16; 4]>().read_unaligned() }.map(half::to_f32)
    }
    #[inline(always)]
    fn reduce_add(self, v: [f32; 4]) -> f32 {
        (v[0] + v[1]) + (v[2] + v[3])
    }
}
