//! A task is some blocks of output channels over one chunk of time. The gate goes into whichever is less work: the
//! weights of the blocks, or the activations of the record.

use super::Pointwise;
use crate::op::{self, TILE};
use crate::simd::{Body, Isa, Level};
use crate::tile::{self, Blocks, CHUNK, MAX_BLOCKS};
use crate::view::{BLOCK, Layout, Shape, View, ViewMut};
use std::ops::Range;

/// Gated activations, in floats, that leave room in a second-level cache for what they were made from and for weights.
const GATED: usize = 50_000;

pub(super) struct Packed {
    level: Level,
    matrix: tile::Packed,
    silu: bool,
    gate: bool,
    residual: bool,
    sums: bool,
}

/// How a call is cut.
struct Cut {
    /// Groups that the blocks are dealt to evenly.
    groups: usize,
    /// Columns of a chunk; the last chunk may have fewer.
    cols: usize,
    chunks: usize,
    /// Whether the gate goes into the activations.
    gate_activations: bool,
}

impl Packed {
    pub(super) fn new(op: &Pointwise, level: Level) -> Packed {
        Packed {
            level,
            matrix: tile::Packed::new(&op.weight, &op.bias),
            silu: op.silu,
            gate: op.gate,
            residual: op.residual,
            sums: op.sums,
        }
    }

    fn cut(&self, x: Shape) -> Cut {
        let total = self.matrix.blocks();
        // Sums are given for each tile, else nothing binds a chunk.
        let whole = if self.sums { TILE } else { x.cols.div_ceil(6).next_multiple_of(8).clamp(8, TILE) };
        let cols = whole.min(x.cols);
        let chunks = x.cols.div_ceil(cols);
        let blocks = tile::blocks_of_tile(self.level, |blocks| total.div_ceil(blocks) * chunks);
        Cut {
            groups: total.div_ceil(blocks),
            cols,
            chunks,
            gate_activations: Layout::Blocks.cells(x) <= GATED && x.cols <= total * BLOCK,
        }
    }
}

impl op::Kernel for Packed {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        let cut = self.cut(inputs[0]);
        cut.groups * cut.chunks
    }

    fn input_layout(&self, index: usize) -> Layout {
        if self.gate && index == 1 { Layout::Rows } else { Layout::Blocks }
    }

    fn output_layout(&self, index: usize) -> Layout {
        if index == 0 { Layout::Blocks } else { Layout::Rows }
    }

    fn scratch(&self, inputs: &[Shape]) -> usize {
        match (self.gate, self.cut(inputs[0]).gate_activations) {
            (false, _) => 0,
            (true, true) => Layout::Blocks.cells(inputs[0]),
            (true, false) => MAX_BLOCKS * BLOCK * self.matrix.depth(),
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
        let cut = self.op.cut(x.shape());
        let total = x.shape().cols;
        let depth = matrix.depth();
        let mut source = Blocks::of(x, 0);
        if *gate && cut.gate_activations {
            scale_activations(s, x, self.inputs[1].row(0), self.scratch);
            source.data = self.scratch.as_ptr();
        }
        // The group whose gated weights are in scratch.
        let mut prepared = usize::MAX;
        for task in self.tasks {
            let (group, chunk) = (task / cut.chunks, task % cut.chunks);
            let first = tile::dealt(matrix.blocks(), cut.groups, group);
            let blocks = tile::dealt(matrix.blocks(), cut.groups, group + 1) - first;
            let mut weights = matrix.operand(first, blocks);
            if *gate && !cut.gate_activations {
                if prepared != group {
                    prepared = group;
                    scale_weights(
                        s,
                        matrix.weight(first, blocks),
                        depth,
                        self.inputs[1].row(0),
                        self.scratch,
                    );
                }
                weights.weight = self.scratch.as_ptr();
            }
            let end = total.min((chunk + 1) * cut.cols);
            let mut sums = [[0.0; BLOCK]; MAX_BLOCKS];
            for col in (chunk * cut.cols..end).step_by(CHUNK) {
                let cols = CHUNK.min(end - col);
                let source = Blocks { data: source.data.wrapping_add(col * BLOCK), ..source };
                // SAFETY: the weights are of `depth` columns; `x` and the residual have the columns of `y`, and only
                // this task writes these blocks of these columns.
                unsafe {
                    tile::product(
                        s,
                        weights,
                        source,
                        cols,
                        y.block_ptr(first).add(col * BLOCK),
                        total * BLOCK,
                    );
                    for (b, sums) in sums.iter_mut().enumerate().take(blocks) {
                        let y = y.block_ptr(first + b).add(col * BLOCK);
                        if *silu {
                            tile::silu(s, y, cols);
                        }
                        if let Some(residual) = residual {
                            tile::add(s, y, residual.block_ptr(first + b).add(col * BLOCK), cols);
                        }
                        if self.op.sums {
                            tile::sum(s, y, cols, sums);
                        }
                    }
                }
            }
            if let Some(out) = self.outputs.get(1) {
                // SAFETY: only this task writes the blocks' channels of this tile's row, whose pitch is whole blocks.
                unsafe {
                    let to = out.row_ptr(chunk).add(first * BLOCK);
                    std::ptr::copy_nonoverlapping(sums.as_ptr().cast(), to, blocks * BLOCK);
                }
            }
        }
    }
}

/// `to[block, k, r] = weight[block, k, r] * gate[k]`.
#[inline(always)]
fn scale_weights<I: Isa>(s: I, weight: &[f32], depth: usize, gate: &[f32], to: &mut [f32]) {
    assert!(to.len() >= weight.len() && gate.len() == depth);
    for (weight, to) in weight.chunks_exact(depth * BLOCK).zip(to.chunks_exact_mut(depth * BLOCK)) {
        for ((weight, to), gate) in weight
            .chunks_exact(I::LANES)
            .zip(to.chunks_exact_mut(I::LANES))
            .zip(gate.iter().flat_map(|g| std::iter::repeat_n(g, BLOCK / I::LANES)))
        {
            // SAFETY: both are one vector long.
            unsafe { s.store(to.as_mut_ptr(), s.mul(s.load(weight.as_ptr()), s.splat(*gate))) };
        }
    }
}

/// `to[c, t] = x[c, t] * gate[c]`, in blocks.
#[inline(always)]
fn scale_activations<I: Isa>(s: I, x: &View<'_>, gate: &[f32], to: &mut [f32]) {
    let Shape { rows, cols } = x.shape();
    for b in 0..rows.div_ceil(BLOCK) {
        let mut gates = [0.0; BLOCK];
        let gate = &gate[b * BLOCK..rows.min((b + 1) * BLOCK)];
        gates[..gate.len()].copy_from_slice(gate);
        let from = x.block_ptr(b);
        let to = &mut to[b * BLOCK * cols..][..BLOCK * cols];
        for part in (0..BLOCK).step_by(I::LANES) {
            // SAFETY: a block of `x` has as many cells as `to`, and a part is a vector of a column.
            unsafe {
                let gate = s.load(gates[part..].as_ptr());
                for at in (part..BLOCK * cols).step_by(BLOCK) {
                    s.store(to.as_mut_ptr().add(at), s.mul(s.load(from.add(at)), gate));
                }
            }
        }
    }
}
