//! `evaluate beats`: a line a record, gross and average statistics, the matrix of all.

use super::{CalibrationReport, Pairing, interval, number, percent};
use crate::args::BeatsEvaluation;
use crate::error::Failure;
use crate::out;
use efficientecg::FileError;
use efficientecg::ecg::wfdb::{Annotations, Code, Header};
use efficientecg_evaluate::beats::{COLUMNS, ConfusionMatrix, ROWS, RrError, Score, Statistic, compare};
use efficientecg_evaluate::bootstrap::{Interval, SEED, intervals};
use efficientecg_evaluate::csv::{CsvTable, NOT_ASSESSED};
use efficientecg_evaluate::pairing::{BeatClass, Mark, Rules, Track};
use efficientecg_evaluate::{ClassFigures, Ratio};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// All figures; `null` is undefined.
#[derive(Serialize)]
struct Report {
    reference: String,
    test: String,
    /// Seconds.
    from: f64,
    window: f64,
    escape_beats: char,
    records: Vec<Figures>,
    gross: Figures,
    /// Means of the records' statistics.
    average: BTreeMap<&'static str, Option<f64>>,
    average_rr_error_ms: Option<f64>,
    /// Of the gross statistics, over records.
    #[serde(skip_serializing_if = "Option::is_none")]
    intervals: Option<BTreeMap<&'static str, Option<Interval>>>,
    /// Every confusion counted, unlike EC57's figures.
    classes: BTreeMap<char, ClassReport>,
    accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration: Option<CalibrationReport>,
}

#[derive(Serialize)]
struct Figures {
    record: String,
    beats: u64,
    /// Rows N S V F Q O X, columns n s v f q o x.
    matrix: Matrix7,
    #[serde(flatten)]
    statistics: BTreeMap<&'static str, Option<f64>>,
    rr_error_ms: Option<f64>,
    shutdown_seconds: f64,
}

type Matrix7 = [[u64; 7]; 7];

#[derive(Serialize)]
pub(super) struct ClassReport {
    pub(super) reference: u64,
    pub(super) given: u64,
    pub(super) right: u64,
    pub(super) sensitivity: Option<f64>,
    pub(super) predictivity: Option<f64>,
    pub(super) f1: Option<f64>,
}

impl ClassReport {
    pub(super) fn new(c: &ClassFigures) -> ClassReport {
        ClassReport {
            reference: c.reference,
            given: c.given,
            right: c.right,
            sensitivity: c.sensitivity(),
            predictivity: c.predictivity(),
            f1: c.f1(),
        }
    }
}

impl Figures {
    fn new(record: &str, score: &Score, of: fn(Statistic, &ConfusionMatrix) -> Ratio) -> Figures {
        let statistic = |s: &Statistic| (s.key(), of(*s, &score.matrix).value());
        Figures {
            record: record.to_owned(),
            beats: score.matrix.beats(),
            matrix: score.matrix.0,
            statistics: Statistic::ALL.iter().map(statistic).collect(),
            rr_error_ms: score.rr.milliseconds(),
            shutdown_seconds: score.shutdown_seconds,
        }
    }
}

pub(super) fn run(args: &BeatsEvaluation) -> Result<(), Failure> {
    let rules = args.rules();
    let mut scores: Vec<(String, Score)> = Vec::new();
    let mut warnings = Vec::new();
    let mut pairing = Pairing::new(&args.test, args.test_folder.as_deref());
    for path in &args.records {
        let test = pairing.test_file(path)?;
        scores.push(one(args, &rules, path, &test, &mut warnings)?);
    }
    warnings.iter().for_each(|w| out::complain(w));
    let mut gross = Score::default();
    scores.iter().for_each(|(_, score)| gross.add(score));
    let matrices: Vec<ConfusionMatrix> = scores.iter().map(|(_, score)| score.matrix).collect();
    let errors: Vec<RrError> = scores.iter().map(|(_, score)| score.rr).collect();
    let drawn = args.form.bootstrap.map(|draws| {
        intervals(matrices.len(), draws as usize, SEED, |places| {
            let mut sum = ConfusionMatrix::default();
            places.iter().for_each(|p| sum.add(&matrices[*p]));
            Statistic::ALL.iter().map(|s| s.gross(&sum).value()).collect()
        })
    });
    let class = |c: BeatClass| (c.letter(), ClassReport::new(&gross.matrix.class(c as usize)));
    let report = Report {
        reference: args.reference.clone(),
        test: args.test.clone(),
        from: rules.from,
        window: rules.window,
        escape_beats: rules.escape.letter(),
        records: scores.iter().map(|(name, score)| Figures::new(name, score, Statistic::of)).collect(),
        gross: Figures::new("gross", &gross, Statistic::gross),
        average: Statistic::ALL.iter().map(|s| (s.key(), s.average(&matrices))).collect(),
        average_rr_error_ms: RrError::average(&errors),
        intervals: drawn.map(|d| Statistic::ALL.iter().map(|s| s.key()).zip(d).collect()),
        classes: BeatClass::ALL.map(class).into(),
        accuracy: gross.matrix.accuracy().value(),
        calibration: gross.calibration().map(|c| CalibrationReport::new(&c)),
    };
    if args.form.json {
        out::json(&report)?;
    } else {
        out::text(&text(&report, args.matrices))?;
    }
    Ok(())
}

