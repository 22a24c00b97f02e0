//! Softmax, and the maximum and the sum that it is made of.

use crate::math::{self, Function};
use crate::simd::{Isa, MAX_LANES};

/// Replaces scores by `exp(x - max) / sum`, the sum in f64.
#[inline(always)]
pub(crate) fn softmax<I: Isa>(s: I, x: &mut [f32]) {
    let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    x.iter_mut().for_each(|x| *x -= top);
    math::map(s, x, Function::Exp);
    let total: f64 = x.iter().map(|x| f64::from(*x)).sum();
    let scale = (1.0 / total) as f32;
    x.iter_mut().for_each(|x| *x *= scale);
}

/// The largest of some whole vectors' lanes; NaN counts for nothing.
#[inline(always)]
pub(crate) fn max<I: Isa>(s: I, x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; MAX_LANES];
    // SAFETY: `lanes` is at least one vector long, and a chunk is one.
    unsafe {
        let mut top = s.load(lanes.as_ptr());
        for x in x.chunks_exact(I::LANES) {
            top = s.max(s.load(x.as_ptr()), top);
        }
        s.store(lanes.as_mut_ptr(), top);
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// The sum of some whole vectors' lanes.
#[inline(always)]
pub(crate) fn sum<I: Isa>(s: I, x: &[f32]) -> f32 {
    let mut acc = s.splat(0.0);
    for x in x.chunks_exact(I::LANES) {
        // SAFETY: a chunk is one vector long.
        acc = s.add(acc, unsafe { s.load(x.as_ptr()) });
    }
    s.reduce_add(acc)
}
