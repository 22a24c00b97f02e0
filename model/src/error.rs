//! Why a model cannot be made ready, or a run fails.

use crate::weights::WeightsError;
use efficientecg_engine::EngineError;
use efficientecg_files::ItemError;

/// A model that could not be made ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// An option that cannot be, or a trained model that there is not. The item is the option's name.
    #[error(transparent)]
    Option(#[from] ItemError),
    /// The weights or their configuration.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The GPU that was asked for.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] efficientecg_engine::gpu::GpuError),
}

/// A run that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The inputs do not fit the configuration.
    #[error(transparent)]
    Input(#[from] ItemError),
    /// The engine could not run them.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A record's activations left the range of f32.
    #[error(
        "record {record}: expected finite logits, found that activations overflow f32; scale the signal down or correct the weights"
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
