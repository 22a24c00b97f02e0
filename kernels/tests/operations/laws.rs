//! What holds of an operation whatever its reference says, at a level.

use crate::Subject;
use crate::properties::try_draws;
use efficientecg_kernels::half;
use efficientecg_kernels::half_blocks::HalfBlocks;
use efficientecg_kernels::op::Precision;
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::cross_attention::{CrossAttention, Linear, Norm};
use efficientecg_kernels::ops::depthwise::{Depthwise, Expand};
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::ops::tokens::Tokens;
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::{Matrix, Shape};
use efficientecg_kernels::weight_rows::WeightRows;
use efficientecg_kit::bounds::Arithmetic;
use efficientecg_kit::harness::{Bound, check, reference, results};
use efficientecg_kit::{Bounded, Case, Generator, Recipe, operations};
use std::sync::Arc;

fn case(op: impl Bounded + 'static, inputs: Vec<Matrix>) -> Case {
    Case { name: "of a law".to_owned(), op: Box::new(op), inputs }
}

/// The first result of the case with these operands.
fn first(case: &mut Case, inputs: Vec<Matrix>, level: Level, precision: Precision) -> Vec<f32> {
    case.inputs = inputs;
    results(case, level, precision).swap_remove(0)
}

/// The cases of the subject's operation.
fn of(subject: Subject, cases: impl IntoIterator<Item = Case>) -> impl Iterator<Item = Case> {
    cases.into_iter().filter(move |case| case.op.name() == subject.operation)
}

/// The bits of columns `from` to `to` of each row.
fn columns(values: &[f32], rows: usize, from: usize, to: usize) -> Vec<u32> {
    values.chunks(values.len() / rows).flat_map(|row| row[from..to].iter().map(|v| v.to_bits())).collect()
}

/// `before` columns of numbers, then `x`, then `after` columns.
fn between(x: &Matrix, before: usize, after: usize, mut fill: impl FnMut() -> f64) -> Matrix {
    let mut out = Matrix::zeros(Shape::new(x.shape.rows, before + x.shape.cols + after));
    for r in 0..x.shape.rows {
        let row = out.row_mut(r);
        row.iter_mut().for_each(|v| *v = fill());
        row[before..before + x.shape.cols].copy_from_slice(x.row(r));
    }
    out
}

/// A convolution of each kind (the stem; depthwise, without and with an expand layer) on an operand.
struct Convolutions {
    x: Matrix,
    kernel: usize,
    stride: usize,
    cases: [Case; 3],
}

fn convolutions(recipe: &mut Recipe) -> Convolutions {
    let (channels, kernel) = (recipe.size(40), 2 * recipe.below(6) + 1);
    let (stride, cols, c_out) = (1 + recipe.below(3), recipe.size(1200), recipe.size(20));
    let mut random = recipe.random();
    let x = recipe.matrix(&mut random, Shape::new(channels, cols));
    let weight = random.weights(c_out * channels * kernel, channels * kernel);
    let conv = Conv { weight, bias: random.values(c_out), leads: channels, kernel, stride };
    let weight = random.weights(channels * kernel, kernel);
    let plain = Depthwise { expand: None, weight, bias: random.values(channels), kernel, stride };
    let expand =
        Expand { weight: random.weights(c_out * channels, channels).into(), bias: random.values(c_out) };
    let weight = random.weights(c_out * kernel, kernel);
    let fused = Depthwise { expand: Some(expand), weight, bias: random.values(c_out), kernel, stride };
    Convolutions { x, kernel, stride, cases: [case(conv, vec![]), case(plain, vec![]), case(fused, vec![])] }
}

fn rows(case: &Case, x: &Matrix) -> usize {
    case.op.outputs(&[x.shape]).map_or(0, |shapes| shapes[0].rows)
}

/// What comes before a record moves its results, and changes none that does not see it.
pub(crate) fn moves_with_its_input(subject: Subject) {
    let Some((level, precision)) = subject.find() else { return };
    let count = try_draws("shift", 32, |draw| {
        let mut recipe = Recipe::new(draw);
        let Convolutions { x, kernel, stride, cases } = convolutions(&mut recipe);
        let (moved, mut noise) = (1 + recipe.below(40), Generator::new(1));
        let later = between(&x, moved * stride, 5, || noise.value());
        // The outputs that see nothing but samples of the record.
        let from = (kernel / 2).div_ceil(stride);
        let to = (x.shape.cols + kernel / 2 + stride).saturating_sub(kernel) / stride;
        for mut case in of(subject, cases).filter(|_| from < to) {
            let rows = rows(&case, &x);
            let [a, b] = [&x, &later].map(|x| first(&mut case, vec![x.clone()], level, precision));
            let [a, b] = [columns(&a, rows, from, to), columns(&b, rows, from + moved, to + moved)];
            assert_eq!(a, b, "{} {level:?}: {} moved by {moved}", case.op.name(), x.shape);
        }
    });
    println!("shift: {count} cases");
}

