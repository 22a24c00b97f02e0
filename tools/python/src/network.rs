//! Networks: loading, running.

use crate::arrays::{Numbers, array};
use crate::classify::{self, Reading};
use crate::errors::{self, wrong};
use crate::features::features;
use crate::records::NativeRecord;
use efficientecg::{Backend, InputsView, Model, Options, Precision, models};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::path::PathBuf;

/// A network ready to run.
#[pyclass(frozen, module = "efficientecg._native")]
pub(crate) struct Network {
    pub(crate) model: Model,
}

/// How a network is to run.
fn options(threads: Option<i64>, precision: &str, backend: &str) -> PyResult<Options> {
    let precision = match precision {
        "f32" => Precision::F32,
        "bf16" => Precision::Bf16,
        other => return Err(wrong("precision", "f32 or bf16", other, "correct it, or leave it out")),
    };
    let backend = match backend {
        "cpu" => Backend::Cpu,
        "reference" => Backend::Reference,
        other => return Err(wrong("backend", "cpu or reference", other, "correct it, or leave it out")),
    };
    let options = Options::new().precision(precision).backend(backend);
    Ok(match threads {
        Some(threads) => options.threads(usize::try_from(threads).map_err(|_| {
            wrong("threads", "1 to 1024", &threads.to_string(), "correct it, or leave it out")
        })?),
        None => options,
    })
}

#[pymethods]
impl Network {
    /// A trained model that comes with the package.
    #[staticmethod]
    fn builtin(
        py: Python<'_>,
        name: &str,
        threads: Option<i64>,
        precision: &str,
        backend: &str,
    ) -> PyResult<Network> {
        let options = options(threads, precision, backend)?;
        let model = py.detach(|| options.builtin(name)).map_err(|e| errors::load(&e))?;
        Ok(Network { model })
    }

    /// A weight file.
    #[staticmethod]
    fn load(
        py: Python<'_>,
        path: PathBuf,
        threads: Option<i64>,
        precision: &str,
        backend: &str,
    ) -> PyResult<Network> {
        let options = options(threads, precision, backend)?;
        let model = py.detach(|| options.load(&path)).map_err(|e| errors::load(&e))?;
        Ok(Network { model })
    }

    /// The bytes of a weight file.
    #[staticmethod]
    fn from_bytes(
        py: Python<'_>,
        bytes: &[u8],
        threads: Option<i64>,
        precision: &str,
        backend: &str,
    ) -> PyResult<Network> {
        let options = options(threads, precision, backend)?;
        let model = py.detach(|| options.from_bytes(bytes)).map_err(|e| errors::load(&e))?;
        Ok(Network { model })
    }

    /// The configuration as JSON.
    fn config(&self) -> PyResult<String> {
        self.model.config().to_json().map_err(|e| errors::input(&e))
    }

    #[getter]
    fn device(&self) -> String {
        self.model.device()
    }

    #[getter]
    fn parameters(&self) -> usize {
        self.model.parameters()
    }

    #[getter]
    fn precision(&self) -> &'static str {
        self.model.precision().name()
    }

    #[getter]
    fn note(&self) -> Option<&str> {
        self.model.note()
    }

    #[getter]
    fn taps(&self) -> Vec<&str> {
        self.model.tap_names().collect()
    }

    /// `beat` or `record`.
    #[getter]
    fn unit(&self) -> &'static str {
        efficientecg::classify::Unit::of(self.model.config()).name()
    }

    /// Multiply-adds of a record of so many samples; sequences are counted at one row.
    fn multiply_adds(&self, samples: usize) -> PyResult<u64> {
        let layers = self.model.layers(samples).map_err(|e| errors::run(&e))?;
        Ok(layers.iter().map(|layer| layer.cost.macs).sum())
    }

    /// Logits, probabilities, taps by name, and the address at which the signal was read.
    #[pyo3(signature = (signal, given, taps))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        signal: &Bound<'py, PyAny>,
        given: &Bound<'py, PyDict>,
        taps: Vec<String>,
    ) -> PyResult<Ran<'py>> {
        let signal = Numbers::<f32>::of(signal, "signal")?;
        let (shape, alone) = match *signal.shape() {
            [batch, leads, samples] => ([batch, leads, samples], false),
            [leads, samples] => ([1, leads, samples], true),
            _ => {
                let found = format!("shape {:?}", signal.shape());
                let fix = "give a row of samples for each lead";
                return Err(wrong(
                    "signal",
                    "shape [batch, leads, samples] or [leads, samples]",
                    &found,
                    fix,
                ));
            }
        };
        let features = features(self.model.config(), given, shape[0], alone)?;
        let numbers = signal.slice()?;
        let inputs = InputsView::new(numbers, shape).map_err(|e| errors::input(&e))?.features(&features);
        let taps: Vec<&str> = taps.iter().map(String::as_str).collect();
        let out = py.detach(|| self.model.run_view(&inputs, &taps)).map_err(|e| errors::run(&e))?;
        let batch = if alone { &[][..] } else { &[shape[0]][..] };
        let sized = |rest: &[usize]| [batch, rest].concat();
        let classes = self.model.config().classes.len();
        let named = PyDict::new(py);
        for tap in out.taps {
            // What the attention gives is `Z`: a row a token.
            named.set_item(&tap.name, array(py, tap.data, &sized(&[tap.rows, tap.cols]))?)?;
        }
        let logits = array(py, out.logits, &sized(&[classes]))?;
        let probabilities = array(py, out.probabilities, &sized(&[classes]))?;
        Ok((logits.into_any(), probabilities.into_any(), named, numbers.as_ptr() as usize))
    }

    /// What a record holds.
    #[pyo3(signature = (record, reading, progress=None))]
    fn classify<'py>(
        &self,
        py: Python<'py>,
        record: &Bound<'py, NativeRecord>,
        reading: Reading<'py>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        classify::classify(py, &self.model, &record.get().record, &reading, progress.as_ref())
    }
}

/// What [`Network::run`] gives.
type Ran<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyDict>, usize);

/// Name and limits of each trained model.
#[pyfunction]
pub(crate) fn builtin_models(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    PyList::new(py, models::ALL.iter().map(|model| (model.name, model.limits())))
}
