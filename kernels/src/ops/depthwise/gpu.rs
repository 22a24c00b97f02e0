//! The kernel's bindings, overrides and grid.

use super::Depthwise;
use crate::gpu::{
    Binding, DeviceWeights, Dims, Element, Launch, Program, Shader, Slot, WorkgroupTile, pitch,
};
use crate::op;
use crate::ops::window::Window;
use crate::tensor::Shape;

static PROGRAM: Program = Program {
    name: "depthwise",
    source: include_str!("kernel.wgsl"),
    workgroup_tile: true,
    reduce: false,
    dims: Dims::Uniform(11),
    slots: &[
        Slot::data("x", Element::Four),
        Slot::weight("expand_weight", Element::Four),
        Slot::weight("expand_bias", Element::F32),
        Slot::weight("weight", Element::F32),
        Slot::weight("bias", Element::F32),
        Slot::data("y", Element::Four),
        Slot::data("sums", Element::F32),
    ],
    overrides: &["ROWS", "COLS", "THREADS", "EXPAND"],
};

/// The channels of a workgroup and the positions of `h` that it holds at once. Their f32 and what else the kernel
/// keeps take exactly the 16,384 bytes that every device has.
const WORKGROUP_TILE: WorkgroupTile = WorkgroupTile { rows: 32, cols: 64 };

pub(super) struct DepthwiseShader<'a>(pub(super) &'a Depthwise);

impl DepthwiseShader<'_> {
    /// Positions of `y` that a workgroup makes, in fours: as many as one strip of `h` reaches, at least four.
    fn outputs4(&self) -> usize {
        // The strip starts up to three positions early, on a multiple of four.
        let reach = (WORKGROUP_TILE.cols - 3).saturating_sub(self.0.kernel) / self.0.stride + 1;
        (reach / 4).clamp(1, WORKGROUP_TILE.cols / 4)
    }
}

impl Shader for DepthwiseShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self) -> Vec<Binding> {
        use Binding::{Absent, Input, Output, Weight};
        let expand = if self.0.expand.is_some() { [Weight(0), Weight(1)] } else { [Absent; 2] };
        let rest = if self.0.expand.is_some() { 2 } else { 0 };
        vec![Input(0), expand[0], expand[1], Weight(rest), Weight(rest + 1), Output(0), Output(1)]
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let Depthwise { expand, weight, bias, kernel, .. } = self.0;
        let mut weights = Vec::new();
        if let Some(e) = expand {
            weights.push(DeviceWeights::Rows(e.weight.clone(), self.0.c_in()));
            weights.push(DeviceWeights::F32(op::narrow(&e.bias)));
        }
        let taps = (0..*kernel).flat_map(|j| weight.iter().skip(j).step_by(*kernel));
        weights.push(DeviceWeights::F32(taps.map(|w| *w as f32).collect()));
        weights.push(DeviceWeights::F32(op::narrow(bias)));
        weights
    }

    fn outputs(&self, inputs: &[Shape]) -> Vec<Shape> {
        let cols = self.0.window().outputs(inputs[0].cols);
        let parts = cols.div_ceil(4 * self.outputs4());
        vec![Shape::new(self.0.channels(), cols), Shape::new(parts, self.0.channels())]
    }

    fn launch(&self, inputs: &[Shape], batch: usize) -> Launch {
        let samples = inputs[0].cols;
        let cols = self.0.window().outputs(samples);
        let outputs4 = self.outputs4();
        let parts = cols.div_ceil(4 * outputs4);
        let Window { kernel, stride } = self.0.window();
        // A longer stride makes one output all the same, and must not overflow.
        let stride = stride.min(samples + kernel);
        let mut overrides = WORKGROUP_TILE.overrides().to_vec();
        overrides.push(f64::from(self.0.expand.is_some()));
        let dims = [
            self.0.c_in(),
            self.0.channels(),
            kernel,
            stride,
            samples,
            cols,
            pitch(samples) / 4,
            pitch(cols) / 4,
            outputs4,
            pitch(self.0.channels()),
            parts,
        ];
        Launch {
            overrides,
            dims: dims.map(|d| d as u32).to_vec(),
            grid: [parts, self.0.channels().div_ceil(WORKGROUP_TILE.rows), batch],
            scratch: 0,
            threads: WORKGROUP_TILE.threads(),
            workgroup_bytes: WORKGROUP_TILE.bytes() + 5 * WORKGROUP_TILE.rows * WORKGROUP_TILE.cols,
        }
    }
}
