//! A network ready to run: loaded, folded, packed, shared by as many threads as like to call it.

use crate::config::{Config, Feature, FeatureKind};
use crate::fault::Fault;
use crate::fold_bn::{Folder, Overflow};
use crate::graph::{self, Wired};
use crate::inputs::{FeatureInput, Inputs};
use crate::weights::{self, Source, WeightFile, Weights, WeightsError};
use efficientecg_engine::pool::Pool;
use efficientecg_engine::{Batch, Cpu, Engine, EngineError, Graph, Layer, Precision, Reference, Value};
use efficientecg_kernels::op::Op;
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::view::Shape;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The GPU where there is one that is no software adapter, for batches that it is faster on; else the CPU.
    Auto,
    /// The SIMD kernels on the processor's cores.
    Cpu,
    /// The shaders on a GPU, be it a software adapter. The CPU takes over where the GPU fails.
    Gpu,
    /// Plain loops in f64 on one thread: slow, for checking.
    Reference,
}

/// How a model runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where.
    pub backend: Backend,
    /// Threads of the CPU back end, the caller counted in; `None` for as many as the process may use. With 1 a run stays on the
    /// thread that calls it, and the model starts no other.
    pub threads: Option<usize>,
    /// A team to run on in place of one of the model's own, see [`Pool::lent`]; `threads` then counts for nothing. Models may
    /// share a team: a run that finds it busy stays on its caller's thread.
    pub pool: Option<Arc<Pool>>,
    /// The instruction set; `None` for the best that the processor has.
    pub level: Option<Level>,
    /// What weights are stored in, and on a GPU activations; bf16 is the CPU's alone.
    pub precision: Precision,
    /// Which GPU, and how.
    #[cfg(feature = "gpu")]
    pub gpu: crate::GpuOptions,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            backend: Backend::Cpu,
            threads: None,
            pool: None,
            level: None,
            precision: Precision::F32,
            #[cfg(feature = "gpu")]
            gpu: crate::GpuOptions::default(),
        }
    }
}

/// A model that could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The weights or their configuration.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The GPU that was asked for.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] efficientecg_engine::gpu::GpuError),
    /// This build has no GPU back end.
    #[error("this build has no GPU back end; use the CPU (--backend cpu), or build with the feature gpu")]
    NoGpu,
    /// The references have one precision.
    #[error("the references compute in f64, for weights in f32; use f32, or the CPU for {precision}")]
    Precision {
        /// What was asked for.
        precision: &'static str,
    },
}

/// A run that failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The inputs do not fit the configuration.
    #[error(transparent)]
    Input(#[from] Fault),
    /// The engine could not run them.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A record's activations left the range of f32.
    #[error(
        "record {record}: the logits are not finite, as activations overflow f32; scale the signal down or mend the weights"
    )]
    Overflow {
        /// The first such record's place in the batch.
        record: usize,
        /// The places of all of them.
        all: Vec<usize>,
    },
}

impl RunError {
    /// The same error for a batch that starts at record `first` of a larger one.
    pub fn offset(self, first: usize) -> RunError {
        match self {
            RunError::Overflow { record, all } => {
                let all = all.into_iter().map(|r| r + first).collect();
                RunError::Overflow { record: record + first, all }
            }
            other => other,
        }
    }
}

/// What a run gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs {
    /// `[B, classes]`.
    pub logits: Vec<f32>,
    /// `[B, classes]`: softmax rows for a multiclass task, independent sigmoids for a multilabel one.
    pub probabilities: Vec<f32>,
    /// The taps that were asked for, in that order.
    pub taps: Vec<Tap>,
}

impl Outputs {
    /// Adds the records of another run with the same taps.
    pub fn append(&mut self, other: Outputs) {
        self.logits.extend(other.logits);
        self.probabilities.extend(other.probabilities);
        if self.taps.is_empty() {
            self.taps = other.taps;
        } else {
            for (mine, its) in self.taps.iter_mut().zip(other.taps) {
                mine.data.extend(its.data);
            }
        }
    }
}

/// An intermediate value of every record.
#[derive(Clone, Debug, PartialEq)]
pub struct Tap {
    /// Its name.
    pub name: String,
    /// Channels (or tokens) of a record.
    pub rows: usize,
    /// Positions (or width of a token) of a record.
    pub cols: usize,
    /// `[B, rows, cols]`.
    pub data: Vec<f32>,
}

/// A network ready to run. `run` takes `&self`: threads share a model without a lock.
pub struct Model {
    config: Config,
    parameters: usize,
    engine: Engine,
    logits: Value,
    probabilities: Value,
    taps: Vec<(String, Value)>,
    phases: Vec<(&'static str, f64)>,
}

impl Model {
    /// Loads a weight file or folder. The CPU's weights are packed as they are read: no others stay in memory.
    pub fn load(path: impl AsRef<Path>, options: &Options) -> Result<Model, LoadError> {
        let start = Instant::now();
        let file = WeightFile::open(path.as_ref())?;
        Model::prepare(&file, options, start)
    }

