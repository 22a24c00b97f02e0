//! The rules are in [`super`]; what comes of them is on the operation's page, `kernels/src/ops/pointwise/mod.rs`.

use super::{Approx, Arithmetic, Bounded};
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::tensor::Matrix;

impl Bounded for Pointwise {
    fn bound(&self, inputs: &[&Matrix], arithmetic: &Arithmetic) -> Vec<Vec<Approx>> {
        run(self, inputs, arithmetic)
    }
}

fn run(op: &Pointwise, inputs: &[&Matrix], a: &Arithmetic) -> Vec<Vec<Approx>> {
    let (x, c_in) = (inputs[0], inputs[0].shape.rows);
    let cols = x.shape.cols;
    let gate = op.gate.then(|| inputs[1].row(0));
    let residual = op.residual.then(|| inputs[1 + usize::from(op.gate)]);
    let mut weight = a.stored_rows(&op.weight.exact(), c_in);
    // The gate is multiplied with weights or with activations: one rounding of the same relative size, but what underflow
    // takes is not the same.
    if let Some(gate) = gate {
        weight.iter_mut().enumerate().for_each(|(i, w)| *w = a.gated(*w, gate[i % c_in]));
    }
    let operands: Vec<Vec<Approx>> =
        (0..c_in).map(|i| x.row(i).iter().map(|x| a.operand(*x, gate.map(|g| g[i]))).collect()).collect();
    let (mut y, mut exact) = (Vec::new(), Vec::new());
    for (o, (bias, weight)) in op.bias.iter().zip(weight.chunks(c_in)).enumerate() {
        for (t, sum) in a.row_product(weight, *bias, &operands, cols).into_iter().enumerate() {
            let mut value = if op.silu { a.activate(sum) } else { sum };
            if let Some(residual) = residual {
                value = a.add(value, Approx::exact(a.loaded(residual.row(o)[t])));
            }
            exact.push(value);
            y.push(a.stored(value));
        }
    }
    let mut outputs = vec![y];
    if op.sums {
        outputs.push(a.sum_time_chunks(&exact, op.bias.len()));
    }
    outputs
}
