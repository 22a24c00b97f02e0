//! A run allocates nothing once the first of its shape has planned it: every operation, every level, several pools.
//!
//! One test in a program of its own, as the count is of the whole process.

use efficientecg_engine::pool::Pool;
use efficientecg_engine::{Batch, Cpu, Graph, Value};
use efficientecg_kernels::ops::classifier::Classifier;
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::cross_attention::{CrossAttention, Linear, Norm};
use efficientecg_kernels::ops::depthwise::{Depthwise, Expand};
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::ops::squeeze_excite::SqueezeExcite;
use efficientecg_kernels::ops::tokens::{Encoder, Tokens};
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::Shape;
use efficientecg_kit::allocations::{self, Counting};
use efficientecg_tests::random::Generator;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Two leads, a block with its gate and residual, a head of 6 channels, three tokens of width 4, two classes.
fn graph() -> (Graph, [Value; 2]) {
    let mut random = Generator::new(1);
    let mut w = |n: usize| (0..n).map(|_| 0.5 * random.unit()).collect::<Vec<f64>>();
    let mut graph = Graph::new();
    let signal = graph.input();
    let stem = Conv { weight: w(5 * 2 * 7), bias: w(5), leads: 2, kernel: 7, stride: 2 };
    let [x] = graph.push("stem".into(), stem, &[signal]);
    let expand = Some(Expand { weight: w(15 * 5).into(), bias: w(15) });
    let depthwise = Depthwise { expand, weight: w(15 * 5), bias: w(15), kernel: 5, stride: 1 };
    let [y, sums] = graph.push("depthwise".into(), depthwise, &[x]);
    let squeeze_excite =
        SqueezeExcite { reduce: w(15).into(), reduce_bias: w(1), expand: w(15).into(), expand_bias: w(15) };
    let [gate] = graph.push("se".into(), squeeze_excite, &[y, sums]);
    let project = Pointwise {
        weight: w(5 * 15).into(),
        bias: w(5),
        silu: false,
        gate: true,
        residual: true,
        sums: false,
    };
    let [x] = graph.push("project".into(), project, &[y, gate, x]);
    let head = Pointwise {
        weight: w(6 * 5).into(),
        bias: w(6),
        silu: true,
        gate: false,
        residual: false,
        sums: true,
    };
    let [head, sums] = graph.push("head".into(), head, &[x]);
    let features = vec![
        Encoder::Continuous { weight: w(4), bias: w(4), missing: w(4) },
        Encoder::Categorical { embedding: w(12) },
        Encoder::Sequence {
            inputs: 3,
            hidden: 2,
            input_weight: w(24),
            hidden_weight: w(16),
            bias: w(8),
            proj: w(8),
            proj_bias: w(4),
            missing: w(4),
        },
    ];
    let operands = [(); 4].map(|()| graph.input());
    let [tokens] = graph.push("tokens".into(), Tokens { dim: 4, features }, &operands);
    let mut linear = |input: usize| Linear { weight: w(4 * input), bias: w(4) };
    let [q, k, v, out] = [4, 6, 6, 4].map(&mut linear);
    let mut norm = || Norm { weight: w(4), bias: w(4) };
    let attention = CrossAttention { tokens: 3, heads: 2, norm_q: norm(), norm_out: norm(), q, k, v, out };
    let [z] = graph.push("attention".into(), attention, &[tokens, head]);
    let classifier =
        Classifier { weight: w(2 * (6 + 12)), bias: w(2), tokens: Shape::new(3, 4), softmax: true };
    let [logits, _] = graph.push::<2>("classifier".into(), classifier, &[head, sums, z]);
    (graph, [logits, z])
}

/// Runs a batch of `size` records of `samples`; how many allocations the run made, and its logits.
fn allocations(cpu: &Cpu, [logits, z]: [Value; 2], size: usize, samples: usize) -> (usize, Vec<f32>) {
    let mut random = Generator::new(2);
    let shapes = [(2, samples), (1, 1), (1, 1), (3, 3), (1, 1)].map(|(r, c)| Shape::new(r, c));
    let mut data = shapes.map(|s| random.units(size * s.len()));
    data[2].fill(1.0);
    data[4].fill(2.0);
    let inputs: Vec<(Shape, &[f32])> = shapes.iter().zip(&data).map(|(s, d)| (*s, d.as_slice())).collect();
    let (mut l, mut a) = (vec![f32::NAN; size * 2], vec![f32::NAN; size * 12]);
    let mut outputs = [(logits, l.as_mut_slice()), (z, a.as_mut_slice())];
    let mut batch = Batch { size, inputs: &inputs, outputs: &mut outputs };
    let before = allocations::count();
    let result = cpu.run(&mut batch);
    let count = allocations::count() - before;
    result.unwrap_or_else(|e| panic!("{e}"));
    assert!(l.iter().chain(&a).all(|x| x.is_finite()));
    (count, l)
}

#[test]
fn later_runs_allocate_nothing() {
    for level in Level::available() {
        for threads in 1..=3 {
            let (graph, values) = graph();
            let cpu = Cpu::new(&graph, level, Arc::new(Pool::new(threads)));
            // Fewer records than threads, as many, and some left over; one time chunk and several.
            let shapes = [(1, 40), (1, 1400), (2, 1500), (3, 1100), (7, 333), (32, 60)];
            let first = shapes.map(|(size, samples)| allocations(&cpu, values, size, samples));
            assert!(first.iter().all(|(count, _)| *count > 0), "the count counts nothing");
            for ((size, samples), (_, logits)) in shapes.into_iter().zip(&first) {
                let label = format!("{}, {threads} threads, {size} of {samples}", level.name());
                // The test harness allocates in its own thread now and then: the least of some runs is the run's own.
                let mut least = usize::MAX;
                for _ in 0..8 {
                    let (count, same) = allocations(&cpu, values, size, samples);
                    assert_eq!(&same, logits, "{label}");
                    least = least.min(count);
                }
                assert_eq!(least, 0, "{label}: allocations");
            }
        }
    }
}
