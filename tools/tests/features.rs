//! `features` writes what the network gets: `run` on it gives, to the bit, what `classify` gives of the records.

use efficientecg::Weights;
use efficientecg::config::Config;
use efficientecg::npz::{Archive, Class, Packing};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

mod harness;
use harness::{fails, folder, name, succeeds};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/demo");
const BEATS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/weights/mitbih-beats.npz");

/// A small network of whole records with age, sex and rhythm.
fn record_network(inputs: usize) -> Value {
    json!({
        "format": "efficientecg/1", "name": "records", "leads": ["MLII"], "sample_rate": 250, "samples": 22500,
        "normalize": "zscore", "task": "multiclass", "classes": ["normal", "other", "noise"], "bn_eps": 1e-3,
        "se_ratio": 0.25, "stem": {"channels": 8, "kernel": 3, "stride": 2},
        "stages": [{"expand": 2, "kernel": 3, "stride": 2, "channels": 8, "repeats": 1}],
        "head_channels": 16,
        "fusion": {"dim": 8, "heads": 2, "features": [
            {"name": "age", "kind": "continuous", "offset": 60.0, "scale": 20.0},
            {"name": "sex", "kind": "categorical", "categories": ["female", "male"]},
            {"name": "rhythm", "kind": "sequence", "inputs": inputs, "hidden": 4}]}
    })
}

/// The same as a weight file of made-up weights.
fn record_weights(folder: &Path) -> PathBuf {
    let config = Config::from_json(&record_network(10).to_string()).expect("a configuration");
    let mut state = 7u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    };
    let value = |name: &str, shape: &[usize]| {
        let offset = if name.ends_with("running_var") { 1.0 } else { 0.0 };
        (0..shape.iter().product()).map(|_| offset + noise()).collect()
    };
    let path = folder.join("records.npz");
    let weights = Weights::generate(config, value).expect("weights");
    weights.save(&path, Packing::Stored).expect("saved");
    path
}

fn floats(path: &Path, array: &str) -> (Vec<usize>, Vec<f64>) {
    let read = Archive::open(path).and_then(|a| a.read(array, Class::Number, None)).expect("an array");
    (read.shape.clone(), read.data.into_f64())
}

/// What `classify --json` finds, all records' rows one after the other.
fn classified(args: &[&str]) -> Vec<f64> {
    let text = succeeds(&[&["classify", "--json", "--backend", "cpu"], args].concat());
    let reports: Value = serde_json::from_str(&text).expect("JSON");
    let findings =
        reports.as_array().into_iter().flatten().flat_map(|r| r["findings"].as_array().into_iter().flatten());
    let values = findings.flat_map(|f| f["logits"].as_array().into_iter().flatten());
    // As the program's f32s: JSON has the shortest digits that give them.
    values.map(|v| f64::from(v.as_f64().expect("a number") as f32)).collect()
}

/// The logits of `features`, then `run`.
fn through_arrays(folder: &Path, weights: &Path, args: &[&str]) -> Vec<f64> {
    let (x, y) = (folder.join("x.npz"), folder.join("y.npz"));
    succeeds(&[&["features", "--weights", name(weights), "--output", name(&x)], args].concat());
    succeeds(&[
        "run",
        "--backend",
        "cpu",
        "--weights",
        name(weights),
        "--input",
        name(&x),
        "--output",
        name(&y),
    ]);
    floats(&y, "logits").1
}

fn same(a: &[f64], b: &[f64], count: usize) {
    assert_eq!((a.len(), b.len()), (count, count));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!(a.is_finite() && a.to_bits() == b.to_bits(), "logit {i}: {a} {b}");
    }
}

/// Two more records of the demo's length, and one that is longer.
fn synthetic(folder: &Path) -> [String; 3] {
    [("a", "50", "90"), ("b", "95", "90"), ("c", "70", "100")].map(|(record, rate, seconds)| {
        let args = ["--name", record, "--heart-rate", rate, "--seconds", seconds, "--seed", rate];
        succeeds(&[&["synth", "--output", name(folder)], &args[..]].concat());
        folder.join(record).to_str().expect("UTF-8").to_owned()
    })
}

