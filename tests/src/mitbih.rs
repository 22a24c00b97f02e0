//! The MIT-BIH Arrhythmia Database, where it is at hand.
//!
//! Records are looked for in the folder `EFFICIENTECG_MITBIH`; else they are unpacked from `../shared/data` with its
//! `unpack.py` (python3 and numpy) into this folder's build output.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the records, or nothing, said on standard error, where there is none.
pub fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOLDER.get_or_init(find) {
        Ok(folder) => Some(folder),
        Err(why) => {
            // Past the test harness, which hides what passing tests print.
            let _ = writeln!(std::io::stderr(), "SKIPPED: no MIT-BIH records: {why}");
            None
        }
    }
}

fn find() -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os("EFFICIENTECG_MITBIH") {
        let folder = PathBuf::from(folder);
        // A folder that was named must be there: a typing error is not a reason to skip.
        assert!(folder.join("100.hea").is_file(), "EFFICIENTECG_MITBIH has no 100.hea");
        return Ok(folder);
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let script = data.join("unpack.py");
    if !script.is_file() {
        return Err(format!("{} is not there", script.display()));
    }
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/mitbih");
    if records(&out).len() == 48 {
        return Ok(out);
    }
    let run = Command::new("python3").arg(&script).arg("mitbih").arg(&out).output();
    match run {
        Ok(run) if run.status.success() => Ok(out),
        Ok(run) => Err(String::from_utf8_lossy(&run.stderr).trim().replace('\n', "; ")),
        Err(e) => Err(format!("python3: {e}")),
    }
}

/// Names of the records in `folder` that have all three files, in order.
pub fn records(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.strip_suffix(".hea").map(str::to_owned))
        .filter(|n| ["dat", "atr"].iter().all(|x| folder.join(format!("{n}.{x}")).is_file()))
        .collect();
    names.sort();
    names
}
