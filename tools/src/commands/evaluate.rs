//! `efficientecg evaluate`: how good beats and classes are.

mod beats;
mod episodes;
mod records;

use crate::args::{Evaluate, What};
use crate::commands::classify::beside;
use crate::error::Failure;
use efficientecg_evaluate::bootstrap::Interval;
use efficientecg_evaluate::calibration::Calibration;
use serde::Serialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub(crate) fn run(args: &Evaluate) -> Result<(), Failure> {
    match &args.what {
        What::Beats(args) => beats::run(args),
        What::Episodes(args) => episodes::run(args),
        What::Records(args) => records::run(args),
    }
}

/// Which file is scored for each record.
struct Pairing<'a> {
    annotator: &'a str,
    folder: Option<&'a Path>,
    seen: HashSet<PathBuf>,
}

impl<'a> Pairing<'a> {
    fn new(annotator: &'a str, folder: Option<&'a Path>) -> Pairing<'a> {
        Pairing { annotator, folder, seen: HashSet::new() }
    }

    /// The file to score for a record; none may be scored twice.
    fn test_file(&mut self, record: &Path) -> Result<PathBuf, Failure> {
        let test = match (self.folder, record.file_name()) {
            (Some(folder), Some(name)) => beside(&folder.join(name), self.annotator),
            _ => beside(record, self.annotator),
        };
        if self.seen.insert(test.clone()) {
            return Ok(test);
        }
        let line = format!("{}: would be scored twice; give each record once", test.display());
        Err(Failure::usage(line))
    }
}

/// A part in percent, to these decimals; `-` where undefined.
fn percent(value: Option<f64>, decimals: usize) -> String {
    value.map_or("-".to_owned(), |v| format!("{:.decimals$}", 100.0 * v))
}

/// A number to these decimals; `-` where undefined.
fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or("-".to_owned(), |v| format!("{v:.decimals$}"))
}

/// An interval to these decimals, in blanks where there is none.
fn interval(value: Option<Interval>, scale: f64, decimals: usize) -> String {
    value.map_or(String::new(), |[a, b]| format!("  ({:.decimals$} to {:.decimals$})", scale * a, scale * b))
}

/// Calibration for programs.
#[derive(Serialize)]
struct CalibrationReport {
    /// The expected calibration error.
    error: Option<f64>,
    cases: u64,
    /// By rising probability, those without cases too.
    bins: Vec<BinReport>,
}

#[derive(Serialize)]
struct BinReport {
    cases: u64,
    /// Means of the bin's cases.
    probability: Option<f64>,
    right: Option<f64>,
}

impl CalibrationReport {
    fn new(calibration: &Calibration) -> CalibrationReport {
        let bin = |b: &efficientecg_evaluate::calibration::Bin| {
            let mean = |sum: f64| (b.cases > 0).then(|| sum / b.cases as f64);
            BinReport { cases: b.cases, probability: mean(b.confidence), right: mean(b.right as f64) }
        };
        CalibrationReport {
            error: calibration.error(),
            cases: calibration.bins.iter().map(|b| b.cases).sum(),
            bins: calibration.bins.iter().map(bin).collect(),
        }
    }
}
