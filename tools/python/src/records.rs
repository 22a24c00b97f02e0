//! Records and annotation files.

use crate::arrays::{self, Numbers, array};
use crate::errors::{self, wrong};
use efficientecg::ecg::wfdb::{Annotation, Annotations, Code};
use efficientecg::ecg::{Lead, ReadOptions, Record, Sex, paths};
use numpy::PyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// A record in memory.
#[pyclass(frozen, name = "Record", module = "efficientecg._native")]
pub(crate) struct NativeRecord {
    pub(crate) record: Record,
}

/// `female` or `male`.
pub(crate) fn sex(name: &str) -> PyResult<Sex> {
    match name.to_lowercase().as_str() {
        "female" | "f" => Ok(Sex::Female),
        "male" | "m" => Ok(Sex::Male),
        _ => Err(wrong("sex", "female or male", name, "leave it out where it is not known")),
    }
}

/// The name of a sex.
pub(crate) fn sex_name(sex: Sex) -> &'static str {
    match sex {
        Sex::Female => "female",
        Sex::Male => "male",
    }
}

#[pymethods]
impl NativeRecord {
    /// Reads a file.
    #[staticmethod]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        rate: Option<f64>,
        unit: Option<String>,
        leads: Option<Vec<String>>,
    ) -> PyResult<NativeRecord> {
        let options = reading(rate, unit, leads);
        let record = py.detach(|| Record::open_with(&path, &options)).map_err(|e| errors::record(&e))?;
        Ok(NativeRecord { record })
    }

    /// Reads the bytes of a file that holds a whole record; `name` is its name.
    #[staticmethod]
    fn read(
        py: Python<'_>,
        name: PathBuf,
        bytes: &[u8],
        rate: Option<f64>,
        unit: Option<String>,
        leads: Option<Vec<String>>,
    ) -> PyResult<NativeRecord> {
        let options = reading(rate, unit, leads);
        let record = py.detach(|| Record::read(&name, bytes, &options)).map_err(|e| errors::record(&e))?;
        Ok(NativeRecord { record })
    }

    /// Of an array `[leads, samples]`.
    #[staticmethod]
    fn of_array(
        name: String,
        signal: &Bound<'_, PyAny>,
        rate: f64,
        leads: Vec<String>,
        units: Vec<String>,
        age: Option<f64>,
        sex: Option<&str>,
    ) -> PyResult<NativeRecord> {
        let signal = Numbers::<f32>::of(signal, "signal")?;
        let rows = signal.rows()?;
        if rows.len() != leads.len() || leads.len() != units.len() {
            let expected = format!("a name and a unit for each of {} rows", rows.len());
            let found = format!("{} names, {} units", leads.len(), units.len());
            return Err(wrong("leads", &expected, &found, "name each row; the shape is [leads, samples]"));
        }
        let rate = arrays::rate(rate)?;
        let named = rows.iter().zip(leads).zip(units);
        let leads = named.map(|((row, name), unit)| Lead::new(name, unit, rate, row.to_vec())).collect();
        let mut record = Record::new(name, rate, leads);
        record.age = age.filter(|age| !age.is_nan());
        record.sex = sex.map(self::sex).transpose()?;
        Ok(NativeRecord { record })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.record.name
    }

    #[getter]
    fn sample_rate(&self) -> f64 {
        self.record.sample_rate
    }

    #[getter]
    fn seconds(&self) -> f64 {
        self.record.seconds()
    }

    #[getter]
    fn age(&self) -> Option<f64> {
        self.record.age
    }

    #[getter]
    fn sex(&self) -> Option<&'static str> {
        self.record.sex.map(sex_name)
    }

    #[getter]
    fn comments(&self) -> Vec<String> {
        self.record.comments.clone()
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.record.warnings.clone()
    }

    /// Name, unit, rate of each lead, and the millivolts of its unit if that is a voltage.
    #[getter]
    fn leads(&self) -> Vec<(&str, &str, f64, Option<f32>)> {
        let leads = self.record.leads.iter();
        leads.map(|l| (l.name.as_str(), l.units.as_str(), l.sample_rate, l.millivolts())).collect()
    }

    /// A copy of a lead's samples.
    fn samples<'py>(&self, py: Python<'py>, lead: usize) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        let count = self.record.leads.len();
        let lead = self.record.leads.get(lead).ok_or_else(|| {
            wrong("lead", &format!("a place below {count}"), &lead.to_string(), "name one of the leads")
        })?;
        array(py, lead.samples.clone(), &[lead.samples.len()])
    }

    /// Times and symbols of the annotations that the file itself holds.
    #[getter]
    fn annotations(&self) -> Vec<(i64, String)> {
        let all = self.record.annotations.iter();
        all.map(|a| (a.time, a.code.symbol().map(String::from).unwrap_or_default())).collect()
    }
}

