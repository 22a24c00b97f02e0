//! From a record to its findings, with the shipped model and the committed demo record, through the program.

use efficientecg::ecg::wfdb::Annotations;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn program(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_efficientecg"));
    command.current_dir(root()).args(args).output().expect("the program starts")
}

/// `classify` of the demo with the shipped weights.
fn classify(more: &[&str]) -> Output {
    let args = ["classify", "--weights", "model/weights/mitbih-beats.npz", "tools/demo/demo"];
    program(&[&args[..], more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Times and AAMI classes of the beats that the generator put into the demo.
fn truth() -> Vec<(i64, String)> {
    let annotations = Annotations::read(&root().join("tools/demo/demo.atr")).expect("reads");
    let beats = annotations.items.iter().filter(|a| a.code.is_beat());
    beats
        .map(|a| (a.time, a.code.symbol().map_or(String::new(), |s| s.to_string().replace('A', "S"))))
        .collect()
}

/// The class of every beat is the true one, the first, to which no interval leads, among them.
fn assert_true(found: &[String]) {
    let truth: Vec<String> = truth().into_iter().map(|(_, class)| class).collect();
    assert_eq!(found.len(), truth.len());
    assert_eq!(found, truth);
}

#[test]
fn every_beat_of_the_demo_is_found_and_classified() {
    let output = classify(&["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let found = report[0]["findings"].as_array().expect("findings");
    let truth = truth();
    assert_eq!(found.len(), truth.len());
    assert_true(&found.iter().filter_map(|r| r["class"].as_str().map(str::to_owned)).collect::<Vec<_>>());
    for (row, (time, _)) in found.iter().zip(&truth) {
        let sample = row["sample"].as_i64().expect("a sample");
        assert!((sample - time).abs() <= 18, "found {sample}, the beat is at {time}");
        let p: Vec<f64> =
            row["probabilities"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        assert!(p.len() == 5 && (p.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{p:?}");
    }
}

#[test]
fn given_beats_and_one_at_a_time_give_the_same_classes() {
    let classes = |more: &[&str]| -> Vec<String> {
        let output = classify(&[&["--json", "--beats", "atr"], more].concat());
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let rows = report[0]["findings"].as_array().expect("findings").clone();
        rows.iter().filter_map(|r| r["class"].as_str().map(str::to_owned)).collect()
    };
    let all = classes(&[]);
    assert_true(&all);
    assert_eq!(all, classes(&["--batch", "1", "--threads", "1"]));
}

#[test]
fn findings_are_written_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    for (format, file, start) in [
        ("text", "demo.txt", "    sample"),
        ("csv", "demo.csv", "sample,seconds,class,N,S,V,F,Q\n"),
        ("json", "demo.json", "{\n"),
        ("svg", "demo.svg", "<svg "),
    ] {
        let output = classify(&["--output", path, "--format", format]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let written = std::fs::read_to_string(folder.path().join(file)).expect("written");
        assert!(written.starts_with(start), "{file}: {written:.40}");
    }
    assert_eq!(classify(&["--output", path, "--format", "wfdb"]).status.code(), Some(0));
    let annotations = Annotations::read(&folder.path().join("demo.aami")).expect("reads");
    let symbols: Vec<String> =
        annotations.items.iter().filter_map(|a| a.code.symbol().map(String::from)).collect();
    assert_true(&symbols);
}

#[test]
fn what_is_missing_is_said_on_one_line() {
    for (more, parts) in [
        (&["--lead", "V1=V9"][..], &["lead V1", "V9", "\"MLII\", \"V1\""][..]),
        (&["--beats", "nobody"], &["tools/demo/demo.nobody"]),
        (&["--age", "old"], &["--age", "0 to 150"]),
        (&["tools/demo/demo.hea", "--output", "/tmp"], &["same file"]),
    ] {
        let output = classify(more);
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {line}");
        assert_eq!(line.lines().count(), 1, "{more:?}: {line}");
        for part in parts {
            assert!(line.contains(part), "{more:?}: no {part:?} in {line}");
        }
    }
}

#[test]
fn one_bad_record_does_not_lose_the_others() {
    let args = ["classify", "--weights", "model/weights/mitbih-beats.npz", "nowhere", "tools/demo/demo"];
    let output = program(&args);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nowhere: cannot read"));
    assert!(text(&output.stdout).contains("110 beats"));
}

#[test]
fn synth_makes_the_committed_demo_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    assert_eq!(program(&["synth", "--output", path]).status.code(), Some(0));
    for file in ["demo.hea", "demo.dat", "demo.atr"] {
        let made = std::fs::read(folder.path().join(file)).expect("made");
        let committed = std::fs::read(root().join("tools/demo").join(file)).expect("committed");
        assert!(made == committed, "{file} differs");
    }
}

#[test]
fn many_records_at_once_give_the_same_rows_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let names = ["d", "b", "e", "a", "c", "f"];
    let mut list = String::new();
    for (i, name) in names.iter().enumerate() {
        let (seconds, seed) = ((10 + 7 * (i % 3)).to_string(), i.to_string());
        let made = [
            "synth",
            "--output",
            &folder.to_string_lossy(),
            "--name",
            name,
            "--seconds",
            &seconds,
            "--seed",
            &seed,
        ]
        .map(str::to_owned);
        let made = program(&made.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        list += &format!("{}\n", folder.join(name).display());
    }
    let records = folder.join("records.txt");
    std::fs::write(&records, list).expect("writes");
    let table = |threads: &str| {
        let table = folder.join(format!("{threads}.csv"));
        let args = [
            "classify",
            "--model",
            "cinc2017-rhythm",
            "--lead",
            "ECG=#1",
            "--backend",
            "cpu",
            "--threads",
            threads,
        ];
        let (records, table) = (records.to_string_lossy(), table.to_string_lossy());
        let output = program(&[&args[..], &["--records", &records, "--table", &table]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(!text(&output.stderr).contains('\r'), "progress is for a terminal: {}", text(&output.stderr));
        std::fs::read_to_string(&*table).expect("reads")
    };
    let one = table("1");
    let rows: Vec<&str> = one.lines().skip(1).filter_map(|row| row.split(',').next()).collect();
    assert_eq!(rows, names);
    for threads in ["2", "5"] {
        assert_eq!(table(threads), one, "{threads} threads");
    }
}

/// A synthetic record has no fibrillation, but is long: its windows are read, and all forms tell of no episode.
#[test]
fn a_long_record_is_told_in_episodes() {
    let folder = tempfile::tempdir().expect("a folder");
    let succeeds = |args: &[&str]| {
        let output = program(args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    let path = |file: &str| folder.path().join(file).to_string_lossy().into_owned();
    succeeds(&["synth", "--output", &path("records"), "--seconds", "150"]);
    let record = path("records/demo");
    let classify = ["classify", "--model", "cinc2017-rhythm", "--backend", "cpu", "--lead", "ECG=MLII"];
    let run = |more: &[&str]| succeeds(&[&classify[..], &[&record], more].concat());
    let report: Value = serde_json::from_str(&run(&["--json"])).expect("JSON");
    assert_eq!((&report[0]["episodes"], &report[0]["burden"]), (&serde_json::json!([]), &0.0.into()));
    let sum: f64 = report[0]["findings"][0]["probabilities"]
        .as_array()
        .expect("probabilities")
        .iter()
        .filter_map(Value::as_f64)
        .sum();
    assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    assert_eq!(report[0]["findings"].as_array().map(Vec::len), Some(1));
    let summary = run(&["--output", &path("found"), "--format", "csv", "--threads", "1", "--batch", "5"]);
    assert!(summary.contains("  AF burden 0.0 %, 0 episodes\n"), "{summary}");
    assert_eq!(
        std::fs::read_to_string(path("found/demo.csv")).expect("written"),
        "kind,onset_sample,end_sample,onset_seconds,end_seconds\n"
    );
    run(&["--output", &path("found"), "--format", "wfdb", "--annotator", "af"]);
    let notes = Annotations::read(Path::new(&path("found/demo.af"))).expect("reads");
    let told: Vec<(i64, String)> = notes.items.iter().map(|a| (a.time, a.text())).collect();
    assert_eq!(told, [(0, "(N".to_owned())]);
    // A short one has a class alone.
    succeeds(&["synth", "--output", &path("short"), "--seconds", "60"]);
    let short: Value =
        serde_json::from_str(&succeeds(&[&classify[..], &[&path("short/demo"), "--json"]].concat()))
            .expect("JSON");
    assert_eq!(short[0].get("episodes"), None);
}
