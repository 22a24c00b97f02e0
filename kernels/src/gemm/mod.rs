//! The matrix product that nine tenths of the network's work goes through.
//!
//! `y[r, t] = bias[r] + sum over k of w[r, k] * x[k, t]`: the rows of `w` are output channels and lie along the lanes,
//! columns are time. A *micro-kernel* keeps one to three vectors of rows by some columns in registers over the whole sum (Goto
//! and van de Geijn, *Anatomy of High-Performance Matrix Multiplication*, 2008): each step loads the vectors of weights,
//! and multiplies them with as many broadcast values of `x` as there are columns. Columns are split evenly, so
//! that no record's length wastes a lane and no register tile is much smaller than another. Weights lie in blocks of
//! [`BLOCK`] rows, step after step; a micro-kernel takes neighbouring blocks side by side. A last block of few rows may be *half*: its
//! rows lie in a vector twice, which then takes two columns at once. In bf16, AMX multiplies instead where
//! the processor has it ([`crate::simd::amx`]).
//!
//! Micro-kernels are leaf functions in a [`table::Table`], one for each shape, type and instruction set;
//! [`PackedMatrix`] holds the part of it that its level and precision have. Where operands lie is data
//! ([`micro_kernel::RegisterTiles`]).

mod activations;
#[cfg(avx512)]
mod amx;
#[cfg(avx2)]
mod avx2;
#[cfg(avx512)]
mod avx512;
mod micro_kernel;
#[cfg(neon)]
mod neon;
mod pack;
#[cfg(scalar)]
mod scalar;
#[cfg(simd128)]
mod simd128;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use crate::math;
use crate::op::Precision;
use crate::simd::{InstructionSet, Isa, Level};
use crate::tensor::BLOCK;
use crate::tuning::{FEW_COLUMNS, MAX_BLOCKS, is_even};
pub(crate) use activations::{Activations, Bf16Blocks};
use micro_kernel::RegisterTiles;
use pack::Gating;
pub(crate) use pack::{PackedMatrix, WeightBlocks};
use std::ops::Range;

/// The micro-kernels of a level.
pub(crate) fn table(level: Level) -> &'static table::Table {
    match level.set() {
        #[cfg(scalar)]
        InstructionSet::Scalar => &scalar::TABLE,
        #[cfg(avx2)]
        InstructionSet::Avx2 => &avx2::TABLE,
        #[cfg(avx512)]
        InstructionSet::Avx512 => &avx512::any::TABLE,
        #[cfg(avx512)]
        InstructionSet::Avx512Zen => &avx512::zen::TABLE,
        #[cfg(neon)]
        InstructionSet::Neon => &neon::TABLE,
        #[cfg(simd128)]
        InstructionSet::Simd128 => &simd128::TABLE,
    }
}

/// How many blocks a micro-kernel takes side by side in a product of `cols` columns, so that `tasks` (a function of it) are enough.
pub(crate) fn blocks_of_register_tile(level: Level, cols: usize, tasks: impl Fn(usize) -> usize) -> usize {
    let most = table(level).blocks().min(if cols <= FEW_COLUMNS { 2 } else { MAX_BLOCKS });
    (1..=most).rev().find(|blocks| is_even(tasks(*blocks))).unwrap_or(1)
}

/// The first of `total` things that part `part` of `parts` has when they are split evenly.
pub(crate) fn split_evenly(total: usize, parts: usize, part: usize) -> usize {
    total * part / parts
}

/// What to prefetch beside the product's own weights, a line a step.
pub(crate) struct Prefetch<'a>([&'a [f32]; 2]);

