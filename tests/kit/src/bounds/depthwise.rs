//! The rules are in [`super`]; what comes of them is on the operation's page, `kernels/src/ops/depthwise/mod.rs`.

use super::window::Window;
use super::{Approx, Arithmetic, Bounded};
use efficientecg_kernels::ops::depthwise::Depthwise;
use efficientecg_kernels::tensor::Matrix;

impl Bounded for Depthwise {
    fn bound(&self, inputs: &[&Matrix], arithmetic: &Arithmetic) -> Vec<Vec<Approx>> {
        run(self, inputs[0], arithmetic)
    }
}

fn run(op: &Depthwise, x: &Matrix, a: &Arithmetic) -> Vec<Vec<Approx>> {
    let window = Window { kernel: op.kernel, stride: op.stride };
    let (c_in, samples, channels) = (x.shape.rows, x.shape.cols, op.bias.len());
    let cols = window.outputs(samples);
    let expand = op.expand.as_ref().map(|e| (a.stored_rows(&e.weight.exact(), c_in), &e.bias));
    let operands: Vec<Vec<Approx>> = match expand {
        Some(_) => (0..c_in).map(|i| x.row(i).iter().map(|x| a.operand(*x, None)).collect()).collect(),
        None => Vec::new(),
    };
    let (mut y, mut exact) = (Vec::new(), Vec::new());
    for c in 0..channels {
        let h: Vec<Approx> = match &expand {
            None => x.row(c).iter().map(|x| Approx::exact(a.loaded(*x))).collect(),
            Some((weight, bias)) => {
                let sums = a.row_product(&weight[c * c_in..][..c_in], bias[c], &operands, samples);
                let h = sums.into_iter().map(|sum| a.activate(sum));
                h.map(|h| if a.apart { a.stored(h) } else { h }).collect()
            }
        };
        let taps = &op.weight[c * op.kernel..][..op.kernel];
        let bias = Approx::exact(Arithmetic::narrow(op.bias[c]));
        for t in 0..cols {
            let sample = |j: usize| window.sample(t, j).and_then(|s| h.get(s));
            let terms =
                taps.iter().enumerate().filter_map(|(j, w)| sample(j).map(|h| (Arithmetic::narrow(*w), *h)));
            let value = a.activate(a.chain(bias, terms));
            exact.push(value);
            y.push(a.stored(value));
        }
    }
    let sums = a.sum_time_chunks(&exact, channels);
    vec![y, sums]
}
