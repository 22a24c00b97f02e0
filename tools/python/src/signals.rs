//! What is done with signals: peaks, resampling, rows of features, quality, heart rate variability.

use crate::arrays::{Number, Numbers, array, rate, whole};
use crate::errors::{self, wrong};
use efficientecg::ecg::hrv::{self as variability, BandSettings, Nn};
use efficientecg::ecg::quality::{LeadQuality, RecordQuality};
use efficientecg::ecg::resample::Resampler;
use efficientecg::ecg::rhythm::Missing;
use efficientecg::ecg::workers::Workers;
use efficientecg::ecg::{beat_sequence, filter, gaps::Gaps, held, mains, normalize, peaks, rhythm};
use numpy::{PyArrayDyn, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// A copy of a lead, to change.
fn lead(samples: &Bound<'_, PyAny>) -> PyResult<Vec<f32>> {
    Ok(Numbers::<f32>::of(samples, "signal")?.row()?.to_vec())
}

/// The R peaks of one lead.
#[pyfunction]
pub(crate) fn find_peaks<'py>(
    py: Python<'py>,
    samples: &Bound<'py, PyAny>,
    fs: f64,
) -> PyResult<Bound<'py, PyArrayDyn<i64>>> {
    let samples = Numbers::<f32>::of(samples, "signal")?;
    let row = samples.row()?;
    let found = py.detach(|| peaks::detect(row, fs)).map_err(|e| errors::record(&e))?;
    let count = found.len();
    array(py, found.into_iter().map(|p| p as i64).collect(), &[count])
}

/// Leads at another rate.
#[pyfunction]
pub(crate) fn resample<'py>(
    py: Python<'py>,
    signal: &Bound<'py, PyAny>,
    fs: f64,
    to: f64,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let signal = Numbers::<f32>::of(signal, "signal")?;
    let resampler = Resampler::new(fs, to).map_err(|e| errors::record(&e))?;
    let rows = signal.rows()?;
    let length = rows.first().map_or(0, |row| resampler.output_len(row.len()));
    let shape = if signal.shape().len() == 1 { vec![length] } else { vec![rows.len(), length] };
    // NumPy's memory, which is on huge pages from some size on.
    let made =
        py.import("numpy")?.call_method1("empty", (shape, f32::NAME))?.cast_into::<PyArrayDyn<f32>>()?;
    let mut out = made.readwrite();
    let out = out.as_slice_mut()?;
    py.detach(|| {
        for (row, out) in rows.iter().zip(out.chunks_mut(length.max(1))) {
            resampler.fill(row, out);
        }
    });
    Ok(made)
}

/// `[beats, 3, inputs]`, or `None` of fewer than two beats.
#[pyfunction]
pub(crate) fn beat_rows<'py>(
    py: Python<'py>,
    signal: &Bound<'py, PyAny>,
    beats: &Bound<'py, PyAny>,
    fs: f64,
    wide: bool,
) -> PyResult<Option<Bound<'py, PyArrayDyn<f32>>>> {
    let signal = Numbers::<f32>::of(signal, "signal")?;
    let (rows, beats, fs) = (signal.rows()?, ascending(beats)?, rate(fs)?);
    let made = py.detach(|| {
        let make = if wide { rhythm::wide_rows_by } else { rhythm::rows_by };
        make(&rows, &beats, fs, &Missing::NONE, Workers::ALONE)
    });
    let width = if wide { rhythm::wide_inputs(rows.len()) } else { rhythm::inputs(rows.len()) };
    made.map(|made| array(py, made, &[beats.len(), rhythm::STEPS, width])).transpose()
}

/// `[beats, 10]`: a row of each beat of a whole record.
#[pyfunction]
pub(crate) fn record_rows<'py>(
    py: Python<'py>,
    samples: &Bound<'py, PyAny>,
    beats: &Bound<'py, PyAny>,
    fs: f64,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let samples = Numbers::<f32>::of(samples, "signal")?;
    let (row, beats, fs) = (samples.row()?, ascending(beats)?, rate(fs)?);
    let made = py.detach(|| beat_sequence::rows(row, &beats, fs));
    let count = made.len() / beat_sequence::INPUTS;
    array(py, made, &[count, beat_sequence::INPUTS])
}

fn ascending(beats: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    let beats = whole(beats, "beats")?;
    match beats.windows(2).find(|w| w[0] > w[1]) {
        Some(w) => {
            let found = format!("{} after {}", w[1], w[0]);
            Err(wrong("beats", "ascending positions in samples", &found, "sort them"))
        }
        None => Ok(beats),
    }
}