#[test]
fn whole_records_run_from_arrays_as_they_are_classified() {
    let folder = folder();
    let weights = record_weights(folder.path());
    let [a, b, c] = synthetic(folder.path());
    let records = [DEMO, &a, &b];
    let direct = classified(&[&["--weights", name(&weights)], &records[..]].concat());
    same(&through_arrays(folder.path(), &weights, &records), &direct, 9);
    let x = folder.path().join("x.npz");
    assert_eq!(floats(&x, "signal").0, [3, 1, 22_500]);
    assert_eq!(floats(&x, "age"), (vec![3], vec![61.0; 3]));
    assert_eq!(floats(&x, "sex"), (vec![3], vec![0.0; 3]));
    let (shape, rows) = floats(&x, "rhythm");
    let (_, steps) = floats(&x, "rhythm_steps");
    assert_eq!(steps[0], 110.0);
    assert_eq!(shape, [3, steps.iter().copied().fold(0.0, f64::max) as usize, 10]);

    // Given beats, and the list in a file, in any number of threads; features alone of records that differ in length.
    let with = ["--beats", "atr", "--age", "40"];
    let direct = classified(&[&["--weights", name(&weights)], &with[..], &records[..]].concat());
    let list = folder.path().join("list.txt");
    std::fs::write(&list, format!("{a}\n\n{b}.hea\n")).expect("written");
    let most = efficientecg::available_threads().to_string();
    for threads in ["1", &most] {
        let args = [&with[..], &["--records", name(&list), "--threads", threads, DEMO]].concat();
        same(&through_arrays(folder.path(), &weights, &args), &direct, 9);
    }
    let config = folder.path().join("config.json");
    std::fs::write(&config, record_network(10).to_string()).expect("written");
    let out = folder.path().join("features.npz");
    let args = ["features", "--config", name(&config), "--output", name(&out), "--no-signal", "--json"];
    let told = succeeds(&[&args[..], &records, &[&c]].concat());
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["records"], &told["inputs"], &told["unit"]), (&json!(4), &json!(4), &json!("record")));
    assert!(!Archive::open(&out).expect("opens").has("signal"));
    let (longer, all) = floats(&out, "rhythm");
    assert_eq!(longer[0], 4);
    for (i, steps) in steps.iter().enumerate() {
        let (from, to) = (i * longer[1] * 10, i * shape[1] * 10);
        let count = *steps as usize * 10;
        assert_eq!(all[from..from + count], rows[to..to + count], "record {i}");
    }
    fails(
        2,
        &["features", "--config", name(&config), "--output", name(&out), DEMO, &c],
        &[&c, "22500", "25000", "--no-signal"],
    );
}

#[test]
fn beats_run_from_arrays_as_they_are_classified() {
    let folder = folder();
    let direct = classified(&["--weights", BEATS, DEMO, "--batch", "110"]);
    same(&through_arrays(folder.path(), Path::new(BEATS), &[DEMO]), &direct, 110 * 5);
    assert_eq!(floats(&folder.path().join("x.npz"), "rhythm").0, [110, 3, 45]);
}

#[test]
fn what_is_wrong_is_said_on_one_line() {
    let folder = folder();
    let file = |file: &str, text: &str| {
        let path = folder.path().join(file);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let good = file("good.json", &record_network(10).to_string());
    let rows = file("rows.json", &record_network(9).to_string());
    let broken = file("broken.json", "{");
    let empty = file("empty.txt", "\n \n");
    let out = folder.path().join("x.npz");
    let cases: [(&[&str], &[&str]); 8] = [
        (&["--config", &good], &["RECORD"]),
        (&[DEMO], &["--weights", "--config"]),
        (&["--config", &good, "--weights", BEATS, DEMO], &["cannot be used with"]),
        (&["--config", &rows, DEMO], &["demo", "rhythm", "10 numbers a row", "found 9"]),
        (&["--config", &broken, DEMO], &["broken.json"]),
        (&["--config", &good, "--records", &empty], &["empty.txt", "at least one"]),
        (&["--config", &good, "--records", "nowhere.txt"], &["nowhere.txt", "list of records"]),
        (&["--config", &good, DEMO, "nowhere"], &["nowhere: cannot read"]),
    ];
    for (args, parts) in cases {
        fails(2, &[&["features", "--output", name(&out)], args].concat(), parts);
        assert!(!out.exists(), "{args:?}");
    }
}
