//! From a graph to a GPU that is checked, or to the CPU where it is not fit.

use crate::config::Config;
use crate::error::LoadError;
use crate::inputs::{FeatureInput, Inputs};
use crate::operands::operands;
use crate::options::{Backend, Options};
use efficientecg_engine::gpu::{self, Gpu, GpuError, Probe};
use efficientecg_engine::{Cpu, Engine, Graph};
use std::sync::Arc;

/// The longest signal of a self-test, in samples: several workgroup tiles of every kernel, and no multiple of anything.
const PROBE_SAMPLES: usize = 299;

/// Whether there is a GPU to try, or one was asked for by name.
pub(crate) fn present(options: &Options) -> bool {
    options.gpu.adapter.is_some() || gpu::hardware()
}

/// A GPU for the graph; none where the CPU shall compute, for want of a GPU or of one that passes its self-test.
pub(crate) fn engine(
    graph: Arc<Graph>,
    config: &Config,
    options: &Options,
    make_cpu: impl Fn() -> Cpu + Clone + Send + Sync + 'static,
) -> Result<Option<Engine>, LoadError> {
    let auto = options.backend == Backend::Auto;
    let wanted = options.gpu.clone().software(!auto).precision(options.precision);
    let warn = Arc::clone(&wanted.warn);
    let for_cpu = make_cpu.clone();
    let samples = config.samples.min(PROBE_SAMPLES);
    match Gpu::new(graph, wanted, probe(config, samples, 2), make_cpu) {
        Ok(gpu) if auto => {
            let key = format!("{} {} {}", config.name, config.samples, options.precision as u8);
            Ok(Some(Engine::Gpu(Box::new(
                gpu.with_crossover(&key, |batch| probe(config, config.samples, batch)),
            ))))
        }
        Ok(gpu) => Ok(Some(Engine::Gpu(Box::new(gpu)))),
        Err(GpuError::NoAdapter { .. }) if auto && options.gpu.adapter.is_none() => Ok(None),
        // A GPU that is not fit is no reason to give no results, in f16 neither.
        Err(error @ (GpuError::Wrong { .. } | GpuError::Device { .. })) => {
            warn(&format!("{error}; using the CPU, in f32"));
            Ok(Some(Engine::Cpu(for_cpu())))
        }
        Err(error) if auto && !matches!(error, GpuError::Feature { .. }) => {
            warn(&format!("{error}; using the CPU"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Built-in inputs: `batch` records of `samples` samples, every other one without its features.
fn probe(config: &Config, samples: usize, batch: usize) -> Probe {
    let mut inputs = Inputs::synthetic(config, samples, batch);
    for (_, feature) in &mut inputs.features {
        match feature {
            FeatureInput::Continuous(values) => {
                values.iter_mut().skip(1).step_by(2).for_each(|v| *v = f64::NAN)
            }
            FeatureInput::Categorical(values) => values.iter_mut().skip(1).step_by(2).for_each(|v| *v = None),
            FeatureInput::Sequence { steps, .. } => {
                steps.iter_mut().for_each(|s| *s /= 2);
                steps.iter_mut().skip(1).step_by(2).for_each(|s| *s = 0);
            }
            FeatureInput::Missing | FeatureInput::Named(_) => {}
        }
    }
    let made = operands(config, &inputs).unwrap_or_default();
    Probe { batch, inputs: made.into_iter().map(|(shape, data)| (shape, data.into_owned())).collect() }
}
