//! Under Miri alone: the instructions of AVX-512 that it does not know, lane by lane. They take and give values and touch no
//! memory, so that all that does is still the code that ships. Products by tiles, which are assembly, do: they are in `amx.rs`.

use crate::half;
use std::arch::x86_64::*;
use std::array::from_fn;
use std::mem::transmute;

fn lanes(v: __m512) -> [f32; 16] {
    // SAFETY: vectors and arrays of the same size, for which any bits are valid.
    unsafe { transmute(v) }
}

fn vector(v: [f32; 16]) -> __m512 {
    // SAFETY: vectors and arrays of the same size, for which any bits are valid.
    unsafe { transmute(v) }
}

fn zip(a: __m512, b: __m512, f: impl Fn(f32, f32) -> f32) -> __m512 {
    let (a, b) = (lanes(a), lanes(b));
    vector(from_fn(|i| f(a[i], b[i])))
}

#[target_feature(enable = "avx512f")]
pub(super) fn _mm512_max_ps(a: __m512, b: __m512) -> __m512 {
    zip(a, b, |a, b| if a > b { a } else { b })
}

#[target_feature(enable = "avx512f")]
pub(super) fn _mm512_min_ps(a: __m512, b: __m512) -> __m512 {
    zip(a, b, |a, b| if a < b { a } else { b })
}

#[target_feature(enable = "avx512f")]
pub(super) fn _mm512_rcp14_ps(a: __m512) -> __m512 {
    vector(lanes(a).map(|a| 1.0 / a))
}

#[target_feature(enable = "avx512f")]
pub(super) fn _mm512_permutex2var_epi32(low: __m512i, index: __m512i, high: __m512i) -> __m512i {
    // SAFETY: vectors and arrays of the same size, for which any bits are valid.
    let [low, index, high] = [low, index, high].map(|v| unsafe { transmute::<__m512i, [u32; 16]>(v) });
    let of = |i: usize| {
        if index[i] & 16 == 0 { low[index[i] as usize % 16] } else { high[index[i] as usize % 16] }
    };
    // SAFETY: as above.
    unsafe { transmute(from_fn::<u32, 16, _>(of)) }
}

#[target_feature(enable = "avx512f")]
pub(super) fn _mm512_cvtph_ps(a: __m256i) -> __m512 {
    // SAFETY: vectors and arrays of the same size, for which any bits are valid.
    vector(unsafe { transmute::<__m256i, [u16; 16]>(a) }.map(half::to_f32))
}

#[target_feature(enable = "avx512f")]
pub(super) fn _mm512_cvtneps_pbh(a: __m512) -> __m256bh {
    // SAFETY: vectors and arrays of the same size, for which any bits are valid.
    unsafe { transmute(lanes(a).map(half::bf16)) }
}

#[target_feature(enable = "avx512f")]
pub(super) fn _mm512_dpbf16_ps(acc: __m512, a: __m512bh, b: __m512bh) -> __m512 {
    // SAFETY: vectors and arrays of the same size, for which any bits are valid.
    let [a, b] = [a, b].map(|v| unsafe { transmute::<__m512bh, [u16; 32]>(v) });
    let (acc, of) = (lanes(acc), |half: u16| f32::from_bits(u32::from(half) << 16));
    vector(from_fn(|i| {
        let odd = of(a[2 * i + 1]).mul_add(of(b[2 * i + 1]), acc[i]);
        of(a[2 * i]).mul_add(of(b[2 * i]), odd)
    }))
}
