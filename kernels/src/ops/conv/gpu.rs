//! The kernel's bindings and grid.

use super::Conv;
use crate::gpu::{
    Dims, Element, Launch, Operand, Program, Shader, Slot, Tile, Traits, Weights, pack_rows, pitch,
};
use crate::op;
use crate::ops::phases::Window;
use crate::view::Shape;

static PROGRAM: Program = Program {
    name: "conv",
    source: include_str!("kernel.wgsl"),
    tile: true,
    reduce: false,
    dims: Dims::Uniform(7),
    slots: &[
        Slot::data("x", Element::F32),
        Slot::weight("weight", Element::Four),
        Slot::weight("bias", Element::F32),
        Slot::data("y", Element::Four),
    ],
    overrides: &["ROWS", "COLS", "THREADS"],
};

pub(super) struct Gpu {
    leads: usize,
    window: Window,
    c_out: usize,
    weights: Vec<Weights>,
}

impl Gpu {
    pub(super) fn new(op: &Conv) -> Gpu {
        let weight = pack_rows(&op.weight, op.leads * op.kernel);
        Gpu {
            leads: op.leads,
            window: op.window(),
            c_out: op.bias.len(),
            weights: vec![Weights::Four(weight), Weights::F32(op::narrow(&op.bias))],
        }
    }
}

impl Shader for Gpu {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn operands(&self) -> Vec<Operand> {
        vec![Operand::Input(0), Operand::Weight(0), Operand::Weight(1), Operand::Output(0)]
    }

    fn weights(&self) -> Vec<Weights> {
        self.weights.clone()
    }

    fn outputs(&self, inputs: &[Shape]) -> Vec<Shape> {
        vec![Shape::new(self.c_out, self.window.outputs(inputs[0].cols))]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, _: Traits) -> Launch {
        let (samples, cols) = (inputs[0].cols, self.window.outputs(inputs[0].cols));
        let tile = Tile::choose(self.c_out, cols);
        let Window { kernel, stride } = self.window;
        let dims = [self.leads, kernel, stride, self.c_out, samples, pitch(samples), pitch(cols) / 4];
        Launch {
            overrides: tile.overrides().to_vec(),
            dims: dims.map(|d| d as u32).to_vec(),
            grid: [cols.div_ceil(tile.cols), self.c_out.div_ceil(tile.rows), batch],
            scratch: 0,
            threads: tile.threads(),
            workgroup_bytes: tile.bytes(),
        }
    }
}
