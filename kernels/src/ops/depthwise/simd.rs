//! A task is some blocks of channels over one time chunk, in strips. The expanded channels under a strip go to
//! scratch and are convolved from there. Samples that the next strip's windows share are kept. A strip takes some 20
//! kB, whatever the length of the record. A worker that has all time chunks of a short record computes them as one.

use super::{Depthwise, Window};
use crate::gemm::{self, Activations, Bf16Blocks, Extra, PackedMatrix, Prefetch};
use crate::op::{self, Call, Precision, TIME_CHUNK};
use crate::simd::{Body, Isa, Level};
use crate::tensor::{BLOCK, Layout, Shape, TensorView, TensorViewMut};
use crate::tuning::{DEPTHWISE_FLIGHT, MAX_BLOCKS, STRIP};
use std::ops::Range;

pub(super) struct DepthwiseKernel {
    level: Level,
    precision: Precision,
    expand: Option<PackedMatrix>,
    window: Window,
    /// A step for each tap.
    taps: PackedMatrix,
}

impl DepthwiseKernel {
    pub(super) fn new(op: &Depthwise, level: Level, precision: Precision) -> DepthwiseKernel {
        DepthwiseKernel {
            level,
            precision,
            expand: op.expand.as_ref().map(|e| PackedMatrix::new(level, &e.weight, &e.bias, precision)),
            window: op.window(),
            taps: PackedMatrix::new(level, &op.weight, &op.bias, Precision::F32),
        }
    }

    fn blocks(&self) -> usize {
        self.taps.blocks()
    }

    /// Groups, among which the blocks are split evenly.
    fn groups(&self, x: Shape) -> usize {
        let time_chunks = op::time_chunks(self.window.outputs(x.cols));
        let blocks = gemm::blocks_of_register_tile(self.level, x.cols, |blocks| {
            time_chunks * self.blocks().div_ceil(blocks)
        });
        // An even number of tasks.
        let odd = time_chunks * self.blocks().div_ceil(blocks) % 2;
        self.blocks().min(self.blocks().div_ceil(blocks) + odd)
    }

    /// The samples under some time chunks, of `cols`.
    fn samples(&self, cols: usize, time_chunks: &Range<usize>) -> Range<usize> {
        let outputs = self.window.outputs(cols);
        let outputs = op::time_chunk(outputs, time_chunks.start).start
            ..op::time_chunk(outputs, time_chunks.end - 1).end;
        let within = |sample: isize| sample.clamp(0, cols as isize) as usize;
        let last = self.window.start(outputs.end - 1) + self.window.kernel as isize;
        within(self.window.start(outputs.start))..within(last)
    }

    /// Cells of scratch for the samples under a strip.
    fn rows(&self) -> usize {
        MAX_BLOCKS * BLOCK * self.window.span(self.strip())
    }

    /// Outputs of a strip.
    fn strip(&self) -> usize {
        (STRIP / self.window.stride).max(1)
    }
}

impl op::Kernel for DepthwiseKernel {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        op::time_chunks(self.window.outputs(inputs[0].cols)) * self.groups(inputs[0])
    }

    fn micro_kernel(&self, inputs: &[Shape]) -> Option<&'static str> {
        self.expand.as_ref()?.micro_kernel(self.blocks() / self.groups(inputs[0]))
    }

    fn weights(&self) -> [&[f32]; 2] {
        [self.expand.as_ref().map_or(&[], |e| e.weight(0, e.blocks())), &[]]
    }

    fn input_layout(&self, _: usize) -> Layout {
        Layout::Blocks
    }

    fn output_layout(&self, index: usize) -> Layout {
        if index == 0 { Layout::Blocks } else { Layout::Rows }
    }

    fn scratch(&self, inputs: &[Shape]) -> usize {
        self.rows()
            + self.expand.as_ref().map_or(0, |e| match e.precision() {
                Precision::F32 => 0,
                Precision::F16 => e.scratch(),
                Precision::Bf16 => {
                    let time_chunk = TIME_CHUNK.min(self.window.outputs(inputs[0].cols));
                    let cols = self.window.span(time_chunk).min(inputs[0].cols);
                    Bf16Blocks::cells(inputs[0].rows, cols, e.amx())
                }
            })
    }

    unsafe fn run(&self, call: Call<'_>) {
        let Call { inputs, outputs, scratch, tasks, prefetch } = call;
        self.level.dispatch(DepthwiseBody { op: self, x: &inputs[0], outputs, scratch, tasks, prefetch });
    }
}

struct DepthwiseBody<'a> {
    op: &'a DepthwiseKernel,
    x: &'a TensorView<'a>,
    outputs: &'a [TensorViewMut<'a>],
    scratch: &'a mut [f32],
    tasks: Range<usize>,
    prefetch: [&'a [f32]; 2],
}

