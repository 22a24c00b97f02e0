//! Plain loops, f64 sums.

use super::{Encoder, Tokens};
use crate::math::f64::sigmoid;
use crate::tensor::Matrix;

pub(super) fn run(op: &Tokens, inputs: &[&Matrix], tokens: &mut Matrix) {
    for (row, (at, feature)) in op.with_operands().enumerate() {
        let token = tokens.row_mut(row);
        match feature {
            Encoder::Continuous { weight, bias, missing } => {
                let value = inputs[at].data[0];
                for (d, token) in token.iter_mut().enumerate() {
                    *token = if value.is_nan() { missing[d] } else { value * weight[d] + bias[d] };
                }
            }
            Encoder::Categorical { embedding } => {
                let index = inputs[at].data[0];
                let last = embedding.len() / op.dim - 1;
                let row = if index >= 0.0 { index as usize } else { last };
                token.copy_from_slice(&embedding[row * op.dim..][..op.dim]);
            }
            Encoder::Sequence { hidden, proj, proj_bias, missing, .. } => {
                let steps = inputs[at + 1].data[0] as usize;
                if steps == 0 {
                    token.copy_from_slice(missing);
                    continue;
                }
                let h = lstm(feature, *hidden, inputs[at], steps);
                for (d, token) in token.iter_mut().enumerate() {
                    let row = &proj[d * hidden..][..*hidden];
                    *token = proj_bias[d] + row.iter().zip(&h).map(|(w, h)| w * h).sum::<f64>();
                }
            }
        }
    }
}

/// The last hidden state.
fn lstm(feature: &Encoder, hidden: usize, rows: &Matrix, steps: usize) -> Vec<f64> {
    let Encoder::Sequence { inputs, input_weight, hidden_weight, bias, .. } = feature else {
        return Vec::new();
    };
    let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
    for step in 0..steps {
        let x = rows.row(step);
        let gates: Vec<f64> = (0..4 * hidden)
            .map(|g| {
                let from_x: f64 = (0..*inputs).map(|i| input_weight[g * inputs + i] * x[i]).sum();
                let from_h: f64 = (0..hidden).map(|i| hidden_weight[g * hidden + i] * h[i]).sum();
                bias[g] + from_x + from_h
            })
            .collect();
        for j in 0..hidden {
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * hidden + j]);
            c[j] = sigmoid(f) * c[j] + sigmoid(i) * g.tanh();
            h[j] = sigmoid(o) * c[j].tanh();
        }
    }
    h
}
