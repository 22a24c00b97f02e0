//! Records in any format, by the program: what it reads, converts and finds in folders.

#![cfg(feature = "formats")]

mod harness;

use efficientecg::ecg::wfdb::{Annotation, Code};
use efficientecg::ecg::{Date, Lead, Record, Sex, Start, edf};
use harness::{fails, folder, name, program, succeeds, text};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The record that comes with the program.
fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo")
}

fn open(path: &Path) -> Record {
    Record::open(path).unwrap_or_else(|e| panic!("{e}"))
}

/// What must be the same of a record in whatever format.
fn essence(record: &Record) -> Vec<(String, String, f64, Vec<u32>)> {
    let bits = |lead: &Lead| lead.samples.iter().map(|v| v.to_bits()).collect();
    record.leads.iter().map(|l| (l.name.clone(), l.units.clone(), l.sample_rate, bits(l))).collect()
}

/// Classes of a record's beats, with their places and probabilities.
fn findings(path: &Path, more: &[&str]) -> Value {
    let args =
        [&["classify", "--model", "mitbih-beats", "--backend", "cpu", "--json", name(path)], more].concat();
    let mut found: Value = serde_json::from_str(&succeeds(&args)).expect("JSON");
    let record = found[0].as_object_mut().expect("a record");
    // What differs from run to run.
    let beats = record.get("beats").or_else(|| record.get("findings")).cloned();
    beats.unwrap_or_else(|| panic!("no beats among {:?}", record.keys().collect::<Vec<_>>()))
}

#[test]
fn one_record_in_every_format_has_the_same_samples_and_beats() {
    let folder = folder();
    let original = open(&demo());
    let beats = findings(&demo(), &[]);
    assert!(beats.as_array().is_some_and(|b| b.len() > 50), "{beats}");
    let mut last = demo();
    // Each from the one before, and back to the first.
    for file in ["a.csv", "a.edf", "b.tsv", "b.bdf", "c.hea"] {
        let path = folder.path().join(file);
        let said = succeeds(&["convert", name(&last), name(&path)]);
        assert!(said.contains("2 leads"), "{said}");
        let record = open(&path);
        assert!(record.warnings.is_empty(), "{file}: {:?}", record.warnings);
        assert!(essence(&record) == essence(&original), "{file}");
        assert_eq!(
            (record.age, record.sex, record.sample_rate),
            (original.age, original.sex, 360.0),
            "{file}"
        );
        assert_eq!(findings(&path, &[]), beats, "{file}");
        last = path;
    }
    // The signal file finds its header.
    assert_eq!(findings(&folder.path().join("c.dat"), &[]), beats);
}

#[test]
fn digital_values_of_any_gain_survive() {
    let folder = folder();
    let digital = |i: i32| (i * 7919 % 4001) - 2000 + i % 3;
    for (number, gain) in [200.0, 1000.0, 204.8, 6553.5, 480.0, 4.88].into_iter().enumerate() {
        let lead = |name: &str, shift: i32| {
            let samples = (0..3010).map(|i| (f64::from(digital(i) + shift) / gain) as f32).collect();
            Lead::new(name, "mV", 250.0, samples)
        };
        let mut record = Record::new("r", 250.0, vec![lead("II", 0), lead("V1", 100)]);
        record.start = Start::new(Date::new(1999, 12, 31), Start::clock(23, 59, 58.0));
        record.sex = Some(Sex::Female);
        record.annotations = vec![
            Annotation::new(17, Code::NORMAL),
            Annotation { aux: b"a note".to_vec(), ..Annotation::new(1000, Code::NOTE) },
            Annotation::new(3001, Code::VENTRICULAR),
        ];
        for ending in ["edf", "bdf"] {
            let path = folder.path().join(format!("r{number}.{ending}"));
            edf::write(&path, &record).unwrap_or_else(|e| panic!("{e}"));
            let back = open(&path);
            // A physical range has eight characters, which not every gain has ends for.
            for (back, lead) in back.leads.iter().zip(&record.leads) {
                assert_eq!(back.samples.len(), lead.samples.len(), "{gain}");
                for (a, b) in back.samples.iter().zip(&lead.samples) {
                    assert!((a - b).abs() <= 1e-6 * b.abs().max(0.1), "{gain} {ending}: {a} {b}");
                }
            }
            if gain.fract() == 0.0 {
                assert!(essence(&back) == essence(&record), "{gain} {ending}");
            }
            assert_eq!((back.start, back.sex), (record.start, record.sex));
            assert_eq!(back.annotations, record.annotations, "{gain} {ending}");
        }
        let edf = folder.path().join(format!("r{number}.edf"));
        let hea = folder.path().join(format!("w{number}.hea"));
        succeeds(&["convert", name(&edf), name(&hea)]);
        let back = open(&hea);
        assert!(essence(&back) == essence(&open(&edf)), "{gain}");
        assert_eq!((back.start, back.sex), (record.start, record.sex));
        let annotations =
            efficientecg::ecg::wfdb::Annotations::read(&hea.with_extension("atr")).expect("reads");
        assert_eq!(annotations.items, record.annotations);
    }
}

