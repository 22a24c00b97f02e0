//! One class a record: the confusion matrix, accuracy, and F1 as the challenge of PhysioNet and Computing in Cardiology
//! 2017 defines it (G. D. Clifford et al., *AF classification from a short single lead ECG recording*, Computing in Cardiology
//! 44, 2017).
//!
//! ```text
//! F1 of a class = 2 · (records of the class that were given it) / (records of the class + records given it)
//! score         = mean of F1 over N, A and O; `~`, noise, is a class but not in the mean
//! ```
//!
//! A class that neither side has is undefined and left out of the mean.

use super::calibration::{Calibration, Judged};
use super::csv::{CsvRow, CsvTable, Joined, REASON};
use super::{ClassFigures, Ratio, mean};
use efficientecg_files::FileError;
use std::collections::{BTreeSet, HashMap};

/// Classes of the challenge, in its order.
const CHALLENGE: [&str; 4] = ["N", "A", "O", "~"];
/// The class that is no rhythm.
const NOISE: &str = "~";
/// How far a row's probabilities may be from a sum of 1, for those that were rounded.
const SUM_TOLERANCE: f64 = 0.02;

/// A record's class, and what it was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Place of its class.
    pub truth: usize,
    /// Place of the class given.
    pub given: usize,
    /// The probability of that, where it is known.
    pub confidence: Option<f64>,
}

/// Records with one class each.
#[derive(Clone, Debug, PartialEq)]
pub struct Multiclass {
    /// Their names.
    pub classes: Vec<String>,
    /// Places of the classes whose F1 are averaged.
    pub averaged: Vec<usize>,
    /// A case a record.
    pub cases: Vec<Prediction>,
}

/// Figures of some records.
#[derive(Clone, Debug, PartialEq)]
pub struct MulticlassFigures {
    /// Records by class (row) and class given (column).
    pub matrix: Vec<Vec<u64>>,
    /// Each class by itself.
    pub classes: Vec<ClassFigures>,
    /// Mean of the averaged classes' F1.
    pub mean_f1: Option<f64>,
    /// Records that were given their class.
    pub accuracy: Ratio,
}

/// What the columns of a table of predictions are.
struct Columns {
    /// Of the class, if there is one.
    class: Option<usize>,
    /// Of probabilities, with their classes.
    probabilities: Vec<(usize, String)>,
}

impl Columns {
    fn of(table: &CsvTable) -> Result<Columns, FileError> {
        let width = table.rows[0].fields.len();
        let invalid = |expected: &str, found: String| {
            let fix = "name the columns record,class,CLASS1,CLASS2, or give records and classes alone";
            Err(FileError::new(&table.path, "columns", expected, found, fix))
        };
        let columns = match &table.header {
            None if width == 2 => Columns { class: Some(1), probabilities: Vec::new() },
            None => return invalid("names, or 2 columns without", format!("{width} without names")),
            Some(_) if width == 2 => Columns { class: Some(1), probabilities: Vec::new() },
            Some(names) => {
                let class = names.iter().position(|n| n.eq_ignore_ascii_case("class"));
                let is_reason = |c: &usize| names[*c].eq_ignore_ascii_case(REASON);
                let others = (1..width).filter(|c| Some(*c) != class && !is_reason(c));
                Columns { class, probabilities: others.map(|c| (c, names[c].clone())).collect() }
            }
        };
        match &columns {
            Columns { class: None, probabilities } if probabilities.len() < 2 => {
                invalid("a class, or probabilities of 2 classes or more", format!("{width} columns"))
            }
            _ => Ok(columns),
        }
    }

    /// The class that a row gives and, where it is known, its probability.
    fn read(&self, table: &CsvTable, row: &CsvRow) -> Result<(String, Option<f64>), FileError> {
        let mut best: Option<(&str, f64)> = None;
        let mut named = None;
        let mut sum = 0.0;
        for (column, class) in &self.probabilities {
            let p = table.probability(row, *column)?;
            sum += p;
            if best.is_none_or(|(_, most)| p > most) {
                best = Some((class, p));
            }
            if self.class.is_some_and(|c| row.fields[c] == *class) {
                named = Some(p);
            }
        }
        if let Some((first, _)) = self.probabilities.first()
            && (sum - 1.0).abs() > SUM_TOLERANCE
        {
            let found = format!("a sum of {sum:.3}");
            let item = format!("line {} probabilities from column {}", row.line, first + 1);
            let fix = "give each class's probability; for classes that do not exclude each other give a reference of 0 and 1 a class";
            return Err(FileError::new(&table.path, item, "a sum of 1", found, fix));
        }
        let Some(class) = self.class else {
            return Ok(best.map_or((String::new(), None), |(class, p)| (class.to_owned(), Some(p))));
        };
        if row.fields[class].is_empty() || (named.is_none() && !self.probabilities.is_empty()) {
            let expected = if self.probabilities.is_empty() {
                "a class"
            } else {
                "a class that has a column of probabilities"
            };
            return Err(table.invalid(row, class, expected, "give every record its class"));
        }
        Ok((row.fields[class].clone(), named))
    }
}

