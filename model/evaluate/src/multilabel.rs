//! Several classes a record, as PTB-XL's diagnostic superclasses: for each class the area under the ROC curve, F1 at a
//! threshold and calibration, and their means over classes (*macro*: each class alike, whatever its cases).
//!
//! The area is that of H. B. Mann and D. R. Whitney's statistic: the part of pairs of a record with the class and one
//! without in which the first has the higher probability, pairs of equal probability counting half. It is undefined
//! where all records have the class or none has, F1 where neither side has it; the means are of what is defined.

use super::calibration::{Calibration, Judged};
use super::csv::{CsvTable, Joined, REASON};
use super::{ClassFigures, mean};
use efficientecg_files::FileError;

/// Records with any number of classes each.
#[derive(Clone, Debug, PartialEq)]
pub struct Multilabel {
    /// Their names.
    pub classes: Vec<String>,
    /// By class, then record.
    pub cases: Vec<Vec<Judged>>,
}

/// Figures of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelFigures {
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Counts at the threshold.
    pub counts: ClassFigures,
    /// Expected calibration error.
    pub calibration_error: Option<f64>,
}

/// Figures of some records.
#[derive(Clone, Debug, PartialEq)]
pub struct MultilabelFigures {
    /// Each class by itself.
    pub classes: Vec<LabelFigures>,
    /// Mean area.
    pub macro_auc: Option<f64>,
    /// Mean F1.
    pub macro_f1: Option<f64>,
    /// Mean calibration error.
    pub calibration_error: Option<f64>,
}

impl Multilabel {
    /// Takes the classes of the records that two tables have, both with a first line `record,CLASS1,CLASS2,…`: 0 and 1 in the
    /// reference, probabilities in the predictions, whose classes may come in another order. Columns `class` and `reason` of the predictions are
    /// not read.
    ///
    /// # Errors
    /// Rows that do not read so; a class that one table lacks.
    pub fn read(reference: &CsvTable, predictions: &CsvTable, joined: &Joined) -> Result<Self, FileError> {
        let names = |table: &CsvTable| {
            let fix = "begin the table with a line record,CLASS1,CLASS2";
            table
                .header
                .clone()
                .ok_or_else(|| FileError::new(&table.path, "columns", "names", "none in the first line", fix))
        };
        let (wanted, given) = (names(reference)?, names(predictions)?);
        let classes = &wanted[1..];
        for name in given.iter().skip(1) {
            let is_told = ["class", REASON].iter().any(|told| name.eq_ignore_ascii_case(told));
            if !classes.contains(name) && !is_told {
                let expected = format!("classes {}", classes.join(" "));
                let fix = "give the reference's classes, no others";
                return Err(FileError::new(&predictions.path, "columns", expected, format!("{name:?}"), fix));
            }
        }
        let (truth, predicted) = (reference.by_record()?, predictions.by_record()?);
        let mut cases = Vec::with_capacity(classes.len());
        for (place, class) in classes.iter().enumerate() {
            let Some(column) = given.iter().skip(1).position(|g| g == class) else {
                let fix = "give a column of probabilities for each class of the reference";
                let expected = format!("one named {class:?}");
                return Err(FileError::new(&predictions.path, "columns", expected, "none", fix));
            };
            let mut all = Vec::with_capacity(joined.records.len());
            for name in &joined.records {
                let (Some(row), Some(other)) = (truth.get(name.as_str()), predicted.get(name.as_str()))
                else {
                    continue;
                };
                let label = row.fields[place + 1].parse::<f64>().ok().filter(|x| *x == 0.0 || *x == 1.0);
                let label = label.ok_or_else(|| {
                    reference.invalid(row, place + 1, "0 or 1", "give 1 where the record has the class")
                })?;
                let confidence = predictions.probability(other, column + 1)?;
                all.push(Judged { confidence, right: label == 1.0 });
            }
            cases.push(all);
        }
        Ok(Multilabel { classes: classes.to_vec(), cases })
    }

    /// Records.
    pub fn records(&self) -> usize {
        self.cases.first().map_or(0, Vec::len)
    }

    /// Figures of the records at these places, which may repeat; a class is given at a probability of at least `threshold`.
    pub fn figures(&self, places: &[usize], threshold: f64) -> MultilabelFigures {
        let class = |cases: &Vec<Judged>| {
            let mut drawn: Vec<Judged> = places.iter().map(|p| cases[*p]).collect();
            let given = |c: &&Judged| c.confidence >= threshold;
            LabelFigures {
                counts: ClassFigures {
                    reference: drawn.iter().filter(|c| c.right).count() as u64,
                    given: drawn.iter().filter(given).count() as u64,
                    right: drawn.iter().filter(given).filter(|c| c.right).count() as u64,
                },
                calibration_error: Calibration::new(&drawn).error(),
                auc: auc(&mut drawn),
            }
        };
        let classes: Vec<LabelFigures> = self.cases.iter().map(class).collect();
        MultilabelFigures {
            macro_auc: mean(classes.iter().map(|c| c.auc)),
            macro_f1: mean(classes.iter().map(|c| c.counts.f1())),
            calibration_error: mean(classes.iter().map(|c| c.calibration_error)),
            classes,
        }
    }

    /// Figures of all records.
    pub fn all(&self, threshold: f64) -> MultilabelFigures {
        let places: Vec<usize> = (0..self.records()).collect();
        self.figures(&places, threshold)
    }
}

