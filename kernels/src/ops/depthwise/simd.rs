//! A task is one block of channels over one tile of time. It computes the expanded channels under the tile, and the
//! few samples of overlap on each side, into rows in scratch, splits them into phases if the stride asks for it, and
//! convolves them from there. A tile of a block takes 16 to 50 kB, whatever the length of the record.

use super::{Depthwise, Window};
use crate::math;
use crate::op::{self, TILE};
use crate::ops::phases;
use crate::simd::{Body, Isa, Level, MAX_LANES, MAX_ROWS};
use crate::tile::{self, Rows, Sink};
use crate::view::{Shape, View, ViewMut};
use std::ops::Range;

pub(super) struct Packed {
    level: Level,
    expand: Option<tile::Packed>,
    window: Window,
    channels: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Packed {
    pub(super) fn new(op: &Depthwise, level: Level) -> Packed {
        Packed {
            level,
            expand: op.expand.as_ref().map(|e| tile::Packed::new(&e.weight, &e.bias, level)),
            window: op.window(),
            channels: op.channels(),
            weight: op::narrow(&op.weight),
            bias: op::narrow(&op.bias),
        }
    }

    /// Blocks of channels of one tile.
    fn blocks(&self) -> usize {
        self.expand.as_ref().map_or(self.channels.div_ceil(MAX_ROWS), |e| e.blocks().len())
    }
}

impl op::Kernel for Packed {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        self.window.outputs(inputs[0].cols).div_ceil(TILE) * self.blocks()
    }

    fn scratch(&self, inputs: &[Shape]) -> usize {
        let tile = TILE.min(self.window.outputs(inputs[0].cols));
        MAX_ROWS * self.window.row(tile) + self.window.phases() * self.window.phase(TILE)
    }

    unsafe fn run(
        &self,
        inputs: &[View<'_>],
        outputs: &[ViewMut<'_>],
        scratch: &mut [f32],
        tasks: Range<usize>,
    ) {
        for task in tasks {
            self.level.dispatch(Task { op: self, x: &inputs[0], outputs, scratch: &mut *scratch, task });
        }
    }
}

struct Task<'a> {
    op: &'a Packed,
    x: &'a View<'a>,
    outputs: &'a [ViewMut<'a>],
    scratch: &'a mut [f32],
    task: usize,
}

impl Body for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let op = self.op;
        let window = op.window;
        let (y, sums) = (&self.outputs[0], &self.outputs[1]);
        let (tile, index) = (self.task / op.blocks(), self.task % op.blocks());
        let col = tile * TILE;
        let cols = TILE.min(y.shape().cols - col);
        let (start, span) = (window.start(col), window.span(cols));
        let pitch = window.row(TILE.min(y.shape().cols));
        let (rows, split) = self.scratch.split_at_mut(MAX_ROWS * pitch);

        let (first, count) = match &op.expand {
            Some(matrix) => {
                let block = matrix.blocks()[index];
                let total = self.x.shape().cols;
                // The samples under the tile that exist; the others are zeros.
                let from = start.max(0).unsigned_abs();
                let before = start.min(0).unsigned_abs();
                let valid = (span - before).min(total - from);
                let source =
                    Rows { data: self.x.row_ptr(0).wrapping_add(from), pitch: self.x.shape().pitch() };
                let mut sink = Expanded { s, h: rows[before..].as_mut_ptr(), pitch };
                // SAFETY: reads run at most a vector past a row's samples, within the buffer's spare cells; rows of
                // scratch have two vectors to spare past the span of a tile.
                unsafe {
                    tile::block(
                        s,
                        block.rows,
                        matrix.depth(),
                        matrix.weight(block).as_ptr(),
                        matrix.bias(block).as_ptr(),
                        matrix.ahead(block),
                        source,
                        valid,
                        &mut sink,
                    );
                }
                for row in rows.chunks_exact_mut(pitch).take(block.rows) {
                    row[..before].fill(0.0);
                    row[before + valid..span.max(before + valid)].fill(0.0);
                }
                (block.row, block.rows)
            }
            None => {
                let first = index * MAX_ROWS;
                let count = MAX_ROWS.min(op.channels - first);
                for (r, row) in rows.chunks_exact_mut(pitch).take(count).enumerate() {
                    phases::padded(self.x.row(first + r), start, &mut row[..span]);
                }
                (first, count)
            }
        };

        let phase = window.phase(TILE);
        for (r, row) in rows.chunks_exact(pitch).take(count).enumerate() {
            let channel = first + r;
            let mut data = row.as_ptr();
            if window.stride > 1 {
                data = split.as_ptr();
                // SAFETY: a row and a phase have two vectors to spare past the samples of a tile.
                unsafe {
                    phases::split(s, window, row.as_ptr(), span, split.as_mut_ptr(), phase);
                }
            }
            let weight = &op.weight[channel * window.kernel..][..window.kernel];
            // SAFETY: taps reach at most `kernel / stride` and a vector past the outputs of a phase; rows of `y`
            // reach to their pitch, and only this task writes its tile of them and its cells of `sums`.
            unsafe {
                let to = y.row_ptr(channel).add(col);
                let bias = op.bias[channel];
                let sum = match (window.kernel, window.stride) {
                    (3, 1) => convolve::<I, 3, 1>(s, window, phase, weight, bias, data, cols, to),
                    (5, 1) => convolve::<I, 5, 1>(s, window, phase, weight, bias, data, cols, to),
                    (3, 2) => convolve::<I, 3, 2>(s, window, phase, weight, bias, data, cols, to),
                    (5, 2) => convolve::<I, 5, 2>(s, window, phase, weight, bias, data, cols, to),
                    _ => convolve::<I, 0, 0>(s, window, phase, weight, bias, data, cols, to),
                };
                *sums.row_ptr(tile).add(channel) = sum;
            }
        }
    }
}

