//! What tests could not run here, counted at the end of a run of tests.
//!
//! A test harness hides what passing tests print, so a test that is skipped looks like one that passed. [`skipped`]
//! prints past the harness and notes the line in the build folder. The last test program of a run
//! (`report/tests/zz_skipped.rs`) calls [`report`], which prints the notes of this run and their number.
//!
//! All test programs of one `cargo test` have the same parent process, cargo. Its number and the time at which it
//! started name the file of the notes, so that other runs, and those that ended before their report, are not counted.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Notes that the test, or a part of it, is not run here, and says so on standard error. `why` names what is absent
/// and what would bring it.
pub fn skipped(why: &str) {
    let why = why.replace(['\n', '\t'], " ");
    // Past the harness, which captures `eprintln!`.
    let _ = writeln!(io::stderr().lock(), "SKIPPED: {why}");
    if let Some(path) = notes() {
        // A note that cannot be written is lost; the test is not.
        let _ = note(&path, &test_name(), &why);
    }
}

/// Prints what was skipped in this run of tests, and how much, and forgets it.
pub fn report() {
    let text = notes().map(|path| take(&path)).unwrap_or_default();
    let _ = write!(io::stdout().lock(), "{}", summary(&text));
}

/// The program and the test in it, as the harness names the test's thread.
fn test_name() -> String {
    let program = std::env::current_exe().ok();
    let stem = program.as_deref().and_then(Path::file_stem).and_then(|s| s.to_str()).unwrap_or("?");
    // Without the hash that cargo appends.
    let program = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
    match std::thread::current().name() {
        Some(test) if test != "main" => format!("{program}::{test}"),
        _ => program.to_owned(),
    }
}

/// The file of this run's notes. None for a program that lies where cargo puts no tests.
fn notes() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent().filter(|f| f.ends_with("deps"))?;
    Some(folder.with_file_name("skipped").join(run()))
}

/// What tells this run of tests from others.
#[cfg(unix)]
fn run() -> String {
    let cargo = std::os::unix::process::parent_id();
    // Field 22 of the process's state, counted after its name, which may hold blanks. Numbers of processes come again.
    let state = std::fs::read_to_string(format!("/proc/{cargo}/stat")).unwrap_or_default();
    let start = state.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(19));
    format!("{cargo}-{}", start.unwrap_or("0"))
}

#[cfg(not(unix))]
fn run() -> String {
    "run".to_owned()
}

fn note(path: &Path, test: &str, why: &str) -> io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    // In one call, so that lines of several programs do not mix.
    file.write_all(format!("{why}\t{test}\n").as_bytes())
}

/// Reads the notes and removes them, along with those that other runs left a day ago.
fn take(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let _ = std::fs::remove_file(path);
    let stale = SystemTime::now().checked_sub(Duration::from_secs(86_400));
    for entry in path.parent().and_then(|f| std::fs::read_dir(f).ok()).into_iter().flatten().flatten() {
        if entry.metadata().and_then(|m| m.modified()).ok().zip(stale).is_some_and(|(at, stale)| at < stale) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    text
}

/// The report of notes: their number, and each reason with its tests.
fn summary(notes: &str) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in notes.lines() {
        let (why, test) = line.split_once('\t').unwrap_or((line, "?"));
        let tests = reasons.entry(why).or_default();
        if !tests.contains(&test) {
            tests.push(test);
        }
    }
    let count: usize = reasons.values().map(Vec::len).sum();
    let mut text = match count {
        0 => "\nSKIPPED: nothing\n".to_owned(),
        1 => "\nSKIPPED: 1 test, or a part of it\n".to_owned(),
        _ => format!("\nSKIPPED: {count} tests, or parts of them\n"),
    };
    for (why, tests) in reasons {
        text += &format!("  {}: {why}: {}\n", tests.len(), tests.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_too() {
        assert_eq!(summary(""), "\nSKIPPED: nothing\n");
    }

    #[test]
    fn each_test_counts_once_for_each_reason() {
        let notes = "no GPU\tgpu::a\nno GPU\tgpu::b\nno strace\tnetwork::c\nno GPU\tgpu::a\n";
        let want =
            "\nSKIPPED: 3 tests, or parts of them\n  2: no GPU: gpu::a, gpu::b\n  1: no strace: network::c\n";
        assert_eq!(summary(notes), want);
    }

    #[test]
    fn notes_of_one_run_are_taken_once() {
        let folder = std::env::temp_dir().join(format!("efficientecg-skipped-{}", std::process::id()));
        let (mine, other) = (folder.join("1-2"), folder.join("1-3"));
        note(&mine, "a", "why").expect("noted");
        note(&mine, "b", "why").expect("noted");
        note(&other, "c", "why").expect("noted");
        assert_eq!(take(&mine), "why\ta\nwhy\tb\n");
        assert_eq!(take(&mine), "");
        assert_eq!(take(&other), "why\tc\n");
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn this_test_has_a_name_and_a_place() {
        // On a single core tests run on the main thread, whose name is no test's.
        assert!(test_name().starts_with("efficientecg_skipped"), "{}", test_name());
        let path = notes().expect("cargo's folder");
        assert!(path.parent().is_some_and(|f| f.ends_with("skipped")), "{}", path.display());
    }
}
