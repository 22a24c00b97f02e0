//! What every test of operations does: run a kernel between guards, with padding and outputs poisoned before, and hold each
//! element to its bound.

use crate::bounds::Arithmetic;
use crate::case::Case;
use efficientecg_kernels::op::{Call, Kernel, Precision};
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::{BLOCK, Layout, Matrix, Shape, TensorView, TensorViewMut};
use std::ops::Range;

const GUARD: usize = 64;
const CANARY: f32 = 123_456.79;

/// The level of this name. Where the processor lacks it, the test is noted as skipped.
pub fn level(name: &str) -> Option<Level> {
    let level = Level::by_name(name);
    if level.is_none() {
        efficientecg_skipped::skipped(&format!("this processor has no {name}"));
    }
    level
}

/// Copies of a number; unlike `vec!` it takes Miri no time.
fn filled(value: f32, n: usize) -> Vec<f32> {
    [value].repeat(n)
}

/// A matrix as a buffer whose padding holds NaN, but zeros in blocks.
fn buffer(matrix: &Matrix, layout: Layout) -> Vec<f32> {
    let shape = matrix.shape;
    let padding = if layout == Layout::Blocks { 0.0 } else { f32::NAN };
    let mut out = filled(padding, layout.cells(shape));
    for r in 0..shape.rows {
        for (c, from) in matrix.row(r).iter().enumerate() {
            out[layout.at(shape, r, c)] = *from as f32;
        }
    }
    out
}

