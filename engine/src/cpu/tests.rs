//! A small network of every operation on pools of every kind: all of the engine's unsafe code, quick enough for Miri.

use super::*;
use crate::reference::Reference;
use efficientecg_kernels::error::ShapeError;
use efficientecg_kernels::op::{Call, Contract, Cost, Kernel, TIME_CHUNK};
use efficientecg_kernels::ops::classifier::Classifier;
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::cross_attention::{CrossAttention, Linear, Norm};
use efficientecg_kernels::ops::depthwise::{Depthwise, Expand};
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_kernels::ops::squeeze_excite::SqueezeExcite;
use efficientecg_kernels::ops::tokens::{Encoder, Tokens};
use efficientecg_kernels::tensor::Layout;
use efficientecg_kit::Generator;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

mod tasks;

/// Channels, tokens' width, classes.
const C: usize = 5;
const D: usize = 4;
const CLASSES: usize = 3;
const LEADS: usize = 2;
/// Two time chunks, so that all nodes have tasks to share; Miri must do with some chunks.
const SAMPLES: usize = if cfg!(miri) { 50 } else { TIME_CHUNK + 20 };

/// A block with a residual, a head, three tokens that look at it, a classifier; and all that nodes make.
fn network() -> (Graph, Vec<Value>) {
    let mut r = Generator::new(7);
    let mut graph = Graph::new();
    let x = graph.input();
    let (weight, bias) = (r.weights(3 * LEADS * C, 3 * LEADS), r.values(C));
    let conv = Conv { weight, bias, leads: LEADS, kernel: 3, stride: 1 };
    let [stem] = graph.push("stem".into(), conv, &[x]);

    let expand = Some(Expand { weight: r.weights(2 * C * C, C).into(), bias: r.values(2 * C) });
    let (weight, bias) = (r.weights(2 * C * 5, 5), r.values(2 * C));
    let [y, sums] =
        graph.push("depthwise".into(), Depthwise { expand, weight, bias, kernel: 5, stride: 1 }, &[stem]);
    let excite = SqueezeExcite {
        reduce: r.weights(2 * 2 * C, 2 * C).into(),
        reduce_bias: r.values(2),
        expand: r.weights(2 * C * 2, 2).into(),
        expand_bias: r.values(2 * C),
    };
    let [gate] = graph.push("excite".into(), excite, &[y, sums]);
    let mut pointwise = |c_in: usize, gate: bool| Pointwise {
        weight: r.weights(C * c_in, c_in).into(),
        bias: r.values(C),
        silu: !gate,
        gate,
        residual: gate,
        sums: !gate,
    };
    let [block] = graph.push("project".into(), pointwise(2 * C, true), &[y, gate, stem]);
    let [head, pooled] = graph.push("head".into(), pointwise(C, false), &[block]);

    let (age, sex, beats, count) = (graph.input(), graph.input(), graph.input(), graph.input());
    let features = vec![
        Encoder::Continuous { weight: r.values(D), bias: r.values(D), missing: r.values(D) },
        Encoder::Categorical { embedding: r.values(3 * D) },
        Encoder::Sequence {
            inputs: 2,
            hidden: 3,
            input_weight: r.weights(12 * 2, 2),
            hidden_weight: r.weights(12 * 3, 3),
            bias: r.values(12),
            proj: r.weights(D * 3, 3),
            proj_bias: r.values(D),
            missing: r.values(D),
        },
    ];
    let [f] = graph.push("tokens".into(), Tokens { dim: D, features }, &[age, sex, beats, count]);
    let mut linear = |inputs: usize| Linear { weight: r.weights(D * inputs, inputs), bias: r.values(D) };
    let (q, k, v, out) = (linear(D), linear(C), linear(C), linear(D));
    let norm = || Norm { weight: vec![1.0; D], bias: vec![0.0; D] };
    let attention = CrossAttention { tokens: 3, heads: 2, norm_q: norm(), norm_out: norm(), q, k, v, out };
    let [z] = graph.push("attention".into(), attention, &[f, head]);
    let classifier = Classifier {
        weight: r.weights(CLASSES * (C + 3 * D), C + 3 * D),
        bias: r.values(CLASSES),
        tokens: Shape::new(3, D),
        softmax: true,
    };
    let [logits, probabilities] = graph.push("classifier".into(), classifier, &[head, pooled, z]);
    let all = vec![stem, y, gate, block, head, f, z, logits, probabilities];
    (graph, all)
}

