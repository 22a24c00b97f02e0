//! Under Miri alone: the instructions of NEON that it does not know, lane by lane, as `miri.rs` has those of AVX-512.

use std::arch::aarch64::*;
use std::array::from_fn;
use std::mem::transmute;

fn lanes(v: float32x4_t) -> [f32; 4] {
    // SAFETY: vectors and arrays of the same size, for which any bits are valid.
    unsafe { transmute(v) }
}

fn zip(a: float32x4_t, b: float32x4_t, f: impl Fn(f32, f32) -> f32) -> float32x4_t {
    let (a, b) = (lanes(a), lanes(b));
    // SAFETY: vectors and arrays of the same size, for which any bits are valid.
    unsafe { transmute(from_fn::<f32, 4, _>(|i| f(a[i], b[i]))) }
}

#[target_feature(enable = "neon")]
pub(super) fn vmaxq_f32(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    zip(a, b, |a, b| if a.is_nan() || a > b { a } else { b })
}

#[target_feature(enable = "neon")]
pub(super) fn vminq_f32(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    zip(a, b, |a, b| if a.is_nan() || a < b { a } else { b })
}

#[target_feature(enable = "neon")]
pub(super) fn vaddvq_f32(v: float32x4_t) -> f32 {
    let v = lanes(v);
    (v[0] + v[1]) + (v[2] + v[3])
}
