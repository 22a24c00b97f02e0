//! From weights to a model: opened, folded, packed, with the engine that the options ask for.

use crate::error::LoadError;
use crate::graph::{self, Wired};
use crate::layers::Layers;
use crate::layers::fold_bn::Folder;
use crate::model::Model;
use crate::options::{Backend, Options, available_threads};
use crate::overflow::Overflow;
use crate::packed::{self, Bytes, PackedFile};
use crate::rounding;
use crate::weights::{self, Weights};
#[cfg(feature = "npz")]
use crate::weights::{WeightFile, read_ahead};
use efficientecg_engine::clock::Moment;
use efficientecg_engine::pool::Pool;
use efficientecg_engine::{Cpu, Engine, Precision, Reference};
use efficientecg_files::ItemError;
use efficientecg_kernels::op::Op;
use efficientecg_kernels::simd::Level;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that are reserved beside the weights in f32: for a layer in f64, and the activations of the first run.
const SPARE: usize = 8 << 20;

/// Loading, with the default [`Options`]; with others by the methods of the same names on [`Model::builder`].
impl Model {
    /// Loads a weight file: [packed](crate::packed) weights, or, with the feature `npz`, an `.npz` or a folder of `.npy` files
    /// and `config.json`.
    ///
    /// # Errors
    /// The file is missing, malformed or does not fit its configuration.
    pub fn load(path: impl AsRef<Path>) -> Result<Model, LoadError> {
        Options::new().load(path)
    }

    /// Loads the bytes of a weight file, such as `include_bytes!` gives:
    ///
    #[cfg_attr(feature = "npz", doc = "```")]
    #[cfg_attr(not(feature = "npz"), doc = "```ignore")]
    /// # use efficientecg::Model;
    /// let model = Model::from_bytes(include_bytes!("../weights/mitbih-beats.npz"))?;
    /// assert_eq!(model.config().classes, ["N", "S", "V", "F", "Q"]);
    /// # Ok::<(), efficientecg::LoadError>(())
    /// ```
    ///
    /// # Errors
    /// The bytes are malformed or do not fit their configuration.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, LoadError> {
        Options::new().from_bytes(bytes)
    }

    /// Loads bytes that stay: [`Options::from_static`].
    ///
    /// # Errors
    /// The bytes are malformed or do not fit their configuration.
    pub fn from_static(bytes: &'static [u8]) -> Result<Model, LoadError> {
        Options::new().from_static(bytes)
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
    /// Loads a weight file: [packed](crate::packed) weights, or, with the feature `npz`, an `.npz` or a folder of `.npy` files
    /// and `config.json`. The CPU's weights are made ready as they are read: no others stay in memory.
    ///
    /// # Errors
    /// The file is missing, malformed or does not fit its configuration; an option is out of range; the GPU that was asked
    /// for cannot be used.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Model, LoadError> {
        self.check()?;
        let (path, start) = (path.as_ref(), Moment::now());
        let loaded = match packed::open(path)? {
            Some(file) => Loaded::new(&file, self, self.usable_threads(), start)?,
            #[cfg(feature = "npz")]
            None => self.loaded(&WeightFile::open(path)?, start)?,
            #[cfg(not(feature = "npz"))]
            None => return Err(packed::not_packed(path).into()),
        };
        loaded.ready(self)
    }

    /// Loads the bytes of a weight file, such as `include_bytes!` gives. Messages call it `<memory>`.
    ///
    /// # Errors
    /// As those of [`Options::load`].
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<Model, LoadError> {
        self.of_bytes(Bytes::Borrowed(bytes))?.ready(self)
    }

    /// Loads bytes that stay, as those of a program do. [Packed](crate::packed) weights in f16 are used where they lie, which spares their copy;
    /// where they begin at an address that is no multiple of 4, as those of `include_bytes!` may, they are copied after all.
    ///
    /// # Errors
    /// As those of [`Options::load`].
    pub fn from_static(&self, bytes: &'static [u8]) -> Result<Model, LoadError> {
        self.of_bytes(Bytes::Shared(Arc::new(bytes)))?.ready(self)
    }

    /// The same by one that may wait: in a browser, which lets no thread wait, this is how a GPU is made ready. Elsewhere it is
    /// [`Options::from_bytes`].
    ///
    /// # Errors
    /// As those of [`Options::load`].
    #[cfg(feature = "webgpu")]
    pub async fn from_bytes_async(&self, bytes: &[u8]) -> Result<Model, LoadError> {
        let options = Options { may_wait: true, ..self.clone() };
        options.of_bytes(Bytes::Borrowed(bytes))?.ready_async(&options).await
    }

    fn of_bytes(&self, bytes: Bytes<'_>) -> Result<Loaded, LoadError> {
        self.check()?;
        let start = Moment::now();
        #[cfg(feature = "npz")]
        if !bytes.all().starts_with(&packed::MAGIC) {
            return self.loaded(&WeightFile::from_bytes(bytes.all())?, start);
        }
        let file = PackedFile::open(Path::new("<memory>"), bytes)?;
        Loaded::new(&file, self, self.usable_threads(), start)
    }

    /// Since `start`, the file was opened.
    #[cfg(feature = "npz")]
    fn loaded(&self, file: &WeightFile, start: Moment) -> Result<Loaded, LoadError> {
        let threads = self.usable_threads();
        read_ahead(file, self.helpers(threads), |source| {
            Loaded::new(&Folder::new(source), self, threads, start)
        })
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
        self.of_weights(weights)?.ready(self)
    }

    /// The same by one that may wait: see [`Options::from_bytes_async`].
    ///
    /// # Errors
    /// As those of [`Options::from_weights`].
    #[cfg(feature = "webgpu")]
    pub async fn from_weights_async(&self, weights: &Weights) -> Result<Model, LoadError> {
        let options = Options { may_wait: true, ..self.clone() };
        options.of_weights(weights)?.ready_async(&options).await
    }

    fn of_weights(&self, weights: &Weights) -> Result<Loaded, LoadError> {
        self.check()?;
        Loaded::new(&Folder::new(weights), self, self.usable_threads(), Moment::now())
    }

    /// The threads that were asked for, as far as the process may use them.
    fn usable_threads(&self) -> usize {
        self.threads.unwrap_or(usize::MAX).min(available_threads())
    }

    /// Threads for work beside the engine's, of so many that are usable: who lends a pool has said which threads there are.
    #[cfg(any(feature = "npz", feature = "ecg"))]
    fn helpers(&self, usable: usize) -> usize {
        if self.pool.is_some() { 1 } else { usable }
    }
}