/// Reads and compares a record's beats; what is odd but readable goes to `warnings`.
fn one(
    args: &BeatsEvaluation,
    rules: &Rules,
    path: &Path,
    test: &Path,
    warnings: &mut Vec<String>,
) -> Result<(String, Score), Failure> {
    let header = Header::read(path)?;
    let rate = header.sample_rate;
    let mut read = |path: &Path| -> Result<Track, Failure> {
        let annotations = Annotations::read(path)?;
        let odd = annotations.warnings.iter().map(|w| format!("{}: warning: {w}", path.display()));
        warnings.extend(odd);
        Ok(Track::new(&annotations, rate, rules))
    };
    let reference = read(&super::beside(path, &args.reference))?;
    let tested = if args.test == "csv" { beats_of_table(test, rules)? } else { read(test)? };
    let end = header.samples.map(|n| i64::try_from(n).unwrap_or(i64::MAX).min(1 << 60));
    Ok((header.name, compare(&reference, &tested, rate, rules, end)))
}

/// Beats from a table `sample,seconds,class,…` with, where there is a column for a beat's class, its probability. Rows of what could not be
/// assessed are no beats.
fn beats_of_table(path: &Path, rules: &Rules) -> Result<Track, FileError> {
    let table = CsvTable::read(path, &["sample"])?;
    let column = |name: &str| table.header.iter().flatten().position(|h| h == name);
    let Some(class) = column("class") else {
        let fix = "give a table that begins with a line sample,class";
        return Err(FileError::new(path, "columns", "sample and class", "no names of them", fix));
    };
    let mut track = Track::default();
    for row in &table.rows {
        let time = row.fields[0].parse::<i64>().ok().filter(|t| t.unsigned_abs() < 1 << 53);
        let time = time.ok_or_else(|| table.invalid(row, 0, "a whole number", "give the beat's sample"))?;
        if row.fields[class] == NOT_ASSESSED {
            continue;
        }
        let mut letters = row.fields[class].chars();
        let code = letters.next().filter(|_| letters.next().is_none()).and_then(Code::from_symbol);
        let Some(label) = code.and_then(|c| BeatClass::of(c, rules.escape)) else {
            return Err(table.invalid(row, class, "a beat's symbol, as N or V", "give beats alone"));
        };
        let confidence = match column(&row.fields[class]).filter(|c| *c != class) {
            Some(place) => Some(table.probability(row, place)?),
            None => None,
        };
        track.marks.push(Mark { time, class: Some(label), confidence });
    }
    track.marks.sort_by_key(|m| m.time);
    Ok(track)
}

/// Characters of a record's name at most.
const NAME: usize = 12;

