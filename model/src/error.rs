//! Why a model cannot be made ready, or a run fails.

use crate::weights::WeightsError;
use efficientecg_engine::EngineError;
use efficientecg_files::ItemError;
use std::error::Error;
use std::fmt;

/// A model that could not be made ready.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// An option that cannot be, or a trained model that there is not. The item is the option's name.
    Option(ItemError),
    /// The weights or their configuration.
    Weights(WeightsError),
    /// The GPU that was asked for.
    #[cfg(feature = "gpu")]
    Gpu(efficientecg_engine::gpu::GpuError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Option(error) => error.fmt(f),
            LoadError::Weights(error) => error.fmt(f),
            #[cfg(feature = "gpu")]
            LoadError::Gpu(error) => error.fmt(f),
        }
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LoadError::Option(error) => error.source(),
            LoadError::Weights(error) => error.source(),
            #[cfg(feature = "gpu")]
            LoadError::Gpu(error) => error.source(),
        }
    }
}

impl From<ItemError> for LoadError {
    fn from(error: ItemError) -> LoadError {
        LoadError::Option(error)
    }
}

impl From<WeightsError> for LoadError {
    fn from(error: WeightsError) -> LoadError {
        LoadError::Weights(error)
    }
}

#[cfg(feature = "gpu")]
impl From<efficientecg_engine::gpu::GpuError> for LoadError {
    fn from(error: efficientecg_engine::gpu::GpuError) -> LoadError {
        LoadError::Gpu(error)
    }
}

/// A run that failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The inputs do not fit the configuration.
    Input(ItemError),
    /// The engine could not run them.
    Engine(EngineError),
    /// A record's activations left the range of f32.
    Overflow {
        /// The first such record's place in the batch.
        record: usize,
        /// The places of all of them.
        all: Vec<usize>,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Input(error) => error.fmt(f),
            RunError::Engine(error) => error.fmt(f),
            RunError::Overflow { record, .. } => write!(
                f,
                "record {record}: expected finite logits, found that activations overflow f32; scale the signal down or correct the weights"
            ),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            RunError::Input(error) => error.source(),
            RunError::Engine(error) => error.source(),
            RunError::Overflow { .. } => None,
        }
    }
}

impl From<ItemError> for RunError {
    fn from(error: ItemError) -> RunError {
        RunError::Input(error)
    }
}

impl From<EngineError> for RunError {
    fn from(error: EngineError) -> RunError {
        RunError::Engine(error)
    }
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