impl Multiclass {
    /// Takes the classes of the records that two tables have. The reference is `record,class` rows, predictions the same or with a
    /// first line `record,class,N,A,O,~` and a probability for each class (then `class` may be left out, and is the first of the
    /// highest probability). `averaged` names the classes whose F1 are averaged: without it, all but `~`.
    ///
    /// # Errors
    /// Rows that do not read so; an averaged class that no record has.
    pub fn read(
        reference: &CsvTable,
        predictions: &CsvTable,
        joined: &Joined,
        averaged: Option<&[String]>,
    ) -> Result<Multiclass, FileError> {
        if let Some(row) = reference.rows.iter().find(|r| r.fields.len() != 2) {
            let found = row.fields.len().to_string();
            let fix = "give rows of a record and its class";
            return Err(FileError::new(&reference.path, "columns", "2: record,class", found, fix));
        }
        let columns = Columns::of(predictions)?;
        let (truth, given) = (reference.by_record()?, predictions.by_record()?);
        let mut read = Vec::with_capacity(joined.records.len());
        for name in &joined.records {
            let (Some(row), Some(other)) = (truth.get(name.as_str()), given.get(name.as_str())) else {
                continue;
            };
            if row.fields[1].is_empty() {
                return Err(reference.invalid(row, 1, "a class", "give every record its class"));
            }
            read.push((row.fields[1].clone(), columns.read(predictions, other)?));
        }
        let mut classes: Vec<String> = columns.probabilities.into_iter().map(|(_, class)| class).collect();
        let mut others: BTreeSet<&String> = read.iter().flat_map(|(a, (b, _))| [a, b]).collect();
        others.retain(|c| !classes.contains(c));
        let mut others: Vec<String> = others.into_iter().cloned().collect();
        let place = |c: &String| CHALLENGE.iter().position(|x| x == c).unwrap_or(CHALLENGE.len());
        others.sort_by_key(place);
        classes.extend(others);
        let places: HashMap<&String, usize> = classes.iter().zip(0..).collect();
        let case = |(truth, (given, confidence)): &(String, (String, Option<f64>))| Prediction {
            truth: places[truth],
            given: places[given],
            confidence: *confidence,
        };
        let cases = read.iter().map(case).collect();
        let averaged = match averaged {
            None => (0..classes.len()).filter(|c| classes[*c] != NOISE).collect(),
            Some(names) => {
                let place = |name: &String| {
                    classes.iter().position(|c| c == name).ok_or_else(|| {
                        let expected = format!("one of {}", classes.join(" "));
                        let fix = "average over classes of the reference";
                        FileError::new(&reference.path, "averaged class", expected, format!("{name:?}"), fix)
                    })
                };
                names.iter().map(place).collect::<Result<_, _>>()?
            }
        };
        Ok(Multiclass { classes, averaged, cases })
    }

    /// Figures of the records at these places, which may repeat.
    pub fn figures(&self, places: impl IntoIterator<Item = usize>) -> MulticlassFigures {
        let n = self.classes.len();
        let mut matrix = vec![vec![0; n]; n];
        for place in places {
            let case = &self.cases[place];
            matrix[case.truth][case.given] += 1;
        }
        let class = |c: usize| ClassFigures {
            reference: matrix[c].iter().sum(),
            given: matrix.iter().map(|row| row[c]).sum(),
            right: matrix[c][c],
        };
        let classes: Vec<ClassFigures> = (0..n).map(class).collect();
        MulticlassFigures {
            mean_f1: mean(self.averaged.iter().map(|c| classes[*c].f1())),
            accuracy: Ratio {
                part: classes.iter().map(|c| c.right).sum(),
                of: classes.iter().map(|c| c.reference).sum(),
            },
            matrix,
            classes,
        }
    }

    /// Figures of all records.
    pub fn all(&self) -> MulticlassFigures {
        self.figures(0..self.cases.len())
    }

