//! The mutation check: plants the faults of [`faults::FAULTS`] one at a time and sees whether the tests catch them.
//!
//!     cargo run -p efficientecg-mutations                # all: two hours of two cores
//!     cargo run -p efficientecg-mutations -- NAME ...    # these
//!     cargo run -p efficientecg-mutations -- --list
//!
//! Faults are planted in a copy of the working tree, `target/mutations/tree`, which is built beside it, crate by crate
//! as they change; the working tree is not touched. First every test that is to catch something must pass without a
//! fault. What cargo said of each fault is kept in `target/mutations/NAME.log`.
//!
//! Exit code: 0 if no more than one in thirty survives, 1 if more do or a fault does not build, 2 if nothing could be
//! tried.

mod copy;
mod faults;
mod run;

use faults::{FAULTS, Fault};
use run::Verdict;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.iter().any(|n| n == "--list") {
        for fault in FAULTS {
            println!("{:28} {}: {}", fault.name, fault.file, fault.what);
        }
        return ExitCode::SUCCESS;
    }
    match check(&names) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mutations: {error}");
            ExitCode::from(2)
        }
    }
}

/// The root of the working tree.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Tries the faults of these names, or all; whether few enough survive.
fn check(names: &[String]) -> Result<bool, String> {
    if let Some(name) = names.iter().find(|n| FAULTS.iter().all(|f| f.name != **n)) {
        return Err(format!("there is no fault {name}; --list names them"));
    }
    let chosen: Vec<&Fault> =
        FAULTS.iter().filter(|f| names.is_empty() || names.iter().any(|n| n == f.name)).collect();
    let folder = root().join("target/mutations");
    let tree = folder.join("tree");
    copy::renew(&root(), &tree)?;

    let mut commands: Vec<&str> = Vec::new();
    for fault in &chosen {
        if !commands.contains(&fault.test) {
            commands.push(fault.test);
        }
    }
    for (i, command) in commands.iter().enumerate() {
        progress(&format!("without a fault, {} of {}: cargo test {command}", i + 1, commands.len()));
        let start = Instant::now();
        match run::test(&tree, command, &folder.join(format!("no-fault-{}.log", i + 1)))? {
            Verdict::Survived => progress(&format!("  passes, {} s", start.elapsed().as_secs())),
            other => return Err(format!("the tests do not pass without a fault: {other}")),
        }
    }

    let mut caught = 0;
    let mut survivors = Vec::new();
    for (i, fault) in chosen.iter().enumerate() {
        let start = Instant::now();
        copy::renew(&root(), &tree)?;
        copy::plant(&tree, fault)?;
        let outcome = run::test(&tree, fault.test, &folder.join(format!("{}.log", fault.name)))?;
        let seconds = start.elapsed().as_secs();
        progress(&format!("{:2} of {}  {:28} {seconds:4} s  {outcome}", i + 1, chosen.len(), fault.name));
        match outcome {
            Verdict::Caught(_) | Verdict::Died(_) | Verdict::TimedOut(_) => caught += 1,
            Verdict::Survived | Verdict::DoesNotBuild => survivors.push(fault),
        }
    }
    copy::renew(&root(), &tree)?;
    println!("{caught} of {} faults caught", chosen.len());
    for fault in &survivors {
        println!("not caught: {}, {}: {}", fault.name, fault.file, fault.what);
    }
    Ok(survivors.len() <= chosen.len() / 30)
}

/// A line that is seen at once, also in a pipe.
fn progress(line: &str) {
    use std::io::Write;
    println!("{line}");
    let _ = std::io::stdout().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_place() {
        assert!(FAULTS.len() >= 30, "{}", FAULTS.len());
        for fault in FAULTS {
            let text = std::fs::read_to_string(root().join(fault.file));
            let text = text.unwrap_or_else(|e| panic!("{}: {}: {e}", fault.name, fault.file));
            let places = text.matches(fault.old).count();
            assert_eq!(places, 1, "{}: its text stands {places} times in {}", fault.name, fault.file);
            assert_ne!(fault.old, fault.new, "{}", fault.name);
            assert_eq!(FAULTS.iter().filter(|f| f.name == fault.name).count(), 1, "{} twice", fault.name);
        }
    }
}