/// What the kernel makes of the case: NaN-filled outputs between canaries, checked on return.
///
/// # Panics
/// Where the kernel wrote outside its outputs or its scratch.
pub fn run(case: &Case, kernel: &dyn Kernel, order: &[Range<usize>]) -> Vec<Vec<f32>> {
    let shapes = case.shapes();
    let layouts: Vec<Layout> = (0..shapes.len()).map(|i| kernel.input_layout(i)).collect();
    let buffers: Vec<Vec<f32>> = case.inputs.iter().zip(&layouts).map(|(m, l)| buffer(m, *l)).collect();
    let inputs: Vec<TensorView<'_>> =
        buffers.iter().zip(&shapes).zip(&layouts).map(|((b, s), l)| TensorView::new(b, *s, *l)).collect();
    let outputs = case.op.outputs(&shapes).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let outputs: Vec<(Shape, Layout)> =
        outputs.into_iter().enumerate().map(|(i, shape)| (shape, kernel.output_layout(i))).collect();
    let mut cells: Vec<Vec<f32>> = outputs
        .iter()
        .map(|(shape, layout)| {
            [filled(CANARY, GUARD), filled(f32::NAN, layout.cells(*shape)), filled(CANARY, GUARD)].concat()
        })
        .collect();
    let used = kernel.scratch(&shapes);
    let mut scratch = [filled(f32::NAN, used), filled(CANARY, GUARD)].concat();
    {
        let views: Vec<TensorViewMut<'_>> = cells
            .iter_mut()
            .zip(&outputs)
            .map(|(c, (shape, layout))| {
                TensorViewMut::new(&mut c[GUARD..GUARD + layout.cells(*shape)], *shape, *layout)
            })
            .collect();
        for tasks in order {
            let (inputs, scratch) = (&inputs, &mut scratch[..used]);
            scratch.fill(f32::NAN);
            let call = Call { inputs, outputs: &views, scratch, tasks: tasks.clone(), prefetch: [&[], &[]] };
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

/// What the kernel makes of the case, whatever the order and the length of its runs of tasks.
///
/// # Panics
/// Where that shows in the bits, or a write strayed.
pub fn results(case: &Case, level: Level, precision: Precision) -> Vec<Vec<f32>> {
    let shapes = case.shapes();
    let kernel = case.op.pack(level, precision);
    let tasks = kernel.tasks(&shapes);
    let got = run(case, &*kernel, std::slice::from_ref(&(0..tasks)));
    let bits = |v: &[Vec<f32>]| -> Vec<u32> { v.iter().flatten().map(|x| x.to_bits()).collect() };
    // Miri has no time for more.
    let lengths = if cfg!(miri) { 1..1 + usize::from(tasks > 1) } else { 0..4 };
    for length in &[1, 2, 3, 7][lengths] {
        let runs: Vec<_> = (0..tasks).step_by(*length).map(|t| t..(t + length).min(tasks)).rev().collect();
        assert_eq!(
            bits(&got),
            bits(&run(case, &*kernel, &runs)),
            "{} {level:?}: runs of {length} tasks, from the last to the first, show",
            case.name
        );
    }
    got
}

/// A level's name, and whether time chunks multiply in this precision.
pub fn label(level: Level, precision: Precision) -> String {
    let time_chunks = precision == Precision::Bf16 && level.has_amx();
    format!("{}{}", level.name(), if time_chunks { ", time_chunks" } else { "" })
}

/// What the reference makes of the case.
///
/// # Panics
/// Where the operation refuses its operands.
pub fn reference(case: &Case) -> Vec<Matrix> {
    let shapes = case.shapes();
    let outputs = case.op.outputs(&shapes).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let mut want: Vec<Matrix> = outputs.into_iter().map(Matrix::zeros).collect();
    case.op.reference(&case.inputs.iter().collect::<Vec<_>>(), &mut want);
    want
}

/// Which bound an element is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The one that holds whatever the data.
    Any,
    /// The one for data and weights without a pattern.
    Likely,
}

/// Fails unless every element is within its bound of `want`, what the reference makes of it; gives the worst error, in units of
/// either bound.
///
/// # Panics
/// Where an element is not, is not finite, or a write strayed.
pub fn check(case: &Case, want: &[Matrix], level: Level, precision: Precision, which: Bound) -> [f64; 2] {
    let got = results(case, level, precision);
    let arithmetic = Arithmetic::cpu(level, precision);
    let bounds = case.op.bound(&case.inputs.iter().collect::<Vec<_>>(), &arithmetic);
    let place = format!("{} {} at {level:?} in {precision:?}", case.op.name(), case.name);
    assert_eq!((got.len(), bounds.len()), (want.len(), want.len()), "{place}");
    // What the operands as stored make may differ from the reference by so much of the largest result.
    let stored = match precision {
        Precision::F32 => 1e-6,
        Precision::F16 => 2e-3,
        Precision::Bf16 => 2e-2,
        other => panic!("{other:?}: nothing is known of it here"),
    };
    let mut worst = [0.0f64; 2];
    for (index, ((got, want), bounds)) in got.iter().zip(want).zip(&bounds).enumerate() {
        assert_eq!((got.len(), bounds.len()), (want.data.len(), want.data.len()));
        let size = want.data.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        for (at, ((got, want), bound)) in got.iter().zip(&want.data).zip(bounds).enumerate() {
            let place = format!("{place}: output {index}[{at}]");
            assert!(want.is_finite(), "{place}: the reference is {want}");
            assert!(got.is_finite(), "{place} is {got}, want {want}");
            if which == Bound::Likely {
                let off = (bound.value - want).abs() / size;
                assert!(off <= stored, "{place}: the bound is around {}, not {want}", bound.value);
            }
            let got = f64::from(*got);
            let [error, arithmetic] = [want, &bound.value].map(|v| (got - v).abs());
            let both = [bound.tolerance(*want), bound.likely(*want)];
            let most = both[usize::from(which == Bound::Likely)];
            assert!(error <= most, "{place} is {got}, want {want}: {error:.2e} off, and at most {most:.2e}");
            // What arithmetic errs by, without what operands of fewer bits do.
            let both = [bound.tolerance(bound.value), bound.likely(bound.value)];
            let most = both[usize::from(which == Bound::Likely)];
            assert!(arithmetic <= most, "{place} is {got}: {arithmetic:.2e} off, and at most {most:.2e}");
            if arithmetic > 0.0 {
                worst = [0, 1].map(|i| worst[i].max(arithmetic / both[i]));
            }
        }
    }
    worst
}