/// Convolves one channel and gives the sum of its outputs. `K` and `S` are the kernel and the stride, or 0 where
/// `window` tells them.
///
/// # Safety
/// Each tap's samples must be readable and `y` writable for `cols` rounded up to whole vectors.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn convolve<I: Isa, const K: usize, const S: usize>(
    s: I,
    window: Window,
    phase: usize,
    weight: &[f32],
    bias: f32,
    data: *const f32,
    cols: usize,
    y: *mut f32,
) -> f32 {
    let window = if K > 0 { Window { kernel: K, stride: S } } else { window };
    // Vectors in flight: enough to hide the latency of the multiply-adds of one of them.
    const FLIGHT: usize = 4;
    let mut total = s.splat(0.0);
    let mut t = 0;
    // SAFETY: handed on to the caller.
    unsafe {
        while t < cols {
            let vectors = (cols - t).div_ceil(I::LANES).min(FLIGHT);
            let mut acc = [s.splat(bias); FLIGHT];
            if vectors == FLIGHT {
                for (j, w) in weight.iter().enumerate().take(window.kernel) {
                    let w = s.splat(*w);
                    let x = data.add(window.tap(j, phase) + t);
                    for (v, acc) in acc.iter_mut().enumerate() {
                        *acc = s.mul_add(w, s.load(x.add(v * I::LANES)), *acc);
                    }
                }
            } else {
                for (j, w) in weight.iter().enumerate().take(window.kernel) {
                    let w = s.splat(*w);
                    let x = data.add(window.tap(j, phase) + t);
                    for (v, acc) in acc.iter_mut().enumerate().take(vectors) {
                        *acc = s.mul_add(w, s.load(x.add(v * I::LANES)), *acc);
                    }
                }
            }
            for (v, acc) in acc.into_iter().enumerate().take(vectors) {
                let value = math::silu(s, acc);
                let at = t + v * I::LANES;
                s.store(y.add(at), value);
                let left = cols - at;
                let counted = if left < I::LANES { s.keep_first(value, left) } else { value };
                total = s.add(total, counted);
            }
            t += vectors * I::LANES;
        }
    }
    s.reduce_add(total)
}

/// Stores expanded channels, after SiLU, as rows in scratch.
struct Expanded<I: Isa> {
    s: I,
    h: *mut f32,
    pitch: usize,
}

impl<I: Isa> Sink<I> for Expanded<I> {
    #[inline(always)]
    unsafe fn put<const V: usize>(&mut self, row: usize, col: usize, v: [I::F32; V]) {
        const { assert!(I::LANES <= MAX_LANES) };
        for (i, v) in v.into_iter().enumerate() {
            // SAFETY: the caller of `block` gave room for whole vectors in each row.
            unsafe {
                let to = self.h.add(row * self.pitch + col + i * I::LANES);
                self.s.store(to, math::silu(self.s, v));
            }
        }
    }
}