impl<'a> Prefetch<'a> {
    /// Nothing.
    pub(crate) fn nothing() -> Prefetch<'static> {
        Prefetch([&[], &[]])
    }

    /// The part of `all` that belongs to `tasks` of `total`.
    pub(crate) fn share(all: [&'a [f32]; 2], tasks: &Range<usize>, total: usize) -> Prefetch<'a> {
        Prefetch(all.map(|all| {
            let at = |task: usize| all.len() / BLOCK * task / total.max(1) * BLOCK;
            &all[at(tasks.start)..at(tasks.end)]
        }))
    }

    /// Whether there is nothing left.
    #[inline]
    fn is_empty(&self) -> bool {
        self.0.iter().all(|lines| lines.is_empty())
    }

    /// The lines for the next `steps` steps.
    #[inline]
    fn take(&mut self, steps: usize) -> *const f32 {
        let from = usize::from(self.0[0].is_empty());
        let (now, later) = self.0[from].split_at((steps * BLOCK).min(self.0[from].len()));
        self.0[from] = later;
        now.as_ptr()
    }
}

/// What a product does beside multiplying.
#[derive(Clone, Copy)]
pub(crate) enum Extra {
    /// Nothing.
    Nothing,
    /// Its activations come from no near cache.
    Cold,
    /// Its first register tile puts a gate into the weights, for all after it and for later products:
    /// [`WeightBlocks::takes_gate`].
    Gate(Gating),
}

/// Computes blocks of rows over `cols` columns, to `to`, blocks `pitch` cells apart.
///
/// # Safety
/// The level's instruction set must be there. Weights, biases and the values of `x`, of the kind that the weights are packed for, must
/// be readable, and `to` writable for the columns of each block. Where AMX multiplies, 16 columns must be readable
/// from each column of `x` on: [`Bf16Blocks::cells`] has room for them.
#[inline(always)]
pub(crate) unsafe fn product(
    w: &WeightBlocks,
    x: Activations,
    cols: usize,
    to: *mut f32,
    pitch: usize,
    extra: Extra,
    prefetch: &mut Prefetch<'_>,
) {
    #[cfg(avx512)]
    if w.amx {
        // SAFETY: handed on to the caller; weights are packed for AMX where it is there.
        return unsafe { amx::product(w, x, cols, to, pitch, prefetch) };
    }
    let shapes = w.shapes;
    let mut t = RegisterTiles {
        count: 1,
        weight: w.weight,
        bias: w.bias,
        steps: w.steps,
        x: x.data,
        pitch: x.pitch,
        offsets: x.offsets,
        stride: x.stride,
        to,
        to_pitch: pitch,
        prefetch: [w.weight; 2],
        prefetch_advance: [0; 2],
        gate: std::ptr::null(),
        gated: std::ptr::null_mut(),
    };
    let vectors = shapes.vectors();
    let mut done = 0;
    let mut left = cols;
    while left > 0 {
        let (mut kernel, tiles) = shapes.first_of(left);
        let full = kernel.columns == shapes.most();
        t.count = tiles;
        match (&extra, shapes.gated, shapes.cold) {
            (Extra::Gate(gating), Some(gated), _) if done == 0 => {
                assert!(full);
                kernel = gated;
                t.count = 1;
                (t.gate, t.gated) = (gating.gate, gating.to);
            }
            _ => {
                if done < vectors {
                    // Each of the first register tiles prefetches a vector of every step of the next weights.
                    t.count = tiles.min(vectors - done);
                    t.prefetch[0] = w.next.wrapping_add(done * w.steps * shapes.lanes);
                    t.prefetch_advance[0] = w.steps * shapes.lanes;
                } else {
                    t.prefetch[0] = w.weight;
                    t.prefetch_advance[0] = 0;
                    if !shapes.quiet.is_empty() && matches!(extra, Extra::Nothing) && prefetch.is_empty() {
                        let quiet = shapes.quiet.iter().find(|quiet| quiet.columns == kernel.columns);
                        kernel = quiet.unwrap_or(kernel);
                    }
                }
                (t.prefetch[1], t.prefetch_advance[1]) = match prefetch.is_empty() {
                    // Pages that are not there would be looked for, each time.
                    true => (w.weight, 0),
                    false => (prefetch.take(w.steps * t.count), w.steps * BLOCK),
                };
                if let (Extra::Cold, Some(cold), true) = (&extra, shapes.cold, full) {
                    kernel = cold;
                }
            }
        }
        // SAFETY: handed on to the caller; the register tiles cover the columns.
        unsafe { (kernel.run)(&t) };
        if let (Extra::Gate(gating), 0) = (&extra, done) {
            t.weight = gating.to;
        }
        let columns = t.count * kernel.columns;
        t.x = t.x.wrapping_add(columns * x.stride);
        t.to = t.to.wrapping_add(columns * BLOCK);
        done += t.count;
        left -= columns;
    }
}

/// Applies the SiLU to `cols` columns of a block, see [`activate`].
///
/// # Safety
/// `y` must be writable for the columns.
#[inline(always)]
pub(crate) unsafe fn silu<I: Isa>(s: I, y: *mut f32, cols: usize, precision: Precision) {
    for v in 0..cols * BLOCK / I::LANES {
        // SAFETY: within the columns.
        unsafe {
            let y = y.add(v * I::LANES);
            s.store(y, activate(s, s.load(y), precision));
        }
    }
}

/// The SiLU, as exactly as the precision of the products around it needs.
#[inline(always)]
pub(crate) fn activate<I: Isa>(s: I, x: I::F32, precision: Precision) -> I::F32 {
    match precision {
        Precision::Bf16 => math::silu_rough(s, x),
        _ => math::silu(s, x),
    }
}

/// Adds to `cols` columns of a block those at `x`.
///
/// # Safety
/// `y` must be writable and `x` readable for the columns.
#[inline(always)]
pub(crate) unsafe fn add<I: Isa>(s: I, y: *mut f32, x: *const f32, cols: usize) {
    for v in 0..cols * BLOCK / I::LANES {
        // SAFETY: within the columns.
        unsafe {
            let y = y.add(v * I::LANES);
            s.store(y, s.add(s.load(y), s.load(x.add(v * I::LANES))));
        }
    }
}

/// Adds to `sums` the sum of each row of a block over `cols` columns.
///
/// # Safety
/// `y` must be readable for the columns.
#[inline(always)]
pub(crate) unsafe fn sum<I: Isa>(s: I, y: *const f32, cols: usize, sums: &mut [f32; BLOCK]) {
    for (part, sums) in sums.chunks_exact_mut(I::LANES).enumerate() {
        // SAFETY: a part is a vector long, and within the columns.
        unsafe {
            let y = y.add(part * I::LANES);
            let mut acc = s.load(sums.as_ptr());
            for t in 0..cols {
                acc = s.add(acc, s.load(y.add(t * BLOCK)));
            }
            s.store(sums.as_mut_ptr(), acc);
        }
    }
}
