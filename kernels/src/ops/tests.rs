//! Every case of every operation at every level against the reference: each element, between guards, with padding and
//! outputs poisoned before the run, task order reversed.

use super::{Case, ops};
use crate::op::{Call, Kernel, Precision};
use crate::simd::Level;
use crate::view::{BLOCK, Layout, Matrix, Shape, View, ViewMut};
use std::ops::Range;

const GUARD: usize = 64;
const CANARY: f32 = 123_456.79;

/// A matrix as a buffer whose padding holds NaN, but zeros in blocks.
fn buffer(matrix: &Matrix, layout: Layout) -> Vec<f32> {
    let shape = matrix.shape;
    let padding = if layout == Layout::Blocks { 0.0 } else { f32::NAN };
    let mut out = vec![padding; layout.cells(shape)];
    for r in 0..shape.rows {
        for (c, from) in matrix.row(r).iter().enumerate() {
            out[layout.at(shape, r, c)] = *from as f32;
        }
    }
    out
}

/// What the kernel makes of the case: NaN-filled outputs between canaries, checked on return.
fn run(case: &Case, kernel: &dyn Kernel, order: &[Range<usize>]) -> Vec<Vec<f32>> {
    let shapes: Vec<Shape> = case.inputs.iter().map(|m| m.shape).collect();
    let layouts: Vec<Layout> = (0..shapes.len()).map(|i| kernel.input_layout(i)).collect();
    let buffers: Vec<Vec<f32>> = case.inputs.iter().zip(&layouts).map(|(m, l)| buffer(m, *l)).collect();
    let inputs: Vec<View<'_>> =
        buffers.iter().zip(&shapes).zip(&layouts).map(|((b, s), l)| View::new(b, *s, *l)).collect();
    let outputs = case.op.outputs(&shapes).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let outputs: Vec<(Shape, Layout)> =
        outputs.into_iter().enumerate().map(|(i, shape)| (shape, kernel.output_layout(i))).collect();
    let mut cells: Vec<Vec<f32>> = outputs
        .iter()
        .map(|(shape, layout)| {
            let mut cells = vec![CANARY; layout.cells(*shape) + 2 * GUARD];
            cells[GUARD..GUARD + layout.cells(*shape)].fill(f32::NAN);
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
            .map(|(c, (shape, layout))| {
                ViewMut::new(&mut c[GUARD..GUARD + layout.cells(*shape)], *shape, *layout)
            })
            .collect();
        for tasks in order {
            let (inputs, scratch) = (&inputs, &mut scratch[..used]);
            let call = Call { inputs, outputs: &views, scratch, tasks: tasks.clone(), ahead: [&[], &[]] };
            // SAFETY: shapes from `outputs`, scratch as asked, one thread.
            unsafe { kernel.run(call) };
        }
    }
    assert!(scratch[used..].iter().all(|c| *c == CANARY), "{}: wrote past its scratch", case.name);
    cells
        .iter()
        .zip(&outputs)
        .map(|(c, (shape, layout))| {
            let (body, end) = (GUARD, GUARD + layout.cells(*shape));
            let guards = c[..body].iter().chain(&c[end..]);
            assert!(guards.copied().all(|g| g == CANARY), "{}: wrote outside its output", case.name);
            if *layout == Layout::Blocks {
                for (r, col) in (shape.rows..shape.rows.next_multiple_of(BLOCK))
                    .flat_map(|r| (0..shape.cols).map(move |c| (r, c)))
                {
                    let pad = c[body + layout.at(*shape, r, col)];
                    assert!(pad == 0.0, "{}: row {r} past the last holds {pad}", case.name);
                }
            }
            (0..shape.rows)
                .flat_map(|r| (0..shape.cols).map(move |col| c[body + layout.at(*shape, r, col)]))
                .collect()
        })
        .collect()
}

fn check(case: &Case, level: Level, precision: Precision) -> f64 {
    let shapes: Vec<Shape> = case.inputs.iter().map(|m| m.shape).collect();
    let kernel = case.op.pack(level, precision);
    let tasks = kernel.tasks(&shapes);
    let got = run(case, &*kernel, std::slice::from_ref(&(0..tasks)));
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
    let tolerance = case.tolerance
        + match precision {
            Precision::F32 => 0.0,
            Precision::F16 => 5e-4,
            Precision::Bf16 => 6e-3,
        };
    let mut worst = 0.0f64;
    for (index, (got, want)) in got.iter().zip(&want).enumerate() {
        assert_eq!(got.len(), want.data.len());
        let size = want.data.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        for (at, (got, want)) in got.iter().zip(&want.data).enumerate() {
            let place = format!(
                "{} {} at {level:?} in {precision:?}: output {index}[{at}]",
                case.op.name(),
                case.name
            );
            assert!(want.is_finite(), "{place}: the reference is {want}");
            assert!(got.is_finite(), "{place} is {got}, want {want}");
            let error = (f64::from(*got) - want).abs() / size;
            assert!(error <= tolerance, "{place} is {got}, want {want}: {error:.1e} off");
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
            // The others are in f32 whatever is asked for.
            let halves = matches!(entry.name, "pointwise" | "depthwise");
            for precision in [Precision::F32, Precision::F16, Precision::Bf16] {
                if precision != Precision::F32 && !halves {
                    continue;
                }
                let worst = cases
                    .iter()
                    .map(|case| {
                        assert_eq!(case.op.name(), entry.name);
                        check(case, level, precision)
                    })
                    .fold(0.0, f64::max);
                println!(
                    "{:16} {:8} {precision:?} {:3} cases, worst error {worst:.2e}",
                    entry.name,
                    level.name(),
                    cases.len()
                );
            }
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
