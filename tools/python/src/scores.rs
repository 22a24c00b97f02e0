//! Scores of beats and classes.

use crate::arrays::{Numbers, array, whole};
use crate::errors::wrong;
use crate::records::annotations;
use efficientecg_evaluate::beats::{ConfusionMatrix, Statistic, compare};
use efficientecg_evaluate::calibration::Judged;
use efficientecg_evaluate::multilabel;
use efficientecg_evaluate::pairing::{BeatClass, Rules, Track};
use efficientecg_evaluate::records::{Multiclass, Prediction};
use efficientecg_evaluate::{ClassFigures, mean};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Rows and columns of the matrix of beats.
const SIZE: usize = 7;

/// What one side says: times, symbols, subtypes; detections where there are no symbols.
type Side<'py> = (Bound<'py, PyAny>, Option<Vec<String>>, Vec<i8>, Option<f64>);

fn track(side: &Side<'_>, rate: f64, rules: &Rules) -> PyResult<Track> {
    let (times, symbols, subtypes, own) = side;
    let times = whole(times, "times")?;
    Ok(match symbols {
        None => Track::detections(&times),
        Some(symbols) => {
            let mut made = annotations(&times, symbols, subtypes)?;
            made.sample_rate = *own;
            Track::new(&made, rate, rules)
        }
    })
}

/// The matrix of EC57 and what else is counted of one record.
#[pyfunction]
#[pyo3(signature = (reference, test, fs, rules, end))]
pub(crate) fn compare_beats<'py>(
    py: Python<'py>,
    reference: Side<'py>,
    test: Side<'py>,
    fs: f64,
    rules: (f64, f64, String),
    end: Option<i64>,
) -> PyResult<Bound<'py, PyDict>> {
    if !(fs.is_finite() && fs > 0.0) {
        return Err(wrong("fs", "ticks a second, above 0", &fs.to_string(), "correct it"));
    }
    let (start, window, escape) = rules;
    for (item, seconds, fits) in [("start", start, start >= 0.0), ("window", window, window > 0.0)] {
        if !(seconds.is_finite() && fits) {
            return Err(wrong(
                item,
                "seconds: 0 or more, of the window above 0",
                &seconds.to_string(),
                "correct it",
            ));
        }
    }
    let escape = match escape.as_str() {
        "S" => BeatClass::S,
        "N" => BeatClass::N,
        other => return Err(wrong("escape", "S or N", other, "name the class of escape beats")),
    };
    let rules = Rules { from: start, window, escape };
    let (reference, test) = (track(&reference, fs, &rules)?, track(&test, fs, &rules)?);
    let score = py.detach(|| compare(&reference, &test, fs, &rules, end));
    let made = PyDict::new(py);
    let counts = score.matrix.0.concat();
    made.set_item("matrix", array(py, counts, &[SIZE, SIZE])?)?;
    made.set_item("squares", score.rr.squares)?;
    made.set_item("intervals", score.rr.count)?;
    made.set_item("shutdown_seconds", score.shutdown_seconds)?;
    Ok(made)
}

/// EC57's statistics of records' matrices `[records, 7, 7]`: gross, average, each class by itself, and the accuracy.
#[pyfunction]
pub(crate) fn beat_statistics<'py>(
    py: Python<'py>,
    matrices: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let matrices = Numbers::<i64>::of(matrices, "matrices")?;
    let [_, SIZE, SIZE] = *matrices.shape() else {
        let found = format!("shape {:?}", matrices.shape());
        return Err(wrong("matrices", "shape [records, 7, 7]", &found, "give a matrix for each record"));
    };
    let mut each = Vec::new();
    for counts in matrices.slice()?.chunks_exact(SIZE * SIZE) {
        let mut matrix = ConfusionMatrix::default();
        for (to, from) in matrix.0.iter_mut().flatten().zip(counts) {
            *to = u64::try_from(*from).map_err(|_| {
                wrong("matrices", "counts", &from.to_string(), "give whole numbers from 0 on")
            })?;
        }
        each.push(matrix);
    }
    let mut sum = ConfusionMatrix::default();
    each.iter().for_each(|matrix| sum.add(matrix));
    let one = each.len() == 1;
    let made = PyDict::new(py);
    let gross = PyDict::new(py);
    let average = PyDict::new(py);
    for statistic in Statistic::ALL {
        let value = if one { statistic.of(&sum) } else { statistic.gross(&sum) }.value();
        gross.set_item(statistic.key(), value)?;
        average.set_item(statistic.key(), statistic.average(&each))?;
    }
    made.set_item("gross", gross)?;
    made.set_item("average", average)?;
    let classes = PyDict::new(py);
    for class in BeatClass::ALL {
        classes.set_item(class.letter().to_string(), figures(py, &sum.class(class as usize))?)?;
    }
    made.set_item("classes", classes)?;
    made.set_item("accuracy", sum.accuracy().value())?;
    Ok(made)
}

