//! A task is some blocks of output channels over one chunk of time. The gate goes into whichever is less work: the
//! weights of the blocks, or the activations of the record.

use super::Pointwise;
use crate::gemm::{self, Activations, Bf16Blocks, Extra, PackedMatrix, Prefetch};
use crate::op::{self, Call, Precision, TIME_CHUNK};
use crate::simd::{Body, Isa, Level};
use crate::tensor::{BLOCK, Layout, Shape, TensorView, TensorViewMut};
use crate::tuning::{
    FEW_COLUMNS, GATED_ACTIVATIONS, LEAST_CHUNK, MAX_BLOCKS, MOST_CHUNKS, SECTION, STRIP, TASKS,
};
use std::ops::Range;

pub(super) struct PointwiseKernel {
    level: Level,
    matrix: PackedMatrix,
    silu: bool,
    gate: bool,
    residual: bool,
    sums: bool,
}

/// How a call is cut: into sections of time, a section into groups, a group into chunks. For
/// [`Prepare::Round`] a section is cut into chunks first, so that neighbouring tasks share what is prepared.
#[derive(Clone, Copy)]
struct Cut {
    sections: usize,
    /// Columns of a section; the last section may have fewer.
    section: usize,
    /// Groups, among which the blocks are split evenly.
    groups: usize,
    /// Chunks of a section: as many as it has time chunks where there are sums, else of even numbers of columns.
    chunks: usize,
    /// Whether the record is more than a section, so that each section comes from no near cache.
    cold: bool,
    prepare: Prepare,
}

impl Cut {
    fn tasks(&self) -> usize {
        self.sections * self.groups * self.chunks
    }
}

/// What goes to scratch.
#[derive(Clone, Copy, PartialEq)]
enum Prepare {
    /// Nothing.
    Nothing,
    /// The weights of a group, with the gate.
    Weights,
    /// The activations of the record, with the gate.
    Activations,
    /// The activations of a chunk in bf16, with the gate.
    Round,
}

impl PointwiseKernel {
    pub(super) fn new(op: &Pointwise, level: Level, precision: Precision) -> PointwiseKernel {
        PointwiseKernel {
            level,
            matrix: PackedMatrix::halved(level, &op.weight, &op.bias, precision),
            silu: op.silu,
            gate: op.gate,
            residual: op.residual,
            sums: op.sums,
        }
    }

    /// How a call is cut, for several workers or for one.
    fn cut(&self, x: Shape, parallel: bool) -> Cut {
        let total = self.matrix.blocks();
        let unit = if self.sums { TIME_CHUNK } else { STRIP };
        let cold = SECTION / x.rows < x.cols;
        let section = match SECTION / x.rows {
            cols if cold => (cols / unit).max(1) * unit,
            // Two sections for several workers: what the nodes before have left of a half of the record is in the
            // cache of the thread that has this half here. That is worth reading all weights for, unless they are
            // many for few columns.
            _ if parallel && !self.sums && x.cols >= (total * BLOCK).clamp(FEW_COLUMNS, STRIP) => {
                x.cols.div_ceil(2).next_multiple_of(8)
            }
            _ => x.cols,
        };
        let sections = x.cols.div_ceil(section);
        // Sums are given for each time chunk. Else chunks make up for few groups, but have three register tiles of
        // columns.
        let most = if self.sums {
            op::time_chunks(x.cols).div_ceil(sections)
        } else {
            (section / LEAST_CHUNK).clamp(1, MOST_CHUNKS)
        };
        let tasks = |blocks| total.div_ceil(blocks) * most * sections.min(2);
        let groups = total.div_ceil(gemm::blocks_of_register_tile(self.level, x.cols, tasks));
        let chunks = match TASKS / sections.min(2) / groups {
            _ if self.sums => most,
            // An even number of tasks.
            odd if sections == 1 && odd * groups % 2 == 1 => (odd + 1).min(most),
            chunks => chunks.clamp(1, most),
        };
        let small = Layout::Blocks.cells(x) <= GATED_ACTIVATIONS && x.cols <= total * BLOCK;
        let prepare = match self.matrix.precision() {
            Precision::Bf16 => Prepare::Round,
            Precision::F32 if !self.gate => Prepare::Nothing,
            Precision::F32 if small => Prepare::Activations,
            Precision::F32 | Precision::F16 => Prepare::Weights,
        };
        Cut { sections, section, groups, chunks, cold, prepare }
    }

