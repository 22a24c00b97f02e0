//! A task is all channels over one chunk of time. The samples under it go to scratch with the zeros at the
//! record's ends; then every tap of every lead is a row of a matrix product of depth `leads * kernel`, its columns
//! `stride` samples apart.

use super::{Conv, Window};
use crate::gemm::{self, Activations, Extra, PackedMatrix, Prefetch};
use crate::op::{self, Call, Precision};
use crate::simd::{Body, Isa, Level};
use crate::tensor::{BLOCK, Layout, Shape, TensorView, TensorViewMut};
use crate::tuning::STRIP;
use std::ops::Range;

pub(super) struct ConvKernel {
    level: Level,
    matrix: PackedMatrix,
    window: Window,
    leads: usize,
    /// Where each tap of each lead starts in scratch.
    offsets: Vec<usize>,
}

impl ConvKernel {
    pub(super) fn new(op: &Conv, level: Level) -> ConvKernel {
        let window = op.window();
        let span = window.span(chunk(window));
        let offsets = (0..op.leads * op.kernel).map(|k| k / op.kernel * span + k % op.kernel).collect();
        ConvKernel {
            level,
            matrix: PackedMatrix::taps(level, &op.weight, &op.bias, op.stride),
            window,
            leads: op.leads,
            offsets,
        }
    }
}

impl op::Kernel for ConvKernel {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        self.window.outputs(inputs[0].cols).div_ceil(chunk(self.window))
    }

    fn micro_kernel(&self, _: &[Shape]) -> Option<&'static str> {
        self.matrix.micro_kernel(gemm::table(self.level).blocks())
    }

    fn takes_dense(&self) -> bool {
        true
    }

    fn output_layout(&self, _: usize) -> Layout {
        Layout::Blocks
    }

    fn scratch(&self, _: &[Shape]) -> usize {
        self.leads * self.window.span(chunk(self.window))
    }

    unsafe fn run(&self, call: Call<'_>) {
        let Call { inputs, outputs, scratch, tasks, .. } = call;
        self.level.dispatch(ConvBody { op: self, x: &inputs[0], y: &outputs[0], scratch, tasks });
    }
}

/// Outputs of a chunk.
fn chunk(window: Window) -> usize {
    (2 * STRIP / window.stride).clamp(1, STRIP)
}

struct ConvBody<'a> {
    op: &'a ConvKernel,
    x: &'a TensorView<'a>,
    y: &'a TensorViewMut<'a>,
    scratch: &'a mut [f32],
    tasks: Range<usize>,
}

impl Body for ConvBody<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let ConvKernel { matrix, window, leads, offsets, .. } = self.op;
        let total = self.y.shape().cols;
        let pitch = window.span(chunk(*window));
        for task in self.tasks {
            let col = task * chunk(*window);
            let cols = chunk(*window).min(total - col);
            for (lead, row) in self.scratch.chunks_exact_mut(pitch).enumerate().take(*leads) {
                padded(self.x.row(lead), window.start(col), &mut row[..window.span(cols)]);
            }
            let x = Activations::taps(self.scratch, offsets, window.stride);
            let most = gemm::table(self.op.level).blocks();
            for first in (0..matrix.blocks()).step_by(most) {
                let blocks = most.min(matrix.blocks() - first);
                let weights = matrix.operand(first, blocks);
                // SAFETY: the taps of the columns are in scratch; only this task writes these columns of `y`.
                unsafe {
                    let to = self.y.block_ptr(first).add(col * BLOCK);
                    let (pitch, prefetch) = (total * BLOCK, &mut Prefetch::nothing());
                    gemm::product(&weights, x, cols, to, pitch, Extra::Nothing, prefetch);
                    for b in first..first + blocks {
                        gemm::silu(s, self.y.block_ptr(b).add(col * BLOCK), cols, Precision::F32);
                    }
                }
            }
        }
    }
}

/// Fills `row` with the samples of `x` from `start` on, and zeros where `x` has none.
#[inline(always)]
fn padded(x: &[f32], start: isize, row: &mut [f32]) {
    let before = start.min(0).unsigned_abs().min(row.len());
    let from = start.max(0).unsigned_abs().min(x.len());
    let n = (row.len() - before).min(x.len() - from);
    row[..before].fill(0.0);
    row[before..before + n].copy_from_slice(&x[from..from + n]);
    row[before + n..].fill(0.0);
}
