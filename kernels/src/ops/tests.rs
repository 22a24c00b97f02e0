//! Every case of every operation at every level against the reference: each element, between guards, with padding and
//! outputs poisoned before the run, task order reversed.

use super::{Case, ops};
use crate::op::Kernel;
use crate::simd::Level;
use crate::view::{Matrix, Shape, View, ViewMut};
use std::ops::Range;

const GUARD: usize = 64;
const CANARY: f32 = 123_456.79;

/// A matrix as a buffer whose padding and spare cells hold NaN.
fn buffer(matrix: &Matrix) -> Vec<f32> {
    let shape = matrix.shape;
    let mut out = vec![f32::NAN; shape.cells()];
    for r in 0..shape.rows {
        for (to, from) in out[r * shape.pitch()..].iter_mut().zip(matrix.row(r)) {
            *to = *from as f32;
        }
    }
    out
}

/// What the kernel makes of the case: NaN-filled outputs between canaries, checked on return.
fn run(case: &Case, kernel: &dyn Kernel, order: &[Range<usize>]) -> Vec<Vec<f32>> {
    let shapes: Vec<Shape> = case.inputs.iter().map(|m| m.shape).collect();
    let buffers: Vec<Vec<f32>> = case.inputs.iter().map(buffer).collect();
    let inputs: Vec<View<'_>> = buffers.iter().zip(&shapes).map(|(b, s)| View::new(b, *s)).collect();
    let outputs = case.op.outputs(&shapes).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let mut cells: Vec<Vec<f32>> = outputs
        .iter()
        .map(|shape| {
            let mut cells = vec![CANARY; shape.cells() + 2 * GUARD];
            cells[GUARD..GUARD + shape.cells()].fill(f32::NAN);
            cells
        })
        .collect();
    let mut scratch = vec![f32::NAN; kernel.scratch(&shapes) + GUARD];
    let used = kernel.scratch(&shapes);
    scratch[used..].fill(CANARY);
    {
        let views: Vec<ViewMut<'_>> = cells
            .iter_mut()
            .zip(&outputs)
            .map(|(c, shape)| ViewMut::new(&mut c[GUARD..GUARD + shape.cells()], *shape))
            .collect();
        for tasks in order {
            // SAFETY: shapes from `outputs`, scratch as asked, one thread.
            unsafe { kernel.run(&inputs, &views, &mut scratch[..used], tasks.clone()) };
        }
    }
    assert!(scratch[used..].iter().all(|c| *c == CANARY), "{}: wrote past its scratch", case.name);
    cells
        .iter()
        .zip(&outputs)
        .map(|(c, shape)| {
            let (body, end) = (GUARD, GUARD + shape.cells());
            let guards = c[..body].iter().chain(&c[end..]);
            assert!(guards.copied().all(|g| g == CANARY), "{}: wrote outside its output", case.name);
            (0..shape.rows)
                .flat_map(|r| c[body + r * shape.pitch()..][..shape.cols].iter().copied())
                .collect()
        })
        .collect()
}

fn check(case: &Case, level: Level) -> f64 {
    let shapes: Vec<Shape> = case.inputs.iter().map(|m| m.shape).collect();
    let kernel = case.op.pack(level);
    let tasks = kernel.tasks(&shapes);
    let got = run(case, &*kernel, &[0..tasks]);
    let bits = |v: &[Vec<f32>]| -> Vec<u32> { v.iter().flatten().map(|x| x.to_bits()).collect() };
    for length in [1, 2, 3, 7] {
        let runs: Vec<_> = (0..tasks).step_by(length).map(|t| t..(t + length).min(tasks)).rev().collect();
        assert_eq!(
            bits(&got),
            bits(&run(case, &*kernel, &runs)),
            "{} {level:?}: runs of {length} tasks, from the last to the first, show",
            case.name
        );
    }

    let mut want: Vec<Matrix> = match case.op.outputs(&shapes) {
        Ok(shapes) => shapes.into_iter().map(Matrix::zeros).collect(),
        Err(e) => panic!("{}: {e}", case.name),
    };
    case.op.reference(&case.inputs.iter().collect::<Vec<_>>(), &mut want);
    let mut worst = 0.0f64;
    for (index, (got, want)) in got.iter().zip(&want).enumerate() {
        assert_eq!(got.len(), want.data.len());
        let size = want.data.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        for (at, (got, want)) in got.iter().zip(&want.data).enumerate() {
            let place = format!("{} {} at {level:?}: output {index}[{at}]", case.op.name(), case.name);
            assert!(want.is_finite(), "{place}: the reference is {want}");
            assert!(got.is_finite(), "{place} is {got}, want {want}");
            let error = (f64::from(*got) - want).abs() / size;
            assert!(error <= case.tolerance, "{place} is {got}, want {want}: {error:.1e} off");
            worst = worst.max(error);
        }
    }
    worst
}

#[test]
fn every_kernel_matches_its_reference() {
    for entry in ops() {
        let cases = (entry.cases)();
        assert!(!cases.is_empty(), "{} has no cases", entry.name);
        for level in Level::available() {
            let worst = cases
                .iter()
                .map(|case| {
                    assert_eq!(case.op.name(), entry.name);
                    check(case, level)
                })
                .fold(0.0, f64::max);
            println!("{:16} {:8} {:3} cases, worst error {worst:.2e}", entry.name, level.name(), cases.len());
        }
    }
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    for entry in ops() {
        for case in (entry.cases)() {
            let shapes: Vec<Shape> = case.inputs.iter().map(|m| m.shape).collect();
            assert!(case.op.outputs(&[]).is_err(), "{}: took no operands", case.name);
            for i in 0..shapes.len() {
                let mut wrong = shapes.clone();
                wrong[i].rows += 1;
                wrong[i].cols += 1;
                let Err(error) = case.op.outputs(&wrong) else {
                    panic!("{} {}: took operand {i} as {}", entry.name, case.name, wrong[i]);
                };
                assert_eq!(error.op, entry.name);
            }
        }
    }
}
