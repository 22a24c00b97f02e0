//! Beat-by-beat statistics of ANSI/AAMI EC57 (and EC38): the matrix of reference and test classes, what follows from it, and
//! over records the gross statistics (of the sums of all matrices) and the average ones (the mean of the records', each
//! record alike, those left out for which a statistic is undefined).
//!
//! With `Ab` for the beats of reference class `A` and test class `b`, `o` and `x` for those missed, `O` and `X` for extra
//! ones (`x` and `X` during the other side's shutdown):
//!
//! ```text
//! QRS   sensitivity      pairs / (pairs + all o and x)    predictivity   pairs / (pairs + all O and X)
//! VEB   sensitivity      Vv / (V row)
//!       predictivity     Vv / (Vv + Nv + Sv + Ov + Xv)                   Fv and Qv are not held against it
//!       false positives  (Nv + Sv + Ov + Xv) / (those + all that is neither V nor v, without o and x)
//! SVEB  sensitivity      Ss / (S row)
//!       predictivity     Ss / (Ss + Ns + Vs + Fs + Os + Xs)              Qs is not held against it
//!       false positives  (Ns + Vs + Fs + Os + Xs) / (those + all that is neither S nor s, without o and x)
//! ```
//!
//! `bxb` prints no rate of false positives for SVEB; the one here is formed as that for VEB. `sumstats` leaves Fs out of the gross
//! and average predictivity of SVEB, as `bxb` prints F and Q in one column.
//!
//! *R-R error.* The root mean square of the difference between the reference's R-R interval and the test's. `bxb` compares the two marks
//! at hand again and again, until it has gone through both files; at each comparison it takes the intervals of both back to the mark before
//! in their own file, also where one of them turns out missed or extra. An interval over which fibrillation or a shutdown begins is none.
//! EC57 has no such statistic.

use super::calibration::{Calibration, Judged};
use super::pairing::{Outcome, Rules, Track, comparisons};
use super::{ClassFigures, Ratio, mean};

/// Rows of the matrix: the reference's classes, extra beats, extra beats in the reference's shutdown.
pub const ROWS: [char; 7] = ['N', 'S', 'V', 'F', 'Q', 'O', 'X'];
/// Columns of the matrix: the test's classes, missed beats, missed beats in the test's shutdown.
pub const COLUMNS: [char; 7] = ['n', 's', 'v', 'f', 'q', 'o', 'x'];
const BEATS: std::ops::Range<usize> = 0..5;
const S: usize = 1;
const V: usize = 2;
const F: usize = 3;
const Q: usize = 4;
/// Extra beats in a column, missed ones in a row.
const ALONE: usize = 5;
/// The same in the other side's shutdown.
const SHUT_DOWN: usize = 6;

/// Beats by reference class (row) and test class (column), as [`ROWS`] and [`COLUMNS`] name them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfusionMatrix(pub [[u64; 7]; 7]);

impl ConfusionMatrix {
    fn row(&self, row: usize) -> u64 {
        self.0[row].iter().sum()
    }

    fn column(&self, column: usize) -> u64 {
        self.0.iter().map(|row| row[column]).sum()
    }

    /// Beats of the reference, the missed ones among them.
    pub fn beats(&self) -> u64 {
        BEATS.map(|row| self.row(row)).sum()
    }

    fn pairs(&self) -> u64 {
        BEATS.flat_map(|row| BEATS.map(move |column| self.0[row][column])).sum()
    }

