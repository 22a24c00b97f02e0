//! The command line of `pack`.

use super::{Network, PrecisionName};
use clap::Args;
use efficientecg::Precision;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Pack {
    #[command(flatten)]
    pub(crate) network: Network,
    /// The file to write, NAME.ecgw
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Storage of the weights of pointwise and expand layers, which are most
    #[arg(long, value_enum, default_value = "f32")]
    precision: PrecisionName,
}

impl Pack {
    /// What weights are stored in.
    pub(crate) fn precision(&self) -> Precision {
        self.precision.precision()
    }
}
