//! `efficientecg holter`: what it prints and writes, the same as `classify` where both tell it, and memory that does not grow with the record.

mod harness;

use harness::*;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo")
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeeds(args)).expect("JSON")
}

/// A record that repeats the demo so many times: its header and signal file; the path without an ending.
fn repeated(folder: &Path, times: usize) -> PathBuf {
    let path = folder.join(format!("long{times}"));
    let header = std::fs::read_to_string(demo().with_extension("hea")).expect("the demo");
    let signal = std::fs::read(demo().with_extension("dat")).expect("the demo");
    let mut lines = header.lines();
    let first: Vec<&str> = lines.next().expect("a record line").split(' ').collect();
    let samples: usize = first[3].parse().expect("samples");
    let mut text = format!("long{times} {} {} {} 22:15:00\n", first[1], first[2], samples * times);
    for line in lines.filter(|line| !line.starts_with('#')) {
        let mut fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
        fields[0] = format!("long{times}.dat");
        let sum: i64 = fields[6].parse().expect("a check sum");
        fields[6] = ((sum * times as i64) as i16).to_string();
        let line = fields;
        text += &format!("{}\n", line.join(" "));
    }
    std::fs::write(path.with_extension("hea"), text).expect("written");
    std::fs::write(path.with_extension("dat"), signal.repeat(times)).expect("written");
    path
}

#[test]
fn the_demo_holds_what_classify_finds() {
    let demo = demo();
    let got = json(&["holter", "--model", "beats", "--backend", "cpu", name(&demo), "--json"]);
    let found = json(&["classify", "--model", "beats", "--backend", "cpu", name(&demo), "--json"]);
    let counts = &found[0]["counts"];
    let total = &got["total"];
    let count = |value: &Value| value.as_u64().expect("a count");
    assert_eq!(count(&total["normal"]), count(&counts["N"]));
    assert_eq!(count(&total["ventricular"]["beats"]), count(&counts["V"]));
    assert_eq!(count(&total["supraventricular"]["beats"]), count(&counts["S"]));
    assert_eq!(got["hours"].as_array().map(Vec::len), Some(1));
    assert_eq!(got["hours"][0], *total);
    assert_eq!(total["not_assessed"], 0.0);
    // Intervals between the beats that classify prints: the mean of all of them.
    let times: Vec<f64> = found[0]["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|f| f["seconds"].as_f64().expect("a time"))
        .collect();
    let mean = 60.0 * (times.len() - 1) as f64 / (times[times.len() - 1] - times[0]);
    let rate = total["rate_mean"].as_f64().expect("a rate");
    assert!((rate - mean).abs() < 1e-6, "{rate} {mean}");
    let longest = times.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
    assert!((got["longest_rr"]["seconds"].as_f64().expect("an interval") - longest).abs() < 1e-6);
    // Too short for the spectrum, and nothing is said of fibrillation.
    assert!(
        got["hrv"]["lf"].is_null()
            && got["hrv"]["sdann"].is_null()
            && got["hrv"]["sdnn"].as_f64() > Some(0.0)
    );
    assert!(total["af_burden"].is_null() && got["fibrillation_episodes"].is_null());
}

#[test]
fn hours_of_a_long_record_and_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    // 80 repetitions of 90 s: two hours, from 22:15.
    let record = repeated(folder.path(), 80);
    let out = folder.path().join("out");
    let text = succeeds(&[
        "holter",
        "--model",
        "beats",
        "--backend",
        "cpu",
        name(&record),
        "--output",
        name(&out),
        "--rhythm-model",
        "cinc2017-rhythm",
        "--rhythm-lead",
        "ECG=MLII",
        // The demo has no run and no couplet.
        "--pause",
        "1",
        "--report",
        name(&folder.path().join("day.html")),
    ]);
    for part in [
        "2:00:00.0",
        "from 22:15:00",
        "\n 22:15 ",
        "\n 23:00 ",
        "\n 00:00 ",
        "AF burden",
        "SDANN",
        "Research only",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "more than 80 columns: {text}");
    let read = |ending: &str| std::fs::read_to_string(out.join(format!("long80.{ending}"))).expect("written");
    let got: Value = serde_json::from_str(&read("holter.json")).expect("JSON");
    let hours = got["hours"].as_array().expect("hours");
    assert_eq!(hours.len(), 3);
    let csv = read("hours.csv");
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert!(rows.len() == 4 && rows.iter().all(|row| row.len() == rows[0].len()), "{csv}");
    for (row, hour) in rows[1..].iter().zip(hours) {
        let column = |name: &str| row[rows[0].iter().position(|cell| *cell == name).expect("a column")];
        assert_eq!(column("beats"), hour["beats"].to_string());
        assert_eq!(column("v_beats"), hour["ventricular"]["beats"].to_string());
        let burden = hour["af_burden"].as_f64().expect("assessed");
        assert!((column("af_burden").parse::<f64>().expect("a number") - burden).abs() < 1e-3);
    }
    let sum: u64 = hours.iter().map(|hour| hour["beats"].as_u64().expect("a count")).sum();
    assert_eq!(Some(sum), got["total"]["beats"].as_u64());
    // All repetitions hold what the demo holds, but at the joints.
    let demo = json(&["classify", "--model", "beats", "--backend", "cpu", name(&demo()), "--json"]);
    let want = 80 * demo[0]["findings"].as_array().expect("findings").len() as u64;
    assert!(sum.abs_diff(want) <= 160, "{sum} {want}");
    let hrv = &got["hrv"];
    for figure in ["sdnn", "sdann", "sdnn_index", "rmssd", "pnn50"] {
        assert!(hrv[figure].as_f64().is_some_and(f64::is_finite), "{figure}: {hrv}");
    }
    assert!(got["events"].as_array().is_some_and(|events| events.len() <= 10));
    // The report has them too, and a strip of each event.
    let page = std::fs::read_to_string(folder.path().join("day.html")).expect("written");
    for part in ["Holter ECG: long80", "22:15", "AF burden", "cinc2017-rhythm", "RESEARCH ONLY", "25 mm/s"] {
        assert!(page.contains(part), "no {part:?} in the report");
    }
    let events = got["events"].as_array().expect("events");
    assert!(!events.is_empty());
    for event in events {
        let kind = event["kind"].as_str().expect("a kind");
        assert!(page.contains(&format!("{kind}, ")), "no {kind} in the report");
    }
    for picture in ["tachogram.svg", "lorenz.svg"] {
        let svg = read(picture);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && svg.contains("long80"));
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = repeated(folder.path(), 60);
    let one = |threads: &str| {
        succeeds(&[
            "holter",
            "--model",
            "beats",
            "--backend",
            "cpu",
            name(&record),
            "--json",
            "--threads",
            threads,
        ])
    };
    assert_eq!(one("1"), one("2"));
}

