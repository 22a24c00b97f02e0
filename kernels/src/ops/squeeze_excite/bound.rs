//! Error bounds: see [`crate::bound`] for the rules and mod.rs for what comes of them.

use super::SqueezeExcite;
use crate::bound::{Approx, Arithmetic};
use crate::tensor::Matrix;

pub(super) fn run(op: &SqueezeExcite, inputs: &[&Matrix], a: &Arithmetic) -> Vec<Vec<Approx>> {
    let channels = op.expand_bias.len();
    let narrow = |w: &[f64]| -> Vec<f64> { w.iter().map(|w| Arithmetic::narrow(*w)).collect() };
    let mean = a.mean_of_time_chunks(&inputs[1].data, channels, inputs[0].shape.cols);
    let bias = |b: f64| Approx::exact(Arithmetic::narrow(b));
    let rows = op.reduce.chunks(channels);
    let hidden: Vec<Approx> = rows
        .zip(&op.reduce_bias)
        .map(|(row, b)| a.silu(a.add(a.dot(&narrow(row), &mean, 4), bias(*b))))
        .collect();
    let gate = op.expand_bias.iter().enumerate().map(|(c, b)| {
        let row = narrow(&op.expand[c * hidden.len()..][..hidden.len()]);
        a.sigmoid(a.chain(bias(*b), row.into_iter().zip(hidden.iter().copied())))
    });
    vec![gate.collect()]
}
