//! The rules are in [`super`]; what comes of them is on the operation's page, `kernels/src/ops/squeeze_excite/mod.rs`.

use super::{Approx, Arithmetic, Bounded};
use efficientecg_kernels::ops::squeeze_excite::SqueezeExcite;
use efficientecg_kernels::tensor::Matrix;

impl Bounded for SqueezeExcite {
    fn bound(&self, inputs: &[&Matrix], arithmetic: &Arithmetic) -> Vec<Vec<Approx>> {
        run(self, inputs, arithmetic)
    }
}

fn run(op: &SqueezeExcite, inputs: &[&Matrix], a: &Arithmetic) -> Vec<Vec<Approx>> {
    let channels = op.expand_bias.len();
    let narrow = |w: &[f64]| -> Vec<f64> { w.iter().map(|w| Arithmetic::narrow(*w)).collect() };
    let mean = a.mean_of_time_chunks(&inputs[1].data, channels, inputs[0].shape.cols);
    let bias = |b: f64| Approx::exact(Arithmetic::narrow(b));
    let (reduce, expand) = (op.reduce.exact(), op.expand.exact());
    let rows = reduce.chunks(channels);
    let hidden: Vec<Approx> = rows
        .zip(&op.reduce_bias)
        .map(|(row, b)| a.silu(a.add(a.dot(&narrow(row), &mean, 4), bias(*b))))
        .collect();
    let gate = op.expand_bias.iter().enumerate().map(|(c, b)| {
        let row = narrow(&expand[c * hidden.len()..][..hidden.len()]);
        a.sigmoid(a.chain(bias(*b), row.into_iter().zip(hidden.iter().copied())))
    });
    vec![gate.collect()]
}
