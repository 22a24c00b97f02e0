//! Plain loops, f64 sums.

use super::Depthwise;
use crate::math::f64::silu;
use crate::ops::sum_time_chunks;
use crate::tensor::Matrix;

pub(super) fn run(op: &Depthwise, x: &Matrix, outputs: &mut [Matrix]) {
    let pad = op.kernel / 2;
    let expand = op.expand.as_ref().map(|e| (e.weight.exact(), &e.bias));
    let (y, sums) = outputs.split_at_mut(1);
    let y = &mut y[0];
    let mut h = vec![0.0; x.shape.cols];
    for c in 0..op.channels() {
        match &expand {
            None => h.copy_from_slice(x.row(c)),
            Some((weight, bias)) => {
                h.fill(bias[c]);
                for i in 0..op.c_in() {
                    for (h, x) in h.iter_mut().zip(x.row(i)) {
                        *h += weight[c * op.c_in() + i] * x;
                    }
                }
                h.iter_mut().for_each(|h| *h = silu(*h));
            }
        }
        for (t, y) in y.row_mut(c).iter_mut().enumerate() {
            let mut sum = op.bias[c];
            for j in 0..op.kernel {
                let at = (t * op.stride + j).checked_sub(pad);
                if let Some(h) = at.and_then(|at| h.get(at)) {
                    sum += op.weight[c * op.kernel + j] * h;
                }
            }
            *y = silu(sum);
        }
    }
    sum_time_chunks(y, &mut sums[0]);
}
