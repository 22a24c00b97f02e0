//! What is measured on a device, and remembered.

use super::super::{State, choices, timing};
use super::*;
use crate::clock::Moment;

/// The crossover is measured once and found again.
#[test]
fn the_crossover_is_remembered() {
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let options =
        GpuOptions { software: true, cache: Some(folder.path().to_owned()), ..GpuOptions::default() };
    if open(&options).is_none() {
        return;
    }
    let conv = Conv { weight: vec![0.5; 6], bias: vec![0.1; 2], leads: 1, kernel: 3, stride: 2 };
    let shape = Shape::new(1, 40);
    let probes = std::cell::Cell::new(0);
    let probe = |batch: usize| {
        probes.set(probes.get() + 1);
        Probe { batch, inputs: vec![(shape, vec![0.25; batch * 40])] }
    };
    let make = |key: &str| {
        let (graph, _) = graph("conv", Box::new(conv.clone()), &[shape]);
        let graph = std::sync::Arc::new(graph);
        let for_cpu = std::sync::Arc::clone(&graph);
        let make_cpu = move || Cpu::new(&for_cpu, Level::best(), std::sync::Arc::new(Pool::new(1)));
        let probed = Probe { batch: 1, inputs: vec![(shape, vec![0.25; 40])] };
        let gpu = Gpu::new(graph, options.clone(), probed, make_cpu).unwrap_or_else(|e| panic!("{e}"));
        let gpu = gpu.with_crossover(key, probe);
        let from = gpu.crossover();
        if from == usize::MAX {
            assert!(gpu.faster_on_cpu(1 << 20, 40));
        } else {
            assert!(!gpu.faster_on_cpu(from, 40) && !gpu.faster_on_cpu(1, 40 * from));
            assert!(gpu.faster_on_cpu(from, 39));
        }
        from
    };
    let measured = make("a");
    let tries = probes.take();
    // One probe tells the model's shapes, the others are run.
    assert!(tries >= 2 && (measured == usize::MAX || measured.is_power_of_two()), "{measured}");
    assert_eq!((make("a"), probes.take()), (measured, 1), "measured again");
    make("b");
    assert!(probes.take() >= 2, "another model's crossover was taken");
    // What cannot be read is measured again.
    for entry in std::fs::read_dir(folder.path()).unwrap_or_else(|e| panic!("{e}")) {
        let path = entry.unwrap_or_else(|e| panic!("{e}")).path();
        std::fs::write(path, "no number").unwrap_or_else(|e| panic!("{e}"));
    }
    make("a");
    assert!(probes.take() >= 2);
}

/// A network without variants must not be measured until the time is up, or for ever.
#[test]
fn what_has_no_variants_is_tuned_at_once() {
    let options = GpuOptions { software: true, ..GpuOptions::default() };
    if open(&options).is_none() {
        return;
    }
    let ones = |n: usize| vec![0.5; n];
    let op = SqueezeExcite {
        reduce: ones(8).into(),
        reduce_bias: ones(2),
        expand: ones(8).into(),
        expand_bias: ones(4),
    };
    let shapes = [Shape::new(4, 9), Shape::new(1, 4)];
    let probe = Probe { batch: 1, inputs: shapes.map(|s| (s, vec![0.25; s.len()])).to_vec() };
    let (graph, _) = graph("squeeze_excite", Box::new(op), &shapes);
    let graph = std::sync::Arc::new(graph);
    let for_cpu = std::sync::Arc::clone(&graph);
    let make_cpu = move || Cpu::new(&for_cpu, Level::best(), std::sync::Arc::new(Pool::new(1)));
    let tried = Probe { batch: 1, inputs: probe.inputs.clone() };
    let gpu = Gpu::new(graph, options, tried, make_cpu).unwrap_or_else(|e| panic!("{e}"));
    let tuned = gpu.tune(&probe, std::time::Duration::from_secs(3600), &|_| {});
    let tuned = tuned.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((tuned.nodes, tuned.rounds), (Vec::new(), 0));
    // One record cannot be cut, and f32 has no other storage.
    assert_eq!((tuned.storages, tuned.submissions), (Vec::new(), Vec::new()));
}

