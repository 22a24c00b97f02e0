//! How a model is to run.

use efficientecg_engine::Precision;
use efficientecg_engine::pool::Pool;
use efficientecg_files::ItemError;
use efficientecg_kernels::simd::Level;
use std::sync::Arc;

/// The most threads that can be asked for.
const MAX_THREADS: usize = 1024;

/// Where a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// A hardware GPU, for the batch sizes at which it is faster; otherwise the CPU. Never a software adapter. Without the
    /// feature `gpu` the CPU, and in a browser for what is loaded without waiting.
    Auto,
    /// The SIMD kernels on the processor's cores.
    Cpu,
    /// The shaders on a GPU or a software adapter. If the GPU fails, the CPU takes over. Without the feature `gpu` this is an
    /// error.
    Gpu,
    /// Plain loops in f64 on one thread: slow, for checking.
    Reference,
}

/// How a model runs, and the methods that load it so. `Model::load` and the like use the defaults. An option that is out of
/// range is an error when the model is loaded; the error names the option.
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
    /// Whether a GPU may be waited for: in a browser by who awaits alone.
    #[cfg(feature = "gpu")]
    pub(crate) may_wait: bool,
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
            #[cfg(feature = "gpu")]
            may_wait: cfg!(not(target_family = "wasm")),
        }
    }

    /// Where to run: [`Backend::Cpu`] unless told.
    pub fn backend(mut self, backend: Backend) -> Options {
        self.backend = backend;
        self
    }

    /// Threads of the CPU back end, the caller among them: 1 to 1024. The default is [`available_threads`]. With 1 a run stays
    /// on the calling thread, and the model starts no other.
    pub fn threads(mut self, threads: usize) -> Options {
        self.threads = Some(threads);
        self
    }

    /// The thread pool to run on. By default a model has one of its own. The pool decides the number of threads, and its
    /// threads may be the caller's: [`Pool::lent`]. Models may share a pool: a run that finds it busy stays on its caller's
    /// thread.
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

    /// The instruction set, one of [`Level::available`]. The default is the best that the processor has.
    pub fn level(mut self, level: Level) -> Options {
        self.level = Some(level);
        self
    }

    /// What weights are stored in, and on a GPU activations too. The default is [`Precision::F32`]. Only the CPU has bf16, and where
    /// the instruction set has no products of bf16 ([`Level::has_bf16`]) the model runs in f32: [`Model::precision`](crate::Model::precision)
    /// tells.
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
    pub(crate) fn check(&self) -> Result<(), ItemError> {
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

/// Threads that the process may use: its processor affinity and the limits of its control group; 1 where that is not known.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
