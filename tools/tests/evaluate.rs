//! Beats and classes scored through the program: figures worked by hand, what classify writes, what is wrong with files.

mod harness;

use efficientecg::ecg::wfdb::{Annotation, Annotations, Code};
use harness::*;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Writes annotations of (time, symbol).
fn annotate(path: &Path, list: &[(i64, char)]) {
    let item =
        |(time, symbol): &(i64, char)| Annotation::new(*time, Code::from_symbol(*symbol).expect("a symbol"));
    let notes = Annotations { items: list.iter().map(item).collect(), ..Annotations::default() };
    notes.write(path).expect("written");
}

/// Two records of 10 minutes at 100 Hz. Of `a` the reference has V at 5:00 and S after it; the test misses the S and
/// has a beat too many. Of `b` both have the same five beats.
fn two_records(folder: &Path) -> (PathBuf, PathBuf) {
    for name in ["a", "b"] {
        std::fs::write(folder.join(format!("{name}.hea")), format!("{name} 0 100 60000\n")).expect("written");
    }
    let (a, b) = (folder.join("a"), folder.join("b"));
    annotate(
        &a.with_extension("atr"),
        &[(100, 'N'), (29_999, 'N'), (30_100, 'V'), (30_200, 'A'), (30_300, 'j')],
    );
    annotate(
        &a.with_extension("test"),
        &[(100, 'V'), (29_999, 'N'), (30_115, 'V'), (30_300, 'N'), (30_400, 'V')],
    );
    for kind in ["atr", "test"] {
        let beats = [(100, 'N'), (40_000, 'N'), (40_100, 'V'), (40_200, 'N'), (40_300, 'F')];
        annotate(&b.with_extension(kind), &beats);
    }
    (a, b)
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeeds(args)).expect("JSON")
}

#[test]
fn beats_of_two_records() {
    let folder = folder();
    let (a, b) = two_records(folder.path());
    let (a, b) = (name(&a), name(&b));
    let report = json(&["evaluate", "beats", "--test", "test", a, b, "--json"]);
    // Vv, So, jn (S by bxb) and Ov; of b four beats from 5:00 on.
    let first = &report["records"][0];
    assert_eq!(first["matrix"][1], serde_json::json!([1, 0, 0, 0, 0, 1, 0]));
    assert_eq!((first["beats"].as_u64(), first["matrix"][5][2].as_u64()), (Some(3), Some(1)));
    assert_eq!(first["qrs_sensitivity"], 2.0 / 3.0);
    assert_eq!(first["veb_predictivity"], 0.5);
    assert_eq!(first["sveb_sensitivity"], 0.0);
    assert_eq!(report["gross"]["beats"], 7);
    assert_eq!(report["gross"]["qrs_sensitivity"], 6.0 / 7.0);
    assert_eq!(report["average"]["qrs_sensitivity"], (2.0 / 3.0 + 1.0) / 2.0);
    // b has no supraventricular beat: the average is a's alone.
    assert_eq!(report["records"][1]["sveb_sensitivity"], Value::Null);
    assert_eq!(report["average"]["sveb_sensitivity"], 0.0);
    assert_eq!(report["classes"]["F"]["f1"], 1.0);
    assert_eq!(report["intervals"], Value::Null);

    // From the start, with escape beats as N: all ten, and the last of a is right.
    let report =
        json(&["evaluate", "beats", "--test", "test", a, b, "--from", "0", "--escape-beats", "n", "--json"]);
    assert_eq!(report["gross"]["beats"], 10);
    assert_eq!(report["gross"]["matrix"][0], serde_json::json!([5, 0, 1, 0, 0, 0, 0]));

    let drawn = json(&["evaluate", "beats", "--test", "test", a, b, "--bootstrap", "200", "--json"]);
    let ends = &drawn["intervals"]["qrs_sensitivity"];
    assert_eq!((ends[0].as_f64(), ends[1].as_f64()), (Some(2.0 / 3.0), Some(1.0)));

    let text = succeeds(&["evaluate", "beats", "--test", "test", a, b, "--matrices", "--bootstrap", "200"]);
    for part in [
        "test against atr, from 5:00, window 150 ms, escape beats S",
        "gross        7  85.71  85.71",
        " V |    0    0    2    0    0    0    0\n",
        " O |    0    0    1    0    0\n",
        "a:\n",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
}

/// A file without its end mark is read, and said to be odd; not where another is an error.
#[test]
fn warnings_do_not_stand_beside_errors() {
    let folder = folder();
    let (a, b) = two_records(folder.path());
    std::fs::write(a.with_extension("open"), [100, 4]).expect("written");
    let output = run(&["evaluate", "beats", "--test", "open", name(&a)]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("a.open: warning: the annotation file has no end mark"));
    let table = text(&output.stdout);
    assert!(table.contains("QRS") && table.contains("PPV %"));
    assert!(table.lines().all(|line| line.chars().count() <= 80), "more than 80 columns: {table}");
    fails(2, &["evaluate", "beats", "--test", "open", name(&a), name(&b)], &["b.open", "cannot read"]);
}

#[test]
fn what_classify_writes_is_scored() {
    let folder = folder();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let weights = |model: &str| root.join(format!("model/weights/{model}.npz"));
    let (records, demo) = (weights("cinc2017-rhythm"), root.join("tools/demo/demo"));
    let table = folder.path().join("p.csv");
    let classify = ["classify", "--backend", "cpu", "--lead", "ECG=MLII", name(&demo), "--weights"];
    let args = [&classify[..], &[name(&records), "--table", name(&table)]].concat();
    assert!(succeeds(&args).contains("demo: 0:01:30"));
    let written = std::fs::read_to_string(&table).expect("written");
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "record,class,N,A,O,~"));
    let class = lines[1].split(',').nth(1).expect("a class");
    let reference = folder.path().join("r.csv");
    std::fs::write(&reference, format!("demo,{class}\n")).expect("written");
    let report = json(&["evaluate", "records", name(&reference), name(&table), "--json"]);
    assert_eq!((&report["accuracy"], &report["calibration"]["cases"]), (&1.0.into(), &1.into()));
    let list = put(folder.path(), "list.txt", &format!("\n{}\n", name(&demo)));
    let listed =
        [&classify[..3], &["--lead", "ECG=MLII", "--records", list.as_str(), "--weights", name(&records)]];
    succeeds(&[&listed.concat()[..], &["--table", name(&table)]].concat());
    assert_eq!(std::fs::read_to_string(&table).expect("written"), written);
    // To standard output, the table is alone there.
    assert_eq!(succeeds(&[&classify[..], &[name(&records), "--table", "/dev/stdout"]].concat()), written);
}