fn figures<'py>(py: Python<'py>, of: &ClassFigures) -> PyResult<Bound<'py, PyDict>> {
    let made = PyDict::new(py);
    made.set_item("reference", of.reference)?;
    made.set_item("given", of.given)?;
    made.set_item("right", of.right)?;
    made.set_item("sensitivity", of.sensitivity())?;
    made.set_item("predictivity", of.predictivity())?;
    made.set_item("f1", of.f1())?;
    Ok(made)
}

/// Cases by class (row) and class given (column), and each class's figures.
#[pyfunction]
pub(crate) fn class_figures<'py>(
    py: Python<'py>,
    truth: &Bound<'py, PyAny>,
    given: &Bound<'py, PyAny>,
    classes: Vec<String>,
    averaged: Vec<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let (truth, given) = (whole(truth, "truth")?, whole(given, "given")?);
    let count = classes.len();
    if truth.len() != given.len() {
        let found = format!("{} and {}", truth.len(), given.len());
        return Err(wrong("given", "as many as the truth has", &found, "give one for each case"));
    }
    let place = |class: i64| {
        let place = usize::try_from(class).ok().filter(|place| *place < count);
        let expected = format!("places of classes, 0 to {}", count.saturating_sub(1));
        place
            .ok_or_else(|| wrong("classes", &expected, &class.to_string(), "leave out cases without a class"))
    };
    if let Some(place) = averaged.iter().find(|place| **place >= count) {
        return Err(wrong("averaged", "places of classes", &place.to_string(), "correct them"));
    }
    let cases = truth.iter().zip(&given);
    let case =
        |(t, g): (&i64, &i64)| Ok(Prediction { truth: place(*t)?, given: place(*g)?, confidence: None });
    let cases = cases.map(case).collect::<PyResult<Vec<_>>>()?;
    let all = Multiclass { classes: classes.clone(), averaged, cases }.all();
    let made = PyDict::new(py);
    let matrix: Vec<i64> = all.matrix.concat().into_iter().map(|n| n as i64).collect();
    made.set_item("matrix", array(py, matrix, &[count, count])?)?;
    let each = PyDict::new(py);
    for (name, class) in classes.iter().zip(&all.classes) {
        each.set_item(name, figures(py, class)?)?;
    }
    made.set_item("classes", each)?;
    made.set_item("mean_f1", all.mean_f1)?;
    made.set_item("accuracy", all.accuracy.value())?;
    Ok(made)
}

/// The area under the ROC curve of each column of `[cases, labels]`, and the mean of those that are defined.
#[pyfunction]
pub(crate) fn auc(
    truth: &Bound<'_, PyAny>,
    scores: &Bound<'_, PyAny>,
) -> PyResult<(Vec<Option<f64>>, Option<f64>)> {
    let (truth, scores) = (Numbers::<f64>::of(truth, "truth")?, Numbers::<f64>::of(scores, "scores")?);
    let [cases, labels] = *truth.shape() else { return Err(shapes(&truth, &scores)) };
    if truth.shape() != scores.shape() {
        return Err(shapes(&truth, &scores));
    }
    let (truth, scores) = (truth.slice()?, scores.slice()?);
    if let Some(x) = truth.iter().find(|x| **x != 0.0 && **x != 1.0) {
        return Err(wrong("truth", "0 or 1", &x.to_string(), "leave out cases that are not known"));
    }
    if let Some(i) = scores.iter().position(|x| x.is_nan()) {
        let item = format!("scores, case {}", i / labels);
        return Err(wrong(&item, "numbers", "NaN", "leave out cases that could not be assessed"));
    }
    let area = |label: usize| {
        let case = |i: usize| Judged {
            confidence: scores[i * labels + label],
            right: truth[i * labels + label] > 0.5,
        };
        multilabel::auc(&mut (0..cases).map(case).collect::<Vec<_>>())
    };
    let areas: Vec<Option<f64>> = (0..labels).map(area).collect();
    let whole = mean(areas.iter().copied());
    Ok((areas, whole))
}

fn shapes(truth: &Numbers<'_, f64>, scores: &Numbers<'_, f64>) -> PyErr {
    let found = format!("shapes {:?} and {:?}", truth.shape(), scores.shape());
    wrong("scores", "shape [cases, labels], as the truth", &found, "give one for each label")
}
