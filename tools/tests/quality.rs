//! Records that hold no ECG, through the program: no class in any form, a reason in each, and the exit codes.

mod harness;

use efficientecg::ecg::wfdb::{self, Annotations, StorageFormat};
use efficientecg::ecg::{Lead, Record, synth};
use efficientecg::npz::Archive;
use harness::{folder, name, program, succeeds, text};
use serde_json::Value;
use std::path::Path;

/// Half a minute at 300 Hz.
const RATE: f64 = 300.0;
const SAMPLES: usize = 9000;

/// Writes a record of leads of this name that have the same samples.
fn write(folder: &Path, record: &str, leads: &[&str], rate: f64, samples: &[f32]) {
    let lead = |name: &&str| Lead::new(*name, "mV", rate, samples.to_vec());
    let record = Record::new(record, rate, leads.iter().map(lead).collect());
    wfdb::write(folder, &record, &StorageFormat::default()).expect("written");
}

/// The first lead of a synthetic record at 360 Hz, of so many seconds.
fn ecg(seconds: f64) -> Vec<f32> {
    let options = synth::SynthOptions { seconds, ..synth::SynthOptions::default() };
    let (mut record, _) = synth::generate(&options).expect("a record");
    record.leads.swap_remove(0).samples
}

/// Runs `classify` with the model of rhythms and these further arguments; the exit code, standard output, and standard error.
fn rhythm(more: &[&str]) -> (i32, String, String) {
    let output =
        program().args(["classify", "--model", "cinc2017-rhythm"]).args(more).output().expect("starts");
    let code = output.status.code().unwrap_or(-1);
    (code, text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

#[test]
fn no_signal_gets_a_class() {
    let folder = folder();
    let wave =
        |f: &dyn Fn(f64) -> f64| -> Vec<f32> { (0..SAMPLES).map(|i| f(i as f64 / RATE) as f32).collect() };
    let hum = wave(&|t| 0.5 * (std::f64::consts::TAU * 50.02 * t).sin());
    let square = wave(&|t| f64::from(u8::from(t.fract() < 0.5)));
    let mut pulses = wave(&|t| f64::from(u8::from(t.fract() < 0.2)));
    pulses.iter_mut().enumerate().for_each(|(i, v)| *v += 0.2 * ((i * i % 31) as f32 / 31.0));
    for (record, samples, reason) in [
        ("zeros", vec![0.0; SAMPLES], "flat"),
        ("missing", vec![f32::NAN; SAMPLES], "missing"),
        ("constant", vec![1.5; SAMPLES], "flat"),
        ("one", vec![1.0], "short"),
        ("hum", hum, "hum"),
        ("square", square, "flat"),
        ("pulses", pulses, "shape"),
    ] {
        write(folder.path(), record, &["ECG"], RATE, &samples);
        let path = folder.path().join(record);
        let (code, out, error) = rhythm(&[name(&path), "--json"]);
        assert_eq!(code, 1, "{record}: {out}{error}");
        assert!(error.lines().any(|l| l.contains(&format!("found {reason};"))), "{record}: {error}");
        let report: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{record}: {e}: {out}"));
        let finding = &report[0]["findings"][0];
        assert!(finding["class"].is_null(), "{record}: {finding}");
        assert_eq!((&finding["reason"], &report[0]["reason"]), (&reason.into(), &reason.into()), "{record}");
        for list in ["probabilities", "logits", "found"] {
            assert_eq!(finding[list].as_array().map(Vec::len), Some(0), "{record}: {list}");
        }
        let told = rhythm(&[name(&path)]).1;
        assert!(told.contains(&format!("  - not assessed: {reason}\n")), "{record}: {told}");
    }
    // Whoever asks for a class all the same gets one.
    let zeros = folder.path().join("zeros");
    let (code, out, _) = rhythm(&[name(&zeros), "--json", "--any-quality"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert!(code == 0 && report[0]["findings"][0]["class"].is_string(), "{out}");
}

#[test]
fn one_good_record_is_a_success() {
    let folder = folder();
    write(folder.path(), "good", &["ECG"], 360.0, &ecg(30.0));
    write(folder.path(), "zeros", &["ECG"], RATE, &vec![0.0; SAMPLES]);
    let (good, zeros) = (folder.path().join("good"), folder.path().join("zeros"));
    let table = folder.path().join("table.csv");
    let arguments = [name(&zeros), name(&good), "--table", name(&table), "--output", name(folder.path())];
    let (code, _, error) = rhythm(&[&arguments[..], &["--format", "wfdb"]].concat());
    assert_eq!((code, error.as_str()), (0, ""));
    let rows = std::fs::read_to_string(&table).expect("a table");
    let rows: Vec<&str> = rows.lines().collect();
    assert_eq!((rows[0], rows[1], rows.len()), ("record,class,N,A,O,~,reason", "zeros,-,,,,,flat", 3));
    assert!(rows[2].starts_with("good,") && rows[2].ends_with(',') && rows[2].split(',').count() == 7);
    let notes = Annotations::read(&folder.path().join("zeros.aami")).expect("annotations");
    assert_eq!(notes.items.iter().map(|a| a.text()).collect::<Vec<_>>(), ["- flat"]);

    // The scores leave it out, and say so.
    let reference = folder.path().join("reference.csv");
    std::fs::write(&reference, "zeros,N\ngood,N\n").expect("written");
    let scores = succeeds(&["evaluate", "records", name(&reference), name(&table)]);
    assert!(scores.contains("1 records could not be assessed and are not scored: zeros"), "{scores}");
    let json = succeeds(&["evaluate", "records", name(&reference), name(&table), "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["records"], &json["not_assessed"][0]), (&1.into(), &"zeros".into()));

    // The arrays keep its row.
    let arrays = folder.path().join("x.npz");
    let run = ["features", "--model", "cinc2017-rhythm", name(&zeros), name(&good), "--no-signal"];
    let output = program().args(run).args(["--output", name(&arrays)]).output().expect("starts");
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("warning: not assessed: flat"), "{said}");
    let steps =
        Archive::open(&arrays).and_then(|a| a.read("rhythm_steps", efficientecg::npz::Class::Number, None));
    assert_eq!(steps.expect("an array").shape, [2]);
}

#[test]
fn beats_of_a_part_without_a_signal_get_none() {
    let folder = folder();
    // A minute, of which 20 s are flat.
    let mut samples = ecg(60.0);
    samples[20 * 360..40 * 360].fill(0.1);
    write(folder.path(), "part", &["MLII", "V1"], 360.0, &samples);
    write(folder.path(), "none", &["MLII", "V1"], 360.0, &vec![0.0; 7200]);
    let path = folder.path().join("part");
    let run = |format: &str| {
        let args = ["classify", "--model", "mitbih-beats", name(&path), "--output", name(folder.path())];
        succeeds(&[&args[..], &["--format", format]].concat())
    };
    let told = run("csv");
    assert!(told.contains("  - 0:00:20.0 to 0:00:40.0: flat\n"), "{told}");
    let rows = std::fs::read_to_string(folder.path().join("part.csv")).expect("a table");
    let (mut refused, mut classes) = (0, 0);
    for row in rows.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let seconds: f64 = fields[1].parse().expect("seconds");
        assert_eq!((fields.len(), fields[2] == "-"), (9, (20.0..40.0).contains(&seconds)), "{row}");
        if fields[2] == "-" {
            assert_eq!(fields[3..], ["", "", "", "", "", "flat"], "{row}");
            refused += 1;
        } else {
            assert_eq!(fields[8], "", "{row}");
            classes += 1;
        }
    }
    assert!(refused >= 1 && classes > 30, "{refused} {classes}");
    run("svg");
    let picture = std::fs::read_to_string(folder.path().join("part.svg")).expect("a picture");
    assert!(picture.contains("<title>not assessed: flat</title>"));
    run("text");
    let lines = std::fs::read_to_string(folder.path().join("part.txt")).expect("text");
    assert!(lines.lines().any(|l| l.contains(" - ") && l.ends_with(" flat")), "{lines}");
    // Scored, rows without a class are no beats.
    run("csv");
    let none = folder.path().join("none");
    let args = ["classify", "--model", "mitbih-beats", name(&none), name(&path), "--json"];
    let report: Value = serde_json::from_str(&succeeds(&args)).expect("JSON");
    assert_eq!(report[0]["reason"], "flat");
    assert_eq!(report[0]["not_assessed"], serde_json::json!([{"onset": 0.0, "end": 20.0, "reason": "flat"}]));
    assert!(report[1]["reason"].is_null());
}