/// Writes changes of rhythm.
fn rhythms(path: &Path, list: &[(i64, &str)]) {
    let item = |(time, text): &(i64, &str)| {
        let mut item = Annotation::new(*time, Code::RHYTHM);
        item.aux = text.as_bytes().to_vec();
        item
    };
    let notes = Annotations { items: list.iter().map(item).collect(), ..Annotations::default() };
    notes.write(path).expect("written");
}

#[test]
fn episodes_of_two_records() {
    let folder = folder();
    for name in ["a", "b"] {
        let header = format!("{name} 0 100 60000\n");
        std::fs::write(folder.path().join(format!("{name}.hea")), header).expect("written");
    }
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    // From 5:00 on 100 s and 60 s of the reference, of which the test has 50 s, and 25 s too many. Of b there is nothing.
    rhythms(
        &a.with_extension("atr"),
        &[(20_000, "(AFIB"), (40_000, "(AFL"), (50_000, "(AFIB"), (56_000, "(N")],
    );
    rhythms(&a.with_extension("test"), &[(35_000, "(AFIB"), (42_500, "(N")]);
    for kind in ["atr", "test"] {
        rhythms(&b.with_extension(kind), &[(100, "(N")]);
    }
    let (a, b) = (name(&a), name(&b));
    let report = json(&["evaluate", "episodes", "--test", "test", a, b, "--json"]);
    let first = &report["records"][0];
    let counts = ["found", "missed", "right", "wrong"].map(|key| first[key].as_u64());
    assert_eq!(counts, [Some(1), Some(1), Some(1), Some(0)]);
    assert_eq!((&first["reference_seconds"], &first["test_seconds"]), (&160.0.into(), &75.0.into()));
    assert_eq!(first["overlap_seconds"], 50.0);
    assert_eq!(first["duration_sensitivity"], 50.0 / 160.0);
    assert_eq!(report["records"][1]["duration_sensitivity"], Value::Null);
    assert_eq!(report["gross"]["exact_duration_predictivity"], 50.0 / 75.0);
    // From the 31 % of 160 s that a record's line has.
    let gross = report["gross"]["duration_predictivity"].as_f64().expect("defined");
    assert!((gross - 0.31 * 160.0 / 75.0).abs() < 1e-9, "{gross}");
    assert_eq!(
        succeeds(&["evaluate", "episodes", "--test", "test", a, b]),
        "(AF detection)\n\
         Record  TPs   FN  TPp   FP  ESe E+P DSe D+P  Ref duration  Test duration\n     \
         a    1    1    1    0   50 100  31  67      2:40.000       1:15.000\n     \
         b    0    0    0    0    -   -   -   -         0.000          0.000\n\
         ________________________________________________________________________\n\
         Sum       1    1    1    0                       2:40.000       1:15.000\n\
         Gross                        50 100  31  66\n\
         Average                      50 100  31  67\n\n\
         Summary of results from 2 records\n"
    );
    let whole = json(&["evaluate", "episodes", "--test", "test", a, "--from", "0", "--to", "450", "--json"]);
    assert_eq!(whole["records"][0]["reference_seconds"], 200.0);
    let ventricular = json(&["evaluate", "episodes", "--test", "test", a, "--kind", "vf", "--json"]);
    assert_eq!(ventricular["records"][0]["reference_seconds"], 0.0);
    fails(2, &["evaluate", "episodes", "--test", "test", a, a], &["scored twice"]);
    fails(2, &["evaluate", "episodes", "--test", "none", a], &["a.none"]);
}