/// Records `first` and on.
struct Records {
    signal: Vec<f32>,
    age: Vec<f32>,
    sex: Vec<f32>,
    beats: Vec<f32>,
    count: Vec<f32>,
}

impl Records {
    fn new(first: usize, size: usize) -> Records {
        let signal =
            |r| Generator::new(r).values(LEADS * SAMPLES).into_iter().map(|v| v as f32).collect::<Vec<_>>();
        Records {
            signal: (first..first + size).flat_map(signal).collect(),
            age: (first..first + size).map(|r| if r % 3 == 2 { f32::NAN } else { r as f32 / 4.0 }).collect(),
            sex: (first..first + size).map(|r| r as f32 % 3.0 - 1.0).collect(),
            beats: (first..first + size).flat_map(|r| [r as f32 / 8.0; 4 * 2]).collect(),
            count: (first..first + size).map(|r| r as f32 % 4.0).collect(),
        }
    }

    fn inputs(&self) -> [(Shape, &[f32]); 5] {
        let one = Shape::new(1, 1);
        [
            (Shape::new(LEADS, SAMPLES), &self.signal[..]),
            (one, &self.age[..]),
            (one, &self.sex[..]),
            (Shape::new(4, 2), &self.beats[..]),
            (one, &self.count[..]),
        ]
    }
}

/// What a run makes of the records, for each wanted value.
fn results(
    graph_shapes: &[Shape],
    records: &Records,
    wanted: &[Value],
    run: impl FnOnce(&mut Batch<'_>) -> Result<(), EngineError>,
) -> Vec<Vec<f32>> {
    let size = records.age.len();
    let mut made: Vec<Vec<f32>> =
        wanted.iter().map(|v| vec![f32::NAN; size * graph_shapes[v.index()].len()]).collect();
    let mut outputs: Vec<(Value, &mut [f32])> =
        wanted.iter().copied().zip(made.iter_mut().map(Vec::as_mut_slice)).collect();
    let inputs = records.inputs();
    run(&mut Batch { size, inputs: &inputs, outputs: &mut outputs }).unwrap_or_else(|e| panic!("{e}"));
    made
}

fn bits(values: &[Vec<f32>]) -> Vec<Vec<u32>> {
    values.iter().map(|v| v.iter().map(|x| x.to_bits()).collect()).collect()
}

fn shapes(graph: &Graph) -> Vec<Shape> {
    let inputs = Records::new(0, 1);
    let inputs: Vec<Shape> = inputs.inputs().iter().map(|(s, _)| *s).collect();
    graph.shapes(&inputs).unwrap_or_else(|e| panic!("{e}"))
}

/// Fails unless every value of every record is within `most` of the reference, relatively where it is above 1.
fn assert_near(label: &str, wanted: &[Value], got: &[Vec<f32>], want: &[Vec<f32>], most: f32) {
    for (v, (got, want)) in wanted.iter().zip(got.iter().zip(want)) {
        assert_eq!(got.len(), want.len(), "{label}: value {}", v.index());
        for (i, (got, want)) in got.iter().zip(want).enumerate() {
            assert!(got.is_finite(), "{label}: value {}[{i}] is {got}", v.index());
            let off = (got - want).abs() / want.abs().max(1.0);
            assert!(off <= most, "{label}: value {}[{i}] is {got}, not {want}", v.index());
        }
    }
}

#[test]
fn any_pool_and_any_wish_give_the_references_results() {
    let (graph, all) = network();
    let graph = Arc::new(graph);
    let shapes = shapes(&graph);
    let [logits, probabilities] = [all[all.len() - 2], all[all.len() - 1]];
    // Records that threads have for themselves and one that they share, for each pool.
    let (size, pools) = if cfg!(miri) { (4, &[1, 3][..]) } else { (5, &[1, 2, 3, 4][..]) };
    let records = Records::new(0, size);
    let reference = Reference::new(Arc::clone(&graph));
    let want = results(&shapes, &records, &all, |b| reference.run(b));
    let mut first = None;
    for &threads in pools {
        let label = format!("{threads} threads");
        let cpu = Cpu::new(&graph, Level::best(), Arc::new(Pool::new(threads)));
        let got = results(&shapes, &records, &all, |b| cpu.run(b));
        assert_near(&label, &all, &got, &want, 1e-4);
        let made = bits(&got);
        // Nothing kept but one end, the other, both: values share more cells, and plans differ.
        let wishes = [&[probabilities][..], &[logits], &[logits, probabilities]];
        for wanted in wishes.into_iter().take(if cfg!(miri) { 1 } else { 3 }) {
            let got = results(&shapes, &records, wanted, |b| cpu.run(b));
            for (v, got) in wanted.iter().zip(bits(&got)) {
                let at = all.iter().position(|a| a == v);
                assert_eq!(at.map(|at| &made[at]), Some(&got), "{label}: value {}", v.index());
            }
        }
        assert_eq!(&made, first.get_or_insert(made.clone()), "{label}");
    }
}

#[test]
fn fewer_bits_are_near_the_reference() {
    let (graph, all) = network();
    let graph = Arc::new(graph);
    let shapes = shapes(&graph);
    let records = Records::new(3, 1);
    let want = results(&shapes, &records, &all, |b| Reference::new(Arc::clone(&graph)).run(b));
    for level in Level::available() {
        for (precision, most) in [(Precision::F16, 5e-3), (Precision::Bf16, 1e-1)] {
            let label = format!("{level:?} in {precision:?}");
            let cpu = Cpu::packed(graph.pack(level, precision), level, Arc::new(Pool::new(1)));
            assert_near(&label, &all, &results(&shapes, &records, &all, |b| cpu.run(b)), &want, most);
        }
    }
}

#[test]
fn lent_threads_give_the_bits_of_own_ones() {
    let (graph, all) = network();
    let shapes = shapes(&graph);
    // A record for each thread, and one that they share.
    let records = Records::new(0, 4);
    let run = |pool: Pool| {
        let cpu = Cpu::new(&graph, Level::best(), Arc::new(pool));
        bits(&results(&shapes, &records, &all, |b| cpu.run(b)))
    };
    let want = run(Pool::new(1));
    let scoped = |work: &(dyn Fn() + Sync)| {
        std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(work))));
    };
    for _ in 0..if cfg!(miri) { 1 } else { 10 } {
        assert_eq!(run(Pool::lent(3, scoped)), want);
    }
    assert_eq!(run(Pool::lent(3, |work| (0..3).for_each(|_| work()))), want, "one after the other");
}

