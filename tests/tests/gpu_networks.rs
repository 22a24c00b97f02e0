//! Whole networks on a GPU: against PyTorch's results in f64, the same bits in any batch, and the CPU's at every length.

#![cfg(feature = "gpu")]

use efficientecg::{
    Backend, GpuFeatures, GpuOptions, Inputs, Model, Options, Outputs, Precision, Weights, adapters,
};
use efficientecg_tests::compare::{
    TOLERANCE, assert_runs_close, assert_same_bits, probabilities, worst_error,
};
use efficientecg_tests::golden::{self, Golden};
use efficientecg_tests::gpu::{found, options, taken};
use efficientecg_tests::random;
use std::path::Path;

/// The most that results with activations in f16 may differ, normalised likewise.
const TOLERANCE_F16: f64 = 2e-2;

/// A model that runs on the GPU, in truth.
fn model(weights: &Weights, gpu: GpuOptions) -> Model {
    let (options, warnings) = options(gpu);
    let model = options.from_weights(weights).unwrap_or_else(|e| panic!("{e}"));
    assert!(model.device().starts_with("gpu"), "{}: {:?}", model.device(), taken(&warnings));
    model
}

fn run(model: &Model, inputs: &Inputs, taps: &[&str]) -> Outputs {
    let outputs = model.run_with_taps(inputs, taps).unwrap_or_else(|e| panic!("{e}"));
    assert!(model.device().starts_with("gpu"), "it fell back to {}", model.device());
    outputs
}

/// Holds every network of a folder against its golden, in a variant.
fn check(folder: &Path, variant: &str, gpu: &GpuOptions) -> usize {
    let list = golden::list(folder);
    let mut failures = Vec::new();
    let tolerance = if gpu.precision == Precision::F16 { TOLERANCE_F16 } else { TOLERANCE };
    let mut worst = (0.0, String::new());
    for (weights, reference) in &list {
        let golden = Golden::load(weights, reference);
        let model = model(&golden.weights, gpu.clone());
        let taps = golden.taps();
        let got = run(&model, &golden.inputs, &taps);
        let mut made = got.taps.iter();
        for want in &golden.expected {
            let place = format!("{variant}: {}: {}", golden.name, want.name);
            let mut compare = |place: &str, got: &[f32], want: &[f64]| match worst_error(got, want) {
                Ok(error) => {
                    if error > worst.0 {
                        worst = (error, place.to_owned());
                    }
                    if error > tolerance {
                        failures.push(format!("{place}: {error:.2e}"));
                    }
                }
                Err(message) => failures.push(format!("{place}: {message}")),
            };
            if want.name == "logits" {
                compare(&place, &got.logits, &want.data);
                let wanted = probabilities(golden.weights.config(), &want.data);
                compare(&format!("{place} as probabilities"), &got.probabilities, &wanted);
            } else if let Some(tap) = made.next() {
                compare(&place, &tap.data, &want.data);
            }
        }
    }
    println!("{variant:16} {} networks, worst error {:.2e} ({})", list.len(), worst.0, worst.1);
    assert!(failures.is_empty(), "above tolerance:\n{}", failures.join("\n"));
    list.len()
}

/// Tests of each variant: the kept networks, and those of the folder `EFFICIENTECG_CONFORMANCE`.
macro_rules! variants {
    ($($variant:ident $gpu:expr;)*) => {$(
        mod $variant {
            use super::*;

            #[test]
            fn kept_networks() {
                if found() {
                    assert!(check(&golden::folder(), stringify!($variant), &$gpu) >= 20);
                }
            }

            #[test]
            fn more_networks() {
                if let Some(folder) = std::env::var_os("EFFICIENTECG_CONFORMANCE")
                    && found()
                {
                    check(Path::new(&folder), stringify!($variant), &$gpu);
                }
            }
        }
    )*};
}
variants! {
    f32 GpuOptions::default();
    f32_checked GpuOptions::default().checked(true);
    f32_no_features GpuOptions::default().features(GpuFeatures::NONE);
    f16 GpuOptions::default().precision(Precision::F16);
    f16_no_features GpuOptions::default().precision(Precision::F16).features(GpuFeatures::NONE);
}

fn network() -> Weights {
    let stages = [(1, 3, 1, 5, 1), (4, 5, 2, 9, 2), (3, 31, 3, 8, 1)];
    random::weights(random::config(3, (10, 7, 2), &stages, 18, true), 1)
}

fn reference(weights: &Weights, inputs: &Inputs, taps: &[&str]) -> Outputs {
    let options = Options::new().backend(Backend::Reference);
    let model = options.from_weights(weights).unwrap_or_else(|e| panic!("{e}"));
    model.run_with_taps(inputs, taps).unwrap_or_else(|e| panic!("{e}"))
}