fn put(folder: &Path, file: &str, text: &str) -> String {
    let path = folder.join(file);
    std::fs::write(&path, text).expect("written");
    name(&path).to_owned()
}

#[test]
fn records_of_one_class() {
    let folder = folder();
    let r = put(folder.path(), "r.csv", "1,N\n2,N\n3,N\n4,A\n5,O\n6,~\n");
    let p = put(folder.path(), "p.csv", "1,N\r\n2,N\r\n3,O\r\n4,A\r\n5,N\r\n6,~\r\n");
    let args = ["evaluate", "records", r.as_str(), p.as_str()];
    let report = json(&[&args[..], &["--json", "--bootstrap", "50"]].concat());
    assert_eq!(report["matrix"][0], serde_json::json!([2, 0, 1, 0]));
    let mean = report["mean_f1"].as_f64().expect("a number");
    assert!((mean - 5.0 / 9.0).abs() < 1e-12);
    assert_eq!(report["averaged"], serde_json::json!(["N", "A", "O"]));
    assert_eq!(report["intervals"]["f1 A"][1], 1.0);
    let two = json(&[&args[..], &["--json", "--mean", "A,~"]].concat());
    assert_eq!(two["mean_f1"], 1.0);
    let text = succeeds(&args);
    assert!(text.contains("mean F1 of N A O: 0.5556\n") && text.contains("accuracy 66.67 %\n"), "{text}");

    // Records that one file lacks.
    let short = put(folder.path(), "short.csv", "1,N\n2,N\n7,A\n");
    let args = ["evaluate", "records", r.as_str(), short.as_str()];
    fails(2, &args, &["short.csv: records:", "none named 3, 4, 5, 6; ", "--common"]);
    let output = run(&[&args[..], &["--common", "--json"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["records"], &report["accuracy"]), (&2.into(), &1.0.into()));
    assert_eq!(report["left_out"], serde_json::json!(["3", "4", "5", "6", "7"]));
    assert_eq!(text_lines(&output.stderr), 2);
}

fn text_lines(bytes: &[u8]) -> usize {
    text(bytes).lines().count()
}

#[test]
fn records_of_several_classes() {
    let folder = folder();
    let r = put(folder.path(), "r.csv", "record,MI,CD,HYP\n1,1,0,0\n2,1,1,0\n3,0,0,0\n");
    let p = put(folder.path(), "p.csv", "record,HYP,CD,MI\n3,0.1,0.5,0.2\n2,0.2,0.5,0.5\n1,0.3,0.1,0.4\n");
    let args = ["evaluate", "records", r.as_str(), p.as_str()];
    let report = json(&[&args[..], &["--json"]].concat());
    assert_eq!((&report["macro_auc"], &report["macro_f1"]), (&0.875.into(), &(2.0 / 3.0).into()));
    assert_eq!(report["figures"]["HYP"]["auc"], Value::Null);
    let low = json(&[&args[..], &["--json", "--threshold", "0.4", "--bootstrap", "20"]].concat());
    assert_eq!(low["figures"]["MI"]["f1"], 1.0);
    assert!(low["intervals"]["macro_auc"][0].is_f64());
    let text = succeeds(&args);
    assert!(text.contains("macro-AUC 0.8750\n") && text.contains("HYP           0       -"), "{text}");
    // One column is one class, unless it is said to be otherwise.
    let r = put(folder.path(), "one.csv", "record,AF\n1,1\n2,0\n");
    let p = put(folder.path(), "given.csv", "record,AF\n1,0.7\n2,0.1\n");
    let args = ["evaluate", "records", r.as_str(), p.as_str(), "--json"];
    assert_eq!(json(&[&args[..], &["--task", "multilabel"]].concat())["macro_auc"], 1.0);
    assert_eq!(json(&args)["accuracy"], 0.0);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let folder = folder();
    let (a, _) = two_records(folder.path());
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let args = ["evaluate", "beats", "--test", "test", name(&a)];
    let output = program().args(args).stdout(writer).stderr(std::process::Stdio::piped()).output();
    let output = output.expect("the program starts");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}