    /// The columns of a chunk of a section, of `cols`: none, it may be, at the end of the last section. With sums
    /// that is a time chunk.
    fn chunk(&self, cut: Cut, cols: usize, section: usize, chunk: usize) -> Range<usize> {
        let start = section * cut.section;
        let of_section = cut.section.min(cols - start);
        let end = |chunk: usize| {
            start + of_section.min(8 * gemm::split_evenly(of_section.div_ceil(8), cut.chunks, chunk))
        };
        match self.sums {
            true => op::time_chunk(cols, section * cut.chunks + chunk),
            false => end(chunk)..end(chunk + 1),
        }
    }
}

impl op::Kernel for PointwiseKernel {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        self.cut(inputs[0], true).tasks()
    }

    fn micro_kernel(&self, inputs: &[Shape]) -> Option<&'static str> {
        self.matrix.micro_kernel(self.matrix.blocks() / self.cut(inputs[0], true).groups)
    }

    fn weights(&self) -> [&[f32]; 2] {
        [self.matrix.weight(0, self.matrix.blocks()), &[]]
    }

    fn input_layout(&self, index: usize) -> Layout {
        if self.gate && index == 1 { Layout::Rows } else { Layout::Blocks }
    }

    fn output_layout(&self, index: usize) -> Layout {
        if index == 0 { Layout::Blocks } else { Layout::Rows }
    }

    fn scratch(&self, inputs: &[Shape]) -> usize {
        let cuts = [true, false].map(|parallel| self.cut(inputs[0], parallel));
        match cuts[0].prepare {
            Prepare::Nothing => 0,
            Prepare::Weights => self.matrix.scratch(),
            Prepare::Activations => Layout::Blocks.cells(inputs[0]),
            Prepare::Round => {
                let cols = inputs[0].cols;
                let longest = |cut: Cut| (0..cut.chunks).map(|c| self.chunk(cut, cols, 0, c).len()).max();
                let longest = cuts.into_iter().filter_map(longest).max().unwrap_or(0);
                let cols = if self.sums { TIME_CHUNK.min(cols) } else { longest };
                Bf16Blocks::cells(inputs[0].rows, cols, self.matrix.amx())
            }
        }
    }

    unsafe fn run(&self, call: Call<'_>) {
        let Call { inputs, outputs, scratch, tasks, prefetch } = call;
        self.level.dispatch(PointwiseBody { op: self, inputs, outputs, scratch, tasks, prefetch });
    }
}

struct PointwiseBody<'a> {
    op: &'a PointwiseKernel,
    inputs: &'a [TensorView<'a>],
    outputs: &'a [TensorViewMut<'a>],
    scratch: &'a mut [f32],
    tasks: Range<usize>,
    prefetch: [&'a [f32]; 2],
}

