//! Error bounds: see [`crate::bound`] for the rules and mod.rs for what comes of them.

use super::Conv;
use crate::bound::{Approx, Arithmetic};
use crate::tensor::Matrix;

pub(super) fn run(op: &Conv, x: &Matrix, a: &Arithmetic) -> Vec<Vec<Approx>> {
    let (depth, window) = (op.leads * op.kernel, op.window());
    let cols = window.outputs(x.shape.cols);
    // On a CPU the stem is in f32, whatever the precision.
    let a = &if a.is_gpu() { *a } else { a.in_f32() };
    let weight = a.stored_rows(&op.weight, depth);
    // A row for each tap of each lead; the zeros beside the record.
    let taps: Vec<Vec<Approx>> = (0..depth)
        .map(|k| {
            let row = x.row(k / op.kernel);
            let sample = |t: usize| usize::try_from(window.start(t) + (k % op.kernel) as isize).ok();
            (0..cols)
                .map(|t| Approx::exact(sample(t).and_then(|s| row.get(s)).copied().unwrap_or(0.0)))
                .collect()
        })
        .collect();
    let y = op.bias.iter().zip(weight.chunks(depth)).flat_map(|(bias, weight)| {
        let sums = a.row_product(weight, *bias, &taps, cols);
        sums.into_iter().map(|sum| a.stored(a.silu(sum)))
    });
    vec![y.collect()]
}