    /// Adds another record's.
    pub fn add(&mut self, other: &ConfusionMatrix) {
        for (a, b) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *a += b;
        }
    }

    /// One class (a place in N S V F Q) by itself, every confusion counted: what papers print beside EC57's figures.
    pub fn class(&self, class: usize) -> ClassFigures {
        let (reference, given) = (self.row(class), self.column(class));
        ClassFigures { reference, given, right: self.0[class][class] }
    }

    /// Beats that were found and given their class, of all of the reference.
    pub fn accuracy(&self) -> Ratio {
        Ratio { part: BEATS.map(|c| self.0[c][c]).sum(), of: self.beats() }
    }

    /// False and true positives of a class, but for rows that are `forgiven`; and its true negatives.
    fn positives(&self, class: usize, forgiven: &[usize]) -> (u64, u64, u64) {
        let counts = |row: &usize| *row != class && !forgiven.contains(row);
        let wrong = (0..7).filter(counts).map(|row| self.0[row][class]).sum();
        let others = (0..7).filter(|row| *row != class);
        let negatives =
            others.flat_map(|row| BEATS.filter(move |c| *c != class).map(move |c| self.0[row][c])).sum();
        (wrong, self.0[class][class], negatives)
    }
}

/// A statistic of EC57.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Part of the beats that were found.
    QrsSensitivity,
    /// Part of the found that are beats.
    QrsPredictivity,
    /// Part of the ventricular ectopic beats that were given V.
    VebSensitivity,
    /// Part of the beats given V that are such.
    VebPredictivity,
    /// Part of the others that were given V.
    VebFalsePositives,
    /// Part of the supraventricular ectopic beats that were given S.
    SvebSensitivity,
    /// Part of the beats given S that are such.
    SvebPredictivity,
    /// Part of the others that were given S.
    SvebFalsePositives,
}

impl Statistic {
    /// All, in the order of reports.
    pub const ALL: [Statistic; 8] = [
        Statistic::QrsSensitivity,
        Statistic::QrsPredictivity,
        Statistic::VebSensitivity,
        Statistic::VebPredictivity,
        Statistic::VebFalsePositives,
        Statistic::SvebSensitivity,
        Statistic::SvebPredictivity,
        Statistic::SvebFalsePositives,
    ];

    /// A name for programs.
    pub fn key(self) -> &'static str {
        match self {
            Statistic::QrsSensitivity => "qrs_sensitivity",
            Statistic::QrsPredictivity => "qrs_predictivity",
            Statistic::VebSensitivity => "veb_sensitivity",
            Statistic::VebPredictivity => "veb_predictivity",
            Statistic::VebFalsePositives => "veb_false_positive_rate",
            Statistic::SvebSensitivity => "sveb_sensitivity",
            Statistic::SvebPredictivity => "sveb_predictivity",
            Statistic::SvebFalsePositives => "sveb_false_positive_rate",
        }
    }

    /// Its value for a matrix.
    pub fn of(self, m: &ConfusionMatrix) -> Ratio {
        let sum = |row: usize| m.row(row);
        let predictivity = |(wrong, right, _): (u64, u64, u64)| Ratio { part: right, of: right + wrong };
        let rate = |(wrong, _, negatives): (u64, u64, u64)| Ratio { part: wrong, of: wrong + negatives };
        let (veb, sveb) = (m.positives(V, &[F, Q]), m.positives(S, &[Q]));
        match self {
            Statistic::QrsSensitivity => Ratio { part: m.pairs(), of: m.beats() },
            Statistic::QrsPredictivity => {
                Ratio { part: m.pairs(), of: m.pairs() + sum(ALONE) + sum(SHUT_DOWN) }
            }
            Statistic::VebSensitivity => Ratio { part: m.0[V][V], of: sum(V) },
            Statistic::VebPredictivity => predictivity(veb),
            Statistic::VebFalsePositives => rate(veb),
            Statistic::SvebSensitivity => Ratio { part: m.0[S][S], of: sum(S) },
            Statistic::SvebPredictivity => predictivity(sveb),
            Statistic::SvebFalsePositives => rate(sveb),
        }
    }

    /// Its value for the sum of several records' matrices, as `sumstats` gives it: it reads the columns that `bxb` prints, in which F and Q
    /// are one, so neither is held against the predictivity of SVEB.
    pub fn gross(self, sum: &ConfusionMatrix) -> Ratio {
        if self != Statistic::SvebPredictivity {
            return self.of(sum);
        }
        let (wrong, right, _) = sum.positives(S, &[F, Q]);
        Ratio { part: right, of: right + wrong }
    }

    /// The mean of the records for which it is defined, as `sumstats` gives it from the same columns.
    pub fn average(self, records: &[ConfusionMatrix]) -> Option<f64> {
        mean(records.iter().map(|m| self.gross(m).value()))
    }
}

