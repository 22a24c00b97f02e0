//! The kernel's bindings, table and grid: one workgroup a feature and record.

use super::{Feature, Tokens};
use crate::gpu::{
    ALIGN, Dims, Element, Launch, Operand, Program, Shader, Slot, Traits, Weights, cells, four_rows, pitch,
    transposed,
};
use crate::op;
use crate::view::Shape;

static PROGRAM: Program = Program {
    name: "tokens",
    source: include_str!("kernel.wgsl"),
    tile: false,
    reduce: false,
    dims: Dims::Table,
    slots: &[
        Slot::data("inputs", Element::F32),
        Slot::weight("weight", Element::F32),
        Slot::data("tokens", Element::F32),
        Slot::data("scratch", Element::F32),
    ],
    overrides: &[],
};

const THREADS: usize = 256;

/// A feature as the table tells of it.
struct Entry {
    kind: Kind,
    /// The index of its first operand.
    operand: usize,
    /// Where its weights start.
    weight: usize,
}

enum Kind {
    Continuous,
    /// With the last row of the embedding.
    Categorical(usize),
    Sequence {
        inputs: usize,
        hidden: usize,
    },
}

impl Kind {
    /// Cells of scratch.
    fn scratch(&self) -> usize {
        match self {
            Kind::Sequence { inputs, hidden } => {
                inputs.next_multiple_of(4) + hidden.next_multiple_of(4) + 5 * hidden
            }
            _ => 0,
        }
    }
}

pub(super) struct Gpu {
    dim: usize,
    entries: Vec<Entry>,
    weights: Vec<f32>,
}

impl Gpu {
    pub(super) fn new(op: &Tokens) -> Gpu {
        let mut weights = Vec::new();
        let entries = op
            .with_operands()
            .map(|(operand, feature)| {
                let weight = weights.len();
                let kind = pack(feature, op.dim, &mut weights);
                Entry { kind, operand, weight }
            })
            .collect();
        Gpu { dim: op.dim, entries, weights: op::narrow(&weights) }
    }
}

/// Appends a feature's weights in the order in which the kernel finds them.
fn pack(feature: &Feature, dim: usize, to: &mut Vec<f64>) -> Kind {
    match feature {
        Feature::Continuous { weight, bias, missing } => {
            to.extend([weight, bias, missing].into_iter().flatten());
            Kind::Continuous
        }
        Feature::Categorical { embedding } => {
            to.extend(embedding);
            Kind::Categorical(embedding.len() / dim - 1)
        }
        Feature::Sequence { inputs, hidden, input_weight, hidden_weight, bias, proj, proj_bias, missing } => {
            let (inputs, hidden) = (*inputs, *hidden);
            to.extend(four_rows(&transposed(input_weight, inputs), 4 * hidden));
            to.extend(four_rows(&transposed(hidden_weight, hidden), 4 * hidden));
            to.extend(four_rows(&transposed(proj, hidden), dim));
            to.extend([bias, proj_bias, missing].into_iter().flatten());
            Kind::Sequence { inputs, hidden }
        }
    }
}

/// Where each operand starts among all of them, in cells of f32.
fn starts(inputs: &[Shape], batch: usize) -> Vec<usize> {
    inputs
        .iter()
        .scan(0, |next, shape| {
            let start = *next;
            *next += (4 * batch * cells(*shape)).next_multiple_of(ALIGN) / 4;
            Some(start)
        })
        .collect()
}

impl Shader for Gpu {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn operands(&self) -> Vec<Operand> {
        vec![Operand::Inputs, Operand::Weight(0), Operand::Output(0), Operand::Scratch]
    }

    fn weights(&self) -> Vec<Weights> {
        vec![Weights::F32(self.weights.clone())]
    }

    fn outputs(&self, _: &[Shape]) -> Vec<Shape> {
        vec![Shape::new(self.entries.len(), self.dim)]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, _: Traits) -> Launch {
        let scratch = self.entries.iter().map(|entry| entry.kind.scratch()).sum();
        let starts = starts(inputs, batch);
        let mut table = vec![self.dim, pitch(self.dim), self.entries.len(), scratch];
        let mut scratch_at = 0;
        for Entry { kind, operand, weight } in &self.entries {
            let first = inputs[*operand];
            let (start, stride) = (starts[*operand], cells(first));
            table.extend(match kind {
                Kind::Continuous => [0, start, stride, *weight, 0, 0, 0, 0, 0, 0, 0],
                Kind::Categorical(last) => [1, start, stride, *weight, *last, 0, 0, 0, 0, 0, 0],
                Kind::Sequence { inputs: row, hidden } => {
                    let steps = starts[operand + 1];
                    let row_pitch = pitch(first.cols);
                    [2, start, stride, *weight, 0, steps, first.rows, row_pitch, *row, *hidden, scratch_at]
                }
            });
            scratch_at += kind.scratch();
        }
        Launch {
            overrides: vec![],
            dims: table.into_iter().map(|d| d as u32).collect(),
            grid: [self.entries.len(), 1, batch],
            scratch,
            threads: THREADS,
            workgroup_bytes: 4,
        }
    }
}
