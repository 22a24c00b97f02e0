//! The kernel's bindings and grid.

use super::Conv;
use crate::gpu::{
    Binding, DeviceClass, DeviceWeights, Dims, Element, Launch, PRODUCT_OVERRIDES, Product, Program, Shader,
    Slot, TILES, Traits, WorkgroupTile, pitch, uniform, word,
};
use crate::op;
use crate::ops::window::Window;
use crate::tensor::Shape;

uniform! {
    struct Sizes {
        leads,
        kernel,
        stride,
        c_out,
        samples,
        x_pitch,
        y_pitch4,
    }
}

static PROGRAM: Program = Program {
    name: "conv",
    source: include_str!("kernel.wgsl"),
    product: Product::Threads,
    reduce: false,
    dims: Dims::Uniform(Sizes::FIELDS),
    slots: &[
        Slot::data("x", Element::F32),
        Slot::weight("weight", Element::Four),
        Slot::weight("bias", Element::F32),
        Slot::data("y", Element::Four),
    ],
    overrides: &PRODUCT_OVERRIDES,
};

pub(super) struct ConvShader<'a>(pub(super) &'a Conv);

impl Shader for ConvShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self, _: usize) -> Vec<Binding> {
        vec![Binding::Input(0), Binding::Weight(0), Binding::Weight(1), Binding::Output(0)]
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let Conv { weight, bias, leads, kernel, .. } = self.0;
        vec![DeviceWeights::Rows(weight.clone(), leads * kernel), DeviceWeights::F32(op::narrow(bias))]
    }

    // Samples are f32, so none is by cooperative matrices.
    fn variants(&self, _: Traits) -> Vec<String> {
        WorkgroupTile::names(&TILES)
    }

    fn choose(&self, inputs: &[Shape], batch: usize, class: DeviceClass, _: Traits) -> usize {
        let cols = batch * self.0.window().outputs(inputs[0].cols);
        WorkgroupTile::choose(&TILES, self.0.bias.len(), cols, class)
    }

    fn outputs(&self, inputs: &[Shape], _: usize) -> Vec<Shape> {
        vec![Shape::new(self.0.bias.len(), self.0.window().outputs(inputs[0].cols))]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, variant: usize) -> Launch {
        let (samples, cols) = (inputs[0].cols, self.0.window().outputs(inputs[0].cols));
        let tile = TILES.get(variant).copied().unwrap_or(TILES[0]);
        let Window { kernel, stride } = self.0.window();
        // A longer stride makes one output all the same, and must not overflow.
        let stride = stride.min(samples + kernel);
        let dims = Sizes {
            leads: word(self.0.leads),
            kernel: word(kernel),
            stride: word(stride),
            c_out: word(self.0.bias.len()),
            samples: word(samples),
            x_pitch: word(pitch(samples)),
            y_pitch4: word(pitch(cols) / 4),
        };
        let (cells, workgroup_bytes) = tile.memory(0);
        Launch {
            program: &PROGRAM,
            overrides: tile.overrides(cells),
            dims: dims.words(),
            grid: [cols.div_ceil(tile.cols), self.0.bias.len().div_ceil(tile.rows), batch],
            scratch: 0,
            threads: tile.threads(),
            workgroup_bytes,
        }
    }
}
