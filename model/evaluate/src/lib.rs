//! How good beats and classes are: metrics of the field, from annotation files and tables, whatever program made them.
//!
//! ```text
//! pairing.rs      which test beat is which reference beat, by the rules of `bxb`
//! beats.rs        the matrix of ANSI/AAMI EC57 and its statistics: a record's, gross, average
//! episodes.rs     episodes of fibrillation by EC57, as `epicmp` and `sumstats` score them
//! csv.rs          comma-separated values in
//! records.rs      one class a record: F1 of each class and their mean (CinC 2017)
//! multilabel.rs   several classes a record: area under the ROC curve, F1
//! calibration.rs  expected calibration error
//! bootstrap.rs    intervals over records
//! ```
//!
//! A statistic without cases (a sensitivity to beats that the reference has none of) is undefined: `None`, left out of
//! averages, never 0 or 1.

pub mod beats;
pub mod bootstrap;
pub mod calibration;
pub mod csv;
pub mod episodes;
pub mod multilabel;
pub mod pairing;
pub mod records;

/// A part of a whole, in cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    /// Cases that count.
    pub part: u64,
    /// All cases.
    pub of: u64,
}

impl Ratio {
    /// From 0 to 1; `None` without cases.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.part as f64 / self.of as f64)
    }
}

/// The mean of what is defined; `None` where nothing is.
pub fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.into_iter().flatten().fold((0.0, 0_u32), |(s, n), x| (s + x, n + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Sensitivity, positive predictivity and F1 of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClassFigures {
    /// Cases of the class in the reference.
    pub reference: u64,
    /// Cases given the class.
    pub given: u64,
    /// Cases of the class that were given it.
    pub right: u64,
}

impl ClassFigures {
    /// Part of the class's cases that were given it.
    pub fn sensitivity(&self) -> Option<f64> {
        Ratio { part: self.right, of: self.reference }.value()
    }

    /// Part of the cases given the class that are of it.
    pub fn predictivity(&self) -> Option<f64> {
        Ratio { part: self.right, of: self.given }.value()
    }

    /// Twice the right ones over both counts; `None` for a class that neither side has.
    pub fn f1(&self) -> Option<f64> {
        Ratio { part: 2 * self.right, of: self.reference + self.given }.value()
    }
}

/// What the README shows is run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