/// Squared differences of R-R intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RrError {
    /// Their sum, in square seconds.
    pub squares: f64,
    /// Intervals.
    pub count: u64,
}

impl RrError {
    /// Root mean square, in milliseconds.
    pub fn milliseconds(&self) -> Option<f64> {
        (self.count > 0).then(|| 1e3 * (self.squares / self.count as f64).sqrt())
    }

    /// The mean of the records for which it is defined, each in hundredths of a millisecond, as `sumstats` reads them.
    pub fn average(records: &[RrError]) -> Option<f64> {
        mean(records.iter().map(|r| r.milliseconds().map(|ms| (100.0 * ms).round() / 100.0)))
    }

    /// Adds another record's.
    pub fn add(&mut self, other: &RrError) {
        self.squares += other.squares;
        self.count += other.count;
    }
}

/// What a comparison counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Beats by class.
    pub matrix: ConfusionMatrix,
    /// Differences of intervals.
    pub rr: RrError,
    /// Seconds for which the test says that it does not work.
    pub shutdown_seconds: f64,
    /// The test's confidence in each paired beat's class, where it says so.
    pub judged: Vec<Judged>,
}

impl Score {
    /// Adds another record's.
    pub fn add(&mut self, other: &Score) {
        self.matrix.add(&other.matrix);
        self.rr.add(&other.rr);
        self.shutdown_seconds += other.shutdown_seconds;
        self.judged.extend_from_slice(&other.judged);
    }

    /// Calibration of the confidences, if there are any.
    pub fn calibration(&self) -> Option<Calibration> {
        (!self.judged.is_empty()).then(|| Calibration::new(&self.judged))
    }
}

/// Compares the beats of a record of `rate` ticks a second and, if known, `end` ticks.
pub fn compare(reference: &Track, test: &Track, rate: f64, rules: &Rules, end: Option<i64>) -> Score {
    let mut score = Score { shutdown_seconds: test.shutdown_seconds(rate, end), ..Score::default() };
    let mut matrix = ConfusionMatrix::default();
    let mut count = |row: usize, column: usize| matrix.0[row][column] += 1;
    for at in comparisons(reference, test, rate, rules, end) {
        if let (Some(a), Some(b)) = (reference.interval(at.reference), test.interval(at.test)) {
            let difference = (a - b) as f64 / rate;
            score.rr.squares += difference * difference;
            score.rr.count += 1;
        }
        let Some(outcome) = at.outcome else { continue };
        let alone = |shut_down: bool| if shut_down { SHUT_DOWN } else { ALONE };
        match outcome {
            Outcome::Pair(i, j) => {
                let (beat, found) = (&reference.marks[i], &test.marks[j]);
                match (beat.class, found.class) {
                    (Some(a), Some(b)) => {
                        count(a as usize, b as usize);
                        let judged = |confidence| Judged { confidence, right: a == b };
                        score.judged.extend(found.confidence.map(judged));
                    }
                    (Some(a), None) => count(a as usize, ALONE),
                    (None, Some(b)) => count(ALONE, b as usize),
                    (None, None) => {}
                }
            }
            Outcome::Missed(i) => {
                let beat = &reference.marks[i];
                if let Some(class) = beat.class {
                    count(class as usize, alone(test.is_shut_down(beat.time)));
                }
            }
            Outcome::Extra(j) => {
                let found = &test.marks[j];
                if let Some(class) = found.class {
                    count(alone(reference.is_shut_down(found.time)), class as usize);
                }
            }
        }
    }
    score.matrix = matrix;
    score
}

#[cfg(test)]
mod tests;
