//! The library's errors as the exceptions of `efficientecg.errors`: the same line.

use efficientecg::classify::ClassifyError;
use efficientecg::ecg;
use efficientecg::{ItemError, LoadError, RunError};
use pyo3::prelude::*;

/// The exception of this name among those of the package.
fn named(name: &str, line: &str) -> PyErr {
    Python::attach(|py| {
        let made = PyModule::import(py, "efficientecg.errors")
            .and_then(|module| module.getattr(name)?.call1((line,)));
        made.map_or_else(|error| error, PyErr::from_value)
    })
}

/// Arrays, features or options that do not fit.
pub(crate) fn input(error: &ItemError) -> PyErr {
    named("InputError", &error.to_string())
}

/// The same, of its parts.
pub(crate) fn wrong(item: &str, expected: &str, found: &str, fix: &str) -> PyErr {
    input(&ItemError::new(item, expected, found, fix))
}

/// A model that cannot be loaded.
pub(crate) fn load(error: &LoadError) -> PyErr {
    named("LoadError", &error.to_string())
}

/// A run that failed: its inputs, or the network on them.
pub(crate) fn run(error: &RunError) -> PyErr {
    let name = if matches!(error, RunError::Input(_)) { "InputError" } else { "RunError" };
    named(name, &error.to_string())
}

/// A record that cannot be read, or does not hold what is asked of it.
pub(crate) fn record(error: &ecg::Error) -> PyErr {
    let missing = |e: &std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
    let name = match error {
        ecg::Error::Io { source, .. } if missing(source) => "RecordNotFoundError",
        ecg::Error::Parameter { .. } => "InputError",
        _ => "RecordError",
    };
    named(name, &error.to_string())
}

/// A record that could not be classified.
pub(crate) fn classify(error: &ClassifyError) -> PyErr {
    match error {
        ClassifyError::Record(error) => record(error),
        ClassifyError::Run(error) => run(error),
        other => named("RecordError", &other.to_string()),
    }
}