#[test]
fn callers_share_a_graph() {
    let (graph, all) = network();
    let shapes = shapes(&graph);
    let wanted = &all[all.len() - 2..];
    let batches: Vec<Records> = (0..4).map(|i| Records::new(i, 1 + i % 3)).collect();
    let alone = Cpu::new(&graph, Level::best(), Arc::new(Pool::new(1)));
    let run = |cpu: &Cpu, i: usize| bits(&results(&shapes, &batches[i], wanted, |b| cpu.run(b)));
    let want: Vec<_> = (0..batches.len()).map(|i| run(&alone, i)).collect();
    let cpu = Cpu::new(&graph, Level::best(), Arc::new(Pool::new(3)));
    let (callers, runs) = if cfg!(miri) { (2, 1) } else { (16, 20) };
    std::thread::scope(|scope| {
        for caller in 0..callers {
            let (cpu, want, run) = (&cpu, &want, &run);
            scope.spawn(move || {
                for again in 0..runs {
                    let i = (caller + again) % want.len();
                    assert_eq!(run(cpu, i), want[i], "caller {caller}, run {again}");
                }
            });
        }
    });
}

/// A kernel whose thread offers the processor to others, or sleeps, at some of its calls.
struct Interrupted {
    kernel: Box<dyn Kernel>,
    calls: Arc<AtomicUsize>,
}