fn reading(rate: Option<f64>, unit: Option<String>, leads: Option<Vec<String>>) -> ReadOptions {
    let mut options = ReadOptions::new();
    if let Some(rate) = rate {
        options = options.rate(rate);
    }
    if let Some(unit) = unit {
        options = options.unit(unit);
    }
    options.leads(leads.unwrap_or_default())
}

/// Paths of the records in a folder, an archive, or that fit a pattern.
#[pyfunction]
pub(crate) fn records_in(py: Python<'_>, path: PathBuf) -> PyResult<Vec<PathBuf>> {
    py.detach(|| paths::expand(&path)).map_err(|e| errors::record(&e))
}

/// Age and sex as the comments of a WFDB header tell them.
#[pyfunction]
pub(crate) fn patient_of_comments(comments: Vec<String>) -> (Option<f64>, Option<&'static str>) {
    let (age, sex) = efficientecg::ecg::wfdb::patient_of(&comments);
    (age, sex.map(sex_name))
}

/// Times, symbols, subtypes and texts of an annotation file, and its ticks a second where it says so.
#[pyfunction]
pub(crate) fn read_annotations(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let read = py.detach(|| Annotations::read(&path)).map_err(|e| errors::record(&e))?;
    let made = PyDict::new(py);
    let times: Vec<i64> = read.items.iter().map(|a| a.time).collect();
    made.set_item("times", array(py, times, &[read.items.len()])?)?;
    let symbol = |a: &Annotation| a.code.symbol().map(String::from).unwrap_or_default();
    made.set_item("symbols", read.items.iter().map(symbol).collect::<Vec<_>>())?;
    made.set_item("subtypes", read.items.iter().map(|a| a.subtype).collect::<Vec<_>>())?;
    made.set_item("texts", read.items.iter().map(Annotation::text).collect::<Vec<_>>())?;
    made.set_item("sample_rate", read.sample_rate)?;
    made.set_item("warnings", read.warnings)?;
    Ok(made)
}

/// Annotations by their symbols, which are those of WFDB.
pub(crate) fn annotations(times: &[i64], symbols: &[String], subtypes: &[i8]) -> PyResult<Annotations> {
    if times.len() != symbols.len() || !(subtypes.is_empty() || subtypes.len() == times.len()) {
        let found = format!("{} times, {} symbols, {} subtypes", times.len(), symbols.len(), subtypes.len());
        return Err(wrong("annotations", "a time and a symbol for each", &found, "give both"));
    }
    let mut made = Annotations::default();
    for (place, (time, symbol)) in times.iter().zip(symbols).enumerate() {
        let mut letters = symbol.chars();
        let code = letters.next().filter(|_| letters.next().is_none()).and_then(Code::from_symbol);
        let code = code.ok_or_else(|| {
            let item = format!("symbol {place}");
            wrong(&item, "a symbol of WFDB, as N or V", symbol, "see the table of annotation codes")
        })?;
        let mut one = Annotation::new(*time, code);
        one.subtype = subtypes.get(place).copied().unwrap_or(0);
        made.items.push(one);
    }
    Ok(made)
}

/// Writes an annotation file.
#[pyfunction]
pub(crate) fn write_annotations(
    py: Python<'_>,
    path: PathBuf,
    times: &Bound<'_, PyAny>,
    symbols: Vec<String>,
    texts: Vec<String>,
) -> PyResult<()> {
    let times = Numbers::<i64>::of(times, "times")?;
    let mut made = annotations(times.row()?, &symbols, &[])?;
    for (one, text) in made.items.iter_mut().zip(texts) {
        one.aux = text.into_bytes();
    }
    py.detach(|| made.write(&path)).map_err(|e| errors::record(&e))
}