impl Body for DepthwiseBody<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let op = self.op;
        let groups = op.groups(self.x.shape());
        let outputs = op.window.outputs(self.x.shape().cols);
        let all = 0..op::time_chunks(outputs) * groups;
        let mut prefetch = Prefetch::share(self.prefetch, &self.tasks, all.end);
        // Time strips at a time.
        let together = if outputs <= TIME_CHUNK && self.tasks == all { op::time_chunks(outputs) } else { 1 };
        let (scratch, rounded) = self.scratch.split_at_mut(op.rows());
        // The time chunk, or all, whose samples are in `rounded`, and the first of them.
        let mut prepared: Option<(usize, Activations, usize)> = None;
        for task in self.tasks.start..self.tasks.start + self.tasks.len() / together {
            let (time_chunk, group) = (task / groups, task % groups);
            let time_chunks = time_chunk..time_chunk + together;
            let first = gemm::split_evenly(op.blocks(), groups, group);
            let blocks = gemm::split_evenly(op.blocks(), groups, group + 1) - first;
            let operand = match op.expand.as_ref().map(|e| (e, e.precision())) {
                Some((e, Precision::Bf16)) => {
                    let (_, rounded, from) = match prepared {
                        Some(of) if of.0 == time_chunk => of,
                        _ => {
                            let samples = op.samples(self.x.shape().cols, &time_chunks);
                            let from = samples.start;
                            (time_chunk, Bf16Blocks::round(s, self.x, samples, None, e.amx(), rounded), from)
                        }
                    };
                    prepared = Some((time_chunk, rounded, from));
                    ExpandOperand::Rounded(rounded, from)
                }
                Some((e, Precision::F16)) => {
                    e.unpack(s, first, blocks, None, rounded);
                    ExpandOperand::Unpacked(rounded.as_ptr())
                }
                _ => ExpandOperand::Stored,
            };
            run_task(
                s,
                op,
                self.x,
                self.outputs,
                scratch,
                time_chunks,
                first,
                blocks,
                operand,
                &mut prefetch,
            );
        }
    }
}

