//! How a model is to run.

use efficientecg_engine::Precision;
use efficientecg_engine::pool::Pool;
use efficientecg_kernels::simd::Level;
use std::sync::Arc;

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

/// Threads that the process may use: its processor affinity and the limits of its control group.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
