//! How a model is to run.

use crate::error::LoadError;
use crate::model::Model;
#[cfg(feature = "npz")]
use crate::weights::WeightFile;
use crate::weights::Weights;
use efficientecg_engine::Precision;
use efficientecg_engine::pool::Pool;
use efficientecg_files::{ItemError, Moment};
use efficientecg_kernels::simd::Level;
#[cfg(feature = "npz")]
use std::path::Path;
use std::sync::Arc;

/// The most threads that can be asked for.
const MAX_THREADS: usize = 1024;

/// Where a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// The GPU where there is one that is no software adapter, for batches that it is faster on; else the CPU. Without the
    /// feature `gpu` the CPU.
    Auto,
    /// The SIMD kernels on the processor's cores.
    Cpu,
    /// The shaders on a GPU, be it a software adapter. The CPU takes over where the GPU fails. Without the feature `gpu` an
    /// error.
    Gpu,
    /// Plain loops in f64 on one thread: slow, for checking.
    Reference,
}

/// How a model is to run, and what loads it so: `Model::load` and its kin are these methods on the defaults. What cannot be
/// is an error when a model is loaded, which names the option.
///
/// ```
/// # #[cfg(feature = "models")] {
/// use efficientecg::{Options, Precision};
///
/// let options = Options::new().threads(2).precision(Precision::Bf16);
/// let beats = options.builtin("mitbih-beats")?;
/// let rhythm = options.builtin("cinc2017-rhythm")?;
/// assert!(beats.device().contains("2 threads"));
/// # assert_eq!(rhythm.config().classes.len(), 4);
/// # }
/// # Ok::<(), efficientecg::LoadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) backend: Backend,
    pub(crate) threads: Option<usize>,
    pub(crate) pool: Option<Arc<Pool>>,
    pub(crate) level: Option<Level>,
    pub(crate) precision: Precision,
    #[cfg(feature = "gpu")]
    pub(crate) gpu: crate::GpuOptions,
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

/// The options, each with its default.
impl Options {
    /// The CPU with all threads that the process may use, in f32.
    pub fn new() -> Options {
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

    /// Where to run: [`Backend::Cpu`] unless told.
    pub fn backend(mut self, backend: Backend) -> Options {
        self.backend = backend;
        self
    }

    /// Threads of the CPU back end, the caller counted in, 1 to 1024; unless told [`available_threads`]. With 1 a run stays on
    /// the thread that calls it, and the model starts no other.
    pub fn threads(mut self, threads: usize) -> Options {
        self.threads = Some(threads);
        self
    }

    /// A pool to run on in place of one of the model's own, whose threads may be the caller's: [`Pool::lent`]. It
    /// decides the number of threads. Models may share a pool: a run that finds it busy stays on its caller's thread.
    ///
    /// ```
    /// # #[cfg(feature = "models")] {
    /// use efficientecg::{Options, Pool};
    /// use std::sync::Arc;
    ///
    /// let pool = Arc::new(Pool::new(2));
    /// let options = Options::new().pool(Arc::clone(&pool));
    /// let (beats, rhythm) = (options.builtin("mitbih-beats")?, options.builtin("cinc2017-rhythm")?);
    /// # assert_eq!((beats.device(), Arc::strong_count(&pool)), (rhythm.device(), 4));
    /// # }
    /// # Ok::<(), efficientecg::LoadError>(())
    /// ```
    pub fn pool(mut self, pool: Arc<Pool>) -> Options {
        self.pool = Some(pool);
        self
    }

    /// The instruction set, of [`Level::available`]; unless told the best that the processor has.
    pub fn level(mut self, level: Level) -> Options {
        self.level = Some(level);
        self
    }

    /// What weights are stored in, and on a GPU activations: [`Precision::F32`] unless told. Bf16 is the CPU's alone.
    pub fn precision(mut self, precision: Precision) -> Options {
        self.precision = precision;
        self
    }

    /// Which GPU, and how; of no use to [`Backend::Cpu`].
    #[cfg(feature = "gpu")]
    pub fn gpu(mut self, gpu: crate::GpuOptions) -> Options {
        self.gpu = gpu;
        self
    }

    /// What is wrong with the options whatever the network.
    fn check(&self) -> Result<(), ItemError> {
        let counted = |item: &str, found: Option<usize>, most: usize| match found {
            Some(found) if found == 0 || found > most => {
                let expected = format!("1 to {most}");
                Err(ItemError::new(item, expected, found.to_string(), "correct it, or leave it out"))
            }
            _ => Ok(()),
        };
        #[cfg(feature = "gpu")]
        counted("gpu batch", self.gpu.batch, u32::MAX as usize)?;
        counted("threads", self.threads, MAX_THREADS)
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

/// Threads that the process may use: its processor affinity and the limits of its control group; 1 where that is not known.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
