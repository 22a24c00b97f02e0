//! The kernel's bindings, overrides and grid.

use super::Pointwise;
use crate::gpu::{
    Dims, Element, Launch, Operand, Program, Shader, Slot, Tile, Traits, Weights, pack_rows, pitch,
};
use crate::op;
use crate::view::Shape;

static PROGRAM: Program = Program {
    name: "pointwise",
    source: include_str!("kernel.wgsl"),
    tile: true,
    reduce: false,
    dims: Dims::Uniform(7),
    slots: &[
        Slot::data("x", Element::Four),
        Slot::weight("weight", Element::Four),
        Slot::weight("bias", Element::F32),
        Slot::data("gate", Element::F32),
        Slot::data("residual", Element::Four),
        Slot::data("y", Element::Four),
        Slot::data("sums", Element::F32),
    ],
    overrides: &["ROWS", "COLS", "THREADS", "SILU", "GATE", "RESIDUAL", "SUMS"],
};

pub(super) struct Gpu {
    c_in: usize,
    c_out: usize,
    weights: Vec<Weights>,
    silu: bool,
    gate: bool,
    residual: bool,
    sums: bool,
}

impl Gpu {
    pub(super) fn new(op: &Pointwise) -> Gpu {
        Gpu {
            c_in: op.c_in(),
            c_out: op.c_out(),
            weights: vec![
                Weights::Four(pack_rows(&op.weight, op.c_in())),
                Weights::F32(op::narrow(&op.bias)),
            ],
            silu: op.silu,
            gate: op.gate,
            residual: op.residual,
            sums: op.sums,
        }
    }

    fn tile(&self, cols: usize) -> Tile {
        Tile::choose(self.c_out, cols)
    }
}

impl Shader for Gpu {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn operands(&self) -> Vec<Operand> {
        let when = |is: bool, operand| if is { operand } else { Operand::Absent };
        vec![
            Operand::Input(0),
            Operand::Weight(0),
            Operand::Weight(1),
            when(self.gate, Operand::Input(1)),
            when(self.residual, Operand::Input(1 + usize::from(self.gate))),
            Operand::Output(0),
            when(self.sums, Operand::Output(1)),
        ]
    }

    fn weights(&self) -> Vec<Weights> {
        self.weights.clone()
    }

    fn outputs(&self, inputs: &[Shape]) -> Vec<Shape> {
        let cols = inputs[0].cols;
        let mut outputs = vec![Shape::new(self.c_out, cols)];
        if self.sums {
            outputs.push(Shape::new(cols.div_ceil(self.tile(cols).cols), self.c_out));
        }
        outputs
    }

    fn launch(&self, inputs: &[Shape], batch: usize, _: Traits) -> Launch {
        let cols = inputs[0].cols;
        let tile = self.tile(cols);
        let parts = cols.div_ceil(tile.cols);
        let mut overrides = tile.overrides().to_vec();
        overrides.extend([self.silu, self.gate, self.residual, self.sums].map(f64::from));
        let dims = [self.c_in, self.c_out, cols, pitch(cols) / 4, pitch(self.c_in), pitch(self.c_out), parts];
        Launch {
            overrides,
            dims: dims.map(|d| d as u32).to_vec(),
            grid: [parts, self.c_out.div_ceil(tile.rows), batch],
            scratch: 0,
            threads: tile.threads(),
            workgroup_bytes: tile.bytes() + 4 * tile.threads() * 4,
        }
    }
}
