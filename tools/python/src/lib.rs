//! The native half of the Python package `efficientecg`: arrays in, arrays out. Whoever uses the package sees the classes in
//! `python/efficientecg`, which hold the documentation; nothing here is public.
//!
//! ```text
//! errors.rs     the library's errors as the package's exceptions
//! arrays.rs     NumPy's arrays as slices, and back
//! features.rs   a run's features from what Python gives for them
//! network.rs    networks: loading, running
//! records.rs    records and annotation files
//! classify.rs   from a record to classes, or to a network's inputs
//! signals.rs    peaks, resampling, rows of features, quality, heart rate variability
//! scores.rs     scores of beats and classes
//! ```
//!
//! Whatever takes long is done while other Python threads run.

mod arrays;
mod classify;
mod errors;
mod features;
mod network;
mod records;
mod scores;
mod signals;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<network::Network>()?;
    module.add_class::<records::NativeRecord>()?;
    module.add_function(wrap_pyfunction!(network::builtin_models, module)?)?;
    module.add_function(wrap_pyfunction!(records::records_in, module)?)?;
    module.add_function(wrap_pyfunction!(records::read_annotations, module)?)?;
    module.add_function(wrap_pyfunction!(records::write_annotations, module)?)?;
    module.add_function(wrap_pyfunction!(records::patient_of_comments, module)?)?;
    module.add_function(wrap_pyfunction!(classify::prepare, module)?)?;
    module.add_function(wrap_pyfunction!(signals::find_peaks, module)?)?;
    module.add_function(wrap_pyfunction!(signals::resample, module)?)?;
    module.add_function(wrap_pyfunction!(signals::beat_rows, module)?)?;
    module.add_function(wrap_pyfunction!(signals::record_rows, module)?)?;
    module.add_function(wrap_pyfunction!(signals::signal_quality, module)?)?;
    module.add_function(wrap_pyfunction!(signals::remove_hum, module)?)?;
    module.add_function(wrap_pyfunction!(signals::blank_held, module)?)?;
    module.add_function(wrap_pyfunction!(signals::z_score, module)?)?;
    module.add_function(wrap_pyfunction!(signals::fill_missing, module)?)?;
    module.add_function(wrap_pyfunction!(signals::hrv, module)?)?;
    module.add_function(wrap_pyfunction!(scores::compare_beats, module)?)?;
    module.add_function(wrap_pyfunction!(scores::beat_statistics, module)?)?;
    module.add_function(wrap_pyfunction!(scores::class_figures, module)?)?;
    module.add_function(wrap_pyfunction!(scores::auc, module)?)?;
    Ok(())
}