/// What the expand layer multiplies.
#[derive(Clone, Copy)]
enum ExpandOperand {
    /// Weights and samples as they are.
    Stored,
    /// Weights as they are here.
    Unpacked(*const f32),
    /// Samples rounded, from this one on.
    Rounded(Activations, usize),
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn run_task<I: Isa>(
    s: I,
    op: &DepthwiseKernel,
    x: &TensorView<'_>,
    outputs: &[TensorViewMut<'_>],
    scratch: &mut [f32],
    time_chunks: Range<usize>,
    first: usize,
    blocks: usize,
    operand: ExpandOperand,
    prefetch: &mut Prefetch<'_>,
) {
    let window = op.window;
    let (y, out) = (&outputs[0], &outputs[1]);
    let total = x.shape().cols;
    // Cells of a block's samples under a strip.
    let pitch = window.span(op.strip()) * BLOCK;
    assert!(scratch.len() >= blocks * pitch);
    let h = scratch.as_mut_ptr();
    // The samples that scratch holds, counted as windows do: from the left padding's zeros below 0 on.
    let mut filled = isize::MIN..isize::MIN;
    for time_chunk in time_chunks {
        let outputs = op::time_chunk(y.shape().cols, time_chunk);
        let mut sums = [[0.0; BLOCK]; MAX_BLOCKS];
        for col in outputs.clone().step_by(op.strip()) {
            let cols = op.strip().min(outputs.end - col);
            let (start, span) = (window.start(col), window.span(cols));
            let after = start + span as isize;
            // Samples at the end of the last strip that this one begins with.
            let kept = usize::try_from(filled.end.saturating_sub(start)).unwrap_or(0);
            // Of the others, those that exist; before and after them are zeros.
            let new = start + kept as isize;
            let from = new.clamp(0, total as isize) as usize;
            let to = after.clamp(0, total as isize) as usize;
            let before = kept + (from as isize - new).clamp(0, after - new) as usize;
            let cells = |sample: usize| sample * BLOCK;
            // SAFETY: `kept + new samples = span`, and a block of scratch has room for the span of a full strip;
            // samples `from..to` of `x` exist; outputs `col..col + cols` exist, and only this task writes these
            // blocks of them.
            unsafe {
                for b in 0..blocks {
                    let h = h.add(b * pitch);
                    if kept > 0 {
                        std::ptr::copy(h.add(cells((start - filled.start) as usize)), h, cells(kept));
                    }
                    h.add(cells(kept)).write_bytes(0, cells(before - kept));
                    let valid = before + to.saturating_sub(from);
                    h.add(cells(valid)).write_bytes(0, cells(span - valid));
                }
                if to > from {
                    match &op.expand {
                        Some(matrix) => {
                            let mut weights = matrix.operand(first, blocks);
                            let (cols, h) = (to - from, h.add(cells(before)));
                            let source = match operand {
                                ExpandOperand::Rounded(x, start) => x.from(from - start),
                                ExpandOperand::Stored => Activations::of(x, from),
                                ExpandOperand::Unpacked(weight) => {
                                    weights.weight = weight;
                                    Activations::of(x, from)
                                }
                            };
                            gemm::product(&weights, source, cols, h, pitch, Extra::Nothing, prefetch);
                            for b in 0..blocks {
                                gemm::silu(s, h.add(b * pitch), cols, op.precision);
                            }
                        }
                        None => {
                            for b in 0..blocks {
                                let x = x.block_ptr(first + b).add(cells(from));
                                std::ptr::copy_nonoverlapping(
                                    x,
                                    h.add(b * pitch + cells(before)),
                                    cells(to - from),
                                );
                            }
                        }
                    }
                }
                filled = start..after;
                for (b, sums) in sums.iter_mut().enumerate().take(blocks) {
                    let (weight, bias) = (op.taps.weight(first + b, 1), op.taps.bias(first + b));
                    let (h, y) = (h.add(b * pitch), y.block_ptr(first + b).add(cells(col)));
                    match (window.kernel, window.stride) {
                        (3, 1) => {
                            convolve::<I, 3, 1>(s, window, weight, bias, h, cols, y, sums, op.precision)
                        }
                        (5, 1) => {
                            convolve::<I, 5, 1>(s, window, weight, bias, h, cols, y, sums, op.precision)
                        }
                        (3, 2) => {
                            convolve::<I, 3, 2>(s, window, weight, bias, h, cols, y, sums, op.precision)
                        }
                        (5, 2) => {
                            convolve::<I, 5, 2>(s, window, weight, bias, h, cols, y, sums, op.precision)
                        }
                        _ => convolve::<I, 0, 0>(s, window, weight, bias, h, cols, y, sums, op.precision),
                    }
                }
            }
        }
        // SAFETY: only this task writes the blocks' channels of this time chunk's row, whose pitch is whole blocks.
        unsafe {
            let to = out.row_ptr(time_chunk).add(first * BLOCK);
            std::ptr::copy_nonoverlapping(sums.as_ptr().cast(), to, blocks * BLOCK);
        }
    }
}

/// Convolves one block and adds its outputs to `sums`. `K` and `S` are the kernel and the stride, or 0 where `window`
/// tells them.
///
/// # Safety
/// The samples under `cols` windows must be readable at `h`, and `y` writable for `cols` columns.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn convolve<I: Isa, const K: usize, const S: usize>(
    s: I,
    window: Window,
    weight: &[f32],
    bias: &[f32],
    h: *const f32,
    cols: usize,
    y: *mut f32,
    sums: &mut [f32; BLOCK],
    precision: Precision,
) {
    let window = if K > 0 { Window { kernel: K, stride: S } } else { window };
    assert!(weight.len() == window.kernel * BLOCK && bias.len() == BLOCK);
    for part in (0..BLOCK).step_by(I::LANES) {
        // SAFETY: a part is a vector of a column, a tap, the biases and the sums; the rest is handed on to the caller.
        unsafe {
            let (h, y) = (h.add(part), y.add(part));
            let bias = s.load(bias.as_ptr().add(part));
            let weight = weight.as_ptr().add(part);
            let mut total = s.load(sums.as_ptr().add(part));
            let mut t = 0;
            while t + DEPTHWISE_FLIGHT <= cols {
                let mut acc = [bias; DEPTHWISE_FLIGHT];
                for j in 0..window.kernel {
                    let w = s.load(weight.add(j * BLOCK));
                    for (i, acc) in acc.iter_mut().enumerate() {
                        let x = s.load(h.add(((t + i) * window.stride + j) * BLOCK));
                        *acc = s.mul_add(w, x, *acc);
                    }
                }
                for (i, acc) in acc.into_iter().enumerate() {
                    let value = gemm::activate(s, acc, precision);
                    s.store(y.add((t + i) * BLOCK), value);
                    total = s.add(total, value);
                }
                t += DEPTHWISE_FLIGHT;
            }
            while t < cols {
                let mut acc = bias;
                for j in 0..window.kernel {
                    let x = s.load(h.add((t * window.stride + j) * BLOCK));
                    acc = s.mul_add(s.load(weight.add(j * BLOCK)), x, acc);
                }
                let value = gemm::activate(s, acc, precision);
                s.store(y.add(t * BLOCK), value);
                total = s.add(total, value);
                t += 1;
            }
            s.store(sums.as_mut_ptr().add(part), total);
        }
    }
}