#[test]
fn what_a_format_cannot_hold_is_told() {
    let folder = folder();
    let put = |file: &str, text: &str| {
        let path = folder.path().join(file);
        std::fs::write(&path, text).expect("written");
        path
    };
    let gap = put("gap.csv", "time,II\n0,1\n0.01,\n0.02,1\n");
    let out = |file: &str| folder.path().join(file).to_str().expect("UTF-8").to_owned();
    fails(2, &["convert", name(&gap), &out("gap.edf")], &["lead II", "missing", ".csv"]);
    fails(2, &["convert", name(&gap), &out("gap.txt")], &[".hea, .edf"]);
    fails(2, &["convert", name(&gap), &out("gap")], &[".hea, .edf"]);
    succeeds(&["convert", name(&gap), &out("gap.hea")]);
    assert!(open(&folder.path().join("gap.hea")).leads[0].samples[1].is_nan());
    let plain = put("plain.csv", "II,V1\n1,2\n3,4\n");
    fails(2, &["convert", name(&plain), &out("p.csv")], &["plain.csv: rate", "(--rate HZ)"]);
    succeeds(&["convert", name(&plain), &out("p.csv"), "--rate", "50", "--unit", "uV"]);
    let record = open(&folder.path().join("p.csv"));
    assert_eq!((record.sample_rate, record.leads[1].units.as_str()), (50.0, "uV"));
    let bare = put("bare.csv", "1,2\n3,4\n");
    fails(
        2,
        &["convert", name(&bare), &out("b.csv"), "--rate", "50"],
        &["names of leads", "(--leads NAMES)"],
    );
    succeeds(&["convert", name(&bare), &out("b.csv"), "--rate", "50", "--leads", "I,aVR"]);
    assert_eq!(open(&folder.path().join("b.csv")).leads[1].name, "aVR");
}

#[test]
fn folders_patterns_lists_and_standard_input() {
    let folder = folder();
    let path = folder.path();
    for file in ["a.hea", "b.edf", "c.csv"] {
        succeeds(&["convert", name(&demo()), name(&path.join(file))]);
    }
    std::fs::write(path.join("notes.txt"), "not, a, record\n").expect("written");
    let classify = ["classify", "--model", "mitbih-beats", "--backend", "cpu", "--json"];
    let count = |more: &[&str]| {
        let found: Value = serde_json::from_str(&succeeds(&[&classify, more].concat())).expect("JSON");
        found.as_array().expect("records").len()
    };
    assert_eq!(count(&[name(path)]), 3);
    assert_eq!(count(&[name(&path.join("[bc].*"))]), 2);
    let piped = |more: &[&str], input: &[u8]| {
        let mut command = program();
        command
            .args([&classify, more].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        child.stdin.take().expect("a pipe").write_all(input).expect("taken");
        let output = child.wait_with_output().expect("ends");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        found.as_array().expect("records").len()
    };
    let edf = std::fs::read(path.join("b.edf")).expect("read");
    assert_eq!(piped(&["-"], &edf), 1);
    let list = format!("{}\n\n{}\n", name(&path.join("a")), name(&path.join("c.csv")));
    assert_eq!(piped(&["--records", "-"], list.as_bytes()), 2);
    fails(2, &[&classify[..], &[name(&path.join("x*"))]].concat(), &["records: expected at least one"]);
    let unknown = path.join("notes.txt");
    let args = [&classify[..], &[name(&unknown)]].concat();
    fails(2, &args, &["notes.txt"]);
    std::fs::write(path.join("x.bin"), b"\x01\x02\x03").expect("written");
    let args = [&classify[..], &[name(path)]].concat();
    assert!(program().args(args).output().expect("starts").status.success(), "what is no record is left out");
    let lost = path.join("x.bin");
    fails(
        2,
        &[&classify[..], &[name(&lost)]].concat(),
        &[
            "format: expected one of WFDB, EDF and BDF, DICOM, SCP-ECG, HL7 aECG, Philips XML, GE MUSE XML, CSV and TSV",
        ],
    );
}

#[test]
fn dates_before_times_are_told_once() {
    let folder = folder();
    let demo = std::fs::read_to_string(demo().with_extension("hea")).expect("read");
    let (first, rest) = demo.split_once('\n').expect("lines");
    let signals = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo.dat")).expect("read");
    std::fs::write(folder.path().join("demo.dat"), signals).expect("written");
    for name in ["a", "b", "c"] {
        let line = first.replacen("demo", name, 1) + " 05-Feb-2020 11:39:16\n";
        std::fs::write(folder.path().join(format!("{name}.hea")), line + rest).expect("written");
    }
    assert_eq!(open(&folder.path().join("a")).start.expect("a start").to_string(), "2020-02-05 11:39:16");
    let args = ["classify", "--model", "mitbih-beats", "--backend", "cpu", name(folder.path())];
    let output = program().args(args).output().expect("starts");
    assert!(output.status.success());
    let lines: Vec<&str> = text(&output.stderr).lines().collect();
    assert!(
        lines.len() == 1 && lines[0].contains("a.hea: warning: header line 1: the date stands"),
        "{lines:?}"
    );
}
