//! The rules are in [`super`]; what comes of them is on the operation's page, `kernels/src/ops/classifier/mod.rs`.

use super::{Approx, Arithmetic, Bounded};
use efficientecg_kernels::ops::classifier::Classifier;
use efficientecg_kernels::tensor::Matrix;

impl Bounded for Classifier {
    fn bound(&self, inputs: &[&Matrix], arithmetic: &Arithmetic) -> Vec<Vec<Approx>> {
        run(self, inputs, arithmetic)
    }
}

fn run(op: &Classifier, inputs: &[&Matrix], a: &Arithmetic) -> Vec<Vec<Approx>> {
    let channels = op.weight.len() / op.bias.len() - op.tokens.len();
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