/// Zeros beside a record are what a convolution takes to be there.
pub(crate) fn padding_equals_zeros(subject: Subject) {
    let Some((level, precision)) = subject.find() else { return };
    let count = try_draws("padding", 32, |draw| {
        let Convolutions { x, kernel, stride, cases } = convolutions(&mut Recipe::new(draw));
        let wide = between(&x, kernel * stride, kernel, || 0.0);
        // An expand layer makes of zeros what its bias says, but of its own padding zeros.
        for mut case in of(subject, cases.into_iter().take(2)) {
            let rows = rows(&case, &x);
            let [a, b] = [&x, &wide].map(|x| first(&mut case, vec![x.clone()], level, precision));
            let cols = a.len() / rows;
            let [a, b] = [columns(&a, rows, 0, cols), columns(&b, rows, kernel, kernel + cols)];
            assert_eq!(a, b, "{} {level:?}: {}", case.op.name(), x.shape);
        }
    });
    println!("padding: {count} cases");
}

/// Without SiLU and bias: twice the operand makes twice the result, to the bit; and of a sum of operands the sum of results,
/// within the bounds of the three.
pub(crate) fn is_linear(subject: Subject) {
    let Some((level, precision)) = subject.find() else { return };
    let count = try_draws("linear", 32, |draw| {
        let mut recipe = Recipe::new(draw);
        let (c_in, c_out, cols) = (recipe.size(300), recipe.size(65), recipe.size(129));
        let gated = recipe.flag(0);
        let mut random = recipe.random();
        let weight = random.weights(c_out * c_in, c_in);
        let [silu, residual, sums] = [false; 3];
        let weight = weight.into();
        let op = Pointwise { weight, bias: vec![0.0; c_out], silu, gate: gated, residual, sums };
        let shape = Shape::new(c_in, cols);
        let [x, z] = [0, 1].map(|_| random.matrix(shape));
        let joined = |f: &dyn Fn(f64, f64) -> f64| {
            let data = x.data.iter().zip(&z.data).map(|(x, z)| f(*x, *z)).collect();
            Matrix { shape, data }
        };
        let operands = [x.clone(), z.clone(), joined(&|x, z| x + z), joined(&|x, _| 2.0 * x)];
        let gate = gated.then(|| random.gate(c_in));
        let with_gate = |x: &Matrix| std::iter::once(x.clone()).chain(gate.clone()).collect::<Vec<_>>();
        let mut case = case(op, vec![]);
        let [fx, fz, both, twice] =
            operands.each_ref().map(|x| first(&mut case, with_gate(x), level, precision));
        let arithmetic = Arithmetic::cpu(level, precision);
        let bounds = operands.each_ref().map(|x| {
            let inputs = with_gate(x);
            case.op.bound(&inputs.iter().collect::<Vec<_>>(), &arithmetic).swap_remove(0)
        });
        for i in 0..fx.len() {
            assert_eq!((2.0 * fx[i]).to_bits(), twice[i].to_bits(), "{level:?} [{i}]");
            let off = (f64::from(both[i]) - f64::from(fx[i]) - f64::from(fz[i])).abs();
            let most: f64 = bounds[..3].iter().map(|b| b[i].error).sum();
            assert!(off <= most + 1e-12, "{level:?} [{i}]: {off:e}, at most {most:e}");
        }
    });
    println!("linear: {count} cases");
}

/// Weights in f16 make the same where they lie, at an address that no vector can be read from, and in f64; in f32 they are within its bounds.
pub(crate) fn takes_halves_where_they_lie(subject: Subject) {
    let Some((level, precision)) = subject.find() else { return };
    let count = try_draws("halves", 32, |draw| {
        let mut recipe = Recipe::new(draw);
        let (inputs, outputs, cols) = (recipe.size(300), recipe.size(65), recipe.size(129));
        let (gate, silu) = (recipe.flag(0), recipe.flag(1));
        let mut random = recipe.random();
        let rows: Vec<Vec<u16>> = (0..outputs)
            .map(|_| random.weights(inputs, inputs).into_iter().map(half::from_f64).collect())
            .collect();
        let mut bytes = HalfBlocks::bytes_of(&rows);
        let taken = |bytes: Vec<u8>, first: usize| {
            let taken = HalfBlocks::new(Arc::new(bytes), first, outputs, inputs);
            WeightRows::Halves(taken.unwrap_or_else(|| panic!("too few bytes for [{outputs}, {inputs}]")))
        };
        let there = taken(bytes.clone(), 0);
        bytes.insert(0, 0);
        let weights = [WeightRows::from(there.exact().into_owned()), there, taken(bytes, 1)];
        let x = recipe.matrix(&mut random, Shape::new(inputs, cols));
        let (bias, taps, beta) =
            (random.values(outputs), random.weights(outputs * 3, 3), random.values(outputs));
        let gates = gate.then(|| random.gate(inputs));
        let cases = weights.map(|weight| {
            let bias = bias.clone();
            if subject.operation == "pointwise" {
                let op = Pointwise { weight, bias, silu, gate, residual: false, sums: false };
                case(op, [x.clone()].into_iter().chain(gates.clone()).collect())
            } else {
                let expand = Some(Expand { weight, bias });
                let (weight, bias) = (taps.clone(), beta.clone());
                case(Depthwise { expand, weight, bias, kernel: 3, stride: 1 }, vec![x.clone()])
            }
        });
        let want = reference(&cases[0]);
        for case in &cases {
            check(case, &want, level, precision, Bound::Any);
        }
        if precision != Precision::F32 {
            let bits = cases.each_ref().map(|case| {
                results(case, level, precision).concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
            });
            assert!(
                bits[1] == bits[0] && bits[2] == bits[0],
                "{level:?}: [{outputs}, {inputs}], {cols} columns"
            );
        }
    });
    println!("halves: {count} cases");
}

