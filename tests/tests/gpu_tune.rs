//! Variants of a GPU's programs, measured: within the time, kept for later models, and as right as the defaults.

#![cfg(feature = "gpu")]

use efficientecg::{Backend, GpuOptions, Inputs, Model, Options, Outputs, TunedNode};
use efficientecg_tests::compare::{TOLERANCE, assert_runs_close};
use efficientecg_tests::gpu::found;
use efficientecg_tests::random;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn run(model: &Model, inputs: &Inputs) -> Outputs {
    let outputs = model.run(inputs).unwrap_or_else(|e| panic!("{e}"));
    assert!(model.device().starts_with("gpu"), "it fell back to {}", model.device());
    outputs
}

/// The variants that a model runs, node by node.
fn variants(model: &Model, inputs: &Inputs) -> Vec<(String, Option<String>)> {
    let profile = model.profile(inputs).unwrap_or_else(|e| panic!("{e}"));
    assert!(profile.note.is_none(), "{:?}", profile.note);
    profile.layers.into_iter().map(|layer| (layer.name, layer.variant)).collect()
}

/// What is kept of a tuning, in a folder.
fn kept(folder: &Path) -> Vec<std::path::PathBuf> {
    let files =
        folder.read_dir().unwrap_or_else(|e| panic!("{e}")).filter_map(|file| Some(file.ok()?.path()));
    files.filter(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with("variants-"))).collect()
}

#[test]
fn winners_are_kept_and_right() {
    if !found() {
        return;
    }
    let stages = [(1, 3, 1, 5, 1), (4, 5, 2, 9, 2), (3, 31, 3, 8, 1)];
    let weights = random::weights(random::config(3, (10, 7, 2), &stages, 18, true), 1);
    let samples = weights.config().samples;
    let inputs = random::inputs(weights.config(), 3, samples, 8);
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let kept_warnings = Arc::clone(&warnings);
    let warn = move |line: &str| kept_warnings.lock().unwrap_or_else(|e| panic!("{e}")).push(line.to_owned());
    let options =
        Options::new().backend(Backend::Gpu).gpu(GpuOptions::default().cache(folder.path()).warn(warn));
    let load = || options.from_weights(&weights).unwrap_or_else(|e| panic!("{e}"));

    let model = load();
    let before = run(&model, &inputs);
    let defaults = variants(&model, &inputs);
    let parts = Mutex::new(Vec::new());
    let progress = |part: f64| parts.lock().unwrap_or_else(|e| panic!("{e}")).push(part);
    let tuned = model.tune(4, Duration::from_secs(30), &progress);
    let tuned =
        tuned.unwrap_or_else(|| panic!("{} is no GPU", model.device())).unwrap_or_else(|e| panic!("{e}"));
    let parts = parts.into_inner().unwrap_or_else(|e| panic!("{e}"));
    assert!(parts.is_sorted() && parts.iter().all(|part| (0.0..=1.0).contains(part)), "{parts:?}");
    for TunedNode { node, default, winner, default_seconds, seconds, .. } in &tuned.nodes {
        let of_node =
            defaults.iter().find(|(name, _)| name == node).and_then(|(_, variant)| variant.as_ref());
        assert_eq!(of_node, Some(default), "{node}: the default");
        // A variant is taken where it is clearly faster, and was measured.
        assert!(winner == default || *seconds < 0.97 * default_seconds, "{node}: {winner} over {default}");
    }
    assert!(tuned.nodes.len() >= 6, "{:?}", tuned.nodes);
    assert_eq!(tuned.file.as_ref(), kept(folder.path()).first());
    // Submissions of all, of halves and so on; none where a slow adapter had no time for them. f32 has no other storage.
    let records: Vec<usize> = tuned.submissions.iter().map(|run| run.records).collect();
    assert!(records.is_empty() || records == [4, 2, 1], "{:?}", tuned.submissions);
    let seconds = |run: usize| tuned.submissions[run].seconds;
    assert!(tuned.taken == 0 || seconds(tuned.taken) < 0.97 * seconds(0), "{tuned:?}");
    assert_eq!(tuned.storages, []);

    // Another model finds them, and is right.
    let model = load();
    assert_runs_close("tuned", &run(&model, &inputs), &before, TOLERANCE);
    let now = variants(&model, &inputs);
    for TunedNode { node, winner, .. } in &tuned.nodes {
        let of_node = now.iter().find(|(name, _)| name == node).and_then(|(_, variant)| variant.as_ref());
        assert_eq!(of_node, Some(winner), "{node}: the winner is not run");
    }
    // What is damaged is not believed.
    for file in kept(folder.path()) {
        std::fs::write(file, "pointwise\tx\n").unwrap_or_else(|e| panic!("{e}"));
    }
    assert_eq!(variants(&load(), &inputs), defaults);
    assert_eq!(*warnings.lock().unwrap_or_else(|e| panic!("{e}")), Vec::<String>::new());
}
