//! The command `monitor`: samples of any kind in, beats as lines of JSON out while more samples come.

mod harness;

use efficientecg::ecg::Record;
use harness::*;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Output, Stdio};

fn demo() -> Record {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo");
    Record::open(path).unwrap_or_else(|e| panic!("{e}"))
}

/// The record as rows of text.
fn rows(record: &Record, names: &str, separator: &str) -> String {
    let mut text = names.to_owned();
    for i in 0..record.leads[0].samples.len() {
        let cells: Vec<String> = record.leads.iter().map(|lead| lead.samples[i].to_string()).collect();
        text += &format!("{}{separator}{}\n", i as f64 / 360.0, cells.join(separator));
    }
    text
}

/// The record as binary samples.
fn binary(record: &Record, sample: impl Fn(f32) -> Vec<u8>) -> Vec<u8> {
    let frame = |i: usize| record.leads.iter().flat_map(|lead| sample(lead.samples[i])).collect::<Vec<u8>>();
    (0..record.leads[0].samples.len()).flat_map(frame).collect()
}

fn digital(sample: f32) -> i16 {
    (f64::from(sample) * 200.0).round() as i16
}

fn monitor(args: &[&str]) -> Child {
    let args = [&["monitor", "--model", "mitbih-beats", "--backend", "cpu"][..], args].concat();
    let mut command = program();
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

/// Gives it all of the input; what it said.
fn given(args: &[&str], input: &[u8]) -> Output {
    let mut child = monitor(args);
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // It may leave before it has read all.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    output
}

fn lines(output: &Output) -> Vec<Value> {
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_same_beats_of_rows_and_of_binary_samples() {
    let record = demo();
    let want = lines(&given(&["--rate", "360"], rows(&record, "time,MLII,V1\n", ",").as_bytes()));
    assert!(want.len() > 100, "{} lines", want.len());
    let mut before = -1;
    for line in &want {
        assert_eq!(line["event"], "beat", "{line}");
        let (sample, seconds) = (line["sample"].as_i64(), line["seconds"].as_f64());
        let (sample, seconds) = (sample.expect("a number"), seconds.expect("a number"));
        assert!(sample > before && (seconds - sample as f64 / 360.0).abs() < 1e-9, "{line}");
        before = sample;
        if seconds > 5.0 {
            let class = line["class"].as_str().expect("a class");
            assert!(line["reason"].is_null() && line["probabilities"][class].as_f64() > Some(0.2), "{line}");
        }
    }
    assert!(want[0]["class"].is_null() && want[0]["reason"] == "short" && want[0]["probabilities"].is_null());
    // All but when a beat was told, which depends on how much comes at once.
    let told = |lines: Vec<Value>| -> Vec<Value> {
        let without = |mut line: Value| {
            line.as_object_mut().expect("an object").remove("told");
            line
        };
        lines.into_iter().map(without).collect()
    };
    let want = told(want);
    let raw = |kind, input: &[u8], more: &[&str]| {
        let args = [&["--rate", "360", "--raw", kind, "--leads", "MLII,V1"], more].concat();
        told(lines(&given(&args, input)))
    };
    assert_eq!(raw("f32", &binary(&record, |v| v.to_le_bytes().into()), &[]), want);
    assert_eq!(
        raw("f32", &binary(&record, |v| (v * 1024.0).to_le_bytes().into()), &["--gain", "1024"]),
        want
    );
    assert_eq!(raw("i16", &binary(&record, |v| digital(v).to_le_bytes().into()), &[]), want);
    let twelve: Vec<u8> = (0..record.leads[0].samples.len())
        .flat_map(|i| {
            let [a, b] = [0, 1].map(|lead| digital(record.leads[lead].samples[i]));
            [a as u8, (a >> 8) as u8 & 0xf | ((b >> 8) as u8) << 4, b as u8]
        })
        .collect();
    assert_eq!(raw("212", &twelve, &[]), want);
    // Names on the command line, in place of the table's or of none; other separators; blank lines and comments.
    for (names, separator, leads) in [
        ("# Age: 63\n\na\tb\tc\n", "\t", "time,MLII,V1"),
        ("", ";", "t,MLII,V1"),
        ("", " ", "sample,MLII,V1"),
    ] {
        let input = rows(&record, names, separator);
        let got = told(lines(&given(&["--rate", "360", "--leads", leads], input.as_bytes())));
        assert_eq!(got, want, "{leads}");
    }
    // Other names, and the last row without an end.
    let input = rows(&record, "time,II,V2\n", ",");
    let args = ["--rate", "360", "--lead", "MLII=II", "--lead", "V1=#2"];
    assert_eq!(told(lines(&given(&args, input.trim_end().as_bytes()))), want);
    // A lead that is no ECG by its name, where it is asked for.
    let input = rows(&record, "elapsed time,MLII,ABP\n", ",");
    let args = ["--rate", "360", "--lead", "V1=ABP"];
    failed(2, &args, &["\"ABP\" in \"mV\" is no ECG", "(--any-lead"], &given(&args, input.as_bytes()));
    let forced = [&args[..], &["--any-lead"]].concat();
    assert_eq!(told(lines(&given(&forced, input.as_bytes()))), want);
}

#[test]
fn beats_come_while_samples_do_and_a_reader_may_leave() {
    let record = demo();
    let samples = binary(&record, |v| v.to_le_bytes().into());
    let mut child = monitor(&["--rate", "360", "--raw", "f32", "--leads", "MLII,V1"]);
    let mut input = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // 20 seconds of it: the beats of the first 17 are there before anything else is.
    input.write_all(&samples[..20 * 360 * 8]).expect("written");
    let mut seconds = 0.0;
    let mut count = 0;
    while seconds < 17.0 {
        let line = lines.next().expect("a line").expect("read");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let told = line["told"].as_f64().expect("a number");
        seconds = line["seconds"].as_f64().expect("a number");
        assert!(told <= 20.0 + 1e-9 && told >= seconds, "{line}");
        count += 1;
    }
    assert!(count >= 17, "{count}");
    // Nobody reads any more.
    drop(lines);
    let _ = input.write_all(&samples[20 * 360 * 8..]);
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn a_lead_that_is_off_is_told() {
    let mut record = demo();
    record.leads.iter_mut().for_each(|lead| lead.samples[30 * 360..50 * 360].fill(f32::NAN));
    let samples = binary(&record, |v| v.to_le_bytes().into());
    let told = lines(&given(&["--rate", "360", "--raw", "f32", "--leads", "MLII,V1"], &samples));
    let signals: Vec<&Value> = told.iter().filter(|line| line["event"] == "signal").collect();
    assert!(signals.len() >= 2, "{signals:?}");
    assert!(signals.iter().any(|line| line["reason"] == "missing"), "{signals:?}");
    assert!(signals.last().is_some_and(|line| line["reason"].is_null()), "{signals:?}");
}

#[test]
fn what_does_not_fit_is_one_line() {
    let long = "1,".repeat(40_000);
    let raw = ["--rate", "360", "--raw", "i16", "--leads", "MLII,V1"];
    let cases: [(&[&str], &[u8], &str); 16] = [
        (&["--rate", "360"], b"", "expected samples, found none"),
        (&["--rate", "360"], b"time,MLII,V1\n", "expected samples, found none"),
        (&["--rate", "360"], b"0,1,2\n", "line 1: expected names of leads"),
        (&["--rate", "360"], b"MLII,V1\n1,2\n1,x\n", "line 3: column 2: expected a number, found \"x\""),
        (
            &["--rate", "360"],
            b"MLII,V1\n1,2\n1,1e40\n",
            "line 3: column 2: expected a number, found \"1e40\"",
        ),
        (&["--rate", "360"], b"MLII,V1\n1,2\n\n1,2,3\n", "line 4: expected 2 cells, found 3"),
        (&["--rate", "360"], b"MLII,V1\n1\n", "line 2: expected 2 cells, found 1"),
        (&["--rate", "360"], b"MLII [uV],V1\n1,2\n", "expected names without units"),
        (&["--rate", "360"], &[b'M', 0xff, b'\n'], "line 1: expected text, found other bytes"),
        (&["--rate", "360"], long.as_bytes(), "line 1: expected at most 65536 bytes"),
        (&["--rate", "360"], b"II,V5\n1,2\n", "MLII"),
        (&["--rate", "20", "--leads", "MLII,V1"], b"1,2\n", "50 to 4000 Hz"),
        (&raw, &[0; 7], "found 1 more and 1 bytes at the end; check --leads and --raw"),
        (&raw, &[0; 6], "found 1 more and 0 bytes at the end"),
        (&raw[..4], b"", "--leads"),
        (&["--leads", "MLII,V1"], b"", "--rate"),
    ];
    for (args, input, part) in cases {
        failed(2, args, &[part], &given(args, input));
    }
    let mut records = program();
    records.args(["monitor", "--model", "cinc2017-rhythm", "--rate", "300", "--leads", "ECG"]);
    let mut child = records.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let _ = child.stdin.take().expect("a pipe").write_all(b"1\n2\n");
    let output = child.wait_with_output().expect("it ends");
    failed(2, &[], &["expected a model of beats, found cinc2017-rhythm"], &output);
}

#[test]
fn beats_before_what_does_not_fit_are_told() {
    let input = rows(&demo(), "time,MLII,V1\n", ",");
    let end = input.match_indices('\n').nth(20 * 360).map_or(0, |(at, _)| at + 1);
    let input = format!("{}1,2,oops\n{}", &input[..end], &input[end..]);
    let output = given(&["--rate", "360"], input.as_bytes());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("line 7202: column 3"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).lines().count() > 18);
}
