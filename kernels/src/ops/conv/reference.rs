//! Plain loops, f64 sums.

use super::Conv;
use crate::math::f64::silu;
use crate::tensor::Matrix;

pub(super) fn run(op: &Conv, x: &Matrix, y: &mut Matrix) {
    let pad = op.kernel / 2;
    for o in 0..y.shape.rows {
        for (t, y) in y.row_mut(o).iter_mut().enumerate() {
            let mut sum = op.bias[o];
            for l in 0..op.leads {
                for j in 0..op.kernel {
                    let at = (t * op.stride + j).checked_sub(pad);
                    if let Some(x) = at.and_then(|at| x.row(l).get(at)) {
                        sum += op.weight[(o * op.leads + l) * op.kernel + j] * x;
                    }
                }
            }
            *y = silu(sum);
        }
    }
}
