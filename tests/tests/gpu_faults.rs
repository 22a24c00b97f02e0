//! What becomes of a batch when the GPU computes wrongly, is lost or runs out of memory; what a batch asks of it; and the
//! memory that it takes.

#![cfg(feature = "gpu")]

use efficientecg::config::presets::Setup;
use efficientecg::config::{Config, Feature, Fusion, Normalize};
use efficientecg::{
    GpuFeatures, GpuOptions, Inputs, Level, Model, Outputs, Precision, RunError, Shape, Weights,
};
use efficientecg_engine::gpu::{DeviceError, FailPoint, Gpu, Probe};
use efficientecg_engine::pool::Pool;
use efficientecg_engine::{Batch, Cpu, Graph, Value};
use efficientecg_kernels::ops::conv::Conv;
use efficientecg_kernels::ops::pointwise::Pointwise;
use efficientecg_tests::compare::{TOLERANCE, assert_runs_close, assert_same_bits};
use efficientecg_tests::defects::{DEFECTS, LATE_DEFECTS, network, planted};
use efficientecg_tests::gpu::{found, options, taken};
use efficientecg_tests::random::{self, Generator};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

fn load(weights: &Weights, gpu: GpuOptions) -> (Model, Vec<String>) {
    let (options, warnings) = options(gpu);
    let model = options.from_weights(weights).unwrap_or_else(|e| panic!("{e}"));
    (model, taken(&warnings))
}

fn run(model: &Model, inputs: &Inputs) -> Outputs {
    model.run(inputs).unwrap_or_else(|e| panic!("{e}"))
}

/// What the CPU makes of a batch.
fn on_cpu(weights: &Weights, inputs: &Inputs) -> Outputs {
    let model = Model::from_weights(weights).unwrap_or_else(|e| panic!("{e}"));
    run(&model, inputs)
}

#[test]
fn a_wrong_kernel_is_caught_and_the_cpu_answers() {
    if !found() {
        return;
    }
    let weights = network();
    let inputs = random::inputs(weights.config(), 3, 400, 6);
    let want = on_cpu(&weights, &inputs);
    let (sound, warnings) = load(&weights, GpuOptions::default());
    assert!(sound.device().starts_with("gpu") && warnings.is_empty(), "{warnings:?}");
    for defect @ (op, from, to) in DEFECTS {
        let compiled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&compiled);
        let plant = move |name: &str, text: &str| {
            count.fetch_add(usize::from(name == op), Ordering::Relaxed);
            planted(defect, name, text)
        };
        let (model, warnings) = load(&weights, GpuOptions::default().plant(plant));
        assert!(compiled.load(Ordering::Relaxed) > 0, "{op}: not compiled");
        assert!(model.device().starts_with("cpu"), "{op}: {from} as {to} passed the self-test");
        assert_eq!(warnings.len(), 1, "{op}: {warnings:?}");
        println!("{}", warnings[0]);
        assert_same_bits(op, &run(&model, &inputs), &want);
    }
}

/// A thousand batches on the GPU, cut into parts of two records, from four callers, before each of whose submissions and
/// waits the device may be lost or out of memory.
#[test]
fn a_thousand_batches_with_failures() {
    if !found() {
        return;
    }
    let weights = network();
    let batches: Vec<Inputs> =
        (0..4).map(|i| random::inputs(weights.config(), 1 + i, 60 + 50 * i, i as u64)).collect();
    let want: Vec<Outputs> = batches.iter().map(|b| on_cpu(&weights, b)).collect();
    let random = Arc::new(Mutex::new(Generator::new(7)));
    let (lost, full) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (mut done, mut models, mut on_the_cpu) = (0, 0, 0);
    while done < 1000 {
        let armed = Arc::new(AtomicUsize::new(0));
        let fail = {
            let (random, armed) = (Arc::clone(&random), Arc::clone(&armed));
            let (lost, full) = (Arc::clone(&lost), Arc::clone(&full));
            move |_: FailPoint| {
                // The self-test of a load is left alone: its failure means the CPU from the start.
                if armed.load(Ordering::Relaxed) == 0 {
                    return None;
                }
                match random.lock().map_or(9, |mut r| r.below(500)) {
                    0 | 1 => {
                        lost.fetch_add(1, Ordering::Relaxed);
                        Some(DeviceError::Lost("planted".to_owned()))
                    }
                    // A loss that wgpu did not foresee, and panics of.
                    2 => {
                        lost.fetch_add(1, Ordering::Relaxed);
                        Some(DeviceError::Driver("planted".to_owned()))
                    }
                    3 | 4 => {
                        full.fetch_add(1, Ordering::Relaxed);
                        Some(DeviceError::OutOfMemory)
                    }
                    _ => None,
                }
            }
        };
        let gpu = GpuOptions::default().fail(fail).batch(2);
        let (options, warnings) = options(gpu);
        let model = options.from_weights(&weights).unwrap_or_else(|e| panic!("{e}"));
        models += 1;
        armed.store(1, Ordering::Relaxed);
        let (by_gpu, by_cpu) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for caller in 0..4 {
                let (model, batches, want) = (&model, &batches, &want);
                let (by_gpu, by_cpu) = (&by_gpu, &by_cpu);
                scope.spawn(move || {
                    for n in caller.. {
                        let i = n % batches.len();
                        let got = run(model, &batches[i]);
                        let label = format!("batch {n} on {}", model.device());
                        assert_runs_close(&label, &got, &want[i], TOLERANCE);
                        let (of_gpu, on_cpu) =
                            (by_gpu.load(Ordering::Relaxed), by_cpu.load(Ordering::Relaxed));
                        if model.device().starts_with("gpu") {
                            by_gpu.fetch_add(1, Ordering::Relaxed);
                        } else {
                            by_cpu.fetch_add(1, Ordering::Relaxed);
                        }
                        if on_cpu > 20 || done + of_gpu >= 1000 {
                            break;
                        }
                    }
                });
            }
        });
        done += by_gpu.into_inner();
        on_the_cpu += by_cpu.into_inner();
        let warnings = taken(&warnings);
        assert!(warnings.iter().all(|w| w.lines().count() == 1), "{warnings:?}");
        if model.device().starts_with("cpu") {
            assert!(!warnings.is_empty(), "it fell back in silence");
        }
    }
    let (lost, full) = (lost.load(Ordering::Relaxed), full.load(Ordering::Relaxed));
    println!(
        "{done} batches, {models} models: lost {lost} times, out of memory {full} times, {on_the_cpu} batches after a fall to the CPU"
    );
    assert!(lost >= 5 && full >= 5, "too few failures to show anything");
}

