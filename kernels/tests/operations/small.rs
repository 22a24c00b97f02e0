//! Cases that take Miri seconds, and reach what the tables' do: each kernel's unsafe blocks, register tiles of one to
//! three blocks, more than one chunk, span or task, whatever is prepared in scratch.

use crate::Subject;
use efficientecg_kernels::op::{self, TIME_CHUNK};
use efficientecg_kernels::ops::classifier::Classifier;
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::cross_attention::{CrossAttention, Linear, Norm};
use efficientecg_kernels::ops::depthwise::{Depthwise, Expand};
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::ops::squeeze_excite::SqueezeExcite;
use efficientecg_kernels::ops::tokens::{Encoder, Tokens};
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::{Matrix, Shape};
use efficientecg_kit::harness::{Bound, check, reference, results};
use efficientecg_kit::{Bounded, Case, Generator};

pub(crate) fn within_bounds(subject: Subject, cases: Vec<Case>) {
    let Some((level, precision)) = subject.find() else { return };
    if cfg!(miri) && Level::best().has_amx() && !level.has_amx() {
        return efficientecg_skipped::skipped("Miri is told of AMX: another run has the other levels");
    }
    // Four lanes take Miri ten times as long as eight or sixteen, for the same source.
    let most = if cfg!(miri) && level == Level::SCALAR { 1 } else { cases.len() };
    for case in &cases[..most] {
        assert_eq!(case.op.name(), subject.operation);
        if cfg!(miri) {
            // How results are made, not what they are: bounds take ten times as long as kernels.
            let got = results(case, level, precision);
            assert!(got.iter().flatten().all(|v| v.is_finite()), "{}: {got:?}", case.name);
        } else {
            check(case, &reference(case), level, precision, Bound::Any);
        }
    }
    println!("{}, {}, {precision:?}: {most} small cases", subject.operation, level.name());
}

fn case(op: impl Bounded + 'static, inputs: Vec<Matrix>) -> Case {
    let shapes: Vec<String> = inputs.iter().map(|m| m.shape.to_string()).collect();
    Case { name: shapes.join(" "), op: Box::new(op), inputs }
}

pub(crate) fn conv() -> Vec<Case> {
    // Two blocks, three, any stride, two chunks.
    let sizes = [(2, 17, 3, 1, 5), (1, 33, 3, 2, 5), (3, 5, 5, 3, 7), (1, 2, 1, 97, 98)];
    let cases = sizes.map(|(leads, c_out, kernel, stride, cols)| {
        let mut r = Generator::new(c_out);
        let weight = r.weights(c_out * leads * kernel, leads * kernel);
        let op = Conv { weight, bias: r.values(c_out), leads, kernel, stride };
        case(op, vec![r.matrix(Shape::new(leads, cols))])
    });
    cases.into()
}

/// More columns than any kernel takes at a time.
const STRIP: usize = 96;

pub(crate) fn pointwise() -> Vec<Case> {
    let no = false;
    let cases = [
        // Channels, columns; SiLU, gate, residual, sums.
        (2, 3, 3, [true, no, no, true]),
        // The gate in the activations, in the weights.
        (18, 3, 5, [no, true, true, no]),
        (3, 2, 19, [no, true, no, no]),
        // More channels than AMX tiles take at a time.
        (40, 1, 17, [no; 4]),
        // Two blocks of a register tile; two chunks; two sections for several workers, each of register tiles of
        // three blocks, the last of them half.
        (1, 112, 2, [no; 4]),
        (1, 120, STRIP + 33, [no, true, no, no]),
        (1, 1, STRIP + 1, [no, no, no, true]),
    ];
    let cases = cases.map(|(c_in, c_out, cols, [silu, gate, residual, sums])| {
        let mut r = Generator::new(c_out);
        let (weight, bias) = (r.weights(c_out * c_in, c_in).into(), r.values(c_out));
        let mut inputs = vec![r.matrix(Shape::new(c_in, cols))];
        inputs.extend(gate.then(|| r.gate(c_in)));
        inputs.extend(residual.then(|| r.matrix(Shape::new(c_out, cols))));
        case(Pointwise { weight, bias, silu, gate, residual, sums }, inputs)
    });
    cases.into()
}

