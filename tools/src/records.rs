//! Records that the command line names, and how they are read.

use crate::args::{Records, Tables};
use crate::error::Failure;
use efficientecg::FileError;
use efficientecg::ecg::parts::Parts;
use efficientecg::ecg::{ReadOptions, Record, paths};
use efficientecg_files as files;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest list of records, in bytes.
const MAX_LIST: u64 = 1 << 28;
/// Bytes that are kept for what is made of one record after another: taking small pages anew costs a long one a tenth of its time.
const RESERVED: usize = 31 << 20;
/// What standard input is called where it is named as a file.
const STANDARD_INPUT: &str = "-";

/// All records in order, those of the list last. A folder or a pattern is all records that it holds.
pub(crate) fn named(args: &Records) -> Result<Vec<PathBuf>, Failure> {
    let mut records = args.named.clone();
    if let Some(path) = &args.list {
        let text = if is_standard_input(path) { piped(path)? } else { files::text(path, LIST, MAX_LIST)? };
        let before = records.len();
        records.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(PathBuf::from));
        if records.len() == before {
            let fix = "give one path a line";
            return Err(FileError::new(path, LIST, "at least one", "none", fix).into());
        }
    }
    let mut all = Vec::with_capacity(records.len());
    for record in records {
        if is_standard_input(&record) {
            all.push(record);
        } else {
            all.extend(paths::expand(&record)?);
        }
    }
    Ok(all)
}

const LIST: &str = "list of records";

/// Text of standard input.
fn piped(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_LIST).read_to_string(&mut text);
    match read {
        Ok(_) => Ok(text),
        Err(e) => {
            let fix = "give one path a line";
            Err(FileError::new(path, LIST, "text in UTF-8", e.to_string(), fix).into())
        }
    }
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT) || path == Path::new("/dev/stdin")
}

impl Tables {
    /// Reads a record, from a file or from standard input.
    pub(crate) fn open(&self, path: &Path) -> Result<Record, Failure> {
        let _reserved = files::reserve(RESERVED);
        let options = self.options();
        let record = if is_standard_input(path) {
            Record::read("stdin", std::io::stdin().lock(), &options)
        } else {
            Record::open_with(path, &options)
        };
        Ok(record?)
    }

    /// A record that is read part by part where its format allows that.
    pub(crate) fn parts(&self, path: &Path) -> Result<Parts, Failure> {
        let options = self.options();
        Ok(if is_standard_input(path) {
            Parts::of(Record::read("stdin", std::io::stdin().lock(), &options)?)
        } else {
            Parts::open(path, &options)?
        })
    }

    fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::new().leads(self.names.clone());
        (options.rate, options.unit) = (self.rate, self.unit.clone());
        options
    }
}