    /// Prepares loaded weights: folds batch norm, checks that all fits the precision, packs.
    pub fn new(weights: &Weights, options: &Options) -> Result<Model, LoadError> {
        Model::prepare(weights, options, Instant::now())
    }

    /// Since `start`, the source was opened.
    fn prepare(source: &dyn Source, options: &Options, start: Instant) -> Result<Model, LoadError> {
        let config = source.config().clone();
        let parameters = weights::parameters(&config).map_err(|f| f.in_file(source.path()))?;
        let limit = match (options.backend, options.precision) {
            (Backend::Reference, _) | (_, Precision::F32) => Overflow::F32,
            (_, Precision::F16) => Overflow::F16,
            (_, Precision::Bf16) => Overflow::BF16,
        };
        let folder = Folder::new(source, limit);
        let opened = start.elapsed();
        let start = Instant::now();
        let cpu_alone = cpu_alone(options)?;
        let searched = start.elapsed();

        let pool = {
            let (own, threads) = (options.pool.clone(), options.threads);
            move || {
                let new = || Arc::new(Pool::new(threads.unwrap_or_else(available_threads)));
                own.clone().unwrap_or_else(new)
            }
        };
        let level = options.level.unwrap_or_else(Level::best);
        let start = Instant::now();
        let mut packing = Duration::ZERO;
        let (engine, logits, probabilities, taps) = if cpu_alone {
            // Layers in f64 come and go. glibc keeps blocks for reuse up to the size of the largest that was let go; by
            // this one, whose pages are never touched, it keeps them from the start, in place of mapping each anew.
            drop(std::hint::black_box(Vec::<f64>::with_capacity(1 << 19)));
            let pack = |op: Box<dyn Op>| {
                let start = Instant::now();
                let kernel = op.pack(level, options.precision);
                drop(op);
                packing += start.elapsed();
                kernel
            };
            let Wired { graph, logits, probabilities, taps } = graph::build(&config, &folder, pack)?;
            let cpu = Cpu::packed(graph, level, pool());
            (Engine::Cpu(cpu), logits, probabilities, taps)
        } else {
            let Wired { graph, logits, probabilities, taps } = graph::build(&config, &folder, |op| op)?;
            let graph = Arc::new(graph);
            let start = Instant::now();
            let engine = engine(graph, &config, options, level, pool)?;
            packing = start.elapsed();
            (engine, logits, probabilities, taps)
        };
        let fold = start.elapsed().saturating_sub(packing + folder.taken());
        let reading = source.reading();
        let mut phases = vec![
            ("read", reading.as_secs_f64()),
            ("unpack", (opened + folder.taken()).saturating_sub(reading).as_secs_f64()),
            ("fold", fold.as_secs_f64()),
            ("pack", packing.as_secs_f64()),
        ];
        match &engine {
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => {
                phases.pop();
                phases.extend(gpu.phases());
            }
            _ => {}
        }
        if cpu_alone && options.backend == Backend::Auto && cfg!(feature = "gpu") {
            phases.insert(0, ("look for a GPU", searched.as_secs_f64()));
        }
        Ok(Model { config, parameters, engine, logits, probabilities, taps, phases })
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether batches go to a GPU, all or the larger ones.
    pub fn on_gpu(&self) -> bool {
        !matches!(self.engine, Engine::Cpu(_) | Engine::Reference(_))
    }

    /// Numbers that were trained.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The back end, with the instruction set and threads of the CPU's.
    pub fn device(&self) -> String {
        match &self.engine {
            Engine::Cpu(cpu) => format!("cpu ({}, {} threads)", cpu.level().name(), cpu.threads()),
            Engine::Reference(_) => "reference".to_owned(),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.describe(),
        }
    }

    /// What making it ready took: the name of each phase, and its seconds. To `read` is to wait for the system to open and read
    /// the weights' files, to `unpack` to inflate, check and widen what they hold; then batch norm is folded and kernels packed.
    pub fn phases(&self) -> &[(&'static str, f64)] {
        &self.phases
    }

    /// Bytes of the arenas that these inputs are computed in; none where the back end has no arena, or several of them for
    /// the parts of a batch.
    pub fn arena_bytes(&self, inputs: &Inputs) -> Result<Option<usize>, RunError> {
        let kept = [self.logits, self.probabilities];
        Ok(self.engine.arena_bytes(&self.shapes(inputs)?, &kept, inputs.batch)?)
    }

    /// The names of the taps, in the order of the network.
    pub fn tap_names(&self) -> impl Iterator<Item = &str> {
        self.taps.iter().map(|(name, _)| name.as_str())
    }

    /// Logits and probabilities of a batch.
    pub fn run(&self, inputs: &Inputs) -> Result<Outputs, RunError> {
        self.run_with_taps(inputs, &[])
    }

    /// The same, with intermediate values. Fails on a tap that the network has not.
    pub fn run_with_taps(&self, inputs: &Inputs, taps: &[&str]) -> Result<Outputs, RunError> {
        self.run_by(inputs, taps, Engine::run)
    }

    /// The same, `run` being how.
    pub(crate) fn run_by(
        &self,
        inputs: &Inputs,
        taps: &[&str],
        run: impl FnOnce(&Engine, &mut Batch<'_>) -> Result<(), EngineError>,
    ) -> Result<Outputs, RunError> {
        inputs.check(&self.config)?;
        let operands = operands(&self.config, inputs)?;
        let operands: Vec<(Shape, &[f32])> = operands.iter().map(|(s, d)| (*s, d.as_ref())).collect();
        let shapes = self.engine.shapes(&operands.iter().map(|(s, _)| *s).collect::<Vec<_>>())?;

        let classes = self.config.classes.len();
        let mut out = Outputs {
            logits: vec![0.0; inputs.batch * classes],
            probabilities: vec![0.0; inputs.batch * classes],
            taps: Vec::new(),
        };
        let mut values = Vec::new();
        for name in taps {
            let Some((_, value)) = self.taps.iter().find(|(n, _)| n == name) else {
                let known: Vec<&str> = self.tap_names().collect();
                let expected = format!("one of {}", known.join(", "));
                return Err(Fault::new("tap", expected, name, "name a tap of this network").into());
            };
            let Shape { rows, cols } = shapes[value.index()];
            values.push(*value);
            let data = vec![0.0; inputs.batch * rows * cols];
            out.taps.push(Tap { name: (*name).to_owned(), rows, cols, data });
        }
        let mut wanted: Vec<(Value, &mut [f32])> =
            vec![(self.logits, &mut out.logits), (self.probabilities, &mut out.probabilities)];
        wanted.extend(values.into_iter().zip(out.taps.iter_mut().map(|t| t.data.as_mut_slice())));
        run(&self.engine, &mut Batch { size: inputs.batch, inputs: &operands, outputs: &mut wanted })?;

        let overflows = |r: &usize| out.logits[r * classes..][..classes].iter().any(|x| !x.is_finite());
        match (0..inputs.batch).find(overflows) {
            Some(record) => {
                Err(RunError::Overflow { record, all: (record..inputs.batch).filter(overflows).collect() })
            }
            None => Ok(out),
        }
    }

    /// The shapes of a record's inputs over `samples` samples, sequences of one row.
    fn input_shapes(&self, samples: usize) -> Vec<Shape> {
        let mut inputs = vec![Shape::new(self.config.leads.len(), samples)];
        for feature in self.config.features() {
            match feature.kind {
                FeatureKind::Sequence { inputs: width, .. } => {
                    inputs.extend([Shape::new(1, width), Shape::new(1, 1)]);
                }
                _ => inputs.push(Shape::new(1, 1)),
            }
        }
        inputs
    }

    /// The GPU's memory that a batch takes; none on the CPU, and where the batch must be cut into parts.
    #[cfg(feature = "gpu")]
    pub fn gpu_memory(&self, batch: usize, samples: usize) -> Option<efficientecg_engine::gpu::Memory> {
        match &self.engine {
            Engine::Gpu(gpu) => {
                gpu.memory(&self.input_shapes(samples), &[self.logits, self.probabilities], batch)
            }
            _ => None,
        }
    }

    /// The steps that a run over `samples` samples takes; sequences are counted at one row.
    pub fn layers(&self, samples: usize) -> Result<Vec<Layer>, RunError> {
        self.layers_of(&self.input_shapes(samples))
    }

    /// The steps that a run on these inputs takes.
    pub fn layers_of_inputs(&self, inputs: &Inputs) -> Result<Vec<Layer>, RunError> {
        self.layers_of(&self.shapes(inputs)?)
    }

    /// The shape of each of the graph's inputs for one record.
    pub(crate) fn shapes(&self, inputs: &Inputs) -> Result<Vec<Shape>, RunError> {
        Ok(operands(&self.config, inputs)?.iter().map(|(shape, _)| *shape).collect())
    }

    /// Whether activations and weights lie in memory as f16.
    pub(crate) fn halves(&self) -> bool {
        match &self.engine {
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.precision() == Precision::F16,
            _ => false,
        }
    }

    /// The steps on graph inputs of these shapes.
    pub(crate) fn layers_of(&self, inputs: &[Shape]) -> Result<Vec<Layer>, RunError> {
        Ok(self.engine.layers(inputs)?)
    }
}

/// Whether the CPU computes everything: no other engine needs the weights.
fn cpu_alone(options: &Options) -> Result<bool, LoadError> {
    match options.backend {
        Backend::Cpu => Ok(true),
        Backend::Reference => Ok(false),
        #[cfg(feature = "gpu")]
        Backend::Auto => Ok(options.precision == Precision::Bf16 || !crate::gpu::present(options)),
        #[cfg(feature = "gpu")]
        Backend::Gpu => Ok(false),
        #[cfg(not(feature = "gpu"))]
        Backend::Auto => Ok(true),
        #[cfg(not(feature = "gpu"))]
        Backend::Gpu => Err(LoadError::NoGpu),
    }
}

/// The engine for what is not [`cpu_alone`].
#[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
fn engine(
    graph: Arc<Graph>,
    config: &Config,
    options: &Options,
    level: Level,
    pool: impl Fn() -> Arc<Pool> + Clone + Send + Sync + 'static,
) -> Result<Engine, LoadError> {
    #[cfg(feature = "gpu")]
    if options.backend != Backend::Reference {
        let make_cpu = {
            let (graph, pool) = (Arc::clone(&graph), pool.clone());
            move || Cpu::new(&graph, level, pool())
        };
        if let Some(engine) = crate::gpu::engine(Arc::clone(&graph), config, options, make_cpu)? {
            return Ok(engine);
        }
        let kernels = graph.pack(level, options.precision);
        return Ok(Engine::Cpu(Cpu::packed(kernels, level, pool())));
    }
    match options.precision {
        Precision::F32 => Ok(Engine::Reference(Reference::new(graph))),
        Precision::F16 => Err(LoadError::Precision { precision: "f16" }),
        Precision::Bf16 => Err(LoadError::Precision { precision: "bf16" }),
    }
}

/// A graph input: its shape for one record, and its values for all.
pub(crate) type Operand<'a> = (Shape, Cow<'a, [f32]>);

/// The graph's inputs, in its order.
pub(crate) fn operands<'a>(config: &Config, inputs: &'a Inputs) -> Result<Vec<Operand<'a>>, Fault> {
    let signal = Shape::new(inputs.leads, inputs.samples);
    let mut out = vec![(signal, Cow::Borrowed(inputs.signal.as_slice()))];
    for (feature, values) in config.features().iter().zip(&inputs.features) {
        push_feature(&mut out, feature, values, inputs.batch)?;
    }
    Ok(out)
}

/// Adds a feature's operands.
fn push_feature(
    out: &mut Vec<Operand<'_>>,
    feature: &Feature,
    values: &FeatureInput,
    batch: usize,
) -> Result<(), Fault> {
    let one = Shape::new(1, 1);
    match (&feature.kind, values) {
        (FeatureKind::Continuous { offset, scale }, FeatureInput::Continuous(values)) => {
            let mut scaled = Vec::with_capacity(batch);
            for (record, value) in values.iter().enumerate() {
                let x = ((value - offset) / scale) as f32;
                if x.is_infinite() {
                    let item = format!("{}, record {record}", feature.name);
                    let expected = "a value that fits f32 after its offset and scale";
                    return Err(Fault::new(item, expected, value.to_string(), "correct the value"));
                }
                scaled.push(x);
            }
            out.push((one, Cow::Owned(scaled)));
        }
        (FeatureKind::Categorical { .. }, FeatureInput::Categorical(values)) => {
            let index = |v: &Option<usize>| v.map_or(-1.0, |v| v as f32);
            out.push((one, Cow::Owned(values.iter().map(index).collect())));
        }
        (FeatureKind::Sequence { inputs, .. }, FeatureInput::Sequence { steps_max, rows, steps }) => {
            // A matrix has at least one row; no step reads it.
            let shape = Shape::new((*steps_max).max(1), *inputs);
            let padded = if *steps_max == 0 { vec![0.0; batch * inputs] } else { rows.clone() };
            out.push((shape, Cow::Owned(padded)));
            out.push((one, Cow::Owned(steps.iter().map(|s| *s as f32).collect())));
        }
        (FeatureKind::Sequence { inputs, .. }, _) => {
            out.push((Shape::new(1, *inputs), Cow::Owned(vec![0.0; batch * inputs])));
            out.push((one, Cow::Owned(vec![0.0; batch])));
        }
        (FeatureKind::Continuous { .. }, _) => out.push((one, Cow::Owned(vec![f32::NAN; batch]))),
        (FeatureKind::Categorical { .. }, _) => out.push((one, Cow::Owned(vec![-1.0; batch]))),
    }
    Ok(())
}

/// Threads that the process may use: its processor affinity and the limits of its control group.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
