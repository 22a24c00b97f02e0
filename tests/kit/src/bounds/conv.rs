//! The rules are in [`super`]; what comes of them is on the operation's page, `kernels/src/ops/conv/mod.rs`.

use super::window::Window;
use super::{Approx, Arithmetic, Bounded};
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::tensor::Matrix;

impl Bounded for Conv {
    fn bound(&self, inputs: &[&Matrix], arithmetic: &Arithmetic) -> Vec<Vec<Approx>> {
        run(self, inputs[0], arithmetic)
    }
}

fn run(op: &Conv, x: &Matrix, a: &Arithmetic) -> Vec<Vec<Approx>> {
    let window = Window { kernel: op.kernel, stride: op.stride };
    let depth = op.leads * op.kernel;
    let cols = window.outputs(x.shape.cols);
    // On a CPU the stem is in f32, whatever the precision.
    let a = &if a.is_gpu() { *a } else { a.in_f32() };
    let weight = a.stored_rows(&op.weight, depth);
    // A row for each tap of each lead; the zeros beside the record.
    let taps: Vec<Vec<Approx>> = (0..depth)
        .map(|k| {
            let row = x.row(k / op.kernel);
            (0..cols)
                .map(|t| {
                    Approx::exact(
                        window.sample(t, k % op.kernel).and_then(|s| row.get(s)).copied().unwrap_or(0.0),
                    )
                })
                .collect()
        })
        .collect();
    let y = op.bias.iter().zip(weight.chunks(depth)).flat_map(|(bias, weight)| {
        let sums = a.row_product(weight, *bias, &taps, cols);
        sums.into_iter().map(|sum| a.stored(a.silu(sum)))
    });
    vec![y.collect()]
}
