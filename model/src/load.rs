//! From weights to a model: opened, folded, packed, with the engine that the options ask for.

use crate::config::Config;
use crate::error::LoadError;
use crate::fold_bn::Folder;
use crate::graph::{self, Wired};
use crate::model::Model;
use crate::options::{Backend, Options, available_threads};
use crate::overflow::Overflow;
use crate::rounding;
#[cfg(feature = "npz")]
use crate::weights::WeightFile;
use crate::weights::{self, Source, Weights};
use efficientecg_engine::clock::Moment;
use efficientecg_engine::pool::Pool;
use efficientecg_engine::{Cpu, Engine, Graph, Precision, Reference};
use efficientecg_files::ItemError;
use efficientecg_kernels::op::Op;
use efficientecg_kernels::simd::Level;
#[cfg(feature = "npz")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that are reserved beside the weights in f32: for a layer in f64, and the activations of the first run.
#[cfg(feature = "npz")]
const SPARE: usize = 8 << 20;

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

/// Loading.
impl Options {
    /// Loads a weight file: an `.npz`, or a folder of `.npy` files and `config.json`. The CPU's weights are packed as they are
    /// read: no others stay in memory.
    ///
    /// # Errors
    /// The file is missing, malformed or does not fit its configuration; an option is out of range; the GPU that was asked
    /// for cannot be used.
    #[cfg(feature = "npz")]
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Model, LoadError> {
        self.check()?;
        let start = Moment::now();
        let file = WeightFile::open(path.as_ref())?;
        Model::prepare(&file, self, start)
    }

    /// Loads the bytes of an `.npz`, such as `include_bytes!` gives. Messages call it `<memory>`.
    ///
    /// # Errors
    /// As those of [`Options::load`].
    #[cfg(feature = "npz")]
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<Model, LoadError> {
        self.check()?;
        let start = Moment::now();
        let file = WeightFile::from_bytes(bytes)?;
        Model::prepare(&file, self, start)
    }

    /// Loads a trained model that comes with the library, one of [`crate::models::ALL`].
    ///
    /// # Errors
    /// There is none of this name; an option is out of range; the GPU that was asked for cannot be used.
    #[cfg(feature = "models")]
    pub fn builtin(&self, name: &str) -> Result<Model, LoadError> {
        self.from_bytes(crate::models::find(name)?.bytes)
    }

    /// Makes weights in memory ready: folds batch norm, checks that all fits the precision, packs.
    ///
    /// # Errors
    /// A value does not fit the precision; an option is out of range; the GPU that was asked for cannot be used.
    pub fn from_weights(&self, weights: &Weights) -> Result<Model, LoadError> {
        self.check()?;
        Model::prepare(weights, self, Moment::now())
    }
}

impl Model {
    /// Since `start`, the source was opened.
    fn prepare(source: &dyn Source, options: &Options, start: Moment) -> Result<Model, LoadError> {
        let config = source.config().clone();
        let parameters = weights::parameters(&config).map_err(|f| f.in_file(source.path()))?;
        let opened = start.elapsed();
        let start = Moment::now();
        let cpu_alone = cpu_alone(options)?;
        let searched = start.elapsed();
        let level = options.level.unwrap_or_else(Level::best);
        let (mut precision, mut note) = (options.precision, None);
        if cpu_alone && precision == Precision::Bf16 && !level.has_bf16() {
            precision = Precision::F32;
            note = Some(format!(
                "bf16: {} has no instructions for products of bf16; running in f32",
                level.name()
            ));
        }
        let limit = match options.backend {
            Backend::Reference => Overflow::F32,
            _ => Overflow::of(precision),
        };
        let folder = Folder::new(source, limit);

        let pool = {
            let (own, threads) = (options.pool.clone(), options.threads);
            move || {
                let new = || Arc::new(Pool::new(threads.unwrap_or_else(available_threads)));
                own.clone().unwrap_or_else(new)
            }
        };
        let start = Moment::now();
        let mut packing = Duration::ZERO;
        let mut in_f32 = None;
        let (engine, logits, probabilities, taps) = if cpu_alone {
            // The weights in f32 stay; those of a layer in f64 come and go.
            #[cfg(feature = "npz")]
            let _reserved = efficientecg_files::reserve(
                parameters.saturating_mul(size_of::<f32>()).saturating_add(SPARE),
            );
            let on_trial = precision != Precision::F32
                && rounding::is_narrow(&config).map_err(|f| f.in_file(source.path()))?;
            let mut exact = Vec::new();
            let pack = |op: Box<dyn Op>| {
                let start = Moment::now();
                let kernel = op.pack(level, precision);
                if on_trial {
                    exact.push((op.contract(), op.pack(level, Precision::F32)));
                }
                drop(op);
                packing += start.elapsed();
                kernel
            };
            let Wired { graph, logits, probabilities, taps } = graph::build(&config, &folder, pack)?;
            let exact_graph = on_trial.then(|| graph.with(exact));
            let pool = pool();
            in_f32 = exact_graph.map(|graph| Engine::Cpu(Cpu::packed(graph, level, Arc::clone(&pool))));
            let cpu = Cpu::packed(graph, level, pool);
            (Engine::Cpu(cpu), logits, probabilities, taps)
        } else {
            let Wired { graph, logits, probabilities, taps } = graph::build(&config, &folder, |op| op)?;
            let graph = Arc::new(graph);
            let start = Moment::now();
            let engine;
            (engine, precision) = make_engine(graph, &config, options, level, pool)?;
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
            None => options.threads.unwrap_or(usize::MAX).min(available_threads()),
        };
        let mut model = Model {
            config,
            parameters,
            engine,
            logits,
            probabilities,
            taps,
            phases,
            precision,
            note,
            #[cfg(feature = "ecg")]
            helpers,
        };
        if let Some(exact) = in_f32 {
            let start = Moment::now();
            rounding::settle(&mut model, exact);
            model.phases.push(("try rounding", start.elapsed().as_secs_f64()));
        }
        Ok(model)
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
        Backend::Gpu => {
            let expected = "another, as this build has no GPU back end";
            Err(ItemError::new("backend", expected, "gpu", "use the CPU, or build with the feature gpu")
                .into())
        }
    }
}

/// The engine for what is not [`cpu_alone`], and the precision that it computes in.
#[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
fn make_engine(
    graph: Arc<Graph>,
    config: &Config,
    options: &Options,
    level: Level,
    pool: impl Fn() -> Arc<Pool> + Clone + Send + Sync + 'static,
) -> Result<(Engine, Precision), LoadError> {
    #[cfg(feature = "gpu")]
    if options.backend != Backend::Reference {
        let make_cpu = {
            let (graph, pool) = (Arc::clone(&graph), pool.clone());
            move || Cpu::new(&graph, level, pool())
        };
        if let Some(engine) = crate::gpu::engine(Arc::clone(&graph), config, options, make_cpu)? {
            let precision = match &engine {
                Engine::Gpu(gpu) => gpu.precision(),
                _ => Precision::F32,
            };
            return Ok((engine, precision));
        }
        let kernels = graph.pack(level, options.precision);
        return Ok((Engine::Cpu(Cpu::packed(kernels, level, pool())), options.precision));
    }
    match options.precision {
        Precision::F32 => Ok((Engine::Reference(Reference::new(graph)), Precision::F32)),
        precision => {
            let (found, expected) =
                (precision.name(), "f32, the only one that the reference backend takes weights in");
            Err(ItemError::new("precision", expected, found, format!("use f32, or the CPU for {found}"))
                .into())
        }
    }
}
