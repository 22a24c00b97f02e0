//! A run's features from what Python gives: a number, a name, `None`, or an array of them.

use crate::arrays::Numbers;
use crate::errors::wrong;
use efficientecg::FeatureInput;
use efficientecg::config::{Config, Feature, FeatureKind};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// What follows a sequence's name in that of its steps.
const STEPS: &str = "_steps";

/// The features of a batch. `alone` is a batch without its axis: its one record's sequence may lack it too.
pub(crate) fn features(
    config: &Config,
    given: &Bound<'_, PyDict>,
    batch: usize,
    alone: bool,
) -> PyResult<Vec<(String, FeatureInput)>> {
    let mut made = Vec::with_capacity(given.len());
    for (name, value) in given {
        let name: String = name.extract()?;
        let of = |name: &str| config.features().iter().find(|feature| feature.name == name);
        let values = match of(&name) {
            Some(feature) => one(feature, &value, given, batch, alone)?,
            // The steps are read with their sequence.
            None if name.strip_suffix(STEPS).is_some_and(|of_rows| of(of_rows).is_some_and(is_sequence)) => {
                let rows = name.trim_end_matches(STEPS);
                if !given.contains(rows)? {
                    return Err(wrong(&name, &format!("the rows {rows} beside it"), "none", "give both"));
                }
                continue;
            }
            // A run says which features there are.
            None => FeatureInput::Missing,
        };
        made.push((name, values));
    }
    Ok(made)
}

fn is_sequence(feature: &Feature) -> bool {
    matches!(feature.kind, FeatureKind::Sequence { .. })
}

fn one(
    feature: &Feature,
    value: &Bound<'_, PyAny>,
    given: &Bound<'_, PyDict>,
    batch: usize,
    alone: bool,
) -> PyResult<FeatureInput> {
    if value.is_none() {
        return Ok(FeatureInput::Missing);
    }
    match &feature.kind {
        FeatureKind::Continuous { .. } => numbers(&feature.name, value, batch).map(FeatureInput::Continuous),
        FeatureKind::Categorical { .. } => categories(&feature.name, value, batch),
        FeatureKind::Sequence { inputs, .. } => {
            let steps = given.get_item(format!("{}{STEPS}", feature.name))?.filter(|steps| !steps.is_none());
            sequence(&feature.name, *inputs, value, steps.as_ref(), batch, alone)
        }
        _ => Ok(FeatureInput::Missing),
    }
}

/// A number for all records, or a number or `None` for each.
fn numbers(name: &str, value: &Bound<'_, PyAny>, batch: usize) -> PyResult<Vec<f64>> {
    if let Ok(number) = value.extract::<f64>() {
        return Ok(vec![number; batch]);
    }
    if let Ok(numbers) = value.extract::<Vec<Option<f64>>>() {
        return Ok(numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect());
    }
    Err(wrong(name, "a number, or one a record", &kind(value)?, "give numbers; None or NaN is missing"))
}

/// A name or index for all records, or one, -1 or `None` for each.
fn categories(name: &str, value: &Bound<'_, PyAny>, batch: usize) -> PyResult<FeatureInput> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(FeatureInput::Named(vec![Some(text.to_string()); batch]));
    }
    let index = |found: Option<i64>| match found {
        None | Some(-1) => Ok(None),
        Some(index) => usize::try_from(index).map(Some).map_err(|_| {
            wrong(name, "the place of a category, or -1", &index.to_string(), "give -1 where it is missing")
        }),
    };
    if let Ok(number) = value.extract::<i64>() {
        return Ok(FeatureInput::Categorical(vec![index(Some(number))?; batch]));
    }
    if let Ok(names) = value.extract::<Vec<Option<String>>>() {
        return Ok(FeatureInput::Named(names));
    }
    if let Ok(numbers) = value.extract::<Vec<Option<i64>>>() {
        return Ok(FeatureInput::Categorical(numbers.into_iter().map(index).collect::<PyResult<_>>()?));
    }
    let expected = "the name or place of a category, or one a record";
    Err(wrong(name, expected, &kind(value)?, "give names; None is missing"))
}

/// `[B, S, inputs]`, or `[S, inputs]` of one record, and the steps of each.
fn sequence(
    name: &str,
    inputs: usize,
    value: &Bound<'_, PyAny>,
    steps: Option<&Bound<'_, PyAny>>,
    batch: usize,
    alone: bool,
) -> PyResult<FeatureInput> {
    let rows = Numbers::<f32>::of(value, "rows of a sequence")?;
    let fits = match *rows.shape() {
        [records, steps, width] if records == batch && width == inputs => Some(steps),
        [steps, width] if alone && width == inputs => Some(steps),
        _ => None,
    };
    let Some(steps_max) = fits else {
        let found = format!("shape {:?}", rows.shape());
        let fix = "give a row of numbers for each step of each record";
        return Err(wrong(name, &format!("shape [{batch}, steps, {inputs}]"), &found, fix));
    };
    let steps = match steps {
        None => vec![steps_max; batch],
        Some(given) => {
            let wrong_steps = |found: &str| {
                let item = format!("{name}{STEPS}");
                let expected = format!("{batch} whole numbers from 0 to {steps_max}");
                wrong(&item, &expected, found, "give the rows that count of each record")
            };
            match given.extract::<Vec<usize>>() {
                Ok(steps) => steps,
                Err(_) => match given.extract::<usize>() {
                    Ok(steps) => vec![steps; batch],
                    Err(_) => return Err(wrong_steps(&kind(given)?)),
                },
            }
        }
    };
    Ok(FeatureInput::Sequence { steps_max, rows: rows.slice()?.to_vec(), steps })
}

fn kind(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(format!("{} of type {}", value.str()?, value.get_type().name()?))
}
