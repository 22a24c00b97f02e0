//! The rules are in [`super`]; what comes of them is on the operation's page, `kernels/src/ops/tokens/mod.rs`.

use super::{Approx, Arithmetic, Bounded};
use efficientecg_kernels::ops::tokens::{Encoder, Tokens};
use efficientecg_kernels::tensor::Matrix;

impl Bounded for Tokens {
    fn bound(&self, inputs: &[&Matrix], arithmetic: &Arithmetic) -> Vec<Vec<Approx>> {
        run(self, inputs, arithmetic)
    }
}

fn exact(values: &[f64]) -> Vec<Approx> {
    values.iter().map(|v| Approx::exact(Arithmetic::narrow(*v))).collect()
}

fn run(op: &Tokens, inputs: &[&Matrix], a: &Arithmetic) -> Vec<Vec<Approx>> {
    let token = |(at, feature): (usize, &Encoder)| -> Vec<Approx> {
        match feature {
            Encoder::Continuous { weight, bias, missing } => {
                let value = inputs[at].data[0];
                if value.is_nan() {
                    return exact(missing);
                }
                let terms = exact(weight).into_iter().zip(exact(bias));
                terms.map(|(w, b)| a.add(a.mul(Approx::exact(value), w), b)).collect()
            }
            Encoder::Categorical { embedding } => {
                let index = inputs[at].data[0];
                let last = embedding.len() / op.dim - 1;
                let row = if index >= 0.0 { index as usize } else { last };
                exact(&embedding[row * op.dim..][..op.dim])
            }
            Encoder::Sequence { hidden, proj, proj_bias, missing, .. } => {
                let steps = inputs[at + 1].data[0] as usize;
                if steps == 0 {
                    return exact(missing);
                }
                let h = lstm(feature, inputs[at], steps, a);
                let rows = proj.chunks(*hidden).zip(exact(proj_bias));
                rows.map(|(row, bias)| a.chain(bias, narrow(row).zip(h.iter().copied()))).collect()
            }
        }
    };
    // A sequence has two operands: its rows, and how many of them count.
    let operands = op.features.iter().scan(0, |next, feature| {
        let first = *next;
        *next += if matches!(feature, Encoder::Sequence { .. }) { 2 } else { 1 };
        Some((first, feature))
    });
    vec![operands.flat_map(token).collect()]
}

fn narrow(row: &[f64]) -> impl Iterator<Item = f64> {
    row.iter().map(|w| Arithmetic::narrow(*w))
}

/// The last hidden state.
fn lstm(feature: &Encoder, rows: &Matrix, steps: usize, a: &Arithmetic) -> Vec<Approx> {
    let Encoder::Sequence { inputs, hidden, input_weight, hidden_weight, bias, .. } = feature else {
        return Vec::new();
    };
    let bias = exact(bias);
    let (mut h, mut c) = (vec![Approx::default(); *hidden], vec![Approx::default(); *hidden]);
    for step in 0..steps {
        let x = rows.row(step).iter().map(|x| Approx::exact(*x));
        let gates: Vec<Approx> = (0..4 * hidden)
            .map(|g| {
                let of_x = narrow(&input_weight[g * inputs..][..*inputs]).zip(x.clone());
                let of_h = narrow(&hidden_weight[g * hidden..][..*hidden]).zip(h.iter().copied());
                a.chain(bias[g], of_x.chain(of_h))
            })
            .collect();
        for j in 0..*hidden {
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * hidden + j]);
            let keep = a.mul(a.sigmoid(f), c[j]);
            c[j] = a.mul_add(a.sigmoid(i), a.tanh(g), keep);
            h[j] = a.mul(a.sigmoid(o), a.tanh(c[j]));
        }
    }
    h
}
