//! Error bounds: see [`crate::bound`] for the rules and mod.rs for what comes of them.

use super::Depthwise;
use crate::bound::{Approx, Arithmetic};
use crate::tensor::Matrix;

pub(super) fn run(op: &Depthwise, x: &Matrix, a: &Arithmetic) -> Vec<Vec<Approx>> {
    let (c_in, samples, window) = (op.c_in(), x.shape.cols, op.window());
    let cols = window.outputs(samples);
    let expand = op.expand.as_ref().map(|e| (a.stored_rows(&e.weight, c_in), &e.bias));
    let operands: Vec<Vec<Approx>> = match expand {
        Some(_) => (0..c_in).map(|i| x.row(i).iter().map(|x| a.operand(*x, None)).collect()).collect(),
        None => Vec::new(),
    };
    let (mut y, mut exact) = (Vec::new(), Vec::new());
    for c in 0..op.channels() {
        let h: Vec<Approx> = match &expand {
            None => x.row(c).iter().map(|x| Approx::exact(a.loaded(*x))).collect(),
            Some((weight, bias)) => {
                let sums = a.row_product(&weight[c * c_in..][..c_in], bias[c], &operands, samples);
                sums.into_iter().map(|sum| a.activate(sum)).collect()
            }
        };
        let taps = &op.weight[c * op.kernel..][..op.kernel];
        let bias = Approx::exact(Arithmetic::narrow(op.bias[c]));
        for t in 0..cols {
            let start = window.start(t);
            let sample = |j: usize| usize::try_from(start + j as isize).ok().and_then(|s| h.get(s));
            let terms =
                taps.iter().enumerate().filter_map(|(j, w)| sample(j).map(|h| (Arithmetic::narrow(*w), *h)));
            let value = a.activate(a.chain(bias, terms));
            exact.push(value);
            y.push(a.stored(value));
        }
    }
    let sums = a.sum_time_chunks(&exact, op.channels());
    vec![y, sums]
}