/// The area under the ROC curve, from the ranks of the cases, which are sorted here; ties have the mean of their ranks.
pub fn auc(cases: &mut [Judged]) -> Option<f64> {
    cases.sort_by(|a, b| a.confidence.total_cmp(&b.confidence));
    let (mut ranks, mut positives) = (0.0, 0.0);
    let mut before = 0;
    for tied in cases.chunk_by(|a, b| a.confidence == b.confidence) {
        let rank = before as f64 + (tied.len() + 1) as f64 / 2.0;
        let right = tied.iter().filter(|c| c.right).count() as f64;
        ranks += rank * right;
        positives += right;
        before += tied.len();
    }
    let pairs = positives * (cases.len() as f64 - positives);
    (pairs > 0.0).then(|| (ranks - positives * (positives + 1.0) / 2.0) / pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn area(cases: &[(f64, bool)]) -> Option<f64> {
        let judged = |c: &(f64, bool)| Judged { confidence: c.0, right: c.1 };
        auc(&mut cases.iter().map(judged).collect::<Vec<_>>())
    }

    #[test]
    fn areas_by_hand() {
        // 2 with, 3 without: of 6 pairs 4 are won, 1 is tied, 1 lost.
        let cases = [(0.9, true), (0.4, true), (0.4, false), (0.5, false), (0.1, false)];
        assert_eq!(area(&cases), Some(4.5 / 6.0));
        assert_eq!(area(&[(0.5, true), (0.5, false)]), Some(0.5));
        assert_eq!(area(&[(0.2, true), (0.8, false)]), Some(0.0));
        assert_eq!(area(&[(0.2, true)]), None);
        assert_eq!(area(&[]), None);
    }

    #[test]
    fn areas_are_the_parts_of_pairs() {
        let mut random = efficientecg_ecg::random::SplitMix64(9);
        for _ in 0..50 {
            // Few levels, so that many tie.
            let cases: Vec<(f64, bool)> =
                (0..40).map(|_| (f64::from(random.below(8)) / 8.0, random.below(3) == 0)).collect();
            let (mut won, mut pairs) = (0.0, 0.0);
            for with in cases.iter().filter(|c| c.1) {
                for without in cases.iter().filter(|c| !c.1) {
                    pairs += 1.0;
                    won +=
                        if with.0 > without.0 { 1.0 } else { 0.5 * f64::from(u8::from(with.0 == without.0)) };
                }
            }
            let found = area(&cases).expect("both kinds");
            assert!((found - won / pairs).abs() < 1e-12, "{found} {won} {pairs}");
        }
    }

    fn read(reference: &str, predictions: &str) -> Result<Multilabel, FileError> {
        let table = |name: &str, text| CsvTable::parse(Path::new(name), text, &["record"]);
        let (a, b) = (table("r.csv", reference)?, table("p.csv", predictions)?);
        Multilabel::read(&a, &b, &Joined::new(&a, &b, false)?)
    }

    #[test]
    fn figures_by_hand() {
        let reference = "record,MI,CD,HYP\n1,1,0,0\n2,1,1,0\n3,0,0,0\n";
        let predictions = "record,HYP,CD,MI\n3,0.1,0.5,0.2\n2,0.2,0.5,0.5\n1,0.3,0.1,0.4\n";
        let all = read(reference, predictions).expect("tables");
        assert_eq!(all.classes, ["MI", "CD", "HYP"]);
        let f = all.all(0.5);
        // MI: both above the third; CD: tied with one, above the other; HYP: no record has it.
        assert_eq!(f.classes.iter().map(|c| c.auc).collect::<Vec<_>>(), [Some(1.0), Some(0.75), None]);
        assert_eq!(f.macro_auc, Some(0.875));
        // A probability of 0.5 is enough. MI: 1 of 2 found. CD: 1 right of 2 given.
        let f1: Vec<Option<f64>> = f.classes.iter().map(|c| c.counts.f1()).collect();
        assert_eq!(f1, [Some(2.0 / 3.0), Some(2.0 / 3.0), None]);
        assert_eq!(f.macro_f1, Some(2.0 / 3.0));
        // MI, each in a bin of its own: (0.6 + 0.5 + 0.2) / 3.
        assert!((f.classes[0].calibration_error.expect("cases") - 1.3 / 3.0).abs() < 1e-12);
        assert_eq!(all.all(0.4).classes[0].counts.right, 2);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let reference = "record,MI,CD\n1,1,0\n";
        for (a, b, part) in [
            ("1,1,0\n", "record,MI,CD\n1,1,1\n", "r.csv: columns: expected names"),
            (reference, "1,1,1\n", "p.csv: columns: expected names"),
            (reference, "record,MI\n1,1\n", "p.csv: columns: expected one named \"CD\""),
            (reference, "record,MI,CD,X\n1,1,1,1\n", "p.csv: columns: expected classes MI CD, found \"X\""),
            (reference, "record,MI,CD\n1,1,2\n", "p.csv: line 2 column \"CD\": expected a probability"),
            (
                "record,MI,CD\n1,1,2\n",
                "record,MI,CD\n1,1,1\n",
                "r.csv: line 2 column \"CD\": expected 0 or 1",
            ),
        ] {
            let line = read(a, b).expect_err(part).to_string();
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
