//! What a new user types: files by any of their names, standard streams, leads that differ from record to record, results with their meaning.

#![cfg(feature = "formats")]

mod harness;

use efficientecg::ecg::{Lead, Record, csv, wfdb};
use harness::{fails, folder, name, program, run, succeeds, text};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

/// The record that comes with the program.
fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo")
}

const BEATS: [&str; 5] = ["classify", "--model", "mitbih-beats", "--backend", "cpu"];
const RHYTHM: [&str; 5] = ["classify", "--model", "cinc2017-rhythm", "--backend", "cpu"];
const PTBXL: [&str; 5] = ["classify", "--model", "ptbxl-8lead", "--backend", "cpu"];

/// A record with the demo's beats on each of these leads, of so many seconds.
fn record(name: &str, leads: &[&str], seconds: usize) -> Record {
    let demo = Record::open(demo()).expect("the demo");
    let samples = &demo.leads[0].samples[..seconds * 360];
    let leads = leads.iter().map(|lead| Lead::new(*lead, "mV", 360.0, samples.to_vec()));
    Record::new(name, 360.0, leads.collect())
}

/// Writes it into a folder; its path.
fn put(folder: &Path, record: &Record) -> String {
    let path = folder.join(format!("{}.csv", record.name));
    csv::write(&path, record).expect("written");
    name(&path).to_owned()
}

fn with_input(args: &[&str], input: &[u8]) -> Output {
    let mut command = program();
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    child.stdin.take().expect("a pipe").write_all(input).expect("taken");
    child.wait_with_output().expect("ends")
}

#[test]
fn signal_files_find_their_header() {
    let summary = |path: &Path, args: &[&str]| {
        let told = succeeds(&[args, &[name(path)]].concat());
        // All but the time that it took.
        told.lines().filter(|line| !line.contains("reading")).map(str::to_owned).collect::<Vec<_>>()
    };
    let header = summary(&demo().with_extension("hea"), &BEATS);
    assert_eq!(header[0], "demo: 0:01:30, age 61, female");
    assert_eq!(summary(&demo().with_extension("dat"), &BEATS), header);
    assert_eq!(summary(&demo(), &BEATS), header);
    // As CinC 2017 has them: a matrix of MATLAB's version 4 around format 16.
    let folder = folder();
    let demo = Record::open(demo()).expect("the demo");
    let values: Vec<i16> = demo.leads[0].samples[..9000].iter().map(|v| (1000.0 * v) as i16).collect();
    let sum = values.iter().fold(0_i16, |sum, v| sum.wrapping_add(*v));
    let line = format!("A00004.mat 16+24 1000/mV 16 0 {} {sum} 0 ECG", values[0]);
    let header = format!("A00004 1 300 9000\n{line}\n");
    std::fs::write(folder.path().join("A00004.hea"), header).expect("written");
    let mut bytes: Vec<u8> = [30_i32, 1, 9000, 0, 4].iter().flat_map(|n| n.to_le_bytes()).collect();
    bytes.extend(b"val\0");
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    let path = folder.path().join("A00004.mat");
    std::fs::write(&path, bytes).expect("written");
    let told = summary(&path, &RHYTHM);
    assert_eq!(told[0], "A00004: 30.0 s");
    std::fs::remove_file(folder.path().join("A00004.hea")).expect("removed");
    fails(
        2,
        &[&RHYTHM[..], &[name(&path)]].concat(),
        &["put the record's header beside it, which ends in .hea"],
    );
}