/// What 75 minutes take is enough for 10 hours; as a whole these do not fit in.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let [short, long] = [50, 400].map(|times| repeated(folder.path(), times));
    let limited = |command: &str, record: &Path| {
        let limit = "ulimit -v 200000; exec \"$@\"";
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", limit, "sh", env!("CARGO_BIN_EXE_efficientecg"), command, "--model", "beats"]);
        shell.args(["--backend", "cpu", "--threads", "1", name(record)]);
        let output = shell.output().expect("the program starts");
        (output.status.code(), text(&output.stderr).to_owned())
    };
    for record in [&short, &long] {
        let (code, line) = limited("holter", record);
        assert_eq!(code, Some(0), "{}: {line}", record.display());
    }
    let (code, line) = limited("classify", &long);
    assert!(code == Some(2) && line.contains("memory"), "{code:?} {line}");
}

#[test]
fn what_is_wrong_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = repeated(folder.path(), 60);
    let signal = long.with_extension("dat");
    let bytes = std::fs::read(&signal).expect("reads");
    std::fs::write(&signal, &bytes[..bytes.len() / 2]).expect("cut");
    let beats = ["holter", "--model", "beats", "--backend", "cpu"];
    let with = |more: &[&'static str], record: &str| {
        let mut args: Vec<String> = beats.iter().chain(more).map(|a| (*a).to_owned()).collect();
        args.push(record.to_owned());
        args
    };
    let demo = demo();
    let nothing = folder.path().join("nothing");
    let cases = [
        (2, with(&[], name(&long)), "size: expected"),
        (2, with(&[], name(&nothing)), "nothing"),
        (2, with(&["--pause", "0"], name(&demo)), "more than 0 seconds"),
        (2, with(&["--lead", "V1=V9"], name(&demo)), "the model has no such lead"),
        (2, with(&["--rhythm-lead", "ECG=MLII"], name(&demo)), "--rhythm-model"),
        (2, with(&["--rhythm-model", "cinc2017-rhythm"], name(&demo)), "lead ECG"),
        (2, with(&["--rhythm-model", "none"], name(&demo)), "cinc2017-rhythm"),
        (2, with(&["--beats", "none"], name(&demo)), "demo.none"),
        (2, with(&["--report", "day.txt"], name(&demo)), "ends in .svg, .html or .pdf"),
    ];
    for (code, args, part) in cases {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(fails(code, &args, &[part]), "", "{args:?}");
    }
    let rhythm = ["holter", "--model", "cinc2017-rhythm", "--backend", "cpu", name(&demo)];
    fails(2, &rhythm, &["expected a model of beats", "--rhythm-model"]);
    // Nothing but a flat line: told, and a failed check.
    let flat = folder.path().join("flat");
    std::fs::write(
        flat.with_extension("hea"),
        "flat 2 250 5000\nflat.dat 16 200 16 0 0 0 0 I\nflat.dat 16 200 16 0 0 0 0 II\n",
    )
    .expect("written");
    std::fs::write(flat.with_extension("dat"), vec![0; 20_000]).expect("written");
    let args = ["holter", "--model", "beats", "--backend", "cpu", name(&flat)];
    let text = fails(1, &args, &["beats: expected some that can be assessed"]);
    assert!(text.contains("100.0 % of the time was not assessed"), "{text}");
    // Too short for anything but its beats.
    let short = [
        "holter",
        "--model",
        "beats",
        "--backend",
        "cpu",
        name(&demo),
        "--rhythm-model",
        "cinc2017-rhythm",
        "--rhythm-lead",
        "ECG=MLII",
    ];
    assert!(succeeds(&short).contains("AF burden         not assessed, the record is too short"));
}

#[test]
#[cfg(feature = "formats")]
fn other_formats_are_read_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = repeated(folder.path(), 25);
    let want = json(&["holter", "--model", "beats", "--backend", "cpu", name(&record), "--json"]);
    for ending in ["edf", "csv"] {
        let path = folder.path().join(format!("long25.{ending}"));
        succeeds(&["convert", name(&record), name(&path)]);
        let args = ["holter", "--model", "beats", "--backend", "cpu", name(&path), "--json"];
        let output = run(&args);
        assert_eq!(output.status.code(), Some(0));
        let warned = text(&output.stderr);
        assert_eq!(warned.contains("read as a whole, into memory"), ending == "csv", "{warned}");
        let got: Value = serde_json::from_str(text(&output.stdout)).expect("JSON");
        for figure in ["total", "hours", "events", "hrv", "not_assessed"] {
            assert_eq!(got[figure], want[figure], "{ending}: {figure}");
        }
    }
}
