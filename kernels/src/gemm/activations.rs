//! The activations of a product, as the micro-kernels read them: blocks in f32, blocks rounded to bf16, taps of a signal.

use crate::simd::Isa;
use crate::tensor::{BLOCK, TensorView};
use std::ops::Range;

/// Where the activations of a product lie. The family of micro-kernels that the weights are packed for says how they are read.
#[derive(Clone, Copy)]
pub(crate) struct Activations {
    pub(super) data: *const f32,
    /// Cells from a block of rows to the next.
    pub(super) pitch: usize,
    /// Cells from a column to the next.
    pub(super) stride: usize,
    /// Of taps: the cell of each step.
    pub(super) offsets: *const usize,
}

impl Activations {
    /// None yet.
    pub(crate) fn none() -> Activations {
        Activations { data: std::ptr::null(), pitch: 0, stride: 0, offsets: std::ptr::null() }
    }

    /// A matrix of f32 in blocks, from column `col` on.
    pub(crate) fn of(x: &TensorView<'_>, col: usize) -> Activations {
        let pitch = x.shape().cols * BLOCK;
        Activations { data: x.block_ptr(0), pitch, stride: BLOCK, ..Activations::none() }.from(col)
    }

    /// The same layout elsewhere.
    pub(crate) fn at(self, data: &[f32]) -> Activations {
        Activations { data: data.as_ptr(), ..self }
    }

    /// Rows of f32 at listed offsets, columns `stride` cells apart.
    pub(crate) fn taps(data: &[f32], offsets: &[usize], stride: usize) -> Activations {
        Activations { data: data.as_ptr(), pitch: 0, stride, offsets: offsets.as_ptr() }
    }

    /// The same from column `col` on.
    pub(crate) fn from(self, col: usize) -> Activations {
        Activations { data: self.data.wrapping_add(col * self.stride), ..self }
    }
}

/// Activations in bf16: neighbouring rows of a column share a cell, in blocks of [`BLOCK`] rows, or of twice as many for AMX.
pub(crate) struct Bf16Blocks;

impl Bf16Blocks {
    /// Cells of a column of a block.
    fn run(amx: bool) -> usize {
        if amx { BLOCK } else { BLOCK / 2 }
    }

    /// Cells for `rows` rows and `cols` columns. An AMX tile may read, but not use, columns behind them.
    pub(crate) fn cells(rows: usize, cols: usize, amx: bool) -> usize {
        let run = Bf16Blocks::run(amx);
        rows.div_ceil(2 * run) * run * cols + if amx { BLOCK * BLOCK } else { 0 }
    }

    /// Columns `cols` of `x`, times what `gate` has for each row, rounded to bf16 into `to`.
    #[inline(always)]
    pub(crate) fn round<I: Isa>(
        s: I,
        x: &TensorView<'_>,
        cols: Range<usize>,
        gate: Option<&[f32]>,
        amx: bool,
        to: &mut [f32],
    ) -> Activations {
        let rows = x.shape().rows;
        let run = Bf16Blocks::run(amx);
        let pitch = cols.len() * run;
        assert!(to.len() >= Bf16Blocks::cells(rows, cols.len(), amx) && cols.end <= x.shape().cols);
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
                // The second half of an AMX tile's rows.
                let columns = to[BLOCK / 2..].chunks_mut(run).take(cols.len());
                columns.for_each(|cells| cells[..BLOCK / 2].fill(0.0));
            }
        }
        Activations { data: to.as_ptr(), pitch, stride: run, ..Activations::none() }
    }
}