#[test]
fn standard_streams_stand_for_files() {
    let folder = folder();
    let here = |args: &[&str]| {
        let output = program().args(args).current_dir(folder.path()).output().expect("starts");
        let files = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(files, 0, "{args:?} wrote a file");
        output
    };
    let (path, list) = (demo(), format!("{}\n", demo().display()));
    let demo = name(&path);
    for stdout in ["-", "/dev/stdout"] {
        let output = here(&[&BEATS[..], &[demo, "--output", stdout]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let lines: Vec<&str> = text(&output.stdout).lines().collect();
        assert_eq!((lines.len(), lines[0]), (111, "sample,seconds,class,N,S,V,F,Q"));
        let output = here(&[&BEATS[..], &[demo, "--output", stdout, "--format", "json"]].concat());
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
        assert_eq!(found["record"], "demo");
        let output = here(&[&BEATS[..], &[demo, demo, "--table", stdout]].concat());
        assert!(
            text(&output.stderr).contains("would write the same file or row"),
            "{}",
            text(&output.stderr)
        );
        let output = here(&[&RHYTHM[..], &[demo, "--lead", "ECG=MLII", "--table", stdout]].concat());
        assert!(text(&output.stdout).starts_with("record,class,N,A,O,~\ndemo,"));
        let output = here(&["features", "--model", "mitbih-beats", demo, "--output", stdout]);
        assert!(output.stdout.starts_with(b"PK"), "an archive");
        let output = here(&["convert", demo, stdout, "--format", "csv"]);
        assert!(text(&output.stdout).starts_with("# Age: 61\n# Sex: F\ntime,MLII,V1\n"));
        // What cannot be says what does.
        for (args, parts) in [
            (vec!["convert", demo, stdout], vec!["--format edf, bdf, csv or tsv"]),
            (vec!["synth", "--output", stdout], vec!["expected a folder"]),
            ([&BEATS[..], &[demo, demo, "--output", stdout]].concat(), vec!["a single record", "--table -"]),
            ([&BEATS[..], &[demo, "--output", stdout, "--format", "wfdb"]].concat(), vec!["a folder"]),
            ([&BEATS[..], &[demo, "--output", stdout, "--json"]].concat(), vec!["leave one of them out"]),
        ] {
            fails(2, &args, &parts);
            here(&args);
        }
    }
    for list_of in ["-", "/dev/stdin"] {
        let output = with_input(&[&BEATS[..], &["--records", list_of]].concat(), list.as_bytes());
        assert!(text(&output.stdout).starts_with("demo: 0:01:30"), "{}", text(&output.stderr));
    }
    let table = here(&["convert", demo, "-", "--format", "csv"]).stdout;
    for record in ["-", "/dev/stdin"] {
        let output = with_input(&[&BEATS[..], &[record]].concat(), &table);
        assert!(text(&output.stdout).contains("  110 beats"), "{}", text(&output.stderr));
    }
}

#[test]
fn leads_are_reported_at_once_and_have_alternatives() {
    let path = demo();
    let said = [
        "leads I, II, V2, V3, V4, V5, V6: missing; the record has \"MLII\", \"V1\"",
        "(--lead I=RECORD_LEAD,II=",
    ];
    fails(2, &[&PTBXL[..], &[name(&path)]].concat(), &said);
    let folder = folder();
    let a = put(folder.path(), &record("a", &["MLII", "V5"], 60));
    let b = put(folder.path(), &record("b", &["MLII", "V2"], 60));
    let c = put(folder.path(), &record("c", &["II", "V"], 60));
    let told = succeeds(&[&BEATS[..], &[&a, &b, "--lead", "V1=V5,V1=#2"]].concat());
    assert!(told.contains("a: 0:01:00") && told.contains("b: 0:01:00"), "{told}");
    succeeds(&[&BEATS[..], &[&c, "--lead", "MLII=II,V1=V"]].concat());
    succeeds(&[&BEATS[..], &[&a, &b, &c, "--lead", "V1=V5,V1=#2", "--lead", "MLII=MLII,MLII=II"]].concat());
    fails(2, &[&BEATS[..], &[&a, "--lead", "V1=V5,V3"]].concat(), &["expected MODEL=RECORD"]);
    fails(2, &[&BEATS[..], &[&a, "--lead", "V1=V2,V1=V3"]].concat(), &["mapped to \"V2\", \"V3\""]);
}

#[test]
fn what_is_no_ecg_is_refused_unless_forced() {
    let folder = folder();
    let mut made = record("p", &["MLII", "ABP", "V1"], 60);
    made.leads[1].units = "mmHg".to_owned();
    let path = put(folder.path(), &made);
    succeeds(&[&BEATS[..], &[&path]].concat());
    let forced = [&BEATS[..], &[&path, "--lead", "V1=ABP"]].concat();
    fails(2, &forced, &["lead V1: \"ABP\" in \"mmHg\" is no ECG", "name an ECG lead (--any-lead"]);
    succeeds(&[&forced[..], &["--any-lead"]].concat());
    // So by the command for days, of its own leads and of those of rhythms.
    let day = ["holter", "--model", "mitbih-beats", "--backend", "cpu", "--rhythm-model", "cinc2017-rhythm"];
    for leads in [
        ["--lead", "MLII=V1,V1=ABP", "--rhythm-lead", "ECG=V1"],
        ["--lead", "MLII=V1,V1=MLII", "--rhythm-lead", "ECG=ABP"],
    ] {
        let forced = [&day[..], &[&path], &leads].concat();
        fails(2, &forced, &["\"ABP\" in \"mmHg\" is no ECG", "(--any-lead"]);
        succeeds(&[&forced[..], &["--any-lead"]].concat());
    }
    // By its unit alone.
    made.leads[1].name = "P1".to_owned();
    made.name = "q".to_owned();
    let path = put(folder.path(), &made);
    fails(2, &[&RHYTHM[..], &[&path, "--lead", "ECG=P1"]].concat(), &["\"P1\" in \"mmHg\" is no ECG"]);
}

#[test]
fn results_come_with_their_meaning() {
    let folder = folder();
    let (path, out) = (demo(), folder.path().join("found"));
    let told = succeeds(&[&BEATS[..], &[name(&path), "--output", name(&out), "--format", "text"]].concat());
    let last: Vec<&str> = told.lines().rev().take(6).collect();
    assert_eq!(last[0], "Research only, not for diagnosis.");
    assert_eq!(last[4], "S: supraventricular ectopic beat");
    assert!(told.contains(&format!("{}: findings\n", out.join("demo.txt").display())), "{told}");
    let written = std::fs::read_to_string(out.join("demo.txt")).expect("written");
    assert!(written.ends_with("# Q: paced or unclassifiable beat\n# Research only, not for diagnosis.\n"));
    // Many records are summed up.
    let a = put(folder.path(), &record("a", &["MLII", "V1"], 60));
    let b = put(folder.path(), &record("b", &["MLII", "V1"], 30));
    let table = folder.path().join("t.csv");
    let args = [&BEATS[..], &[&a, &b, "--output", name(&out), "--table", name(&table)]].concat();
    let told = succeeds(&args);
    assert!(told.contains("2 records, 0:01:30 in all\n  110 beats\n"), "{told}");
    assert!(told.contains(&format!("{}: findings in 2 files, RECORD.csv\n", out.display())), "{told}");
    assert!(told.contains(&format!("{}: 110 rows\n", table.display())), "{told}");
    assert_eq!(told.matches("Research only").count(), 1);
    // Programs are not told.
    let json: Value =
        serde_json::from_str(&succeeds(&[&args[..], &["--json"]].concat())).expect("JSON alone");
    assert_eq!(json.as_array().expect("records").len(), 2);
}

#[test]
fn one_table_of_many_records() {
    let folder = folder();
    let a = put(folder.path(), &record("a", &["MLII", "V1"], 60));
    let b = put(folder.path(), &record("b", &["MLII", "V1"], 30));
    let found = folder.path().join("found");
    for (file, count) in [("t.csv", 111), ("t.jsonl", 2)] {
        let path = folder.path().join(file);
        succeeds(&[&BEATS[..], &[&a, &b, "--table", name(&path), "--output", name(&found)]].concat());
        let written = std::fs::read_to_string(&path).expect("written");
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), count, "{file}");
        if file == "t.csv" {
            // The rows of both files.
            let rows = |record: &str| {
                let text = std::fs::read_to_string(found.join(format!("{record}.csv"))).expect("written");
                text.lines().skip(1).map(|row| format!("{record},{row}")).collect::<Vec<_>>()
            };
            assert_eq!(lines[0], "record,sample,seconds,class,N,S,V,F,Q");
            assert_eq!(lines[1..], [rows("a"), rows("b")].concat());
        } else {
            let rows: Vec<Value> = lines.iter().map(|l| serde_json::from_str(l).expect("JSON")).collect();
            assert_eq!((&rows[0]["record"], &rows[1]["record"]), (&"a".into(), &"b".into()));
            let beats: usize = rows.iter().map(|r| r["findings"].as_array().expect("beats").len()).sum();
            assert_eq!(beats, 110);
        }
    }
}