/// A model that is ready, but for a GPU's engine if it is to have one.
struct Loaded {
    model: Model,
    #[cfg(feature = "gpu")]
    for_gpu: Option<crate::gpu::ForGpu>,
}

impl Loaded {
    /// Makes its engine.
    #[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
    fn ready(self, options: &Options) -> Result<Model, LoadError> {
        #[cfg(feature = "gpu")]
        if let Some(for_gpu) = self.for_gpu {
            return for_gpu.place(self.model, options);
        }
        Ok(self.model)
    }

    /// The same, by one that may wait.
    #[cfg(feature = "webgpu")]
    async fn ready_async(self, options: &Options) -> Result<Model, LoadError> {
        match self.for_gpu {
            Some(for_gpu) => for_gpu.place_async(self.model, options).await,
            None => Ok(self.model),
        }
    }

    /// Since `start`, the source was opened; there are `usable` threads.
    fn new(
        layers: &dyn Layers,
        options: &Options,
        usable: usize,
        start: Moment,
    ) -> Result<Loaded, LoadError> {
        let config = layers.config().clone();
        let parameters = weights::parameters(&config).map_err(|f| f.in_file(layers.path()))?;
        let opened = start.elapsed();
        let start = Moment::now();
        let cpu_alone = cpu_alone(options)?;
        let searched = start.elapsed();
        let Some(level) = options.level.or_else(|| Level::available().last().copied()) else {
            let expected = "a processor with the instruction set that this build is for";
            return Err(
                ItemError::new("level", expected, "another", "build it for all, or for this one").into()
            );
        };
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
        layers.set_limit(limit);

        let pool = {
            let (own, threads) = (options.pool.clone(), options.threads);
            move || {
                let new = || Arc::new(Pool::new(threads.unwrap_or(usable)));
                own.clone().unwrap_or_else(new)
            }
        };
        let start = Moment::now();
        let mut packing = Duration::ZERO;
        let mut in_f32 = None;
        #[cfg(feature = "gpu")]
        let mut for_gpu = None;
        let (engine, logits, probabilities, taps) = if cpu_alone {
            // The weights in f32 stay; those of a layer in f64 come and go.
            let _reserved = efficientecg_files::reserve(
                parameters.saturating_mul(size_of::<f32>()).saturating_add(SPARE),
            );
            let on_trial = precision != Precision::F32
                && rounding::is_narrow(&config).map_err(|f| f.in_file(layers.path()))?;
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
            let Wired { graph, logits, probabilities, taps } = graph::build(&config, layers, pack)?;
            let exact_graph = on_trial.then(|| graph.with(exact));
            let pool = pool();
            in_f32 = exact_graph.map(|graph| Engine::Cpu(Cpu::packed(graph, level, Arc::clone(&pool))));
            let cpu = Cpu::packed(graph, level, pool);
            (Engine::Cpu(cpu), logits, probabilities, taps)
        } else {
            let Wired { graph, logits, probabilities, taps } = graph::build(&config, layers, |op| op)?;
            let graph = Arc::new(graph);
            #[cfg(feature = "gpu")]
            if options.backend != Backend::Reference {
                for_gpu = Some(crate::gpu::ForGpu::new(Arc::clone(&graph), level, pool));
            }
            (Engine::Reference(Reference::new(graph)), logits, probabilities, taps)
        };
        layers.finish()?;
        let fold = start.elapsed().saturating_sub(packing + layers.taken());
        // Another thread may have read meanwhile: what counts is the time that was waited for it.
        let reading = layers.reading().min(opened + layers.taken());
        let mut phases = vec![
            ("read", reading.as_secs_f64()),
            ("unpack", (opened + layers.taken()).saturating_sub(reading).as_secs_f64()),
            ("fold", fold.as_secs_f64()),
            ("pack", packing.as_secs_f64()),
        ];
        if cpu_alone && options.backend == Backend::Auto && cfg!(feature = "gpu") {
            phases.insert(0, ("look for a GPU", searched.as_secs_f64()));
        }
        #[cfg(feature = "ecg")]
        let helpers = options.helpers(usable);
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
        Ok(Loaded {
            model,
            #[cfg(feature = "gpu")]
            for_gpu,
        })
    }
}

/// Whether the CPU computes everything: no other engine needs the weights.
fn cpu_alone(options: &Options) -> Result<bool, LoadError> {
    match options.backend {
        Backend::Cpu => Ok(true),
        Backend::Reference if options.precision == Precision::F32 => Ok(false),
        Backend::Reference => {
            let (found, expected) =
                (options.precision.name(), "f32, the only one that the reference backend takes weights in");
            Err(ItemError::new("precision", expected, found, format!("use f32, or the CPU for {found}"))
                .into())
        }
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