fn text(r: &Report, matrices: bool) -> String {
    let minutes = |s: f64| format!("{}:{:02}", (s / 60.0) as u64, (s % 60.0) as u64);
    let mut text = format!(
        "{} against {}, from {}, window {:.0} ms, escape beats {}\n\n",
        r.test,
        r.reference,
        minutes(r.from),
        1e3 * r.window,
        r.escape_beats
    );
    let longest = r.records.iter().map(|f| f.record.chars().count()).max().unwrap_or(0);
    // No narrower than "average"; 80 columns in all where names have 8 characters.
    let width = longest.clamp(7, NAME);
    let name = |s: &str| {
        if s.chars().count() > NAME {
            s.chars().take(NAME - 1).chain(['…']).collect()
        } else {
            s.to_owned()
        }
    };
    text += &format!("{:width$}{:>14}{:>14}{:>20}{:>12}{:>5}\n", "", "QRS", "VEB", "SVEB", "R-R", "off");
    text += &format!(
        "{:width$}{:>7}   Se %  PPV %   Se %  PPV % FPR %   Se %  PPV % FPR %    ms    s\n",
        "record", "beats"
    );
    let line = |label: &str, beats: &str, s: &BTreeMap<&'static str, Option<f64>>, rr: &str, off: &str| {
        let p =
            |s: &BTreeMap<_, Option<f64>>, key: Statistic, d| percent(s.get(key.key()).copied().flatten(), d);
        let line = format!(
            "{:width$}{beats:>7} {:>6} {:>6} {:>6} {:>6} {:>5} {:>6} {:>6} {:>5} {rr:>5} {off:>4}",
            name(label),
            p(s, Statistic::QrsSensitivity, 2),
            p(s, Statistic::QrsPredictivity, 2),
            p(s, Statistic::VebSensitivity, 2),
            p(s, Statistic::VebPredictivity, 2),
            p(s, Statistic::VebFalsePositives, 2),
            p(s, Statistic::SvebSensitivity, 2),
            p(s, Statistic::SvebPredictivity, 2),
            p(s, Statistic::SvebFalsePositives, 2),
        );
        line.trim_end().to_owned() + "\n"
    };
    let figures = |f: &Figures| {
        let off = format!("{:.0}", f.shutdown_seconds);
        line(&f.record, &f.beats.to_string(), &f.statistics, &number(f.rr_error_ms, 2), &off)
    };
    r.records.iter().for_each(|f| text += &figures(f));
    if r.records.len() > 1 {
        text += &figures(&r.gross);
        text += &line("average", "", &r.average, &number(r.average_rr_error_ms, 2), "");
    }
    if matrices && r.records.len() > 1 {
        r.records.iter().for_each(|f| text += &format!("\n{}:\n{}", f.record, matrix(&f.matrix)));
        text += "\ngross:";
    }
    text += &format!("\n{}\n", matrix(&r.gross.matrix));
    if let Some(drawn) = &r.intervals {
        text += "gross, with 95 % intervals over records:\n";
        for s in Statistic::ALL {
            let key = s.key();
            let value = percent(r.gross.statistics.get(key).copied().flatten(), 2);
            let ends = interval(drawn.get(key).copied().flatten(), 100.0, 2);
            text += &format!("  {:26} {value:>6} %{ends}\n", key.replace('_', " "));
        }
        text.push('\n');
    }
    text += "every confusion counted:\n  class     beats    Se %   PPV %      F1\n";
    for class in BeatClass::ALL {
        let Some(c) = r.classes.get(&class.letter()) else { continue };
        text += &format!(
            "  {:5} {:>9} {:>7} {:>7} {:>7}\n",
            class.letter(),
            c.reference,
            percent(c.sensitivity, 2),
            percent(c.predictivity, 2),
            number(c.f1, 4)
        );
    }
    text += &format!("accuracy {} % of {} beats\n", percent(r.accuracy, 2), r.gross.beats);
    if let Some(c) = &r.calibration {
        text += &format!("expected calibration error {}, {} pairs\n", number(c.error, 4), c.cases);
    }
    text
}

/// The matrix as `bxb` prints it.
fn matrix(m: &Matrix7) -> String {
    let widest = m.iter().flatten().max().map_or(1, |n| n.to_string().len());
    let width = widest.max(4) + 1;
    let mut text = " ".repeat(4);
    COLUMNS.iter().for_each(|c| text += &format!("{c:>width$}"));
    text += &format!("\n   {}\n", "_".repeat(1 + 7 * width));
    for (place, (row, letter)) in m.iter().zip(ROWS).enumerate() {
        text += &format!(" {letter} |");
        let cells = if place < 5 { 7 } else { 5 };
        row[..cells].iter().for_each(|n| text += &format!("{n:>width$}"));
        text.push('\n');
    }
    text
}
