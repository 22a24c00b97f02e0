//! The kernel's bindings and grid: one workgroup a record.

use super::SqueezeExcite;
use crate::gpu::{
    Binding, DeviceWeights, Dims, Element, Launch, Product, Program, Shader, Slot, four_rows, pitch,
    transposed, uniform, word,
};
use crate::op;
use crate::tensor::Shape;

uniform! {
    struct Sizes {
        channels,
        cols,
        parts,
        sums_pitch,
        hidden4,
        gate_pitch,
        scratch,
    }
}

static PROGRAM: Program = Program {
    name: "squeeze_excite",
    source: include_str!("kernel.wgsl"),
    product: Product::None,
    reduce: false,
    dims: Dims::Uniform(Sizes::FIELDS),
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

pub(super) struct SqueezeExciteShader<'a>(pub(super) &'a SqueezeExcite);

impl Shader for SqueezeExciteShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self, _: usize) -> Vec<Binding> {
        let mut bindings = vec![Binding::Input(1)];
        bindings.extend((0..4).map(Binding::Weight));
        bindings.extend([Binding::Output(0), Binding::Scratch]);
        bindings
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let SqueezeExcite { reduce, reduce_bias, expand, expand_bias } = self.0;
        let channels = expand_bias.len();
        let arrays = [
            &four_rows(&reduce.exact(), channels),
            &four_rows(reduce_bias, 1),
            &four_rows(&transposed(&expand.exact(), reduce_bias.len()), channels),
            expand_bias,
        ];
        arrays.map(|array| DeviceWeights::F32(op::narrow(array))).into()
    }

    fn outputs(&self, _: &[Shape], _: usize) -> Vec<Shape> {
        vec![Shape::new(1, self.0.expand_bias.len())]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, _: usize) -> Launch {
        let (cols, parts) = (inputs[0].cols, inputs[1].rows);
        let channels = self.0.expand_bias.len();
        let hidden4 = self.0.reduce_bias.len().next_multiple_of(4);
        let scratch = channels + hidden4;
        let dims = Sizes {
            channels: word(channels),
            cols: word(cols),
            parts: word(parts),
            sums_pitch: word(pitch(channels)),
            hidden4: word(hidden4),
            gate_pitch: word(pitch(channels)),
            scratch: word(scratch),
        };
        Launch {
            program: &PROGRAM,
            overrides: vec![],
            dims: dims.words(),
            grid: [1, 1, batch],
            scratch,
            threads: THREADS,
            workgroup_bytes: 16 * THREADS,
        }
    }
}
