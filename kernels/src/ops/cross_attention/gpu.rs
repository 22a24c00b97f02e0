//! The kernel's bindings and grid: one workgroup a token and record.

use super::CrossAttention;
use crate::gpu::{
    Binding, DeviceWeights, Dims, Element, Launch, Product, Program, REDUCE_BYTES, REDUCE_THREADS, Shader,
    Slot, four_rows, pitch, transposed, uniform, word,
};
use crate::op;
use crate::tensor::Shape;

uniform! {
    struct Sizes {
        tokens,
        dim,
        dim4,
        heads,
        heads4,
        head,
        head4,
        channels,
        cols,
        pitch4,
        scratch,
    }
}

static PROGRAM: Program = Program {
    name: "cross_attention",
    source: include_str!("kernel.wgsl"),
    product: Product::None,
    reduce: true,
    dims: Dims::Uniform(Sizes::FIELDS),
    slots: &[
        Slot::data("f", Element::F32),
        Slot::data("h", Element::Four),
        Slot::weight("square", Element::F32),
        Slot::weight("key", Element::F32),
        Slot::weight("value", Element::F32),
        Slot::weight("vectors", Element::F32),
        Slot::data("z", Element::F32),
        Slot::data("scratch", Element::F32),
    ],
    overrides: &[],
};

/// Bytes of the kernel's `shares` and `scores`.
const SHARES: usize = 2 * 16 * REDUCE_THREADS;
const SCORES: usize = 4 * 4 * 256;

pub(super) struct CrossAttentionShader<'a>(pub(super) &'a CrossAttention);

impl Shader for CrossAttentionShader<'_> {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn bindings(&self, _: usize) -> Vec<Binding> {
        let mut bindings = vec![Binding::Input(0), Binding::Input(1)];
        bindings.extend((0..4).map(Binding::Weight));
        bindings.extend([Binding::Output(0), Binding::Scratch]);
        bindings
    }

    fn weights(&self) -> Vec<DeviceWeights> {
        let op = self.0;
        let (dim, channels) = (op.dim(), op.channels());
        let head = dim / op.heads;
        // The factor of the scores goes into the query.
        let scale = 1.0 / (head as f64).sqrt();
        let scaled = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| x * scale).collect() };

        let mut square = four_rows(&transposed(&scaled(&op.q.weight), dim), dim);
        square.extend(four_rows(&transposed(&op.out.weight, dim), dim));
        let key = four_rows(&op.k.weight, head * channels);
        let value: Vec<f64> =
            op.v.weight.chunks_exact(head * channels).flat_map(|rows| four_rows(rows, channels)).collect();
        let vectors = [
            &op.norm_q.weight,
            &op.norm_q.bias,
            &scaled(&op.q.bias),
            &op.v.bias,
            &op.out.bias,
            &op.norm_out.weight,
            &op.norm_out.bias,
        ];
        let arrays = [square, key, value, vectors.into_iter().flatten().copied().collect()];
        arrays.map(|array| DeviceWeights::F32(op::narrow(&array))).into()
    }

    fn outputs(&self, _: &[Shape], _: usize) -> Vec<Shape> {
        vec![Shape::new(self.0.tokens, self.0.dim())]
    }

    fn launch(&self, inputs: &[Shape], batch: usize, _: usize) -> Launch {
        let cols = inputs[1].cols;
        let (dim4, head) = (pitch(self.0.dim()), self.0.dim() / self.0.heads);
        let heads4 = self.0.heads.next_multiple_of(4);
        let scratch = 2 * dim4 + heads4 * head + 20 * self.0.channels();
        let dims = Sizes {
            tokens: word(self.0.tokens),
            dim: word(self.0.dim()),
            dim4: word(dim4),
            heads: word(self.0.heads),
            heads4: word(heads4),
            head: word(head),
            head4: word(head.next_multiple_of(4)),
            channels: word(self.0.channels()),
            cols: word(cols),
            pitch4: word(pitch(cols) / 4),
            scratch: word(scratch),
        };
        Launch {
            program: &PROGRAM,
            overrides: vec![],
            dims: dims.words(),
            grid: [self.0.tokens, 1, batch],
            scratch: self.0.tokens * scratch,
            threads: REDUCE_THREADS,
            workgroup_bytes: REDUCE_BYTES + SHARES + SCORES,
        }
    }
}
