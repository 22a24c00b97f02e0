//! The kernel's bindings, table and grid: one workgroup a feature and record.

use super::{Encoder, Tokens};
use crate::gpu::{
    ALIGN, Binding, DeviceWeights, Dims, Element, Launch, Product, Program, Shader, Slot, cells, four_rows,
    pitch, transposed,
};
use crate::tensor::Shape;

static PROGRAM: Program = Program {
    name: "tokens",
    source: include_str!("kernel.wgsl"),
    product: Product::None,
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

/// What the table says first: the width of a token and so on.
const HEADER: usize = 4;

/// Numbers a feature has in the table.
const FIELDS: usize = 11;

pub(super) struct TokensShader<'a>(pub(super) &'a Tokens);

/// A feature's weights in the order in which the kernel finds them.
fn pack(feature: &Encoder, dim: usize) -> Vec<f64> {
    match feature {
        Encoder::Continuous { weight, bias, missing } => [&weight[..], bias, missing].concat(),
        Encoder::Categorical { embedding } => embedding.clone(),
        Encoder::Sequence { inputs, hidden, input_weight, hidden_weight, bias, proj, proj_bias, missing } => {
            [
                &four_rows(&transposed(input_weight, *inputs), 4 * hidden)[..],
                &four_rows(&transposed(hidden_weight, *hidden), 4 * hidden),
                &four_rows(&transposed(proj, *hidden), dim),
                bias,
                proj_bias,
                missing,
            ]
            .concat()
        }
    }
}

/// How many weights [`pack`] gives.
fn packed(feature: &Encoder, dim: usize) -> usize {
    match feature {
        Encoder::Continuous { .. } => 3 * dim,
        Encoder::Categorical { embedding } => embedding.len(),
        Encoder::Sequence { inputs, hidden, .. } => {
            let (inputs4, hidden4) = (inputs.next_multiple_of(4), hidden.next_multiple_of(4));
            (inputs4 + hidden4 + 1) * 4 * hidden + (hidden4 + 2) * dim
        }
    }
}

/// Cells of scratch of a feature.
fn scratch(feature: &Encoder) -> usize {
    match feature {
        Encoder::Sequence { inputs, hidden, .. } => {
            inputs.next_multiple_of(4) + hidden.next_multiple_of(4) + 5 * hidden
        }
        _ => 0,
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

impl Shader for TokensShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self, _: usize) -> Vec<Binding> {
        vec![Binding::Inputs, Binding::Weight(0), Binding::Output(0), Binding::Scratch]
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let packed = self.0.features.iter().flat_map(|feature| pack(feature, self.0.dim));
        vec![DeviceWeights::F32(packed.map(|w| w as f32).collect())]
    }

    fn outputs(&self, _: &[Shape], _: usize) -> Vec<Shape> {
        vec![Shape::new(self.0.features.len(), self.0.dim)]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, _: usize) -> Launch {
        let Tokens { dim, features } = self.0;
        let starts = starts(inputs, batch);
        let (mut weight, mut scratch_at) = (0, 0);
        let mut table = vec![0; HEADER];
        for (operand, feature) in self.0.with_operands() {
            let first = inputs[operand];
            let mut fields = [0; FIELDS];
            fields[1..4].copy_from_slice(&[starts[operand], cells(first), weight]);
            match feature {
                Encoder::Continuous { .. } => fields[0] = 0,
                Encoder::Categorical { embedding } => (fields[0], fields[4]) = (1, embedding.len() / dim - 1),
                Encoder::Sequence { hidden, .. } => {
                    fields[0] = 2;
                    let steps = starts[operand + 1];
                    let row_pitch = pitch(first.cols);
                    fields[5..]
                        .copy_from_slice(&[steps, first.rows, row_pitch, first.cols, *hidden, scratch_at]);
                }
            }
            table.extend(fields);
            weight += packed(feature, *dim);
            scratch_at += scratch(feature);
        }
        table[..HEADER].copy_from_slice(&[*dim, pitch(*dim), features.len(), scratch_at]);
        Launch {
            program: &PROGRAM,
            overrides: vec![],
            dims: table.into_iter().map(|d| d as u32).collect(),
            grid: [features.len(), 1, batch],
            scratch: scratch_at,
            threads: THREADS,
            workgroup_bytes: 4,
        }
    }
}