    /// Calibration of the probabilities given, if there are any.
    pub fn calibration(&self) -> Option<Calibration> {
        let judged: Vec<Judged> = self
            .cases
            .iter()
            .filter_map(|c| Some(Judged { confidence: c.confidence?, right: c.truth == c.given }))
            .collect();
        (!judged.is_empty()).then(|| Calibration::new(&judged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn table(name: &str, text: &str) -> CsvTable {
        CsvTable::parse(Path::new(name), text, &["record"]).expect("a table")
    }

    fn read(reference: &str, predictions: &str) -> Result<Multiclass, FileError> {
        let (a, b) = (table("r.csv", reference), table("p.csv", predictions));
        Multiclass::read(&a, &b, &Joined::new(&a, &b, false)?, None)
    }

    /// Six records: N taken for N, N and O; A for A; O for N; ~ for ~.
    const REFERENCE: &str = "1,N\n2,N\n3,N\n4,A\n5,O\n6,~\n";

    #[test]
    fn the_challenge_worked_by_hand() {
        let records = read(REFERENCE, "6,~\n1,N\n2,N\n3,O\n4,A\n5,N\n").expect("tables");
        assert_eq!(records.classes, ["N", "A", "O", "~"]);
        let f = records.all();
        assert_eq!(f.matrix, [[2, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]]);
        // N: 2 right, 3 in the row, 3 in the column. O: none right.
        let f1: Vec<Option<f64>> = f.classes.iter().map(ClassFigures::f1).collect();
        assert_eq!(f1, [4.0 / 6.0, 1.0, 0.0, 1.0].map(Some));
        assert!((f.mean_f1.expect("defined") - (4.0 / 6.0 + 1.0) / 3.0).abs() < 1e-15);
        assert_eq!(f.accuracy, Ratio { part: 4, of: 6 });
        assert_eq!(records.calibration(), None);
        // Without the ~ and the A, A has no F1 and is not in the mean.
        let f = records.figures([0, 1, 2, 4]);
        assert_eq!((f.classes[1].f1(), f.mean_f1), (None, Some((4.0 / 6.0) / 2.0)));
    }

    #[test]
    fn probabilities_give_classes_and_calibration() {
        let given = "record,A,N\n1,0.25,0.75\n2,0.5,0.5\n";
        let records = read("1,N\n2,N\n", given).expect("tables");
        assert_eq!(records.classes, ["A", "N"]);
        assert_eq!(records.cases[1], Prediction { truth: 1, given: 0, confidence: Some(0.5) });
        // 0.75 and right: off by 0.25. 0.5 and wrong: off by 0.5.
        let error = records.calibration().and_then(|c| c.error()).expect("cases");
        assert!((error - 0.375).abs() < 1e-12);
        let named = read("1,N\n2,N\n", "record,class,A,N\n1,A,0.25,0.75\n2,N,0.5,0.5\n").expect("tables");
        assert_eq!(named.cases[0], Prediction { truth: 1, given: 0, confidence: Some(0.25) });
    }

    #[test]
    fn records_that_were_not_assessed_are_left_out_and_named() {
        let given = "record,class,A,N,reason\n1,-,,,noise\n2,N,0.25,0.75,\n";
        let (a, b) = (table("r.csv", "1,N\n2,N\n"), table("p.csv", given));
        let joined = Joined::new(&a, &b, false).expect("tables");
        assert_eq!(
            (joined.records.clone(), joined.not_assessed.clone()),
            (vec!["2".to_owned()], vec!["1".to_owned()])
        );
        let records = Multiclass::read(&a, &b, &joined, None).expect("tables");
        assert_eq!(records.cases, [Prediction { truth: 1, given: 1, confidence: Some(0.75) }]);
        assert_eq!(records.classes, ["A", "N"]);
        let line = read("1,N\n", "1,-\n").expect_err("none").to_string();
        assert!(line.contains("none of them assessed"), "{line}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (reference, predictions, part) in [
            ("1,N,A\n", "1,N\n", "r.csv: columns: expected 2"),
            ("1,\n", "1,N\n", "r.csv: line 1 column 2: expected a class"),
            ("1,N\n", "1,N,0.5\n", "p.csv: columns: expected names"),
            ("1,N\n", "record,class,N,A\n1,N,0.9,x\n", "p.csv: line 2 column \"A\": expected a probability"),
            ("1,N\n", "record,class,N,A\n1,N,0.9,NaN\n", "p.csv: line 2 column \"A\""),
            ("1,N\n", "record,class,N,A\n1,N,0.9,0.9\n", "p.csv: line 2 probabilities from column 3"),
            (
                "1,N\n",
                "record,class,N,A\n1,O,0.9,0.1\n",
                "line 2 column \"class\": expected a class that has a column",
            ),
            ("1,N\n", "1,\n", "p.csv: line 1 column 2: expected a class"),
        ] {
            let line = read(reference, predictions).expect_err(part).to_string();
            assert!(line.contains(part), "{part} in {line}");
        }
        let (a, b) = (table("r.csv", REFERENCE), table("p.csv", REFERENCE));
        let joined = Joined::new(&a, &b, false).expect("the same");
        let mean = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            Multiclass::read(&a, &b, &joined, Some(&names))
        };
        assert_eq!(mean(&["A", "N"]).map(|r| r.averaged), Ok(vec![1, 0]));
        assert!(mean(&["X"]).expect_err("no X").to_string().contains("one of N A O ~"));
    }
}