/// Each lead's indices, window by window, and why each window of the record cannot be assessed.
#[pyfunction]
pub(crate) fn signal_quality<'py>(
    py: Python<'py>,
    signal: &Bound<'py, PyAny>,
    fs: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let signal = Numbers::<f32>::of(signal, "signal")?;
    let (rows, fs) = (signal.rows()?, rate(fs)?);
    let leads: Vec<LeadQuality> = py.detach(|| rows.iter().map(|row| LeadQuality::of(row, fs)).collect());
    let whole = RecordQuality::new(&leads, false);
    let made = PyDict::new(py);
    made.set_item("reason", whole.reason().map(|reason| reason.name()))?;
    let parts: Vec<_> = whole.episodes().iter().map(|e| (e.onset, e.end, e.reason.name())).collect();
    made.set_item("not_assessed", parts)?;
    let table = PyList::empty(py);
    for (place, lead) in leads.iter().enumerate() {
        let mut onset = 0.0;
        for index in &lead.windows {
            let row = PyDict::new(py);
            row.set_item("lead", place)?;
            row.set_item("onset", onset)?;
            row.set_item("seconds", index.seconds)?;
            row.set_item("reason", index.reason().map(|reason| reason.name()))?;
            row.set_item("missing", index.missing)?;
            row.set_item("flat", index.flat)?;
            row.set_item("clipped", index.clipped)?;
            row.set_item("hum", index.hum)?;
            row.set_item("basSQI", index.bas)?;
            row.set_item("pSQI", index.p)?;
            row.set_item("kSQI", index.k)?;
            row.set_item("complexes_per_minute", index.rate)?;
            row.set_item("likeness", index.likeness)?;
            table.append(row)?;
            onset += index.seconds;
        }
    }
    made.set_item("windows", table)?;
    Ok(made)
}

/// A lead without mains hum, and in how many stretches there was some.
#[pyfunction]
pub(crate) fn remove_hum<'py>(
    py: Python<'py>,
    samples: &Bound<'py, PyAny>,
    fs: f64,
) -> PyResult<(Bound<'py, PyArrayDyn<f32>>, usize)> {
    let (mut samples, fs) = (lead(samples)?, rate(fs)?);
    let found = py.detach(|| mains::remove(&mut samples, fs));
    let count = samples.len();
    Ok((array(py, samples, &[count])?, found))
}

/// A lead with NaN where it holds its value.
#[pyfunction]
pub(crate) fn blank_held<'py>(
    py: Python<'py>,
    samples: &Bound<'py, PyAny>,
    fs: f64,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let (mut samples, fs) = (lead(samples)?, rate(fs)?);
    py.detach(|| held::blank(&mut samples, fs));
    let count = samples.len();
    array(py, samples, &[count])
}

/// A lead's z-score; missing samples take no part and become 0.
#[pyfunction]
pub(crate) fn z_score<'py>(
    py: Python<'py>,
    samples: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let mut samples = lead(samples)?;
    py.detach(|| {
        let gaps = Gaps::of(&samples);
        filter::fill_missing(&mut samples);
        normalize::z_score_without(&mut samples, &gaps);
    });
    let count = samples.len();
    array(py, samples, &[count])
}

/// A lead whose missing samples lie on straight lines between those that are known.
#[pyfunction]
pub(crate) fn fill_missing<'py>(
    py: Python<'py>,
    samples: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let mut samples = lead(samples)?;
    py.detach(|| filter::fill_missing(&mut samples));
    let count = samples.len();
    array(py, samples, &[count])
}

/// Heart rate variability of NN intervals: when each ends, in seconds, and its length in milliseconds.
#[pyfunction]
pub(crate) fn hrv<'py>(
    py: Python<'py>,
    ends: &Bound<'py, PyAny>,
    lengths: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let (ends, lengths) = (Numbers::<f64>::of(ends, "ends")?, Numbers::<f64>::of(lengths, "lengths")?);
    let pairs = ends.row()?.iter().zip(lengths.row()?);
    let intervals: Vec<Nn> = pairs.map(|(end, ms)| Nn { end: *end, ms: *ms }).collect();
    let (time, bands) = py
        .detach(|| (variability::time(&intervals), variability::bands(&intervals, BandSettings::default())));
    let made = PyDict::new(py);
    made.set_item("count", time.map_or(0, |t| t.count))?;
    let figures = [
        ("mean", time.map(|t| t.mean)),
        ("sdnn", time.and_then(|t| t.sdnn)),
        ("sdann", time.and_then(|t| t.sdann)),
        ("sdnn_index", time.and_then(|t| t.sdnn_index)),
        ("rmssd", time.and_then(|t| t.rmssd)),
        ("pnn50", time.and_then(|t| t.pnn50)),
        ("vlf", bands.map(|b| b.vlf)),
        ("lf", bands.map(|b| b.lf)),
        ("hf", bands.map(|b| b.hf)),
        ("lf_hf", bands.and_then(|b| b.ratio())),
    ];
    for (name, value) in figures {
        made.set_item(name, value)?;
    }
    Ok(made)
}
