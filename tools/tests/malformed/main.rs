//! Files and command lines that are wrong in one way each, through the program: every one ends with exit code 2 and one
//! line that names the file, the item and the fix, within a gigabyte of address space.

#[path = "../harness/mod.rs"]
mod harness;

mod arrays;
#[cfg(feature = "formats")]
mod devices;
#[cfg(feature = "formats")]
mod formats;
mod lines;
mod records;
mod tables;
#[cfg(feature = "formats")]
mod xml;

use harness::*;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is wrong, the command line, and parts of the message.
struct Case {
    label: String,
    args: Vec<String>,
    parts: Vec<String>,
}

impl Case {
    fn new(label: &str, args: &[&str], parts: &[&str]) -> Case {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Case { label: label.to_owned(), args: own(args), parts: own(parts) }
    }
}

/// The program, under a limit of memory where there is a shell to set it.
fn limited(args: &[String]) -> Command {
    let program = env!("CARGO_BIN_EXE_efficientecg");
    if cfg!(target_os = "linux") {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -v 1000000; exec \"$@\"", "sh", program]).args(args);
        return shell;
    }
    let mut plain = Command::new(program);
    plain.args(args);
    plain
}

/// Runs the cases; what is wrong goes to `wrong`.
fn check(kind: &str, cases: Vec<Case>, wrong: &mut Vec<String>) -> usize {
    for case in &cases {
        let output = limited(&case.args).output().expect("the program starts");
        let line = text(&output.stderr);
        let one = line.ends_with('\n') && line.lines().count() == 1 && line.starts_with("efficientecg: ");
        let plain = !line.trim_end().chars().any(char::is_control) && line.len() < 4000;
        // Item and finding, then the fix.
        let whole = case.parts.iter().all(|p| line.contains(p.as_str())) && line.contains("; ");
        if output.status.code() != Some(2) || !one || !plain || !whole || !output.stdout.is_empty() {
            wrong.push(format!("{kind}: {}: {:?}, {:?} in {line:?}", case.label, output.status, case.parts));
        }
    }
    cases.len()
}

/// A file of a folder that lives as long as the tests.
fn put(folder: &Path, file: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(file);
    std::fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn every_malformed_file_is_one_line() {
    let folder = folder();
    let folder = folder.path();
    let kinds = [
        ("weights", arrays::weights(folder)),
        ("configuration", arrays::configurations(folder)),
        (".npy", arrays::directories(folder)),
        (".npz", arrays::inputs(folder)),
        ("header", records::headers(folder)),
        ("signals", records::signals(folder)),
        ("annotations", records::annotations(folder)),
        ("MATLAB", records::matlab(folder)),
        #[cfg(feature = "formats")]
        ("EDF", formats::edf(folder)),
        #[cfg(feature = "formats")]
        ("CSV", formats::tables(folder)),
        #[cfg(feature = "formats")]
        ("XML", xml::xml(folder)),
        #[cfg(feature = "formats")]
        ("SCP-ECG", devices::scp(folder)),
        #[cfg(feature = "formats")]
        ("DICOM", devices::dicom(folder)),
        ("tables", tables::tables(folder)),
        ("beats to score", tables::beats(folder)),
        ("command line", lines::command_lines()),
    ];
    let mut all = 0;
    let (mut counts, mut wrong) = (Vec::new(), Vec::new());
    for (kind, cases) in kinds {
        let count = check(kind, cases, &mut wrong);
        counts.push(format!("{kind} {count}"));
        all += count;
    }
    println!("{all} malformed cases: {}", counts.join(", "));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all >= 120, "{all}");
}
