//! A task is all channels over one tile of time. It splits the samples under the tile into phases in scratch; then
//! every tap of every lead is a row of contiguous samples, and the convolution a matrix product of depth
//! `leads * kernel`.

use super::{Conv, Window};
use crate::op::{self, TILE};
use crate::ops::phases;
use crate::simd::{Body, Isa, Level};
use crate::tile::{self, Offsets, Store};
use crate::view::{Shape, View, ViewMut};
use std::ops::Range;

pub(super) struct Packed {
    level: Level,
    matrix: tile::Packed,
    window: Window,
    leads: usize,
    /// Where each tap of each lead starts among the phases of a full tile.
    offsets: Vec<usize>,
}

impl Packed {
    pub(super) fn new(op: &Conv, level: Level) -> Packed {
        let window = op.window();
        let pitch = window.phase(TILE);
        let offsets = (0..op.leads * op.kernel)
            .map(|k| (k / op.kernel) * window.phases() * pitch + window.tap(k % op.kernel, pitch))
            .collect();
        let matrix = tile::Packed::new(&op.weight, &op.bias, level);
        Packed { level, matrix, window, leads: op.leads, offsets }
    }
}

impl op::Kernel for Packed {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        self.window.outputs(inputs[0].cols).div_ceil(TILE)
    }

    fn scratch(&self, inputs: &[Shape]) -> usize {
        let tile = TILE.min(self.window.outputs(inputs[0].cols));
        self.window.row(tile) + self.leads * self.window.phases() * self.window.phase(TILE)
    }

    unsafe fn run(
        &self,
        inputs: &[View<'_>],
        outputs: &[ViewMut<'_>],
        scratch: &mut [f32],
        tasks: Range<usize>,
    ) {
        for task in tasks {
            self.level.dispatch(Task {
                op: self,
                x: &inputs[0],
                y: &outputs[0],
                scratch: &mut *scratch,
                task,
            });
        }
    }
}

struct Task<'a> {
    op: &'a Packed,
    x: &'a View<'a>,
    y: &'a ViewMut<'a>,
    scratch: &'a mut [f32],
    task: usize,
}

impl Body for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let Packed { matrix, window, leads, offsets, .. } = self.op;
        let col = self.task * TILE;
        let cols = TILE.min(self.y.shape().cols - col);
        let (start, span) = (window.start(col), window.span(cols));
        let (row, split) = self.scratch.split_at_mut(window.row(TILE.min(self.y.shape().cols)));
        let pitch = window.phase(TILE);
        for lead in 0..*leads {
            phases::padded(self.x.row(lead), start, &mut row[..span]);
            // SAFETY: a row and a phase have two vectors to spare, for any tile up to a full one.
            unsafe {
                let to = split[lead * window.phases() * pitch..].as_mut_ptr();
                phases::split(s, *window, row.as_ptr(), span, to, pitch);
            }
        }
        let source = Offsets { data: split.as_ptr(), offsets };
        for b in matrix.blocks() {
            let mut sink = Store::new(s, true, self.y, None, b.row, col, cols);
            // SAFETY: the taps of a phase reach at most one vector past its samples; rows of `y` reach to their
            // pitch; tiles start at multiples of a vector, so tasks write apart.
            unsafe {
                let (weight, bias) = (matrix.weight(*b).as_ptr(), matrix.bias(*b).as_ptr());
                tile::block(
                    s,
                    b.rows,
                    matrix.depth(),
                    weight,
                    bias,
                    matrix.ahead(*b),
                    source,
                    cols,
                    &mut sink,
                );
            }
        }
    }
}
