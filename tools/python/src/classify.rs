//! From a record to classes, or to a network's inputs.

use crate::arrays::{array, whole};
use crate::errors::{self, wrong};
use crate::records::{NativeRecord, sex};
use efficientecg::classify::{Findings, Prepared, Settings, Unit};
use efficientecg::config::Config;
use efficientecg::ecg::Record;
use efficientecg::ecg::quality::Reason;
use efficientecg::{FeatureInput, Inputs, Model};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// How a record is to be read, from a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Reading<'py> {
    leads: Vec<(String, String)>,
    age: Option<f64>,
    sex: Option<String>,
    unit: Option<String>,
    beats: Option<Bound<'py, PyAny>>,
    batch: Option<usize>,
    any_quality: bool,
    any_lead: bool,
}

impl Reading<'_> {
    fn settings(&self) -> PyResult<Settings> {
        let mut settings = Settings::new();
        for (model, record) in &self.leads {
            settings = settings.lead(model, record);
        }
        if let Some(age) = self.age.filter(|age| !age.is_nan()) {
            settings = settings.age(age);
        }
        if let Some(name) = &self.sex {
            settings = settings.sex(sex(name)?);
        }
        if let Some(unit) = &self.unit {
            settings = settings.unit(match unit.as_str() {
                "beat" => Unit::Beat,
                "record" => Unit::Record,
                other => return Err(wrong("unit", "beat or record", other, "correct it, or leave it out")),
            });
        }
        if let Some(beats) = &self.beats {
            settings = settings.beats(whole(beats, "beats")?);
        }
        if let Some(batch) = self.batch {
            settings = settings.batch(batch);
        }
        if self.any_quality {
            settings = settings.any_quality();
        }
        Ok(if self.any_lead { settings.any_lead() } else { settings })
    }
}

/// What a record holds.
pub(crate) fn classify<'py>(
    py: Python<'py>,
    model: &Model,
    record: &Record,
    reading: &Reading<'_>,
    progress: Option<&Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let settings = reading.settings()?;
    let mut told = Ok(());
    let (found, unusual) = py
        .detach(|| {
            let mut tell = |done: usize, all: usize| {
                if let (Some(call), Ok(())) = (progress, &told) {
                    told = Python::attach(|py| call.call1(py, (done, all)).map(drop));
                }
            };
            let found = model.classify_with_progress(record, &settings, &mut tell)?;
            Ok((found, model.unusual(record, &settings)))
        })
        .map_err(|e| errors::classify(&e))?;
    told?;
    let made = findings(py, &found, model.config().classes.len())?;
    made.set_item("unusual", unusual)?;
    made.set_item("age", settings.age.or(record.age))?;
    made.set_item("sex", settings.sex.or(record.sex).map(crate::records::sex_name))?;
    Ok(made)
}

/// Findings as columns.
fn findings<'py>(py: Python<'py>, found: &Findings, classes: usize) -> PyResult<Bound<'py, PyDict>> {
    let made = PyDict::new(py);
    let (items, count) = (&found.items, found.items.len());
    made.set_item("unit", found.unit.name())?;
    made.set_item("sample", array(py, items.iter().map(|f| f.time).collect(), &[count])?)?;
    made.set_item("seconds", array(py, items.iter().map(|f| f.seconds).collect(), &[count])?)?;
    made.set_item("labels", items.iter().map(|f| f.label()).collect::<Vec<_>>())?;
    let reason = |f: &efficientecg::classify::Finding| f.reason().map(Reason::name);
    made.set_item("reasons", items.iter().map(reason).collect::<Vec<_>>())?;
    let filled = |row: &[f32]| if row.is_empty() { vec![f32::NAN; classes] } else { row.to_vec() };
    let all = |rows: Vec<Vec<f32>>| array(py, rows.concat(), &[count, classes]);
    made.set_item("logits", all(items.iter().map(|f| filled(&f.logits)).collect())?)?;
    made.set_item("probabilities", all(items.iter().map(|f| filled(&f.probabilities)).collect())?)?;
    let rate = found.heart_rate.map(|r| (r.median, r.mean, r.min, r.max));
    made.set_item("heart_rate", rate)?;
    made.set_item("missing", &found.missing)?;
    made.set_item("reason", found.reason().map(Reason::name))?;
    let parts: Vec<_> = found.not_assessed().iter().map(|e| (e.onset, e.end, e.reason.name())).collect();
    made.set_item("not_assessed", parts)?;
    let fibrillation = found.fibrillation.as_ref().map(|all| {
        let episodes = all.episodes.iter().map(|e| (e.onset_seconds, e.end_seconds));
        (episodes.collect::<Vec<_>>(), all.burden)
    });
    made.set_item("fibrillation", fibrillation)?;
    Ok(made)
}

/// What the network of a configuration takes of a record: arrays by name.
#[pyfunction]
#[pyo3(signature = (config, record, reading))]
pub(crate) fn prepare<'py>(
    py: Python<'py>,
    config: &str,
    record: &Bound<'py, NativeRecord>,
    reading: Reading<'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let config = Config::from_json(config).map_err(|e| errors::input(&e))?;
    let settings = reading.settings()?;
    let record = &record.get().record;
    let (prepared, inputs) = py
        .detach(|| {
            let prepared = Prepared::new(&config, record, &settings)?;
            let inputs = prepared.inputs(0, prepared.windows());
            Ok((prepared, inputs))
        })
        .map_err(|e| errors::classify(&e))?;
    let made = PyDict::new(py);
    let shape = [prepared.windows(), config.leads.len(), prepared.samples()];
    inputs_of(&made, &inputs, shape)?;
    made.set_item("_times", array(py, prepared.times.clone(), &[prepared.times.len()])?)?;
    let reasons = prepared.reasons().iter().map(|reason| reason.map(Reason::name));
    made.set_item("_reasons", PyList::new(py, reasons)?)?;
    Ok(made)
}

/// The arrays of a batch, by name.
fn inputs_of(made: &Bound<'_, PyDict>, inputs: &Inputs, shape: [usize; 3]) -> PyResult<()> {
    let (py, batch) = (made.py(), shape[0]);
    for (name, values) in inputs.features() {
        match values {
            FeatureInput::Continuous(values) => {
                made.set_item(name, array(py, values.clone(), &[batch])?)?;
            }
            FeatureInput::Categorical(values) => {
                let index = |v: &Option<usize>| v.map_or(-1, |v| v as i64);
                made.set_item(name, array(py, values.iter().map(index).collect(), &[batch])?)?;
            }
            FeatureInput::Sequence { steps_max, rows, .. } => {
                let width = rows.len() / (batch * steps_max).max(1);
                made.set_item(name, array(py, rows.clone(), &[batch, *steps_max, width])?)?;
            }
            _ => {}
        }
    }
    made.set_item("signal", array(py, inputs.signal().to_vec(), &shape)?)
}
