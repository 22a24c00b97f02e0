//! `evaluate records`: one class a record, or several.

use super::beats::ClassReport;
use super::{CalibrationReport, interval, number, percent};
use crate::args::{Kind, RecordsEvaluation, ReportArguments};
use crate::error::Failure;
use crate::out;
use efficientecg::FileError;
use efficientecg_evaluate::bootstrap::{Interval, SEED, intervals};
use efficientecg_evaluate::csv::{CsvTable, Joined, listed};
use efficientecg_evaluate::multilabel::{self, Multilabel};
use efficientecg_evaluate::records::{Multiclass, MulticlassFigures};
use serde::Serialize;
use std::collections::BTreeMap;

/// The column that names records, in a first line of names.
const KEYS: &[&str] = &["record"];

/// Figures by name, and their intervals, in the same order.
type Intervals = BTreeMap<String, Option<Interval>>;

/// Multiclass with one class each; `null` is undefined.
#[derive(Serialize)]
struct SingleReport {
    records: usize,
    /// Multiclass whose prediction is that they could not be assessed; they are not scored.
    not_assessed: Vec<String>,
    /// In one of the files alone, with `--common`.
    left_out: Vec<String>,
    classes: Vec<String>,
    /// Rows: the reference's class. Columns: the class given.
    matrix: Vec<Vec<u64>>,
    figures: BTreeMap<String, ClassReport>,
    /// Classes whose F1 are averaged.
    averaged: Vec<String>,
    mean_f1: Option<f64>,
    accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intervals: Option<Intervals>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration: Option<CalibrationReport>,
}

/// Multiclass with several classes; `null` is undefined.
#[derive(Serialize)]
struct MultiReport {
    records: usize,
    not_assessed: Vec<String>,
    left_out: Vec<String>,
    classes: Vec<String>,
    threshold: f64,
    figures: BTreeMap<String, LabelReport>,
    macro_auc: Option<f64>,
    macro_f1: Option<f64>,
    calibration_error: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intervals: Option<Intervals>,
}

#[derive(Serialize)]
struct LabelReport {
    auc: Option<f64>,
    calibration_error: Option<f64>,
    #[serde(flatten)]
    counts: ClassReport,
}

pub(super) fn run(args: &RecordsEvaluation) -> Result<(), Failure> {
    let reference = CsvTable::read(&args.reference, KEYS)?;
    let predictions = CsvTable::read(&args.predictions, KEYS)?;
    let several = match args.task {
        Some(kind) => kind == Kind::Multilabel,
        None => reference.rows[0].fields.len() > 2,
    };
    let wrong = |option: &str, task: &str| {
        let file = args.reference.display();
        Err(Failure::usage(format!("{option}: is for a {task} reference, {file} is none; leave it out")))
    };
    if several && args.mean.is_some() {
        return wrong("--mean", "multiclass");
    }
    if !several && args.threshold.is_some() {
        return wrong("--threshold", "multilabel");
    }
    let joined = Joined::new(&reference, &predictions, args.common)
        .map_err(|error| with_option(error, "records", "--common"))?;
    if several {
        let cases = Multilabel::read(&reference, &predictions, &joined)?;
        multi(&cases, Beside::new(args, joined), args.threshold.unwrap_or(0.5), &args.form)
    } else {
        let cases = Multiclass::read(&reference, &predictions, &joined, args.mean.as_deref())
            .map_err(|error| with_option(error, "averaged class", "--mean"))?;
        single(&cases, Beside::new(args, joined), &args.form)
    }
}

/// Names the option beside the fix of what is wrong with `item`.
fn with_option(mut error: FileError, item: &str, option: &str) -> FileError {
    if error.error.item == item {
        error.error.fix = format!("{} ({option})", error.error.fix);
    }
    error
}

/// Multiclass that are not scored.
struct Beside {
    left_out: Vec<String>,
    not_assessed: Vec<String>,
}

impl Beside {
    /// The records that one file lacks, said on standard error too, and those that could not be assessed.
    fn new(args: &RecordsEvaluation, joined: Joined) -> Beside {
        for (names, file) in [(&joined.missing, &args.predictions), (&joined.unknown, &args.reference)] {
            if !names.is_empty() {
                let (file, n) = (file.display(), names.len());
                out::complain(&format!("{file}: warning: lacks {n} records, left out: {}", listed(names)));
            }
        }
        let left_out = joined.missing.into_iter().chain(joined.unknown).collect();
        Beside { left_out, not_assessed: joined.not_assessed }
    }
}

/// A line on the records that could not be assessed, if there are any.
fn refused(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!("{} records could not be assessed and are not scored: {}\n", names.len(), listed(names))
}

/// Intervals of named figures of records.
fn bootstrap(
    form: &ReportArguments,
    records: usize,
    names: Vec<String>,
    figures: impl FnMut(&[usize]) -> Vec<Option<f64>>,
) -> Option<Intervals> {
    let draws = form.bootstrap?;
    Some(names.into_iter().zip(intervals(records, draws as usize, SEED, figures)).collect())
}

/// Over the column of intervals, if there is one.
fn heading(form: &ReportArguments, figure: &str) -> String {
    if form.bootstrap.is_some() { format!("  ({figure}, 95 %)") } else { String::new() }
}

/// `f1 N`: the name of a class's figure.
fn of(figure: &str, class: &str) -> String {
    format!("{figure} {class}")
}