/// Batches of 1 to 64 records, cut into parts or not: every record's bits are those it has alone.
#[test]
fn batches() {
    if !found() {
        return;
    }
    let weights = network();
    let inputs = random::inputs(weights.config(), 64, 333, 5);
    let whole = model(&weights, GpuOptions::default());
    let alone: Vec<Outputs> = (0..64).map(|r| run(&whole, &inputs.slice(r, 1), &[])).collect();
    let mut parts = Outputs::default();
    alone.iter().for_each(|o| parts.append(o.clone()));
    assert_runs_close("one by one", &parts, &reference(&weights, &inputs, &[]), TOLERANCE);
    let cut = [1, 3, 10].map(|n| model(&weights, GpuOptions::default().batch(n)));
    for size in [1, 2, 3, 7, 16, 31, 32, 33, 63, 64] {
        let part = inputs.slice(64 - size, size);
        let mut want = Outputs::default();
        alone[64 - size..].iter().for_each(|o| want.append(o.clone()));
        for model in [&whole].into_iter().chain(&cut) {
            assert_same_bits(&format!("{size} records"), &run(model, &part, &[]), &want);
        }
    }
}

#[test]
fn bits_are_the_same_again_and_for_many_callers() {
    if !found() {
        return;
    }
    let weights = network();
    // More shapes than plans are kept.
    let batches: Vec<Inputs> =
        (0..20).map(|i| random::inputs(weights.config(), 1 + i % 4, 50 + 37 * i, i as u64)).collect();
    let (options, warnings) = options(GpuOptions::default());
    let model = options.from_weights(&weights).unwrap_or_else(|e| panic!("{e}"));
    let taps: Vec<&str> = model.tap_names().collect();
    let first: Vec<Outputs> = batches.iter().map(|b| run(&model, b, &taps)).collect();
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let (model, batches, first, taps) = (&model, &batches, &first, &taps);
            scope.spawn(move || {
                let mut random = random::Generator::new(caller as usize);
                for _ in 0..10 {
                    let i = random.below(batches.len());
                    assert_same_bits(&format!("caller {caller}"), &run(model, &batches[i], taps), &first[i]);
                }
            });
        }
    });
    // A device that was lost on the way and made anew would give the right bits too.
    assert!(taken(&warnings).is_empty());
}

/// From one sample to thirty minutes at 500 Hz, against the references.
#[test]
fn lengths() {
    if !found() {
        return;
    }
    let cases = [
        ("stride 1", (5, 3, 1), vec![(1, 3, 1, 4, 1), (3, 5, 1, 4, 2)]),
        ("stride 2", (6, 3, 2), vec![(1, 3, 1, 5, 1), (4, 5, 2, 7, 2)]),
        ("stride 3", (4, 31, 3), vec![(1, 31, 3, 3, 1), (6, 31, 3, 5, 2), (2, 1, 2, 5, 1)]),
    ];
    for (name, stem, stages) in cases {
        let weights = random::weights(random::config(2, stem, &stages, 9, true), 11);
        let model = model(&weights, GpuOptions::default());
        let taps: Vec<&str> = model.tap_names().collect();
        let mut worst = 0.0f64;
        let short = [1, 2, 3, 4, 5, 7, 16, 17, 63, 64, 65, 127, 129, 255, 511, 513, 1025, 5000, 100_001];
        for samples in short {
            let inputs = random::inputs(weights.config(), 2, samples, samples as u64);
            let want = reference(&weights, &inputs, &taps);
            let label = format!("{name}, {samples} samples");
            worst = worst.max(assert_runs_close(&label, &run(&model, &inputs, &taps), &want, TOLERANCE));
        }
        println!("{name}: worst error {worst:.2e}");
    }
    let weights =
        random::weights(random::config(2, (4, 3, 2), &[(1, 3, 2, 3, 1), (3, 5, 2, 4, 1)], 9, true), 11);
    let inputs = random::inputs(weights.config(), 1, 30 * 60 * 500, 12);
    let model = model(&weights, GpuOptions::default());
    let want = reference(&weights, &inputs, &["head", "attention"]);
    let worst =
        assert_runs_close("30 minutes", &run(&model, &inputs, &["head", "attention"]), &want, TOLERANCE);
    println!("30 minutes: worst error {worst:.2e}");
}

/// `auto` never takes a software adapter: where there is no other, the CPU computes, and nothing is said.
#[test]
fn auto_takes_no_software_adapter() {
    let weights = network();
    let inputs = random::inputs(weights.config(), 2, 200, 9);
    let (gpu, warnings) = options(GpuOptions::default());
    let auto = gpu.backend(Backend::Auto);
    let model = auto.from_weights(&weights).unwrap_or_else(|e| panic!("{e}"));
    let got = model.run(&inputs).unwrap_or_else(|e| panic!("{e}"));
    assert_runs_close("auto", &got, &reference(&weights, &inputs, &[]), TOLERANCE);
    if adapters().iter().all(|a| a.software) {
        assert!(model.device().starts_with("cpu"), "{}", model.device());
        assert!(!model.on_gpu());
    }
    assert!(taken(&warnings).is_empty());
}
