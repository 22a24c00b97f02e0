//! Where the second operand of a product lies: an activation in blocks, one rounded to bf16, rows of a signal.

use crate::simd::Isa;
use crate::view::{BLOCK, View};
use std::ops::Range;

/// Where the values of `x` lie.
pub(crate) trait Source: Copy {
    /// Whether a cell holds two bf16, of neighbouring rows.
    const PAIRS: bool = false;
    /// How many rows from one of a multiple of it on lie side by side.
    const RUN: usize = 1;
    /// Whether [`Source::ask`] has any to ask.
    const ASKS: bool = false;
    /// Column 0 of step `k`.
    fn row(self, k: usize) -> *const f32;
    /// Cells from a column to the next.
    fn step(self) -> usize;
    /// Asks memory, in step `k` of a tile, for what the tile from column `col` on takes.
    #[inline(always)]
    fn ask<I: Isa>(self, _: I, _k: usize, _col: usize) {}
    /// For a product by tiles.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn pairs(self) -> Option<Pairs> {
        None
    }
}

/// A matrix in blocks.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    pub(crate) data: *const f32,
    /// Cells from block to block.
    pub(crate) pitch: usize,
}

impl Blocks {
    /// An activation from column `col` on.
    pub(crate) fn of(x: &View<'_>, col: usize) -> Blocks {
        Blocks { data: x.block_ptr(0), pitch: x.shape().cols * BLOCK }.from(col)
    }

    /// The same from column `col` on.
    pub(crate) fn from(self, col: usize) -> Blocks {
        Blocks { data: self.data.wrapping_add(col * BLOCK), ..self }
    }
}

impl Source for Blocks {
    const RUN: usize = BLOCK;
    #[inline(always)]
    fn row(self, k: usize) -> *const f32 {
        self.data.wrapping_add(k / BLOCK * self.pitch + k % BLOCK)
    }
    #[inline(always)]
    fn step(self) -> usize {
        BLOCK
    }
}

/// A matrix in blocks that is in no cache. No processor follows as many streams as there are blocks.
#[derive(Clone, Copy)]
pub(crate) struct Cold(pub(crate) Blocks);

impl Source for Cold {
    const RUN: usize = BLOCK;
    const ASKS: bool = true;
    #[inline(always)]
    fn row(self, k: usize) -> *const f32 {
        self.0.row(k)
    }
    #[inline(always)]
    fn step(self) -> usize {
        BLOCK
    }
    #[inline(always)]
    fn ask<I: Isa>(self, s: I, k: usize, col: usize) {
        // A column of a block is a line of a cache, and a block has as many steps as a tile has columns or more.
        s.prefetch(self.0.data.wrapping_add(k / BLOCK * self.0.pitch + (col + k % BLOCK) * BLOCK));
    }
}

/// A matrix in bf16, neighbouring rows of a column sharing a cell, in blocks of [`BLOCK`] rows, or of twice as many for tiles.
#[derive(Clone, Copy)]
pub(crate) struct Pairs {
    pub(super) data: *const f32,
    /// Cells from block to block.
    pub(super) pitch: usize,
    /// Cells of a column of a block.
    pub(super) run: usize,
}

impl Source for Pairs {
    const PAIRS: bool = true;
    const RUN: usize = BLOCK / 2;
    #[inline(always)]
    fn row(self, k: usize) -> *const f32 {
        self.data.wrapping_add(k / (BLOCK / 2) * self.pitch + k % (BLOCK / 2))
    }
    #[inline(always)]
    fn step(self) -> usize {
        BLOCK / 2
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn pairs(self) -> Option<Pairs> {
        Some(self)
    }
}

impl Pairs {
    /// None yet.
    pub(crate) fn none() -> Pairs {
        Pairs { data: std::ptr::null(), pitch: 0, run: 0 }
    }

    /// Cells of a column of a block.
    fn run(tiles: bool) -> usize {
        if tiles { BLOCK } else { BLOCK / 2 }
    }

    /// Cells for `rows` rows and `cols` columns. A tile may read, but not use, columns behind them.
    pub(crate) fn cells(rows: usize, cols: usize, tiles: bool) -> usize {
        let run = Pairs::run(tiles);
        rows.div_ceil(2 * run) * run * cols + if tiles { BLOCK * BLOCK } else { 0 }
    }

    /// The same from column `col` on.
    pub(crate) fn from(self, col: usize) -> Pairs {
        Pairs { data: self.data.wrapping_add(col * self.run), ..self }
    }

    /// Columns `cols` of `x`, times what `gate` has for each row, rounded to bf16 into `to`.
    #[inline(always)]
    pub(crate) fn round<I: Isa>(
        s: I,
        x: &View<'_>,
        cols: Range<usize>,
        gate: Option<&[f32]>,
        tiles: bool,
        to: &mut [f32],
    ) -> Pairs {
        let rows = x.shape().rows;
        let run = Pairs::run(tiles);
        let pitch = cols.len() * run;
        assert!(to.len() >= Pairs::cells(rows, cols.len(), tiles) && cols.end <= x.shape().cols);
        let blocks = rows.div_ceil(BLOCK);
        for b in 0..blocks {
            let mut gates = [1.0; BLOCK];
            if let Some(gate) = gate {
                let gate = &gate[b * BLOCK..rows.min((b + 1) * BLOCK)];
                gates[..gate.len()].copy_from_slice(gate);
            }
            let from = x.block_ptr(b).wrapping_add(cols.start * BLOCK);
            // The block's first cell of the first column.
            let first = b * (BLOCK / 2) / run * pitch + b * (BLOCK / 2) % run;
            let to = &mut to[first..];
            for part in (0..BLOCK).step_by(I::LANES) {
                // SAFETY: the columns are within the block, and `to` has half a cell for each of its values.
                unsafe {
                    let gates = s.load(gates.as_ptr().add(part));
                    for col in 0..cols.len() {
                        let value = s.mul(s.load(from.add(col * BLOCK + part)), gates);
                        s.store_bf16(to.as_mut_ptr().add(col * run).cast::<u16>().add(part), value);
                    }
                }
            }
            if b + 1 == blocks && !((b + 1) * (BLOCK / 2)).is_multiple_of(run) {
                // The second half of a tile's rows.
                let columns = to[BLOCK / 2..].chunks_mut(run).take(cols.len());
                columns.for_each(|cells| cells[..BLOCK / 2].fill(0.0));
            }
        }
        Pairs { data: to.as_ptr(), pitch, run }
    }
}

/// Rows at listed offsets, columns `STEP` cells apart, or `step` where `STEP` is 0.
#[derive(Clone, Copy)]
pub(crate) struct Offsets<'a, const STEP: usize> {
    pub(crate) data: *const f32,
    pub(crate) offsets: &'a [usize],
    pub(crate) step: usize,
}

impl<const STEP: usize> Source for Offsets<'_, STEP> {
    #[inline(always)]
    fn row(self, k: usize) -> *const f32 {
        self.data.wrapping_add(self.offsets[k])
    }
    #[inline(always)]
    fn step(self) -> usize {
        if STEP > 0 { STEP } else { self.step }
    }
}
