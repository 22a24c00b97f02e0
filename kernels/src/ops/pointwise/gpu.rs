//! The kernel's bindings, overrides and grid.

use super::Pointwise;
use crate::gpu::{
    Binding, DeviceWeights, Dims, Element, Launch, Program, Shader, Slot, WorkgroupTile, pitch,
};
use crate::op;
use crate::tensor::Shape;

static PROGRAM: Program = Program {
    name: "pointwise",
    source: include_str!("kernel.wgsl"),
    workgroup_tile: true,
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

pub(super) struct PointwiseShader<'a>(pub(super) &'a Pointwise);

impl PointwiseShader<'_> {
    fn workgroup_tile(&self, cols: usize) -> WorkgroupTile {
        WorkgroupTile::choose(self.0.c_out(), cols)
    }
}

impl Shader for PointwiseShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self) -> Vec<Binding> {
        let when = |is: bool, operand| if is { operand } else { Binding::Absent };
        vec![
            Binding::Input(0),
            Binding::Weight(0),
            Binding::Weight(1),
            when(self.0.gate, Binding::Input(1)),
            when(self.0.residual, Binding::Input(1 + usize::from(self.0.gate))),
            Binding::Output(0),
            when(self.0.sums, Binding::Output(1)),
        ]
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let Pointwise { weight, bias, .. } = self.0;
        vec![DeviceWeights::Rows(weight.clone(), self.0.c_in()), DeviceWeights::F32(op::narrow(bias))]
    }

    fn outputs(&self, inputs: &[Shape]) -> Vec<Shape> {
        let cols = inputs[0].cols;
        let mut outputs = vec![Shape::new(self.0.c_out(), cols)];
        if self.0.sums {
            outputs.push(Shape::new(cols.div_ceil(self.workgroup_tile(cols).cols), self.0.c_out()));
        }
        outputs
    }

    fn launch(&self, inputs: &[Shape], batch: usize) -> Launch {
        let cols = inputs[0].cols;
        let tile = self.workgroup_tile(cols);
        let parts = cols.div_ceil(tile.cols);
        let mut overrides = tile.overrides().to_vec();
        overrides.extend([self.0.silu, self.0.gate, self.0.residual, self.0.sums].map(f64::from));
        let dims = [
            self.0.c_in(),
            self.0.c_out(),
            cols,
            pitch(cols) / 4,
            pitch(self.0.c_in()),
            pitch(self.0.c_out()),
            parts,
        ];
        Launch {
            overrides,
            dims: dims.map(|d| d as u32).to_vec(),
            grid: [parts, self.0.c_out().div_ceil(tile.rows), batch],
            scratch: 0,
            threads: tile.threads(),
            workgroup_bytes: tile.bytes() + 4 * tile.threads() * 4,
        }
    }
}
