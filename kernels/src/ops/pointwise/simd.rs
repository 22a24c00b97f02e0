//! A task is one block of output channels over one tile of time. The gate goes into whichever is less work: the
//! weights of the block, again for every tile, or the activations of the tile, once for all blocks of a run.

use super::Pointwise;
use crate::op::{self, TILE};
use crate::simd::{Body, Isa, Level, MAX_LANES, MAX_ROWS};
use crate::tile::{self, Rows, Store};
use crate::view::{Shape, View, ViewMut};
use std::ops::Range;

pub(super) struct Packed {
    level: Level,
    matrix: tile::Packed,
    silu: bool,
    gate: bool,
    residual: bool,
}

/// Gated activations, in floats, that leave room in a second-level cache for what they were made from and for weights.
const PANEL: usize = 50_000;

/// What the gate is multiplied with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gated {
    Nothing,
    Weights,
    /// Copied to scratch, rows this many cells apart.
    Activations(usize),
}

impl Packed {
    pub(super) fn new(op: &Pointwise, level: Level) -> Packed {
        Packed {
            level,
            matrix: tile::Packed::new(&op.weight, &op.bias, level),
            silu: op.silu,
            gate: op.gate,
            residual: op.residual,
        }
    }

    fn gated(&self, x: &Shape) -> Gated {
        let pitch = TILE.min(x.cols).next_multiple_of(MAX_LANES);
        match self.gate {
            false => Gated::Nothing,
            true if self.matrix.depth() * pitch <= PANEL
                && 4 * pitch <= MAX_LANES * self.matrix.blocks().len() =>
            {
                Gated::Activations(pitch)
            }
            true => Gated::Weights,
        }
    }
}

impl op::Kernel for Packed {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        inputs[0].cols.div_ceil(TILE) * self.matrix.blocks().len()
    }

    fn scratch(&self, inputs: &[Shape]) -> usize {
        match self.gated(&inputs[0]) {
            Gated::Nothing => 0,
            Gated::Weights => 2 * self.matrix.depth() * MAX_ROWS,
            Gated::Activations(pitch) => self.matrix.depth() * pitch,
        }
    }

    unsafe fn run(
        &self,
        inputs: &[View<'_>],
        outputs: &[ViewMut<'_>],
        scratch: &mut [f32],
        tasks: Range<usize>,
    ) {
        self.level.dispatch(Run { op: self, inputs, outputs, scratch, tasks });
    }
}

struct Run<'a> {
    op: &'a Packed,
    inputs: &'a [View<'a>],
    outputs: &'a [ViewMut<'a>],
    scratch: &'a mut [f32],
    tasks: Range<usize>,
}

impl Body for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let Packed { matrix, silu, gate, residual, .. } = self.op;
        let (x, y) = (&self.inputs[0], &self.outputs[0]);
        let residual = residual.then(|| &self.inputs[1 + usize::from(*gate)]);
        let blocks = matrix.blocks();
        let depth = matrix.depth();
        let gated = self.op.gated(&x.shape());
        // What scratch was last prepared for.
        let (mut prepared, mut rows) = (usize::MAX, 0);
        for task in self.tasks {
            let (tile, block) = (task / blocks.len(), blocks[task % blocks.len()]);
            let col = tile * TILE;
            let cols = TILE.min(x.shape().cols - col);
            let mut weight = matrix.weight(block);
            let mut source = Rows { data: x.row_ptr(0).wrapping_add(col), pitch: x.shape().pitch() };
            match gated {
                Gated::Nothing => {}
                Gated::Weights => {
                    let (scaled, gates) = self.scratch.split_at_mut(depth * MAX_ROWS);
                    if rows != block.rows {
                        rows = block.rows;
                        for (to, gate) in gates.chunks_exact_mut(rows).zip(self.inputs[1].row(0)) {
                            to.fill(*gate);
                        }
                    }
                    let scaled = &mut scaled[..weight.len()];
                    for ((to, weight), gate) in scaled.iter_mut().zip(weight).zip(&*gates) {
                        *to = weight * gate;
                    }
                    weight = scaled;
                }
                Gated::Activations(pitch) => {
                    let scaled = &mut self.scratch[..depth * pitch];
                    if prepared != tile {
                        prepared = tile;
                        for (k, (to, gate)) in
                            scaled.chunks_exact_mut(pitch).zip(self.inputs[1].row(0)).enumerate()
                        {
                            let (from, gate) = (x.row_ptr(k).wrapping_add(col), s.splat(*gate));
                            for t in (0..cols).step_by(I::LANES) {
                                // SAFETY: rows of `x` and of the copy reach to whole vectors past the tile.
                                unsafe { s.store(to.as_mut_ptr().add(t), s.mul(s.load(from.add(t)), gate)) };
                            }
                        }
                    }
                    source = Rows { data: scaled.as_ptr(), pitch };
                }
            }
            let mut sink = Store::new(s, *silu, y, residual, block.row, col, cols);
            // SAFETY: the block's weights are `depth` long; rows of `x`, `y` and the residual reach to their pitch,
            // whole vectors past the tile; tiles start at multiples of a vector, so tasks write apart.
            unsafe {
                let (weight, bias, ahead) =
                    (weight.as_ptr(), matrix.bias(block).as_ptr(), matrix.ahead(block));
                tile::block(s, block.rows, depth, weight, bias, ahead, source, cols, &mut sink);
            }
            if let Some(sums) = self.outputs.get(1) {
                let values = sink.sums();
                // SAFETY: only this task writes the block's channels of this tile's row.
                unsafe {
                    let to = sums.row_ptr(tile).add(block.row);
                    std::ptr::copy_nonoverlapping(values.as_ptr(), to, block.rows);
                }
            }
        }
    }
}
