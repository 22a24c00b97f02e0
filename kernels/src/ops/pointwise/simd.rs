//! A task is one block of output channels over one tile of time. The gate goes into the weights of the block, which
//! are fewer than the activations.

use super::Pointwise;
use crate::op::{self, TILE};
use crate::simd::{Body, Isa, Level, MAX_ROWS};
use crate::tile::{self, Rows, Store};
use crate::view::{Shape, View, ViewMut};

pub(super) struct Packed {
    level: Level,
    matrix: tile::Packed,
    silu: bool,
    gate: bool,
    residual: bool,
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
}

impl op::Kernel for Packed {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        inputs[0].cols.div_ceil(TILE) * self.matrix.blocks().len()
    }

    fn scratch(&self, _: &[Shape]) -> usize {
        if self.gate { self.matrix.depth() * MAX_ROWS } else { 0 }
    }

    unsafe fn run(&self, inputs: &[View<'_>], outputs: &[ViewMut<'_>], scratch: &mut [f32], task: usize) {
        self.level.dispatch(Task { op: self, inputs, outputs, scratch, task });
    }
}

struct Task<'a> {
    op: &'a Packed,
    inputs: &'a [View<'a>],
    outputs: &'a [ViewMut<'a>],
    scratch: &'a mut [f32],
    task: usize,
}

impl Body for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let matrix = &self.op.matrix;
        let (x, y) = (&self.inputs[0], &self.outputs[0]);
        let blocks = matrix.blocks();
        let (tile, block) = (self.task / blocks.len(), blocks[self.task % blocks.len()]);
        let col = tile * TILE;
        let cols = TILE.min(x.shape().cols - col);
        let depth = matrix.depth();
        let mut weight = matrix.weight(block);
        if self.op.gate {
            let scaled = &mut self.scratch[..weight.len()];
            let gate = self.inputs[1].row(0);
            for ((to, from), gate) in
                scaled.chunks_exact_mut(block.rows).zip(weight.chunks_exact(block.rows)).zip(gate)
            {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = from * gate;
                }
            }
            weight = scaled;
        }
        let residual = self.op.residual.then(|| &self.inputs[1 + usize::from(self.op.gate)]);
        let mut sink = Store::new(s, self.op.silu, y, residual, block.row, col, cols);
        let source = Rows { data: x.row_ptr(0).wrapping_add(col), pitch: x.shape().pitch() };
        // SAFETY: the block's weights are `depth` long; rows of `x`, `y` and the residual reach to their pitch, whole
        // vectors past the tile; tiles start at multiples of a vector, so tasks write apart.
        unsafe {
            tile::block(
                s,
                block.rows,
                depth,
                weight.as_ptr(),
                matrix.bias(block).as_ptr(),
                source,
                cols,
                &mut sink,
            );
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
