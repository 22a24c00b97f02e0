//! The network of a command that runs one, and where and how it runs.

use super::help::ADVANCED;
use super::network::Network;
use crate::error::Failure;
use crate::out;
use clap::{Args, ValueEnum};
use efficientecg::{Backend, Level, Model, Options, Precision, available_threads};

/// What every command that runs a model takes.
#[derive(Args)]
pub(crate) struct ModelArguments {
    #[command(flatten)]
    pub(crate) network: Network,
    /// Where to run
    #[arg(help_heading = ADVANCED, long, value_enum, default_value = "auto")]
    backend: BackendName,
    /// Storage and products of weights and activations; sums are always f32
    #[arg(help_heading = ADVANCED, long, value_enum, default_value = "f32")]
    precision: PrecisionName,
    /// Threads at most [default, and most: the cores that the process may use]
    #[arg(help_heading = ADVANCED, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Records, or windows of beats, to run at once [default: all records, 64 windows]
    #[arg(help_heading = ADVANCED, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Instruction set of the cpu back end [default: the best there is]
    #[arg(help_heading = ADVANCED, long, value_name = "LEVEL")]
    level: Option<String>,
    #[cfg(feature = "gpu")]
    #[command(flatten)]
    gpu: GpuArguments,
}

/// How a GPU is chosen and used.
#[cfg(feature = "gpu")]
#[derive(Args)]
pub(super) struct GpuArguments {
    /// The GPU by its number or a part of its name, as `info` lists them [default: EFFICIENTECG_GPU, else the best]
    #[arg(help_heading = ADVANCED, long = "gpu", value_name = "GPU")]
    adapter: Option<String>,
    /// Optional features to use, from subgroups, f16, timestamps and pipeline-cache; with a minus, features to leave out, as -f16;
    /// all,cooperative-matrix adds an experimental one
    #[arg(help_heading = ADVANCED, long, value_name = "LIST", default_value = "all", allow_hyphen_values = true)]
    gpu_features: String,
    /// Compile the GPU's kernels with checks of every index
    #[arg(help_heading = ADVANCED, long)]
    checked: bool,
}

#[cfg(feature = "gpu")]
impl GpuArguments {
    pub(super) fn options(&self, batch: Option<usize>) -> Result<efficientecg::GpuOptions, Failure> {
        let features = efficientecg::GpuFeatures::parse(&self.gpu_features)
            .map_err(|e| Failure::usage(format!("--gpu-features: {e}")))?;
        let named = || std::env::var("EFFICIENTECG_GPU").ok().filter(|name| !name.is_empty());
        let mut options = efficientecg::GpuOptions::new().features(features).checked(self.checked);
        options.adapter = self.adapter.clone().or_else(named);
        options.batch = batch;
        Ok(options.warn(|line| crate::out::complain(&format!("warning: {line}"))))
    }
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum BackendName {
    /// A hardware GPU if there is one and it is faster, else the CPU
    Auto,
    /// SIMD kernels
    Cpu,
    /// GPU kernels
    Gpu,
    /// Plain loops in f64: slow, for checking
    Reference,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum PrecisionName {
    F32,
    F16,
    Bf16,
}

impl BackendName {
    pub(super) fn backend(self) -> Backend {
        match self {
            BackendName::Auto => Backend::Auto,
            BackendName::Cpu => Backend::Cpu,
            BackendName::Gpu => Backend::Gpu,
            BackendName::Reference => Backend::Reference,
        }
    }
}

impl PrecisionName {
    pub(super) fn precision(self) -> Precision {
        match self {
            PrecisionName::F32 => Precision::F32,
            PrecisionName::F16 => Precision::F16,
            PrecisionName::Bf16 => Precision::Bf16,
        }
    }
}

/// The instruction set of this name.
pub(super) fn level(name: &str) -> Result<Level, Failure> {
    Level::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = Level::available().into_iter().map(Level::name).collect();
        Failure::usage(format!("--level {name}: unknown here; this processor has {}", known.join(", ")))
    })
}

/// As many threads as were asked for, or as the process may use at once, with a line that says so.
pub(crate) fn usable_threads(asked: usize) -> usize {
    let most = available_threads();
    if asked > most {
        let s = if most == 1 { "" } else { "s" };
        out::complain(&format!(
            "--threads {asked}: this process may use {most} thread{s} at once; using {most}"
        ));
    }
    asked.min(most)
}

impl ModelArguments {
    /// Loads the model as the options say.
    pub(crate) fn load(&self) -> Result<Model, Failure> {
        self.network.load(&self.options()?)
    }

    /// Loads the model for so many records, and says how many of them to work on at once: each then runs on one thread, which keeps
    /// the threads busier than one record after another on all of them. A GPU takes one after another.
    pub(crate) fn load_for(&self, records: usize) -> Result<(Model, usize), Failure> {
        let options = self.options()?;
        let usable = available_threads();
        let threads = self.threads.map_or(usable, |asked| usize::from(asked).min(usable)).min(records);
        if threads > 1 {
            let model = self.network.load(&options.clone().threads(1))?;
            if !model.on_gpu() {
                return Ok((model, threads));
            }
        }
        Ok((self.network.load(&options)?, 1))
    }

    pub(super) fn options(&self) -> Result<Options, Failure> {
        let mut options = Options::new().backend(self.backend.backend()).precision(self.precision());
        if let Some(threads) = self.threads {
            options = options.threads(usable_threads(threads.into()));
        }
        if let Some(name) = &self.level {
            options = options.level(level(name)?);
        }
        #[cfg(feature = "gpu")]
        let options = options.gpu(self.gpu.options(self.batch_size())?);
        Ok(options)
    }

    /// What `--precision` says.
    pub(crate) fn precision(&self) -> Precision {
        self.precision.precision()
    }

    /// Records to run at once, of `records`.
    pub(crate) fn batch(&self, records: usize) -> usize {
        self.batch_size().unwrap_or(records)
    }

    /// What `--batch` says.
    pub(crate) fn batch_size(&self) -> Option<usize> {
        self.batch.map(|b| b as usize)
    }
}
