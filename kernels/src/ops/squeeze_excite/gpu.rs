//! The kernel's bindings and grid: one workgroup a record.

use super::SqueezeExcite;
use crate::gpu::{
    Dims, Element, Launch, Operand, Program, Shader, Slot, Traits, Weights, four_rows, pitch, transposed,
};
use crate::op;
use crate::view::Shape;

static PROGRAM: Program = Program {
    name: "squeeze_excite",
    source: include_str!("kernel.wgsl"),
    tile: false,
    reduce: false,
    dims: Dims::Uniform(7),
    slots: &[
        Slot::data("sums", Element::F32),
        Slot::weight("squeeze", Element::F32),
        Slot::weight("squeeze_bias", Element::F32),
        Slot::weight("excite", Element::F32),
        Slot::weight("excite_bias", Element::F32),
        Slot::data("gate", Element::F32),
        Slot::data("scratch", Element::F32),
    ],
    overrides: &[],
};

const THREADS: usize = 256;

pub(super) struct Gpu {
    channels: usize,
    /// Hidden units, rounded up to four.
    hidden4: usize,
    weights: Vec<Weights>,
}

impl Gpu {
    pub(super) fn new(op: &SqueezeExcite) -> Gpu {
        let (channels, hidden) = (op.expand_bias.len(), op.reduce_bias.len());
        let arrays = [
            four_rows(&op.reduce, channels),
            four_rows(&op.reduce_bias, 1),
            four_rows(&transposed(&op.expand, hidden), channels),
            op.expand_bias.clone(),
        ];
        Gpu {
            channels,
            hidden4: hidden.next_multiple_of(4),
            weights: arrays.iter().map(|array| Weights::F32(op::narrow(array))).collect(),
        }
    }
}

impl Shader for Gpu {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn operands(&self) -> Vec<Operand> {
        let mut operands = vec![Operand::Input(1)];
        operands.extend((0..self.weights.len()).map(Operand::Weight));
        operands.extend([Operand::Output(0), Operand::Scratch]);
        operands
    }

    fn weights(&self) -> Vec<Weights> {
        self.weights.clone()
    }

    fn outputs(&self, _: &[Shape]) -> Vec<Shape> {
        vec![Shape::new(1, self.channels)]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, _: Traits) -> Launch {
        let (cols, parts) = (inputs[0].cols, inputs[1].rows);
        let scratch = self.channels + self.hidden4;
        let dims =
            [self.channels, cols, parts, pitch(self.channels), self.hidden4, pitch(self.channels), scratch];
        Launch {
            overrides: vec![],
            dims: dims.map(|d| d as u32).to_vec(),
            grid: [1, 1, batch],
            scratch,
            threads: THREADS,
            workgroup_bytes: 16 * THREADS,
        }
    }
}