impl Body for PointwiseBody<'_> {
    type Output = ();

    #[inline(always)]
    fn call<I: Isa>(self, s: I) {
        let PointwiseKernel { matrix, silu, gate, residual, .. } = self.op;
        let (x, y) = (&self.inputs[0], &self.outputs[0]);
        let residual = residual.then(|| &self.inputs[1 + usize::from(*gate)]);
        let mut cut = self.op.cut(x.shape(), true);
        let mut tasks = self.tasks;
        let mut prefetch = Prefetch::share(self.prefetch, &tasks, cut.tasks());
        if tasks == (0..cut.tasks()) {
            // All the work is one thread's.
            cut = self.op.cut(x.shape(), false);
            tasks = 0..cut.tasks();
        }
        let total = x.shape().cols;
        let gate = gate.then(|| self.inputs[1].row(0));
        let mut source = Activations::of(x, 0);
        if let (Prepare::Activations, Some(gate)) = (cut.prepare, gate) {
            scale_activations(s, x, gate, self.scratch);
            source = source.at(self.scratch);
        }
        let mut rounded = Activations::none();
        // The group or chunk that is in scratch.
        let mut prepared = usize::MAX;
        for task in tasks {
            let (section, rest) = (task / (cut.groups * cut.chunks), task % (cut.groups * cut.chunks));
            let (group, chunk) = match cut.prepare {
                Prepare::Round => (rest % cut.groups, rest / cut.groups),
                _ => (rest / cut.chunks, rest % cut.chunks),
            };
            let columns = self.op.chunk(cut, total, section, chunk);
            if columns.is_empty() {
                continue;
            }
            let first = gemm::split_evenly(matrix.blocks(), cut.groups, group);
            let blocks = gemm::split_evenly(matrix.blocks(), cut.groups, group + 1) - first;
            let mut weights = matrix.operand(first, blocks);
            // What the first product is to do for all after it.
            let mut gating = None;
            match cut.prepare {
                Prepare::Weights => {
                    if prepared != group {
                        prepared = group;
                        match gate {
                            Some(gate)
                                if matrix.precision() == Precision::F32
                                    && weights.takes_gate(STRIP.min(columns.len())) =>
                            {
                                gating = Some(weights.gating(gate, self.scratch));
                            }
                            gate => matrix.unpack(s, first, blocks, gate, self.scratch),
                        }
                    }
                    if gating.is_none() {
                        weights.weight = self.scratch.as_ptr();
                    }
                }
                Prepare::Round => {
                    if prepared != section * cut.chunks + chunk {
                        prepared = section * cut.chunks + chunk;
                        let amx = matrix.amx();
                        rounded = Bf16Blocks::round(s, x, columns.clone(), gate, amx, self.scratch);
                    }
                }
                Prepare::Nothing | Prepare::Activations => {}
            }
            let mut sums = [[0.0; BLOCK]; MAX_BLOCKS];
            for col in columns.clone().step_by(STRIP) {
                let cols = STRIP.min(columns.end - col);
                // SAFETY: weights and activations have the same steps; `x` and the residual have the columns of `y`, and
                // only this task writes these blocks of these columns.
                unsafe {
                    let (to, pitch) = (y.block_ptr(first).add(col * BLOCK), total * BLOCK);
                    let (source, extra) = match gating.take() {
                        _ if cut.prepare == Prepare::Round => {
                            (rounded.from(col - columns.start), Extra::Nothing)
                        }
                        Some(gating) => (source.from(col), Extra::Gate(gating)),
                        None if cut.cold && group == 0 => (source.from(col), Extra::Cold),
                        None => (source.from(col), Extra::Nothing),
                    };
                    gemm::product(&weights, source, cols, to, pitch, extra, &mut prefetch);
                    if matches!(extra, Extra::Gate(_)) {
                        weights.weight = self.scratch.as_ptr();
                    }
                    for (b, sums) in sums.iter_mut().enumerate().take(blocks) {
                        let y = y.block_ptr(first + b).add(col * BLOCK);
                        if *silu {
                            gemm::silu(s, y, cols, matrix.precision());
                        }
                        if let Some(residual) = residual {
                            gemm::add(s, y, residual.block_ptr(first + b).add(col * BLOCK), cols);
                        }
                        if self.op.sums {
                            gemm::sum(s, y, cols, sums);
                        }
                    }
                }
            }
            if let Some(out) = self.outputs.get(1) {
                // SAFETY: only this task writes the blocks' channels of this time chunk's row, whose pitch is whole
                // blocks.
                unsafe {
                    let to = out.row_ptr(section * cut.chunks + chunk).add(first * BLOCK);
                    std::ptr::copy_nonoverlapping(sums.as_ptr().cast(), to, blocks * BLOCK);
                }
            }
        }
    }
}

/// `to[c, t] = x[c, t] * gate[c]`, in blocks.
#[inline(always)]
fn scale_activations<I: Isa>(s: I, x: &TensorView<'_>, gate: &[f32], to: &mut [f32]) {
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
