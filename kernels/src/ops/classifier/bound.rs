//! Error bounds: see [`crate::bound`] for the rules and mod.rs for what comes of them.

use super::Classifier;
use crate::bound::{Approx, Arithmetic};
use crate::tensor::Matrix;

pub(super) fn run(op: &Classifier, inputs: &[&Matrix], a: &Arithmetic) -> Vec<Vec<Approx>> {
    let channels = op.width() - op.tokens.len();
    let mut x = a.mean_of_time_chunks(&inputs[1].data, channels, inputs[0].shape.cols);
    if op.tokens.rows > 0 {
        x.extend(inputs[2].data.iter().map(|z| Approx::exact(*z)));
    }
    let logits: Vec<Approx> = op
        .bias
        .iter()
        .enumerate()
        .map(|(class, bias)| {
            let row = &op.weight[class * x.len()..][..x.len()];
            let row: Vec<f64> = row.iter().map(|w| Arithmetic::narrow(*w)).collect();
            a.add(a.dot(&row, &x, 4), Approx::exact(Arithmetic::narrow(*bias)))
        })
        .collect();
    let probabilities =
        if op.softmax { a.softmax(&logits, None) } else { logits.iter().map(|l| a.sigmoid(*l)).collect() };
    vec![logits, probabilities]
}
