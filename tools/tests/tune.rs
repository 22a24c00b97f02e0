//! `efficientecg tune`: every kind of node is measured, winners are kept and used, and what cannot be tuned is one line. No times.

#![cfg(feature = "gpu")]

mod harness;

use harness::*;
use serde_json::Value;
use std::path::Path;

/// Whether there is a GPU or a software adapter; says so where there is none.
fn is_there() -> bool {
    if !efficientecg::adapters().is_empty() {
        return true;
    }
    let required = std::env::var("EFFICIENTECG_REQUIRE_GPU").is_ok_and(|v| v == "1");
    assert!(!required, "no GPU was found");
    efficientecg_skipped::skipped(
        "tune: no GPU nor software adapter was found (apt install mesa-vulkan-drivers libvulkan1)",
    );
    false
}

/// Runs with a folder for caches of its own.
fn json(caches: &Path, args: &[&str]) -> Value {
    let output = program().args(args).env("XDG_CACHE_HOME", caches).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{args:?}");
    serde_json::from_str(text(&output.stdout)).expect("JSON")
}

#[test]
fn winners_are_kept_and_named() {
    if !is_there() {
        return;
    }
    let folder = folder();
    let model = ["--model", "mitbih-beats"];
    let tuned =
        json(folder.path(), &[&["tune"], &model[..], &["--batch", "2", "--seconds", "1", "--json"]].concat());
    let file = tuned["file"].as_str().expect("a file");
    assert!(Path::new(file).starts_with(folder.path()) && Path::new(file).exists(), "{file}");
    let nodes = tuned["nodes"].as_array().expect("nodes");
    for operation in ["conv", "depthwise", "pointwise"] {
        assert!(nodes.iter().any(|n| n["operation"] == operation), "no {operation} in {tuned}");
    }
    let winner = |node: &Value| node["winner"].as_str().expect("a variant").to_owned();
    let changed = nodes.iter().filter(|n| n["winner"] != n["default"]).count();
    assert_eq!(tuned["changed"], changed);
    assert_eq!(tuned["storages"], serde_json::json!([]), "f32 has one storage");
    let submissions = tuned["submissions"].as_array().expect("submissions");
    let records: Vec<_> = submissions.iter().map(|s| s["records"].as_u64()).collect();
    assert!(records.is_empty() || records == [Some(2), Some(1)], "{tuned}");
    let taken = submissions.iter().filter(|s| s["taken"] == true).count();
    assert_eq!(taken, submissions.len().min(1), "{tuned}");
    // Whatever was found, later runs name it.
    let args = ["--backend", "gpu", "--batch", "2", "--runs", "3", "--profile", "--json"];
    let report = json(folder.path(), &[&["bench"], &model[..], &args].concat());
    let steps = report["rows"][0]["profile"]["steps"].as_array().expect("steps");
    for node in nodes {
        let step =
            steps.iter().find(|s| s["name"] == node["node"]).unwrap_or_else(|| panic!("{node}: {steps:?}"));
        assert_eq!(step["variant"], winner(node), "{node}");
    }
}

#[test]
fn what_cannot_be_tuned_is_one_line() {
    if !is_there() {
        return;
    }
    let model = ["tune", "--model", "mitbih-beats"];
    fails(2, &[&model[..], &["--seconds", "0"]].concat(), &["--seconds"]);
    fails(2, &[&model[..], &["--precision", "bf16"]].concat(), &["bf16"]);
    fails(2, &[&model[..], &["--gpu", "none such"]].concat(), &["none such"]);
    fails(1, &[&model[..], &["--gpu-features", "-timestamps", "--seconds", "1"]].concat(), &["timestamps"]);
}
