//! The kernel's bindings, overrides and grid: one workgroup a record.

use super::Classifier;
use crate::gpu::{
    Binding, DeviceWeights, Dims, Element, Launch, Product, Program, REDUCE_BYTES, REDUCE_THREADS, Shader,
    Slot, four_rows, pitch, uniform, word,
};
use crate::op;
use crate::tensor::Shape;

uniform! {
    struct Sizes {
        channels,
        cols,
        parts,
        sums_pitch,
        tokens,
        token_cols,
        token_pitch,
        classes,
        classes_pitch,
        width,
    }
}

static PROGRAM: Program = Program {
    name: "classifier",
    source: include_str!("kernel.wgsl"),
    product: Product::None,
    reduce: true,
    dims: Dims::Uniform(Sizes::FIELDS),
    slots: &[
        Slot::data("sums", Element::F32),
        Slot::data("z", Element::F32),
        Slot::weight("weight", Element::F32),
        Slot::weight("bias", Element::F32),
        Slot::data("logits", Element::F32),
        Slot::data("probabilities", Element::F32),
        Slot::data("scratch", Element::F32),
    ],
    overrides: &["TOKENS", "SOFTMAX"],
};

pub(super) struct ClassifierShader<'a>(pub(super) &'a Classifier);

impl Shader for ClassifierShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self, _: usize) -> Vec<Binding> {
        use Binding::{Absent, Input, Output, Scratch, Weight};
        let tokens = if self.0.tokens.rows > 0 { Input(2) } else { Absent };
        vec![Input(1), tokens, Weight(0), Weight(1), Output(0), Output(1), Scratch]
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let arrays = [four_rows(&self.0.weight, self.0.width()), four_rows(&self.0.bias, 1)];
        arrays.map(|array| DeviceWeights::F32(op::narrow(&array))).into()
    }

    fn outputs(&self, _: &[Shape], _: usize) -> Vec<Shape> {
        vec![Shape::new(1, self.0.bias.len()); 2]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, _: usize) -> Launch {
        let (x, parts) = (inputs[0], inputs[1].rows);
        let Shape { rows: tokens, cols: token_cols } = self.0.tokens;
        let dims = Sizes {
            channels: word(x.rows),
            cols: word(x.cols),
            parts: word(parts),
            sums_pitch: word(pitch(x.rows)),
            tokens: word(tokens),
            token_cols: word(token_cols),
            token_pitch: word(pitch(token_cols)),
            classes: word(self.0.bias.len()),
            classes_pitch: word(pitch(self.0.bias.len())),
            width: word(self.0.width()),
        };
        Launch {
            program: &PROGRAM,
            overrides: [tokens > 0, self.0.softmax].map(f64::from).to_vec(),
            dims: dims.words(),
            grid: [1, 1, batch],
            scratch: self.0.width(),
            threads: REDUCE_THREADS,
            workgroup_bytes: REDUCE_BYTES,
        }
    }
}
