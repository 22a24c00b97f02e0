//! A profiled run gives the bits of a plain one, and accounts for every node of every record.

#![cfg(feature = "gpu")]

use efficientecg::{Backend, GpuFeatures, GpuOptions, Inputs, LoadError, Model, Options, Precision, Profile};
use efficientecg_engine::gpu::{DeviceError, FailPoint};
use efficientecg_tests::{compare, golden, gpu};

fn models(options: &Options) -> Vec<Result<Model, LoadError>> {
    let list = golden::list(&golden::folder());
    assert!(list.len() >= 9, "few golden networks");
    list.iter().step_by(3).map(|(weights, _)| options.load(weights)).collect()
}

/// A profile of a run that gives the bits of a plain one.
fn profile(label: &str, model: &Model, inputs: &Inputs) -> Profile {
    let plain = model.run(inputs).unwrap_or_else(|e| panic!("{label}: {e}"));
    let profile = model.profile(inputs).unwrap_or_else(|e| panic!("{label}: {e}"));
    compare::assert_same_bits(label, &profile.outputs, &plain);
    // The variants of programs are those of a run on a GPU.
    let mut layers = profile.layers.clone();
    assert!(layers.iter().all(|layer| layer.variant.is_some() == profile.gpu), "{label}");
    layers.iter_mut().for_each(|layer| layer.variant = None);
    assert_eq!(layers, model.layers_of_inputs(inputs).unwrap_or_else(|e| panic!("{label}: {e}")));
    assert!(profile.seconds > 0.0, "{label}");
    profile
}

/// Fails unless every node of every record was timed once, in the order of the nodes.
fn assert_complete(label: &str, profile: &Profile, batch: usize) {
    for node in 0..profile.layers.len() {
        let records: usize = profile.spans.iter().filter(|s| s.node == node).map(|s| s.records).sum();
        assert_eq!(records, batch, "{label}: node {node}");
    }
    for span in &profile.spans {
        let sound = |x: f64| x.is_finite() && x >= 0.0;
        assert!(sound(span.start) && sound(span.seconds), "{label}: {span:?}");
    }
    for track in 0..=profile.spans.iter().map(|s| s.track).max().unwrap_or(0) {
        let own: Vec<_> = profile.spans.iter().filter(|s| s.track == track).collect();
        for pair in own.windows(2) {
            let end = pair[0].start + pair[0].seconds;
            assert!(end <= pair[1].start + 1e-9, "{label}: {pair:?} overlap");
            assert!(pair[1].node == (pair[0].node + 1) % profile.layers.len(), "{label}: {pair:?}");
        }
    }
}

#[test]
fn on_the_cpu_and_through_the_references() {
    for (backend, threads) in
        [(Backend::Cpu, 1), (Backend::Cpu, 2), (Backend::Cpu, 3), (Backend::Reference, 1)]
    {
        let options = Options::new().backend(backend).threads(threads);
        for model in models(&options) {
            let model = model.unwrap_or_else(|e| panic!("{e}"));
            for (batch, samples) in [(1, 3), (2, 40), (5, 1200)] {
                let inputs = Inputs::synthetic(model.config(), samples, batch);
                let label = format!("{} {} {batch}x{samples}", model.config().name, model.device());
                let profile = profile(&label, &model, &inputs);
                assert!(profile.note.is_none() && !profile.gpu && profile.threads == threads, "{label}");
                assert_complete(&label, &profile, batch);
                let inside: f64 = profile.spans.iter().map(|s| profile.share(s)).sum();
                assert!(inside > 0.0 && inside <= profile.seconds * (1.0 + 1e-9), "{label}: {inside}");
            }
        }
    }
}

fn on_gpu(gpu: GpuOptions, precision: Precision) -> Options {
    Options::new().backend(Backend::Gpu).precision(precision).gpu(gpu)
}

#[test]
fn on_the_gpu() {
    if !gpu::found() {
        return;
    }
    let variants = [
        ("f32", GpuOptions::default(), Precision::F32, 1),
        ("f16", GpuOptions::default(), Precision::F16, 1),
        ("in parts", GpuOptions::default().batch(2), Precision::F32, 3),
    ];
    for (name, gpu, precision, parts) in variants {
        for model in models(&on_gpu(gpu, precision)) {
            let Ok(model) = model else { continue };
            let label = format!("{name}: {} {}", model.config().name, model.device());
            let inputs = Inputs::synthetic(model.config(), 300, 5);
            let plain = model.run(&inputs).unwrap_or_else(|e| panic!("{label}: {e}"));
            let profile = model.profile(&inputs).unwrap_or_else(|e| panic!("{label}: {e}"));
            compare::assert_same_bits(&label, &profile.outputs, &plain);
            assert!(profile.gpu && profile.threads == 1, "{label}");
            let full = model.layers_of_inputs(&inputs).unwrap_or_else(|e| panic!("{label}: {e}"));
            for (layer, full) in profile.layers.iter().zip(&full) {
                let halved = if precision == Precision::F16 { 2 } else { 1 };
                assert_eq!(layer.cost.macs, full.cost.macs);
                assert_eq!(halved * layer.cost.read, full.cost.read, "{label}: {}", layer.name);
            }
            match &profile.note {
                None => {
                    assert_complete(&label, &profile, 5);
                    assert_eq!(profile.spans.len(), parts * profile.layers.len(), "{label}");
                }
                Some(note) => {
                    println!("{label}: {note}");
                    assert!(profile.spans.is_empty(), "{label}");
                }
            }
        }
    }
}

#[test]
fn without_timestamps_or_without_the_gpu() {
    if !gpu::found() {
        return;
    }
    let features = GpuFeatures::parse("-timestamps").unwrap_or_else(|e| panic!("{e}"));
    let (weights, _) = &golden::list(&golden::folder())[4];
    let load = |gpu| on_gpu(gpu, Precision::F32).load(weights).unwrap_or_else(|e| panic!("{e}"));
    let model = load(GpuOptions::default().features(features));
    let inputs = Inputs::synthetic(model.config(), 100, 3);
    let untimed = profile("no timestamps", &model, &inputs);
    assert!(untimed.gpu && untimed.spans.is_empty());
    assert!(untimed.note.is_some_and(|n| n.contains("timestamps")));

    // Fails from the second submission on: the first is the self-test's.
    let submissions = std::sync::atomic::AtomicUsize::new(0);
    let fail = move |point| {
        if point == FailPoint::Wait {
            return None;
        }
        let first = submissions.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        (!first).then_some(DeviceError::OutOfMemory)
    };
    let model = load(GpuOptions::default().fail(fail));
    let fallen = model.profile(&inputs).unwrap_or_else(|e| panic!("{e}"));
    assert!(!fallen.gpu && fallen.note.as_ref().is_some_and(|n| n.contains("CPU")), "{:?}", fallen.note);
    assert_complete("fallen back", &fallen, 3);
    let cpu = Model::load(weights).unwrap_or_else(|e| panic!("{e}"));
    let want = cpu.run(&inputs).unwrap_or_else(|e| panic!("{e}"));
    compare::assert_same_bits("fallen back", &fallen.outputs, &want);
}
