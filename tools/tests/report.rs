//! `classify --report`: the three formats of the demo record, of several records, and what is wrong with a wish.

mod harness;

use harness::{fails, folder, name, run, succeeds, text};
use std::path::Path;

/// The record that the project makes itself.
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/demo");

/// How the files of each format begin.
const FORMATS: [(&str, &[u8]); 3] = [("svg", b"<svg "), ("html", b"<!DOCTYPE html>"), ("pdf", b"%PDF-1.")];

#[test]
fn the_ending_is_the_format() {
    let folder = folder();
    for (format, start) in FORMATS {
        let path = folder.path().join(format!("page.{}", format.to_uppercase()));
        let args = ["classify", "--model", "mitbih-beats", DEMO, "--report", name(&path)];
        assert!(succeeds(&args).contains("110 beats"), "{format}: the summary is printed too");
        let written = std::fs::read(&path).expect("a report");
        assert!(written.starts_with(start), "{format}");
    }
}

#[test]
fn several_records_have_a_report_each() {
    let folder = folder();
    let other =
        ["synth", "--output", name(folder.path()), "--name", "other", "--seconds", "20", "--seed", "7"];
    succeeds(&other);
    let (other, out) = (folder.path().join("other"), folder.path().join("out"));
    for (format, start) in FORMATS {
        let args =
            ["classify", "--model", "beats", DEMO, name(&other), "--output", name(&out), "--format", format];
        succeeds(&args);
        for record in ["demo", "other"] {
            let written = std::fs::read(out.join(format!("{record}.{format}"))).expect("a report");
            assert!(written.starts_with(start), "{record} {format}");
        }
    }
}

/// The picture of README.md is what the command beside it writes, to the byte.
#[test]
fn the_committed_picture_is_the_demos_report() {
    let folder = folder();
    let path = folder.path().join("demo.svg");
    let args = ["classify", "--model", "mitbih-beats", DEMO, "--to", "20", "--report", name(&path)];
    succeeds(&args);
    let made = std::fs::read(&path).expect("a report");
    let committed = std::fs::read(Path::new(DEMO).with_extension("svg")).expect("the picture");
    assert!(made == committed, "tools/demo/demo.svg is another; tools/demo/README.md has its command");
}

#[test]
fn a_part_is_drawn_and_all_of_it_classified() {
    let folder = folder();
    let path = folder.path().join("part.html");
    let args =
        ["classify", "--model", "mitbih-beats", DEMO, "--from", "30", "--to", "40", "--report", name(&path)];
    assert!(succeeds(&args).contains("110 beats"));
    let page = std::fs::read_to_string(&path).expect("a report");
    for part in ["Shown: 0:00:30 to 0:00:40.", "0:00:30", "110 beats classified", "page 1 of 1"] {
        assert!(page.contains(part), "{part}");
    }
}

/// What cannot be assessed has a report that says so, and the exit code is 1.
#[test]
fn a_refused_record_has_a_report() {
    let folder = folder();
    let (record, path) = (folder.path().join("flat.csv"), folder.path().join("flat.svg"));
    std::fs::write(&record, "II,V1\n".to_owned() + &"0.1,0.2\n".repeat(3600)).expect("written");
    let args = ["classify", "--model", "beats", name(&record), "--rate", "360", "--report", name(&path)];
    let output = run(&args);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let page = std::fs::read_to_string(&path).expect("a report");
    assert!(
        page.contains("<title>not assessed: flat</title>") && page.contains(">Not assessed: flat</text>"),
        "{page:.3000}"
    );
}

#[test]
fn wrong_wishes_are_one_line() {
    let folder = folder();
    let demo = DEMO;
    let page = folder.path().join("page.pdf");
    let page = name(&page);
    let pressure = folder.path().join("pressure.csv");
    let rows: String = (0..3600).map(|i| format!("{},{}\n", 80 + i % 300 / 10, i % 7)).collect();
    std::fs::write(&pressure, "ECG [mmHg],P2 [mmHg]\n".to_owned() + &rows).expect("written");
    let nowhere = folder.path().join("nowhere/page.pdf");
    let (pressure, nowhere) = (name(&pressure), name(&nowhere));
    let model = "mitbih-beats";
    for (args, parts) in [
        (vec![model, demo, "--report", "page.docx"], vec!["--report", "page.docx", ".svg, .html or .pdf"]),
        (vec![model, demo, "--report", "page"], vec!["--report", ".svg, .html or .pdf"]),
        (
            vec![model, demo, demo, "--report", page],
            vec!["--report", "expected one record, found 2", "--output FOLDER"],
        ),
        (vec![model, demo, "--report", nowhere], vec!["nowhere", "cannot write"]),
        (vec![model, demo, "--from", "3"], vec!["--from", "--report FILE"]),
        (vec![model, demo, "--from", "95", "--report", page], vec!["demo", "part to draw", "90"]),
        (vec![model, demo, "--from", "20", "--to", "10", "--report", page], vec!["part to draw", "20 to 10"]),
        (
            vec![
                "cinc2017-rhythm",
                pressure,
                "--rate",
                "360",
                "--any-lead",
                "--any-quality",
                "--report",
                page,
            ],
            vec!["pressure", "leads: expected an ECG lead in V, mV, uV or nV", "mmHg"],
        ),
    ] {
        fails(2, &[&["classify", "--model"], &args[..]].concat(), &parts);
        assert!(!folder.path().join("page.pdf").exists(), "{args:?}");
    }
}
