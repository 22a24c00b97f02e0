//! `efficientecg bench`: what it reports hangs together. How fast anything is, is not tested.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A golden network with `age`, `sex` and `rhythm`, made for five samples.
fn weights() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/networks/random-04.npz")
}

fn bench(args: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_efficientecg"));
    program.arg("bench").args(args).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Runs and expects success with a silent standard error; standard output.
fn succeeds(args: &[&str]) -> String {
    let output = bench(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{args:?}");
    text(&output.stdout).to_owned()
}

/// Runs on the weights and parses the JSON.
fn report(more: &[&str]) -> Value {
    let weights = weights();
    let weights = weights.to_str().expect("UTF-8");
    let out = succeeds(&[&["--weights", weights, "--json"], more].concat());
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
}

fn rows(report: &Value) -> &Vec<Value> {
    report["rows"].as_array().expect("rows")
}

fn positive(value: &Value, what: &str) -> f64 {
    let number = value.as_f64().unwrap_or_else(|| panic!("{what}: {value}"));
    assert!(number.is_finite() && number > 0.0, "{what}: {number}");
    number
}

/// Shares of a run sum to one, with what lies outside of the steps, whichever way steps are grouped.
fn check_profile(row: &Value, runs: u64) {
    let profile = &row["profile"];
    assert_eq!(profile["profiled"], runs);
    assert_eq!(profile["runs"], runs.div_ceil(2));
    positive(&profile["seconds"], "seconds");
    let outside = profile["outside"]["share"].as_f64().expect("a share");
    let lists = ["operations", "blocks", "steps"].map(|k| profile[k].as_array().expect("a list"));
    let sum =
        |list: &[Value], key: &str| -> f64 { list.iter().map(|l| l[key].as_f64().expect("a number")).sum() };
    for list in lists {
        let shares = outside + sum(list, "share");
        assert!((shares - 1.0).abs() < 1e-6, "{shares}");
        assert_eq!(sum(list, "calls"), sum(lists[2], "calls"));
        assert_eq!(sum(list, "bytes"), sum(lists[2], "bytes"));
        let batch = row["batch"].as_f64().expect("a number");
        let macs = row["multiply_adds_a_record"].as_f64().expect("a number");
        if !list.is_empty() {
            assert_eq!(sum(list, "multiply_adds"), batch * macs);
        }
    }
    for line in lists[2] {
        assert!(line["operation"].is_string() && line["name"].is_string(), "{line}");
        assert!(line["seconds"].as_f64().is_some_and(|s| s >= 0.0), "{line}");
        assert!(line["share_of_flops"].as_f64().is_none_or(|s| s >= 0.0), "{line}");
    }
}

/// Complete events, of each row a run and then its steps.
fn check_trace(path: &Path, report: &Value) {
    let trace = std::fs::read_to_string(path).expect("a trace");
    let trace: Value = serde_json::from_str(&trace).expect("JSON");
    let events = trace.as_array().expect("a list");
    for event in events {
        assert!(event["ph"] == "X" && event["name"].is_string() && event["cat"].is_string(), "{event}");
        for key in ["ts", "dur", "pid", "tid"] {
            assert!(event[key].as_f64().is_some_and(|n| n >= 0.0), "{key}: {event}");
        }
    }
    for row in rows(report) {
        let own: Vec<&Value> = events.iter().filter(|e| e["pid"] == row["number"]).collect();
        assert_eq!(own[0]["name"], "run");
        let calls = row["profile"]["steps"].as_array().expect("a list").iter();
        let calls: u64 = calls.map(|l| l["calls"].as_u64().expect("a count")).sum();
        assert_eq!(own.len() as u64, 1 + calls);
    }
}

fn check_row(row: &Value, runs: u64) {
    assert_eq!(row["runs"], runs);
    assert!(row["warm_up"].as_u64() >= Some(2));
    let times = &row["milliseconds"];
    let minimum = positive(&times["minimum"], "minimum");
    let mean = positive(&times["mean"], "mean");
    assert!(mean >= minimum && positive(&times["p50"], "p50") >= minimum);
    // Three runs tell nothing of one in ten.
    for p in ["p90", "p95", "p99", "p99_9"] {
        assert!(times.get(p).is_some_and(Value::is_null), "{p}: {times}");
    }
    let batch = positive(&row["batch"], "batch");
    let a_record = positive(&row["milliseconds_a_record"], "a record");
    assert!((a_record * batch / mean - 1.0).abs() < 1e-9);
    assert!((positive(&row["records_a_second"], "a second") * a_record / 1e3 - 1.0).abs() < 1e-9);
    positive(&row["flops"], "flops");
}

#[test]
fn the_cpu() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("trace.json");
    let trace_name = trace.to_str().expect("UTF-8");
    let report = report(&[
        "--backend",
        "cpu",
        "--runs",
        "3",
        "--batch",
        "1,5",
        "--samples",
        "5,700",
        "--threads",
        "1,2",
        "--level",
        "scalar",
        "--profile",
        "--trace",
        trace_name,
    ]);
    assert_eq!(report["schema"], "efficientecg-bench/2");
    assert_eq!(report["build"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(report["build"]["profile"].is_string());
    assert!(report["machine"]["cores"].as_u64() >= Some(1) && report["machine"]["levels"][0] == "scalar");
    let rows = rows(&report);
    let key = |r: &Value| ["threads", "samples", "batch"].map(|k| r[k].as_u64().expect("a count"));
    let found: Vec<_> = rows.iter().map(key).collect();
    let combinations = [[1, 5, 1], [1, 5, 5], [1, 700, 1], [1, 700, 5]];
    let want: Vec<_> =
        [1, 2].iter().flat_map(|t| combinations.map(|[_, samples, batch]| [*t, samples, batch])).collect();
    assert_eq!(found, want);
    for (at, row) in rows.iter().enumerate() {
        check_row(row, 3);
        check_profile(row, 3);
        assert_eq!(row["number"], at + 1);
        assert!(row["level"] == "scalar" && row["precision"] == "f32");
        assert!(row["device"].as_str().is_some_and(|d| d.starts_with("cpu (scalar")), "{row}");
        // Each step of each record.
        for step in row["profile"]["steps"].as_array().expect("a list") {
            assert_eq!(step["calls"], row["batch"], "{step}");
            // Products name what multiplies them.
            let product = ["conv", "pointwise"].iter().any(|op| step["operation"] == *op);
            let name = step["micro_kernel"].as_str();
            assert!(name.is_some() || !product, "{step}");
            assert!(name.is_none_or(|n| n.starts_with("f32_") && n.ends_with("__scalar")), "{step}");
        }
        positive(&row["arena_bytes"], "arena");
        let roofline = &row["profile"]["roofline"];
        assert!(roofline["source"] == "measured_peak" && roofline["threads"] == row["threads"]);
        positive(&roofline["flops"], "peak");
        positive(&roofline["bytes"], "peak");
        assert!(row["profile"]["note"].is_null());
        // A model's first row has its cold start.
        let cold = &row["cold_start"];
        assert_eq!(cold.is_object(), at % 4 == 0);
        if cold.is_object() {
            let phases = cold["phases"].as_array().expect("a list");
            let names: Vec<&Value> = phases.iter().map(|p| &p["name"]).collect();
            assert_eq!(names, ["read", "unpack", "fold", "pack", "first run"]);
            let sum: f64 = phases.iter().map(|p| positive(&p["seconds"], "a phase")).sum();
            assert!((sum / positive(&cold["seconds"], "all") - 1.0).abs() < 1e-9);
        }
    }
    check_trace(&trace, &report);
}

#[test]
fn a_record_stage_by_stage() {
    // Tests run in the package's folder.
    let weights = "../model/weights/mitbih-beats.npz";
    let args = ["--weights", weights, "--backend", "cpu", "--runs", "2", "--record", "demo/demo"];
    let report: Value = serde_json::from_str(&succeeds(&[&args[..], &["--json"]].concat())).expect("JSON");
    let [record] = report["records"].as_array().expect("a list").as_slice() else { panic!("one: {report}") };
    assert!(record["unit"] == "beat" && record["runs"] == 2 && record["findings"].as_u64() > Some(10));
    let stages = record["stages"].as_array().expect("a list");
    let mean = |s: &Value| s["milliseconds"]["mean"].as_f64().expect("a number");
    let (all, parts) = stages.split_last().expect("stages");
    assert_eq!(all["name"], "all");
    let sum: f64 = parts.iter().map(mean).sum();
    assert!((sum / positive(&all["milliseconds"]["mean"], "all") - 1.0).abs() < 1e-6, "{sum}");
    for name in ["read", "find beats", "resample", "normalize", "windows and features", "network"] {
        let stage = parts.iter().find(|s| s["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        positive(&stage["milliseconds"]["minimum"], name);
    }
    let table = succeeds(&args);
    assert!(table.contains("find beats") && table.lines().all(|l| l.chars().count() <= 100), "{table}");
}

#[test]
fn the_references() {
    let report = report(&["--backend", "reference", "--runs", "3", "--profile"]);
    let [row] = rows(&report).as_slice() else { panic!("one row: {report}") };
    check_row(row, 3);
    check_profile(row, 3);
    assert!(row["device"] == "reference" && row["arena_bytes"].is_null());
    assert!(!row["profile"]["steps"].as_array().expect("a list").is_empty());
}

#[cfg(feature = "gpu")]
#[test]
fn the_gpu() {
    if efficientecg::adapters().is_empty() {
        let required = std::env::var("EFFICIENTECG_REQUIRE_GPU").is_ok_and(|v| v == "1");
        assert!(!required, "no GPU was found");
        efficientecg_skipped::skipped(
            "no GPU nor software adapter was found (apt install mesa-vulkan-drivers libvulkan1)",
        );
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("trace.json");
    let trace_name = trace.to_str().expect("UTF-8");
    let args = ["--backend", "gpu", "--runs", "3", "--batch", "1,4", "--profile"];
    let timed = report(&[&args[..], &["--precision", "f32,f16", "--trace", trace_name]].concat());
    let found: Vec<_> = rows(&timed).iter().map(|r| (r["precision"].clone(), r["batch"].clone())).collect();
    assert_eq!(found, [("f32", 1), ("f32", 4), ("f16", 1), ("f16", 4)].map(|(p, b)| (p.into(), b.into())));
    for row in rows(&timed) {
        check_row(row, 3);
        check_profile(row, 3);
        assert!(row["device"].as_str().is_some_and(|d| d.starts_with("gpu (")), "{row}");
        positive(&row["arena_bytes"], "arena");
        let profile = &row["profile"];
        let steps = profile["steps"].as_array().expect("a list");
        // Without timestamps it says so.
        assert_eq!(steps.is_empty(), profile["note"].is_string(), "{}", profile["note"]);
        assert!(steps.iter().all(|s| s["calls"] == 1));
        assert_eq!(profile["roofline"]["source"], "best_step");
    }
    let bytes = |row: usize| {
        let steps = rows(&timed)[row]["profile"]["steps"].as_array().expect("a list").iter();
        steps.map(|s| s["bytes"].as_u64().expect("a count")).sum::<u64>()
    };
    // Two bytes a number.
    assert_eq!(bytes(0), 2 * bytes(2));
    check_trace(&trace, &timed);

    let untimed = report(&[&args[..], &["--gpu-features", "-timestamps"]].concat());
    for row in rows(&untimed) {
        check_profile(row, 3);
        assert!(row["profile"]["note"].as_str().is_some_and(|n| n.contains("timestamps")), "{row}");
        assert_eq!(row["profile"]["steps"].as_array().map(Vec::len), Some(0));
    }
}

#[test]
fn tables_fit_a_terminal() {
    let weights = weights();
    let weights = weights.to_str().expect("UTF-8");
    let table = succeeds(&[
        "--weights",
        weights,
        "--backend",
        "cpu",
        "--seconds",
        "0.05",
        "--batch",
        "1,100",
        "--samples",
        "1,40000",
        "--profile",
    ]);
    for part in ["Cold start", "records/s", "P99.9", "of peak", "blocks.1.project", "squeeze_excite"] {
        assert!(table.contains(part), "no {part} in\n{table}");
    }
    let knobs = succeeds(&["--list-knobs"]);
    for part in ["--threads", "--level", "--precision", "reference"] {
        assert!(knobs.contains(part), "no {part} in\n{knobs}");
    }
    for line in table.lines().chain(knobs.lines()) {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let knobs: Value = serde_json::from_str(&succeeds(&["--list-knobs", "--json"])).expect("JSON");
    assert_eq!(knobs["schema"], "efficientecg-knobs/1");
}

#[test]
fn options_that_are_wrong() {
    let weights = weights();
    let weights = weights.to_str().expect("UTF-8");
    for (more, part) in [
        (&["--batch", "0"][..], "--batch"),
        (&["--batch", "1,,2"], "--batch"),
        (&["--batch", "1,many"], "many"),
        (&["--batch", "4000000000"], "--batch 4000000000"),
        (&["--samples", "0"], "--samples"),
        (&["--samples", "4000000000", "--batch", "2"], "--samples 4000000000"),
        (&["--threads", "1,0"], "--threads"),
        (&["--level", "scalar,nonsense"], "--level nonsense"),
        (&["--precision", "f32,f8"], "f8"),
        (&["--backend", "reference", "--precision", "bf16"], "bf16"),
        (&["--runs", "0"], "--runs"),
        (&["--seconds", "0"], "--seconds"),
        (&["--seconds", "nan"], "--seconds"),
        (&["--seconds", "-1"], "--seconds"),
        (&["--runs", "1", "--seconds", "1"], "--seconds"),
        (&["--runs", "1", "--trace", "no/folder/trace.json"], "trace.json"),
        (&["--runs", "1", "--record", "no/record"], "no/record"),
    ] {
        let output = bench(&[&["--weights", weights], more].concat());
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {line}");
        assert!(line.ends_with('\n') && line.lines().count() == 1, "{more:?}: not one line: {line:?}");
        assert!(line.starts_with("efficientecg: ") && line.contains(part), "{more:?}: {line}");
        assert_eq!(text(&output.stdout), "", "{more:?}");
    }
    for args in [&[][..], &["--weights", "none.npz"]] {
        let output = bench(args);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
    }
}