fn single(cases: &Multiclass, beside: Beside, form: &ReportArguments) -> Result<(), Failure> {
    let all = cases.all();
    let mut names = vec!["mean_f1".to_owned(), "accuracy".to_owned()];
    names.extend(cases.classes.iter().map(|c| of("f1", c)));
    let intervals = bootstrap(form, cases.cases.len(), names, |places| {
        let f: MulticlassFigures = cases.figures(places.iter().copied());
        let mut values = vec![f.mean_f1, f.accuracy.value()];
        values.extend(f.classes.iter().map(|c| c.f1()));
        values
    });
    let report = SingleReport {
        records: cases.cases.len(),
        left_out: beside.left_out,
        not_assessed: beside.not_assessed,
        figures: cases.classes.iter().cloned().zip(all.classes.iter().map(ClassReport::new)).collect(),
        averaged: cases.averaged.iter().map(|c| cases.classes[*c].clone()).collect(),
        classes: cases.classes.clone(),
        mean_f1: all.mean_f1,
        accuracy: all.accuracy.value(),
        matrix: all.matrix,
        intervals,
        calibration: cases.calibration().map(|c| CalibrationReport::new(&c)),
    };
    if form.json {
        out::json(&report)?;
        return Ok(());
    }
    let ends = |name: &str, scale, decimals| {
        let drawn = report.intervals.as_ref().and_then(|i| i.get(name).copied().flatten());
        interval(drawn, scale, decimals)
    };
    let width = report.classes.iter().map(|c| c.chars().count()).max().unwrap_or(1).max(6);
    let mut text = format!("{} records; rows are the reference's classes\n\n{:width$}", report.records, "");
    report.classes.iter().for_each(|c| text += &format!(" {c:>width$}"));
    text += &format!(" {:>8} {:>7} {:>7}{}\n", "Se %", "PPV %", "F1", heading(form, "F1"));
    for (class, row) in report.classes.iter().zip(&report.matrix) {
        text += &format!("{class:width$}");
        row.iter().for_each(|n| text += &format!(" {n:>width$}"));
        if let Some(f) = report.figures.get(class) {
            let (se, ppv) = (percent(f.sensitivity, 2), percent(f.predictivity, 2));
            let f1 = number(f.f1, 4);
            text += &format!(" {se:>8} {ppv:>7} {f1:>7}{}", ends(&of("f1", class), 1.0, 3));
        }
        text.push('\n');
    }
    text += &format!(
        "\nmean F1 of {}: {}{}\n",
        report.averaged.join(" "),
        number(report.mean_f1, 4),
        ends("mean_f1", 1.0, 4)
    );
    text += &format!("accuracy {} %{}\n", percent(report.accuracy, 2), ends("accuracy", 100.0, 2));
    text += &refused(&report.not_assessed);
    if let Some(c) = &report.calibration {
        text += &format!("expected calibration error {}\n", number(c.error, 4));
    }
    Ok(out::text(&text)?)
}

fn multi(cases: &Multilabel, beside: Beside, threshold: f64, form: &ReportArguments) -> Result<(), Failure> {
    let all = cases.all(threshold);
    let mut names = ["macro_auc", "macro_f1"].map(str::to_owned).to_vec();
    names.extend(cases.classes.iter().flat_map(|c| [of("auc", c), of("f1", c)]));
    let intervals = bootstrap(form, cases.records(), names, |places| {
        let f: multilabel::MultilabelFigures = cases.figures(places, threshold);
        let mut values = vec![f.macro_auc, f.macro_f1];
        values.extend(f.classes.iter().flat_map(|c| [c.auc, c.counts.f1()]));
        values
    });
    let label = |f: &multilabel::LabelFigures| LabelReport {
        auc: f.auc,
        calibration_error: f.calibration_error,
        counts: ClassReport::new(&f.counts),
    };
    let report = MultiReport {
        records: cases.records(),
        left_out: beside.left_out,
        not_assessed: beside.not_assessed,
        classes: cases.classes.clone(),
        threshold,
        figures: cases.classes.iter().cloned().zip(all.classes.iter().map(label)).collect(),
        macro_auc: all.macro_auc,
        macro_f1: all.macro_f1,
        calibration_error: all.calibration_error,
        intervals,
    };
    if form.json {
        out::json(&report)?;
        return Ok(());
    }
    let ends = |name: &str| {
        let drawn = report.intervals.as_ref().and_then(|i| i.get(name).copied().flatten());
        interval(drawn, 1.0, 4)
    };
    let width = report.classes.iter().map(|c| c.chars().count()).max().unwrap_or(1).max(7);
    let mut text = format!("{} records; a class is given from {threshold} on\n\n", report.records);
    text += &format!(
        "{:width$} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}{}\n",
        "class",
        "records",
        "AUC",
        "Se %",
        "PPV %",
        "F1",
        "ECE",
        heading(form, "AUC")
    );
    for class in &report.classes {
        let Some(f) = report.figures.get(class) else { continue };
        text += &format!(
            "{class:width$} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}{}\n",
            f.counts.reference,
            number(f.auc, 4),
            percent(f.counts.sensitivity, 2),
            percent(f.counts.predictivity, 2),
            number(f.counts.f1, 4),
            number(f.calibration_error, 4),
            ends(&of("auc", class))
        );
    }
    text += &format!("\nmacro-AUC {}{}\n", number(report.macro_auc, 4), ends("macro_auc"));
    text += &format!("macro-F1  {}{}\n", number(report.macro_f1, 4), ends("macro_f1"));
    text +=
        &format!("expected calibration error {}, mean of the classes\n", number(report.calibration_error, 4));
    text += &refused(&report.not_assessed);
    Ok(out::text(&text)?)
}