#[test]
fn what_is_far_from_a_model_s_card_is_told() {
    let folder = folder();
    let leads = ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"];
    let mut made = record("r", &leads, 10);
    made.leads[4].samples.fill(0.0);
    let path = put(folder.path(), &made);
    let output = run(&[&PTBXL[..], &[&path, "--age", "7"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines: Vec<&str> = text(&output.stderr).lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("r.csv: warning: age 7 is far"), "{lines:?}");
    assert!(lines[1].contains("warning: lead V3 is constant throughout"), "{lines:?}");
    let long = put(folder.path(), &record("l", &leads, 60));
    let output = run(&[&PTBXL[..], &[&long]].concat());
    assert!(text(&output.stderr).contains("the record has 60 s, and the model was made for 10 s"));
    // A model of rhythms takes it in windows, and has nothing to warn of.
    succeeds(&[&RHYTHM[..], &[name(&demo()), "--lead", "ECG=MLII"]].concat());
}

#[test]
fn names_with_separators_survive_a_table() {
    let folder = folder();
    let mut made = record("r", &["MLII", "V1, modified"], 10);
    made.leads[0].name = "II; \"old\"".to_owned();
    wfdb::write(folder.path(), &made, &wfdb::StorageFormat::default()).expect("written");
    let (hea, csv) = (folder.path().join("r.hea"), folder.path().join("r.csv"));
    succeeds(&["convert", name(&hea), name(&csv)]);
    let names: Vec<String> = Record::open(&csv).expect("reads").leads.into_iter().map(|l| l.name).collect();
    assert_eq!(names, ["II; \"old\"", "V1, modified"]);
}