/// A GPU that never answers: the CPU does, and the process goes on.
#[test]
fn a_gpu_that_hangs_is_left_alone() {
    if !found() {
        return;
    }
    let weights = network();
    let inputs = random::inputs(weights.config(), 2, 200, 8);
    let armed = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&armed);
    let fail = move |point: FailPoint| {
        let now = asked.load(Ordering::Relaxed) > 0 && point == FailPoint::Wait;
        now.then_some(DeviceError::Timeout(60))
    };
    let (options, warnings) = options(GpuOptions::default().fail(fail));
    let model = options.from_weights(&weights).unwrap_or_else(|e| panic!("{e}"));
    armed.store(1, Ordering::Relaxed);
    for _ in 0..2 {
        assert_same_bits("after a timeout", &run(&model, &inputs), &on_cpu(&weights, &inputs));
    }
    let warnings = taken(&warnings);
    assert!(warnings.len() == 1 && warnings[0].contains("no answer"), "{warnings:?}");
}

/// Defects that only signals longer than the self-test's bring out: caught with the first batch of their shape.
#[test]
fn a_kernel_that_is_wrong_for_longer_signals_is_caught() {
    if !found() {
        return;
    }
    let weights = network();
    // 417 positions at the end: two chunks of cross-attention, several workgroup tiles of the head's sums.
    let inputs = random::inputs(weights.config(), 2, 5000, 6);
    for defect in LATE_DEFECTS {
        let op = defect.0;
        let gpu = GpuOptions::default().plant(move |name, text| planted(defect, name, text));
        let (options, warnings) = options(gpu);
        let model = options.from_weights(&weights).unwrap_or_else(|e| panic!("{e}"));
        assert_same_bits(op, &run(&model, &inputs), &on_cpu(&weights, &inputs));
        let warnings = taken(&warnings);
        println!("{warnings:?}");
        assert!(warnings.len() == 1 && warnings[0].contains("expected an error below"), "{op}: {warnings:?}");
        assert!(model.device().starts_with("cpu"), "{op}");
    }
}

/// Activations beyond f16: the record is named, not given wrong classes.
#[test]
fn what_overflows_f16_is_an_error() {
    if !found() {
        return;
    }
    let weights = network();
    let mut inputs = random::inputs(weights.config(), 3, 300, 8);
    let sound = inputs.clone();
    let record = inputs.signal().len() / 3;
    inputs.signal_mut()[record..2 * record].iter_mut().for_each(|v| *v *= 1e6);
    for features in [GpuFeatures::ALL, GpuFeatures::NONE] {
        let gpu = GpuOptions::default().precision(Precision::F16).features(features);
        let (model, warnings) = load(&weights, gpu);
        assert!(warnings.is_empty(), "{warnings:?}");
        for _ in 0..2 {
            let result = model.run(&inputs);
            assert!(matches!(result, Err(RunError::Overflow { record: 1, .. })), "{result:?}");
        }
        assert_runs_close("the others", &run(&model, &sound), &on_cpu(&weights, &sound), 2e-2);
        assert!(model.device().starts_with("gpu"));
    }
}

