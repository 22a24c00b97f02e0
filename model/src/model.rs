//! A network ready to run: loaded, folded, packed, shared by as many threads as like to call it.

use crate::config::{Config, FeatureKind};
use crate::error::{LoadError, RunError};
use crate::fold_bn::Folder;
use crate::graph::{self, Wired};
use crate::inputs::Inputs;
use crate::operands::operands;
use crate::options::{Backend, Options, available_threads};
use crate::overflow::Overflow;
use crate::weights::{self, Source, Weights};
use efficientecg_engine::pool::Pool;
use efficientecg_engine::{Batch, Cpu, Engine, EngineError, Graph, Layer, Precision, Reference, Value};
use efficientecg_files::{ItemError, Moment};
use efficientecg_kernels::op::Op;
use efficientecg_kernels::simd::Level;
use efficientecg_kernels::tensor::Shape;
#[cfg(feature = "npz")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What a run gives: a row of numbers for each record, in the order of the inputs.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Outputs {
    /// `[B, classes]`.
    pub logits: Vec<f32>,
    /// `[B, classes]`: softmax rows for a multiclass task, independent sigmoids for a multilabel one.
    pub probabilities: Vec<f32>,
    /// The taps that were asked for, in that order.
    pub taps: Vec<Tap>,
    classes: usize,
}

/// The outputs of one record.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row<'a> {
    /// `[classes]`.
    pub logits: &'a [f32],
    /// `[classes]`.
    pub probabilities: &'a [f32],
}

impl Row<'_> {
    /// The class of the highest logit, by its place in the configuration's classes.
    pub fn best(&self) -> usize {
        (0..self.logits.len()).max_by(|a, b| self.logits[*a].total_cmp(&self.logits[*b])).unwrap_or(0)
    }
}

impl Outputs {
    /// The outputs of each record.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        let classes = self.classes.max(1);
        let rows = self.logits.chunks_exact(classes).zip(self.probabilities.chunks_exact(classes));
        rows.map(|(logits, probabilities)| Row { logits, probabilities })
    }

    /// Adds the records of another run of the same model with the same taps.
    pub fn append(&mut self, other: Outputs) {
        self.classes = other.classes;
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
#[non_exhaustive]
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
///
/// ```
/// # #[cfg(feature = "models")] {
/// use efficientecg::{Inputs, Model};
///
/// let model = Model::builtin("mitbih-beats")?;
/// // Four beats: two leads of 720 samples each.
/// let inputs = Inputs::new(vec![0.25; 4 * 2 * 720], [4, 2, 720])?;
/// let outputs = model.run(&inputs)?;
/// for row in outputs.rows() {
///     println!("{} {:?}", model.config().classes[row.best()], row.probabilities);
/// }
/// # assert_eq!(outputs.rows().count(), 4);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Model {
    config: Config,
    parameters: usize,
    engine: Engine,
    logits: Value,
    probabilities: Value,
    taps: Vec<(String, Value)>,
    phases: Vec<(&'static str, f64)>,
    /// Threads that may prepare a record. Where the caller lent the network's threads none are started beside them.
    #[cfg(feature = "ecg")]
    helpers: usize,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("Model");
        text.field("name", &self.config.name).field("device", &self.device()).finish_non_exhaustive()
    }
}

/// Loading, with the default [`Options`]; with others by the methods of the same names on [`Model::builder`].
impl Model {
    /// Loads a weight file: an `.npz`, or a folder of `.npy` files and `config.json`.
    ///
    /// # Errors
    /// The file is missing, malformed or does not fit its configuration.
    #[cfg(feature = "npz")]
    pub fn load(path: impl AsRef<Path>) -> Result<Model, LoadError> {
        Options::new().load(path)
    }

    /// Loads the bytes of an `.npz`, such as `include_bytes!` gives:
    ///
    /// ```
    /// # use efficientecg::Model;
    /// let model = Model::from_bytes(include_bytes!("../weights/mitbih-beats.npz"))?;
    /// assert_eq!(model.config().classes, ["N", "S", "V", "F", "Q"]);
    /// # Ok::<(), efficientecg::LoadError>(())
    /// ```
    ///
    /// # Errors
    /// The bytes are malformed or do not fit their configuration.
    #[cfg(feature = "npz")]
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, LoadError> {
        Options::new().from_bytes(bytes)
    }

    /// Loads a trained model that comes with the library, one of [`crate::models::ALL`].
    ///
    /// # Errors
    /// There is none of this name.
    #[cfg(feature = "models")]
    pub fn builtin(name: &str) -> Result<Model, LoadError> {
        Options::new().builtin(name)
    }

    /// Makes weights in memory ready: folds batch norm, packs.
    ///
    /// # Errors
    /// A value overflows once batch norm is folded in.
    pub fn from_weights(weights: &Weights) -> Result<Model, LoadError> {
        Options::new().from_weights(weights)
    }

    /// The default options, to change and then load with: [`Options::new`].
    pub fn builder() -> Options {
        Options::new()
    }
}

impl Model {
    /// Since `start`, the source was opened.
    pub(crate) fn prepare(source: &dyn Source, options: &Options, start: Moment) -> Result<Model, LoadError> {
        let config = source.config().clone();
        let parameters = weights::parameters(&config).map_err(|f| f.in_file(source.path()))?;
        let limit = match (options.backend, options.precision) {
            (Backend::Reference, _) => Overflow::F32,
            (_, precision) => Overflow::of(precision),
        };
        let folder = Folder::new(source, limit);
        let opened = start.elapsed();
        let start = Moment::now();
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
        let start = Moment::now();
        let mut packing = Duration::ZERO;
        let (engine, logits, probabilities, taps) = if cpu_alone {
            // Layers in f64 come and go. glibc keeps blocks for reuse up to the size of the largest that was let go; by
            // this one, whose pages are never touched, it keeps them from the start, in place of mapping each anew.
            drop(std::hint::black_box(Vec::<f64>::with_capacity(1 << 19)));
            let pack = |op: Box<dyn Op>| {
                let start = Moment::now();
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
            let start = Moment::now();
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
        #[cfg(feature = "ecg")]
        let helpers = match &options.pool {
            Some(_) => 1,
            None => options.threads.unwrap_or_else(available_threads),
        };
        Ok(Model {
            config,
            parameters,
            engine,
            logits,
            probabilities,
            taps,
            phases,
            #[cfg(feature = "ecg")]
            helpers,
        })
    }

    /// Threads that may prepare a record.
    #[cfg(feature = "ecg")]
    pub(crate) fn helpers(&self) -> usize {
        self.helpers
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
            classes,
        };
        let mut values = Vec::new();
        for name in taps {
            let Some((_, value)) = self.taps.iter().find(|(n, _)| n == name) else {
                let known: Vec<&str> = self.tap_names().collect();
                let expected = format!("one of {}", known.join(", "));
                return Err(ItemError::new("tap", expected, name, "name a tap of this network").into());
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

    /// The nodes that a run over `samples` samples takes; sequences are counted at one row.
    pub fn layers(&self, samples: usize) -> Result<Vec<Layer>, RunError> {
        self.layers_of(&self.input_shapes(samples))
    }

    /// The nodes that a run on these inputs takes.
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

    /// The nodes on graph inputs of these shapes.
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
        precision => Err(LoadError::Precision { precision: precision.name() }),
    }
}