impl Kernel for Interrupted {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        self.kernel.tasks(inputs)
    }
    fn input_layout(&self, index: usize) -> Layout {
        self.kernel.input_layout(index)
    }
    fn takes_dense(&self) -> bool {
        self.kernel.takes_dense()
    }
    fn output_layout(&self, index: usize) -> Layout {
        self.kernel.output_layout(index)
    }
    fn scratch(&self, inputs: &[Shape]) -> usize {
        self.kernel.scratch(inputs)
    }
    unsafe fn run(&self, call: Call<'_>) {
        let pause = || {
            // A multiplicative hash: which calls are interrupted differs from run to run.
            let call = self.calls.fetch_add(1, Ordering::Relaxed) as u64;
            match call.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56 {
                0..40 => std::thread::yield_now(),
                40..44 => std::thread::sleep(std::time::Duration::from_micros(50)),
                _ => {}
            }
        };
        pause();
        // SAFETY: handed on to the caller.
        unsafe { self.kernel.run(call) };
        pause();
    }
}

/// Sets a flag when it goes.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// `EFFICIENTECG_LONG=1` makes 10,000 runs.
#[test]
fn the_bits_are_the_same_however_threads_are_interrupted() {
    let (graph, all) = network();
    let shapes = shapes(&graph);
    let records = Records::new(0, 1);
    let wanted = &all[all.len() - 2..];
    let want = bits(&results(&shapes, &records, wanted, |b| {
        Cpu::new(&graph, Level::best(), Arc::new(Pool::new(1))).run(b)
    }));
    let long = std::env::var_os("EFFICIENTECG_LONG").is_some_and(|v| v == "1");
    let runs = if cfg!(miri) {
        2
    } else if long {
        1250
    } else {
        40
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Also where a run fails.
        let _stopping = Stop(&stop);
        // Threads that keep the processor busy meanwhile.
        for _ in 0..if cfg!(miri) { 0 } else { 2 } {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let calls = Arc::new(AtomicUsize::new(0));
        let failed = (1..=8).find(|threads| {
            let kernels = graph
                .pack(Level::best(), Precision::F32)
                .map(|kernel| Box::new(Interrupted { kernel, calls: Arc::clone(&calls) }) as Box<dyn Kernel>);
            let cpu = Cpu::packed(kernels, Level::best(), Arc::new(Pool::new(*threads)));
            (0..runs).any(|_| bits(&results(&shapes, &records, wanted, |b| cpu.run(b))) != want)
        });
        assert_eq!(failed, None, "number of threads whose results differ");
    });
}

#[test]
fn a_reserved_run_takes_what_it_was_reserved_for() {
    let (graph, all) = network();
    let shapes = shapes(&graph);
    let cpu = Cpu::new(&graph, Level::best(), Arc::new(Pool::new(2)));
    let records = Records::new(0, 3);
    let of: Vec<Shape> = records.inputs().iter().map(|(shape, _)| *shape).collect();
    let mut reserved = cpu.reserve(&of, &all, 3).unwrap_or_else(|e| panic!("{e}"));
    let want = results(&shapes, &records, &all, |batch| cpu.run(batch));
    assert!(want.iter().flatten().all(|x| x.is_finite()));
    assert_eq!(bits(&results(&shapes, &records, &all, |batch| reserved.run(batch))), bits(&want));

    let mut refused = |size: usize, kept: &[Value], says: &str| {
        let records = Records::new(0, size);
        let run = |batch: &mut Batch<'_>| {
            let error = reserved.run(batch).expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
            Ok(())
        };
        results(&shapes, &records, kept, run);
    };
    refused(2, &all, "records of a reserved run: expected 3, found 2");
    refused(3, &all[1..], "run: reserved inputs and values: expected [");
}

#[test]
fn sizes_that_fit_in_no_memory_are_errors() {
    let (graph, all) = network();
    let cpu = Cpu::new(&graph, Level::best(), Arc::new(Pool::new(1)));
    let mut inputs: Vec<Shape> = Records::new(0, 1).inputs().iter().map(|(shape, _)| *shape).collect();
    for shift in 0..usize::BITS - 40 {
        for samples in [usize::MAX >> shift, (usize::MAX >> shift) - 1] {
            inputs[0] = Shape::new(LEADS, samples);
            let error = cpu.reserve(&inputs, &all, 1).map(drop).expect_err("too large");
            assert!(matches!(error, EngineError::Memory { .. }), "{samples}: {error}");
        }
    }
}
