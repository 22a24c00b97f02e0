//! The options of `efficientecg tune`.

use super::Network;
use super::model::{GpuArguments, PrecisionName};
use crate::error::Failure;
use clap::Args;
use efficientecg::{Backend, Options};
use std::time::Duration;

#[derive(Args)]
pub(crate) struct Tune {
    #[command(flatten)]
    pub(crate) network: Network,
    /// Storage of weights and activations: f32 or f16
    #[arg(long, value_enum, default_value = "f32")]
    precision: PrecisionName,
    /// Records to run at once
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
    /// How long to measure
    #[arg(long, value_name = "S", default_value = "60", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    #[command(flatten)]
    gpu: GpuArguments,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Tune {
    /// How the model is loaded.
    pub(crate) fn options(&self) -> Result<Options, Failure> {
        let gpu = self.gpu.options(None)?;
        Ok(Options::new().backend(Backend::Gpu).precision(self.precision.precision()).gpu(gpu))
    }

    /// Records to run at once.
    pub(crate) fn records(&self) -> usize {
        self.batch as usize
    }

    /// How long to measure.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}
