//! The kernel's bindings and grid.

use super::Conv;
use crate::gpu::{
    Binding, DeviceWeights, Dims, Element, Launch, Program, Shader, Slot, WorkgroupTile, pitch,
};
use crate::op;
use crate::ops::window::Window;
use crate::tensor::Shape;

static PROGRAM: Program = Program {
    name: "conv",
    source: include_str!("kernel.wgsl"),
    workgroup_tile: true,
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

pub(super) struct ConvShader<'a>(pub(super) &'a Conv);

impl Shader for ConvShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self) -> Vec<Binding> {
        vec![Binding::Input(0), Binding::Weight(0), Binding::Weight(1), Binding::Output(0)]
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let Conv { weight, bias, leads, kernel, .. } = self.0;
        vec![DeviceWeights::Rows(weight.clone(), leads * kernel), DeviceWeights::F32(op::narrow(bias))]
    }

    fn outputs(&self, inputs: &[Shape]) -> Vec<Shape> {
        vec![Shape::new(self.0.bias.len(), self.0.window().outputs(inputs[0].cols))]
    }

    fn launch(&self, inputs: &[Shape], batch: usize) -> Launch {
        let (samples, cols) = (inputs[0].cols, self.0.window().outputs(inputs[0].cols));
        let tile = WorkgroupTile::choose(self.0.bias.len(), cols);
        let Window { kernel, stride } = self.0.window();
        // A longer stride makes one output all the same, and must not overflow.
        let stride = stride.min(samples + kernel);
        let dims =
            [self.0.leads, kernel, stride, self.0.bias.len(), samples, pitch(samples), pitch(cols) / 4];
        Launch {
            overrides: tile.overrides().to_vec(),
            dims: dims.map(|d| d as u32).to_vec(),
            grid: [cols.div_ceil(tile.cols), self.0.bias.len().div_ceil(tile.rows), batch],
            scratch: 0,
            threads: tile.threads(),
            workgroup_bytes: tile.bytes(),
        }
    }
}