/// Gates and probabilities are in 0 to 1, and the rows of a softmax sum to 1.
pub(crate) fn gives_probabilities(subject: Subject) {
    let Some((level, precision)) = subject.find() else { return };
    let entry = operations::entry(subject.operation);
    let count = try_draws("gates", 32, |draw| {
        let mut recipe = Recipe::new(draw);
        let case = (entry.random)(&mut recipe);
        let softmax = entry.name == "classifier" && recipe.flag(1);
        let want = reference(&case);
        let got = results(&case, level, precision).pop().unwrap_or_default();
        let within = |p: &f32| (0.0..=1.0).contains(p);
        assert!(got.iter().all(within), "{} {} {level:?}: {got:?}", entry.name, case.name);
        // Open where f32 can tell.
        let exact = want.last().map_or(&[][..], |m| &m.data);
        for (p, exact) in got.iter().zip(exact).filter(|(_, e)| (1e-30..1.0 - 1e-6).contains(*e)) {
            assert!(*p > 0.0 && *p < 1.0, "{} {level:?}: {p} for {exact}", entry.name);
        }
        if softmax {
            // Each is rounded twice.
            let sum: f64 = got.iter().map(|p| f64::from(*p)).sum();
            assert!((sum - 1.0).abs() <= 3.0 * 2f64.powi(-24), "{} {level:?}: {sum}", case.name);
        }
    });
    println!("gates: {count} cases");
}

/// What attention mixes is a mean of values. One column of it comes out through `LN(v, -v, B, -B)`, whose first cell over the third
/// is `v / B`; it lies between the least and the greatest value.
pub(crate) fn stays_within_the_hull_of_its_values(subject: Subject) {
    let Some((level, precision)) = subject.find() else { return };
    const B: f64 = 8.0;
    let count = try_draws("hull", 32, |draw| {
        let mut recipe = Recipe::new(draw);
        let (channels, cols) = (recipe.size(65), recipe.size(1200));
        let mut random = recipe.random();
        let h = recipe.matrix(&mut random, Shape::new(channels, cols));
        let zeros = || vec![0.0; 4];
        let mut linear = |inputs: usize| Linear { weight: random.weights(4 * inputs, inputs), bias: zeros() };
        let (q, k, v) = (linear(4), linear(channels), linear(channels));
        let values: Vec<f64> = (0..cols)
            .map(|t| v.weight[..channels].iter().enumerate().map(|(c, w)| w * h.row(c)[t]).sum())
            .collect();
        let sizes = |t: usize| -> f64 {
            v.weight[..channels].iter().enumerate().map(|(c, w)| (w * h.row(c)[t]).abs()).sum()
        };
        let size = (0..cols).map(sizes).fold(0.0f64, f64::max);
        let mut weight = vec![0.0; 16];
        (weight[0], weight[4]) = (1.0, -1.0);
        let out = Linear { weight, bias: vec![0.0, 0.0, B, -B] };
        let norm_q = Norm { weight: zeros(), bias: random.values(4) };
        let norm_out = Norm { weight: vec![1.0; 4], bias: zeros() };
        let op = CrossAttention { tokens: 1, heads: 1, norm_q, norm_out, q, k, v, out };
        let case = case(op, vec![Matrix::zeros(Shape::new(1, 4)), h]);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Weights sum to 1 but for roundings, sums of runs, channels and positions have theirs.
        let slack = (channels + 300 + cols / 256) as f64 * 2f64.powi(-24) * size;
        let z = results(&case, level, precision).swap_remove(0);
        if f64::from(z[2]) < 1e-6 {
            return; // Values that are huge leave nothing of B.
        }
        let found = f64::from(z[0]) / f64::from(z[2]) * B;
        let slack = slack + 1e-6 * found.abs() + 1e-30;
        let within = (least - slack..=greatest + slack).contains(&found);
        assert!(within, "{level:?}: {found} is not within {least} to {greatest}, by {slack:e}");
    });
    println!("hull: {count} cases");
}

/// Nothing else may be of size 0.
pub(crate) fn no_features_make_no_tokens(subject: Subject) {
    let Some((level, precision)) = subject.find() else { return };
    let none = case(Tokens { dim: 5, features: vec![] }, vec![]);
    assert_eq!(results(&none, level, precision), [Vec::<f32>::new()]);
}
