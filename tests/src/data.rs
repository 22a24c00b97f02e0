//! Data sets of real ECGs, where they are at hand.
//!
//! A set is looked for in the folder that its environment variable names; else it is unpacked from `../shared/data` with the
//! `unpack.py` there (python3 and numpy) into this repository's build output.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One published data set.
pub struct DataSet {
    title: &'static str,
    /// As `unpack.py` calls it.
    name: &'static str,
    variable: &'static str,
    /// What is written last, and so is there only if all is.
    last: &'static str,
    found: OnceLock<Result<PathBuf, String>>,
}

impl DataSet {
    /// A set by its title, its name for `unpack.py`, the variable of its folder and the file that is written last.
    pub const fn new(
        title: &'static str,
        name: &'static str,
        variable: &'static str,
        last: &'static str,
    ) -> DataSet {
        DataSet { title, name, variable, last, found: OnceLock::new() }
    }

    /// The folder of the records. Where there is none, the test that asks for it is noted as skipped.
    pub fn folder(&self) -> Option<&Path> {
        match self.found.get_or_init(|| self.find()) {
            Ok(folder) => Some(folder),
            Err(why) => {
                efficientecg_skipped::skipped(&format!("no {} records: {why}", self.title));
                None
            }
        }
    }

    fn find(&self) -> Result<PathBuf, String> {
        if let Some(folder) = std::env::var_os(self.variable) {
            let folder = PathBuf::from(folder);
            // A folder that was named must be there: a typing error is not a reason to skip.
            assert!(folder.join(self.last).is_file(), "{} has no {}", self.variable, self.last);
            return Ok(folder);
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = root.join("../../shared/data/unpack.py");
        if !script.is_file() {
            return Err(format!("{} is not there", script.display()));
        }
        let out = root.join("../target").join(self.name);
        if out.join(self.last).is_file() {
            return Ok(out);
        }
        let run = Command::new("python3").arg(&script).arg(self.name).arg(&out).output();
        match run {
            Ok(run) if run.status.success() => Ok(out),
            Ok(run) => Err(String::from_utf8_lossy(&run.stderr).trim().replace('\n', "; ")),
            Err(e) => Err(format!("python3: {e}")),
        }
    }
}
