//! From a graph to a GPU that is checked, or to the CPU where it is not fit.

use crate::config::{Config, FeatureKind};
use crate::inputs::{FeatureInput, Inputs};
use crate::model::{Backend, LoadError, Options, operands};
use efficientecg_engine::gpu::{Gpu, GpuError, GpuOptions, Probe};
use efficientecg_engine::{Cpu, Engine, Graph};
use std::sync::Arc;

/// The longest signal of a self-test, in samples: several tiles of every kernel, and no multiple of anything.
const PROBE_SAMPLES: usize = 299;

/// A GPU for the graph; none where the CPU shall compute, for want of a GPU or of one that passes its self-test.
pub(crate) fn engine(
    graph: Arc<Graph>,
    config: &Config,
    options: &Options,
    make_cpu: impl Fn() -> Cpu + Send + Sync + 'static,
) -> Result<Option<Engine>, LoadError> {
    let auto = options.backend == Backend::Auto;
    let wanted = GpuOptions { software: !auto, precision: options.precision, ..options.gpu.clone() };
    let warn = Arc::clone(&wanted.warn);
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
        Err(error @ (GpuError::Wrong { .. } | GpuError::Fault { .. })) => {
            warn(&format!("{error}; using the CPU"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Built-in inputs: `batch` records of `samples` samples, every other one without its features.
fn probe(config: &Config, samples: usize, batch: usize) -> Probe {
    // A linear congruential generator (Knuth's MMIX); the values need no quality.
    let mut state = 1u64;
    let mut noise = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let leads = config.leads.len();
    let steps_max = 5;
    let given = |record: usize| record % 2 == 0;
    let features = config.features().iter().map(|feature| match feature.kind {
        FeatureKind::Continuous { offset, scale } => FeatureInput::Continuous(
            (0..batch).map(|r| if given(r) { offset + 0.3 * scale } else { f64::NAN }).collect(),
        ),
        FeatureKind::Categorical { .. } => {
            FeatureInput::Categorical((0..batch).map(|r| given(r).then_some(0)).collect())
        }
        FeatureKind::Sequence { inputs, .. } => FeatureInput::Sequence {
            steps_max,
            rows: (0..batch * steps_max * inputs).map(|_| noise()).collect(),
            steps: (0..batch).map(|r| if given(r) { steps_max - 1 } else { 0 }).collect(),
        },
    });
    let features = features.collect();
    let signal = (0..batch * leads * samples).map(|_| noise()).collect();
    let inputs = Inputs { batch, leads, samples, signal, features };
    let made = operands(config, &inputs).unwrap_or_default();
    Probe { batch, inputs: made.into_iter().map(|(shape, data)| (shape, data.into_owned())).collect() }
}
