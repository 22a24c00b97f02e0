//! The examples, as `cargo test` builds them beside the tests: each runs, and says what it shall.
#![cfg(all(feature = "ecg", feature = "models"))]

use efficientecg::ecg::Record;
use efficientecg::{Model, models};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// The examples that this file has a test for.
const NAMES: [&str; 6] =
    ["classify_record", "run_arrays", "embedded_weights", "own_threads", "batch_of_records", "monitor_beats"];

fn modified(path: &Path) -> SystemTime {
    let time = std::fs::metadata(path).and_then(|meta| meta.modified());
    time.unwrap_or_else(|e| panic!("{}: {e}; `cargo test -p efficientecg` builds it", path.display()))
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs")
}

/// Runs an example in another folder than the repository's; the lines that it prints.
fn run(name: &str) -> Vec<String> {
    assert!(NAMES.contains(&name));
    let tests = std::env::current_exe().expect("the test's own path");
    let target = tests.parent().and_then(Path::parent).expect("the folder of what is built");
    let program = target.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let stale = "older than its source: `cargo test -p efficientecg` builds it anew";
    assert!(modified(&program) >= modified(&source(name)), "{}: {stale}", program.display());
    let output = Command::new(&program).current_dir(std::env::temp_dir()).output();
    let output = output.unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[test]
fn every_example_is_short_says_how_to_run_it_and_is_tested() {
    let folder = source("x").with_file_name("");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|s| s.to_str()).expect("a name");
        assert!(NAMES.contains(&name), "{name}: no test runs it");
        let text = std::fs::read_to_string(&path).expect("a source");
        assert!(text.lines().count() < 40, "{name}: {} lines", text.lines().count());
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(head.len() >= 3, "{name}: a head that says what it shows");
        assert!(head.iter().any(|line| line.contains(&format!("--example {name}"))), "{name}: how to run it");
        found += 1;
    }
    assert_eq!(found, NAMES.len());
}

#[test]
fn classify_record() {
    let lines = run("classify_record");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/demo/demo");
    let model = Model::builtin("mitbih-beats").expect("loads");
    let findings = model.classify(&Record::open(demo).expect("reads")).expect("classifies");
    let beats: Vec<String> = findings.into_iter().map(|beat| beat.to_string()).collect();
    assert!(beats.len() > 100 && beats.iter().any(|beat| beat.contains(" V ")));
    assert_eq!(lines[..lines.len() - 1], beats);
    assert_eq!(lines[lines.len() - 1], format!("demo: {} beats, 72 a minute", beats.len()));
}

#[test]
fn run_arrays() {
    let lines = run("run_arrays");
    assert_eq!(lines.len(), 3, "{lines:?}");
    let row = |line: &str| -> Vec<f64> {
        let (_, row) = line.split_once(": ").expect("a record's row");
        row.split(", ")
            .map(|cell| cell.rsplit(' ').next().and_then(|p| p.parse().ok()).expect(cell))
            .collect()
    };
    let rows = [row(&lines[0]), row(&lines[1])];
    assert!(rows.iter().flatten().all(|p| (0.0..=1.0).contains(p)), "{rows:?}");
    assert!(rows[0].len() == 5 && rows[0] != rows[1], "age and sex change nothing: {rows:?}");
    assert!(lines[2].starts_with("sex, record 1: expected one of female, male, found unknown"), "{lines:?}");
}

#[test]
fn embedded_weights() {
    let lines = run("embedded_weights");
    let model = Model::builtin("cinc2017-rhythm").expect("loads");
    let parameters = format!("cinc2017-rhythm, {} parameters, on cpu", model.parameters());
    assert!(lines.len() == 2 && lines[0].starts_with(&parameters), "{lines:?}");
    // Premature beats: neither normal nor fibrillation.
    assert!(lines[1].starts_with("demo: O 0."), "{lines:?}");
}

#[test]
fn own_threads() {
    let lines = run("own_threads");
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        assert!(models::ALL.iter().any(|model| line.starts_with(model.name)), "{line}");
        assert!(line.contains("3 threads") && line.ends_with("the same as alone: true"), "{line}");
    }
}

#[test]
fn batch_of_records() {
    let lines = run("batch_of_records");
    assert_eq!(lines[0], "6 records of 6000 samples");
    // Every other one has premature beats.
    let classes: Vec<&str> = lines[1..].iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(classes, ["N", "O", "N", "O", "N", "O"], "{lines:?}");
}

#[test]
fn monitor_beats() {
    let lines = run("monitor_beats");
    assert!(lines.len() > 100 && lines.iter().any(|line| line.contains(" V ")), "{lines:?}");
    let seconds = |text: &str| text.split(' ').next().and_then(|s| s.parse::<f64>().ok());
    for line in &lines {
        let times =
            line.split_once(", told at ").and_then(|(beat, told)| Some((seconds(beat)?, seconds(told)?)));
        let (beat, told) = times.unwrap_or_else(|| panic!("{line}"));
        assert!(told > beat + 1.8 && told < beat + 2.01, "{line}");
    }
}