/// What was measured for a network as a whole holds for it, with these options, and for no other.
#[test]
fn what_was_chosen_for_a_network_is_taken() {
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let options =
        GpuOptions { software: true, cache: Some(folder.path().to_owned()), ..GpuOptions::default() }
            .precision(Precision::F16);
    let Some(device) = open(&options) else { return };
    let shape = Shape::new(1, 40);
    let conv = |channels: usize| Conv {
        weight: (0..3 * channels).map(|i| 0.3 * i as f64 - 0.7).collect(),
        bias: vec![0.1; channels],
        leads: 1,
        kernel: 3,
        stride: 2,
    };
    let gpu = |channels: usize| {
        let (graph, outputs) = graph("conv", Box::new(conv(channels)), &[shape]);
        let graph = std::sync::Arc::new(graph);
        let for_cpu = std::sync::Arc::clone(&graph);
        let make_cpu = move || Cpu::new(&for_cpu, Level::best(), std::sync::Arc::new(Pool::new(1)));
        let probe = Probe { batch: 1, inputs: vec![(shape, vec![0.25; 40])] };
        (Gpu::new(graph, options.clone(), probe, make_cpu).unwrap_or_else(|e| panic!("{e}")), outputs)
    };
    // Submissions of five records, what they gave, and what it is stored in.
    let run = |channels: usize| {
        let (gpu, outputs) = gpu(channels);
        let data: Vec<f32> = (0..200).map(|i| (i as f32 * 0.37).sin()).collect();
        let mut made = vec![0.0; 5 * channels * 20];
        let State::Device(network, _) = gpu.state() else { panic!("{}", gpu.describe()) };
        let before = network.counts().submits.load(std::sync::atomic::Ordering::Relaxed);
        let mut batch =
            Batch { size: 5, inputs: &[(shape, &data)], outputs: &mut [(outputs[0], made.as_mut_slice())] };
        gpu.run(&mut batch).unwrap_or_else(|e| panic!("{e}"));
        let submits = network.counts().submits.load(std::sync::atomic::Ordering::Relaxed) - before;
        (submits, made, network.device.traits.storage)
    };
    let (submits, before, storage) = run(2);
    assert_eq!((submits, storage), (1, device.traits.storage));
    let fingerprint = choices::fingerprint(gpu(2).0.graph(), &[shape]);
    choices::keep_storage(&device, &options, fingerprint, Some(Storage::F32));
    choices::keep_records(&device, &options, (fingerprint, &[shape]), Some((2, 5)));
    let (submits, now, storage) = run(2);
    assert_eq!((submits, storage), (3, Storage::F32));
    assert!(
        before.iter().zip(&now).all(|(a, b)| (a - b).abs() <= 2e-3 * a.abs().max(1.0)),
        "{before:?} {now:?}"
    );
    let (submits, _, storage) = run(3);
    assert_eq!((submits, storage), (1, device.traits.storage), "another network's choice was taken");
    choices::keep_storage(&device, &options, fingerprint, None);
    // Of a batch of five nothing is known then.
    choices::keep_records(&device, &options, (fingerprint, &[shape]), Some((2, 4)));
    let (submits, again, storage) = run(2);
    assert_eq!((submits, storage, &again), (1, device.traits.storage, &before));
    choices::keep_records(&device, &options, (fingerprint, &[shape]), None);
    let (submits, again, storage) = run(2);
    assert_eq!((submits, storage, again), (1, device.traits.storage, before));

    // With time enough, each storage is measured, and each half of the batch.
    let (gpu, _) = gpu(2);
    let progress = |_: f64| {};
    let hour = std::time::Duration::from_secs(3600);
    let budget = timing::Budget { started: Moment::now(), end: hour, all: hour, progress: &progress };
    let batch = Probe { batch: 5, inputs: vec![(shape, vec![0.25; 200])] };
    let own = Network::new(device, gpu.graph(), &options, 0).unwrap_or_else(|e| panic!("{e:?}"));
    let first = choices::name(own.device.traits.storage);
    let (mut network, runs, taken) = gpu.by_storage(own, &batch, &budget).unwrap_or_else(|e| panic!("{e}"));
    let storages: Vec<&str> = runs.iter().map(|run| run.storage).collect();
    let all = ["f16", "f16, packed", "f32"];
    assert_eq!(storages, all[all.iter().position(|name| *name == first).unwrap_or(3)..]);
    assert_eq!(storages[taken], choices::name(network.device.traits.storage));
    let (runs, taken) = gpu.by_records(&mut network, &batch, &budget).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(runs.iter().map(|run| run.records).collect::<Vec<_>>(), [5, 2, 1]);
    assert!(taken < 3 && runs.iter().all(|run| run.seconds > 0.0), "{runs:?}");
}

/// A storage that was kept and fails now leaves the GPU to the default's.
#[cfg(feature = "testing")]
#[test]
fn a_storage_that_was_tuned_and_fails_is_left() {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let (first, lines) = (AtomicBool::new(true), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&lines);
    let options =
        GpuOptions { software: true, cache: Some(folder.path().to_owned()), ..GpuOptions::default() }
            .precision(Precision::F16)
            .fail(move |_| {
                first.swap(false, Ordering::Relaxed).then_some(super::super::DeviceError::OutOfMemory)
            })
            .warn(move |line| heard.lock().unwrap_or_else(|e| panic!("{e}")).push(line.to_owned()));
    let Some(device) = open(&options) else { return };
    let shape = Shape::new(1, 40);
    let conv = Conv { weight: vec![0.5; 6], bias: vec![0.1; 2], leads: 1, kernel: 3, stride: 2 };
    let (graph, _) = graph("conv", Box::new(conv), &[shape]);
    let graph = Arc::new(graph);
    choices::keep_storage(&device, &options, choices::fingerprint(&graph, &[shape]), Some(Storage::F32));
    let for_cpu = Arc::clone(&graph);
    let make_cpu = move || Cpu::new(&for_cpu, Level::best(), Arc::new(Pool::new(1)));
    let probe = Probe { batch: 1, inputs: vec![(shape, vec![0.25; 40])] };
    let gpu = Gpu::new(graph, options, probe, make_cpu).unwrap_or_else(|e| panic!("{e}"));
    let State::Device(network, _) = gpu.state() else { panic!("{}", gpu.describe()) };
    assert_eq!(network.device.traits.storage, device.traits.storage);
    let lines = lines.lock().unwrap_or_else(|e| panic!("{e}"));
    assert!(lines.len() == 1 && lines[0].contains("that was tuned is not used"), "{lines:?}");
}
