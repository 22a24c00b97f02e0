//! Plain loops, f64 sums.

use super::Pointwise;
use crate::math::f64::silu;
use crate::ops::sum_time_chunks;
use crate::tensor::Matrix;

pub(super) fn run(op: &Pointwise, inputs: &[&Matrix], outputs: &mut [Matrix]) {
    let x = inputs[0];
    let gate = op.gate.then(|| inputs[1].row(0));
    let residual = op.residual.then(|| inputs[1 + usize::from(op.gate)]);
    let weight = op.weight.exact();
    let (y, sums) = outputs.split_at_mut(1);
    let y = &mut y[0];
    for o in 0..op.c_out() {
        let row = y.row_mut(o);
        row.fill(op.bias[o]);
        for i in 0..op.c_in() {
            let w = weight[o * op.c_in() + i] * gate.map_or(1.0, |g| g[i]);
            for (y, x) in row.iter_mut().zip(x.row(i)) {
                *y += w * x;
            }
        }
        for (t, y) in row.iter_mut().enumerate() {
            if op.silu {
                *y = silu(*y);
            }
            if let Some(residual) = residual {
                *y += residual.row(o)[t];
            }
        }
    }
    if let Some(sums) = sums.first_mut() {
        sum_time_chunks(y, sums);
    }
}
