//! From a graph to a GPU that is checked, or to the CPU where it is not fit.

use crate::config::Config;
use crate::error::LoadError;
use crate::inputs::{FeatureInput, Inputs};
use crate::model::Model;
use crate::operands::operands;
use crate::options::{Backend, Options};
use efficientecg_engine::clock::Moment;
#[cfg(not(target_family = "wasm"))]
use efficientecg_engine::gpu::Tuning;
use efficientecg_engine::gpu::{Gpu, GpuError, GpuOptions, Probe, hardware};
use efficientecg_engine::pool::Pool;
use efficientecg_engine::{Cpu, Engine, Graph, Precision};
#[cfg(target_family = "wasm")]
use efficientecg_files::ItemError;
use efficientecg_kernels::simd::Level;
use std::sync::Arc;
#[cfg(not(target_family = "wasm"))]
use std::time::Duration;

/// The longest signal of a self-test, in samples: several workgroup tiles of every kernel, and no multiple of anything.
const PROBE_SAMPLES: usize = 299;

/// Whether there is a GPU to try, or one was asked for by name.
pub(crate) fn present(options: &Options) -> bool {
    options.may_wait && (options.gpu.adapter.is_some() || hardware())
}

/// What a GPU's engine is made of.
pub(crate) struct ForGpu {
    graph: Arc<Graph>,
    level: Level,
    /// Makes the threads of the CPU behind it.
    pool: Arc<dyn Fn() -> Arc<Pool> + Send + Sync>,
}

impl ForGpu {
    pub(crate) fn new(
        graph: Arc<Graph>,
        level: Level,
        pool: impl Fn() -> Arc<Pool> + Send + Sync + 'static,
    ) -> ForGpu {
        ForGpu { graph, level, pool: Arc::new(pool) }
    }

    /// Gives a model the engine that the options ask for: the CPU's for want of a GPU or of one that passes its self-test.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn place(self, model: Model, options: &Options) -> Result<Model, LoadError> {
        let start = Moment::now();
        let opened =
            Gpu::new(Arc::clone(&self.graph), wanted(options), self_test(&model.config), self.make_cpu());
        let opened = opened.map(|gpu| match options.backend {
            Backend::Auto => gpu.with_crossover(&key(&model), |batch| usual(&model.config, batch)),
            _ => gpu,
        });
        self.settle(model, options, opened, start)
    }

    /// A browser's GPU is for who awaits it.
    #[cfg(target_family = "wasm")]
    pub(crate) fn place(self, _: Model, _: &Options) -> Result<Model, LoadError> {
        let expected = "auto or cpu, where a model is loaded without awaiting";
        let fix = "load it with from_bytes_async or from_weights_async";
        Err(ItemError::new("backend", expected, "gpu", fix).into())
    }

    /// The same as `place` by one that may wait.
    #[cfg(feature = "webgpu")]
    pub(crate) async fn place_async(self, model: Model, options: &Options) -> Result<Model, LoadError> {
        #[cfg(not(target_family = "wasm"))]
        return self.place(model, options);
        #[cfg(target_family = "wasm")]
        {
            let start = Moment::now();
            let (graph, make_cpu) = (Arc::clone(&self.graph), self.make_cpu());
            let opened = match Gpu::open(graph, wanted(options), self_test(&model.config), make_cpu).await {
                Ok(gpu) if options.backend == Backend::Auto => {
                    let probe = |batch| usual(&model.config, batch);
                    Ok(gpu.with_crossover_async(&key(&model), probe).await)
                }
                other => other,
            };
            self.settle(model, options, opened, start)
        }
    }

    /// The model with the GPU that was opened since `start`, or with the CPU.
    fn settle(
        self,
        mut model: Model,
        options: &Options,
        opened: Result<Gpu, GpuError>,
        start: Moment,
    ) -> Result<Model, LoadError> {
        let auto = options.backend == Backend::Auto;
        match opened {
            Ok(gpu) => {
                // Its own phases stand for packing.
                model.phases.retain(|(name, _)| *name != "pack");
                model.phases.extend(gpu.phases());
                model.precision = gpu.precision();
                model.engine = Engine::Gpu(Box::new(gpu));
                Ok(model)
            }
            Err(GpuError::NoAdapter { .. }) if auto && options.gpu.adapter.is_none() => {
                Ok(self.on_cpu(model, options.precision, start))
            }
            // A GPU that is not fit is no reason to give no results, in f16 neither.
            Err(error @ (GpuError::Wrong { .. } | GpuError::Device { .. })) => {
                (options.gpu.warn)(&format!("{error}; using the CPU, in f32"));
                Ok(self.on_cpu(model, Precision::F32, start))
            }
            Err(error) if auto && !matches!(error, GpuError::Feature { .. }) => {
                (options.gpu.warn)(&format!("{error}; using the CPU"));
                Ok(self.on_cpu(model, options.precision, start))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The model on the CPU, which was settled on since `start`.
    fn on_cpu(self, mut model: Model, precision: Precision, start: Moment) -> Model {
        let kernels = self.graph.pack(self.level, precision);
        model.engine = Engine::Cpu(Cpu::packed(kernels, self.level, (self.pool)()));
        model.precision = precision;
        let packing = model.phases.iter_mut().find(|(name, _)| *name == "pack");
        packing.into_iter().for_each(|(_, seconds)| *seconds += start.elapsed().as_secs_f64());
        model
    }

    /// Makes the CPU that computes where the GPU fails.
    fn make_cpu(&self) -> impl Fn() -> Cpu + Send + Sync + 'static {
        let (graph, level, pool) = (Arc::clone(&self.graph), self.level, Arc::clone(&self.pool));
        move || Cpu::new(&graph, level, pool())
    }
}

/// What is asked of a GPU. `Backend::Auto` takes no software adapter.
fn wanted(options: &Options) -> GpuOptions {
    options.gpu.clone().software(options.backend != Backend::Auto).precision(options.precision)
}

/// What a crossover is measured and kept for, beside the device.
fn key(model: &Model) -> String {
    format!("{} {} {}", model.config.name, model.config.samples, model.precision as u8)
}

fn self_test(config: &Config) -> Probe {
    probe(config, config.samples.min(PROBE_SAMPLES), 2)
}

/// A batch of records of the usual length.
fn usual(config: &Config, batch: usize) -> Probe {
    probe(config, config.samples, batch)
}

#[cfg(not(target_family = "wasm"))]
impl Model {
    /// Measures the variants of the GPU's programs on batches of so many records, for about so long, and keeps the winners for models
    /// that are loaded later, also by other processes: beside the compiled pipelines, for this adapter, driver and precision.
    /// `progress` is called with the part of the time that is over. None where no GPU computes.
    ///
    /// # Errors
    /// Where the GPU fails or has no timestamps; what was kept before stays.
    pub fn tune(
        &self,
        records: usize,
        time: Duration,
        progress: &dyn Fn(f64),
    ) -> Option<Result<Tuning, GpuError>> {
        let Engine::Gpu(gpu) = &self.engine else { return None };
        let batch = probe(&self.config, self.config.samples, records.max(1));
        Some(gpu.tune(&batch, time, progress))
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
    let made = operands(config, &inputs.view()).unwrap_or_default();
    Probe { batch, inputs: made.into_iter().map(|(shape, data)| (shape, data.into_owned())).collect() }
}