/// A graph of two nodes: enough for what the engine asks of the device.
fn small() -> (Arc<Graph>, Value) {
    let mut random = Generator::new(3);
    let mut weights = |n: usize| (0..n).map(|_| random.unit()).collect::<Vec<f64>>();
    let mut graph = Graph::new();
    let x = graph.input();
    let conv = Conv { weight: weights(6 * 2 * 3), bias: weights(6), leads: 2, kernel: 3, stride: 2 };
    let [h] = graph.push("conv".into(), conv, &[x]);
    let pointwise = Pointwise {
        weight: weights(5 * 6).into(),
        bias: weights(5),
        silu: true,
        gate: false,
        residual: false,
        sums: false,
    };
    let [y] = graph.push("pointwise".into(), pointwise, &[h]);
    (Arc::new(graph), y)
}

#[test]
fn one_submit_one_wait_one_readback_a_batch() {
    if !found() {
        return;
    }
    let (graph, y) = small();
    let shape = Shape::new(2, 50);
    let signal: Vec<f32> = Generator::new(4).units(7 * shape.len());
    let probe = || Probe { batch: 1, inputs: vec![(shape, signal[..shape.len()].to_vec())] };
    for (limit, parts) in [(None, 1), (Some(7), 1), (Some(4), 2), (Some(2), 4)] {
        let cpu = Arc::clone(&graph);
        let make_cpu = move || Cpu::new(&cpu, Level::best(), Arc::new(Pool::new(1)));
        let mut options = GpuOptions::default().software(true);
        options.batch = limit;
        let gpu = Gpu::new(Arc::clone(&graph), options, probe(), make_cpu).unwrap_or_else(|e| panic!("{e}"));
        let before = gpu.counts();
        for batches in 1..=3 {
            let mut out = vec![f32::NAN; 7 * 5 * 25];
            let mut outputs = [(y, out.as_mut_slice())];
            let mut batch = Batch { size: 7, inputs: &[(shape, &signal)], outputs: &mut outputs };
            gpu.run(&mut batch).unwrap_or_else(|e| panic!("{e}"));
            assert!(out.iter().all(|v| v.is_finite()));
            let counts = gpu.counts();
            assert_eq!([0, 1, 2].map(|i| counts[i] - before[i]), [batches * parts; 3], "{limit:?}");
        }
    }
}

fn b0() -> Weights {
    let names = |letter: &str, n: usize| (0..n).map(|i| format!("{letter}{i}")).collect::<Vec<_>>();
    let features = vec![Feature::continuous("age", 60.0, 20.0), Feature::categorical("sex", ["f", "m"])];
    let setup = Setup::new("b0", names("L", 12), 500.0, 5000, names("k", 5));
    let config = Config::b0(setup.normalize(Normalize::None).fusion(Fusion::new(64, 4, features)));
    random::weights(config, 9)
}

/// For `b0` on 12 leads of 5,000 samples in batches of 32: weights and activations within 1.25 times the weights and the
/// two largest activations that live together, and one dispatch a node.
#[test]
fn memory_and_dispatches_of_b0() {
    if !found() {
        return;
    }
    let weights = b0();
    let (model, warnings) = load(&weights, GpuOptions::default());
    assert!(warnings.is_empty(), "{warnings:?}");
    let memory = model.gpu_memory(32, 5000).unwrap_or_else(|| panic!("one part of 32 records does not fit"));
    let least = memory.weights + memory.largest_two;
    println!("{memory:?}: {:.3} of the least", (memory.weights + memory.arena) as f64 / least as f64);
    assert!(memory.weights > 4 * 4_000_000 && memory.largest_two > 32 * 4 * 180_000);
    assert!(4 * (memory.weights + memory.arena) <= 5 * least, "{memory:?}");
    println!("{} dispatches", memory.dispatches);
    assert_eq!(memory.dispatches, model.layers(5000).map_or(0, |layers| layers.len()));
    assert_eq!(memory.dispatches, 53);
}

/// A record whose activations no binding can hold is the CPU's, with a line that says so.
#[test]
fn what_does_not_fit_goes_to_the_cpu() {
    if !found() {
        return;
    }
    // 40 channels at 1,000,000 positions: 160 MB, where a binding has 128 MiB on many devices.
    let stages = [(1, 3, 1, 40, 1)];
    let weights = random::weights(random::config(1, (40, 3, 1), &stages, 4, false), 3);
    let (options, warnings) = options(GpuOptions::default());
    let model = options.from_weights(&weights).unwrap_or_else(|e| panic!("{e}"));
    let inputs = random::inputs(weights.config(), 1, 1_000_000, 1);
    let fits = model.gpu_memory(1, 1_000_000).is_some();
    let got = run(&model, &inputs);
    assert_runs_close("a long record", &got, &on_cpu(&weights, &inputs), TOLERANCE);
    let warnings = taken(&warnings);
    assert_eq!(warnings.is_empty(), fits, "{warnings:?}");
    println!("{warnings:?}");
    assert!(model.device().starts_with("gpu"), "shorter records go to the GPU again");
}