pub(crate) fn depthwise() -> Vec<Case> {
    let sizes = [
        // Channels, expand factor, kernel, stride, samples: each pair of kernel and stride that has a body of its own.
        (3, 0, 3, 1, 4),
        (17, 1, 3, 2, 3),
        (5, 3, 5, 1, 6),
        (2, 0, 5, 2, 7),
        (1, 2, 1, 3, 5),
        // Samples that two chunks share, and two time chunks, on their own or one after the other; blocks by two.
        (1, 0, 31, 24, 97),
        (1, 1, 5, 2, 193),
        (1, 112, 3, 1, 2),
    ];
    let cases = sizes.map(|(c_in, factor, kernel, stride, cols)| {
        let (mut r, channels) = (Generator::new(c_in + kernel), c_in * factor.max(1));
        let weight = r.weights(channels * c_in, c_in);
        let expand = (factor > 0).then(|| Expand { weight: weight.into(), bias: r.values(channels) });
        let (weight, bias) = (r.weights(channels * kernel, kernel), r.values(channels));
        let inputs = vec![r.matrix(Shape::new(c_in, cols))];
        case(Depthwise { expand, weight, bias, kernel, stride }, inputs)
    });
    cases.into()
}

pub(crate) fn squeeze_excite() -> Vec<Case> {
    let cases = [(5, 2, 5), (70, 2, TIME_CHUNK + 9)].map(|(c, hidden, cols)| {
        let mut r = Generator::new(c);
        let op = SqueezeExcite {
            reduce: r.weights(hidden * c, c).into(),
            reduce_bias: r.values(hidden),
            expand: r.weights(c * hidden, hidden).into(),
            expand_bias: r.values(c),
        };
        let x = Matrix::zeros(Shape::new(c, cols));
        case(op, vec![x, r.matrix(Shape::new(op::time_chunks(cols), c))])
    });
    cases.into()
}

pub(crate) fn tokens() -> Vec<Case> {
    let one = |value: f64| Matrix { shape: Shape::new(1, 1), data: vec![value] };
    // Width, the LSTM's inputs, hidden state, steps.
    let cases = [(3, 2, 3, 2), (17, 6, 17, 1), (1, 1, 1, 0)].map(|(dim, width, hidden, steps)| {
        let mut r = Generator::new(dim);
        let features = vec![
            Encoder::Continuous { weight: r.values(dim), bias: r.values(dim), missing: r.values(dim) },
            Encoder::Sequence {
                inputs: width,
                hidden,
                input_weight: r.weights(4 * hidden * width, width),
                hidden_weight: r.weights(4 * hidden * hidden, hidden),
                bias: r.values(4 * hidden),
                proj: r.weights(dim * hidden, hidden),
                proj_bias: r.values(dim),
                missing: r.values(dim),
            },
            Encoder::Categorical { embedding: r.values(3 * dim) },
        ];
        let (table, missing) = (r.matrix(Shape::new(3, width)), steps == 0);
        let (value, index) = if missing { (f64::NAN, -1.0) } else { (1.5, 1.0) };
        case(Tokens { dim, features }, vec![one(value), table, one(steps as f64), one(index)])
    });
    cases.into()
}

pub(crate) fn cross_attention() -> Vec<Case> {
    // Tokens, width, heads, channels, positions: two spans, more than four queries, more blocks than are scored together.
    let sizes = [(1, 2, 1, 2, 2), (1, 2, 2, 17, 33), (3, 4, 2, 5, 3), (1, 1, 1, 641, 1)];
    let cases = sizes.map(|(tokens, dim, heads, channels, cols)| {
        let mut r = Generator::new(channels);
        let mut linear =
            |inputs: usize| Linear { weight: r.weights(dim * inputs, inputs), bias: r.values(dim) };
        let (q, k, v, out) = (linear(dim), linear(channels), linear(channels), linear(dim));
        let mut norm = || Norm { weight: r.values(dim), bias: r.values(dim) };
        let (norm_q, norm_out) = (norm(), norm());
        let op = CrossAttention { tokens, heads, norm_q, norm_out, q, k, v, out };
        case(op, vec![r.matrix(Shape::new(tokens, dim)), r.matrix(Shape::new(channels, cols))])
    });
    cases.into()
}

pub(crate) fn classifier() -> Vec<Case> {
    // Channels, tokens and their width, classes.
    let cases = [(20, 2, 5, 3, true), (3, 0, 0, 17, false)].map(|(c, n, d, classes, softmax)| {
        let mut r = Generator::new(c);
        let (width, tokens) = (c + n * d, Shape::new(n, d));
        let op = Classifier {
            weight: r.weights(classes * width, width),
            bias: r.values(classes),
            tokens,
            softmax,
        };
        let mut inputs = vec![Matrix::zeros(Shape::new(c, 9)), r.matrix(Shape::new(1, c))];
        inputs.extend((n > 0).then(|| r.matrix(tokens)));
        case(op, inputs)
    });
    cases.into()
}
