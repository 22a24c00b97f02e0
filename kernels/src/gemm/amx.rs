//! The product in bf16 by AMX, whose tiles the processor multiplies itself.

use super::{Activations, Prefetch, WeightBlocks};
use crate::simd::Isa;
use crate::simd::amx::{COLUMNS, STEPS, TileProduct, TileRegisters, product as multiply};
use crate::simd::avx512::Avx512;
use crate::tensor::BLOCK;
use crate::tuning::MAX_BLOCKS;
use std::mem::MaybeUninit;

/// [`super::product`] by AMX.
///
/// # Safety
/// As for [`super::product`]; the processor must have AMX with bf16, and AVX-512F, AVX2 and FMA.
#[target_feature(enable = "avx512f,avx2,fma")]
pub(super) unsafe fn product(
    w: &WeightBlocks,
    x: Activations,
    cols: usize,
    to: *mut f32,
    pitch: usize,
    prefetch: &mut Prefetch<'_>,
) {
    const CELL: usize = size_of::<f32>();
    // SAFETY: the caller vouches for it.
    let s: Avx512<false> = unsafe { Avx512::assume() };
    assert!(x.stride == STEPS && w.steps.is_multiple_of(STEPS) && w.steps > 0);
    let blocks = w.shapes.blocks();
    // Results of fewer columns than a tile has go here first.
    let mut few = MaybeUninit::<[f32; MAX_BLOCKS * COLUMNS * BLOCK]>::uninit();
    let (results, out) =
        if cols < COLUMNS { (few.as_mut_ptr().cast(), COLUMNS * BLOCK) } else { (to, pitch) };
    // SAFETY: weights are packed for tiles where there are any.
    let registers = unsafe { TileRegisters::new() };
    for (i, col) in (0..cols).step_by(2 * COLUMNS).enumerate() {
        // A last tile begins earlier, and computes some columns again.
        let last = cols.saturating_sub(COLUMNS);
        let starts = [col.min(last), (col + COLUMNS).min(last)];
        let next = if i < blocks { w.next.wrapping_add(i * w.steps * BLOCK) } else { w.weight };
        let p = TileProduct {
            weight: w.weight,
            block: w.steps * BLOCK * CELL,
            depth: w.steps / STEPS,
            x: starts.map(|start| x.data.wrapping_add(start * x.stride)),
            pitch: x.pitch * CELL,
            to: starts.map(|start| results.wrapping_add(start * BLOCK)),
            out: out * CELL,
            prefetch: [next, prefetch.take(w.steps)],
        };
        // SAFETY: handed on to the caller; both tiles are within the columns, or have room in `few`.
        unsafe { multiply(&registers, &p, if cols - col > COLUMNS { 2 } else { 1 }, blocks) };
    }
    for b in 0..blocks {
        // SAFETY: the columns were just written, and `to` is writable for them.
        unsafe {
            let bias = s.load(w.bias.add(b * BLOCK));
            for at in (0..cols * BLOCK).step_by(BLOCK) {
                s.store(to.add(b * pitch + at), s.add(s.load(results.add(b * out + at)), bias));
            }
        }
    }
}
