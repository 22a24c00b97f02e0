//! What the EfficientECG network is: its configuration and weight files, the graph of operations they make, and the
//! model that runs it.
//!
//! - [`config`], [`arrays`], [`weights`], [`inputs`]: files, read and checked; [`fault`]: what is wrong with one;
//!   [`files`]: how one is opened, and written whole or not at all.
//! - [`fold_bn`]: the weights with batch norm folded. `graph`: the operations they become.
//! - [`Model`]: ready to run, shared by threads. [`Profile`]: where a run's time goes. [`Peaks`]: what the machine can do.
//! - [`ecg`]: records, from files to windows; [`classify`]: from a record to classes; [`evaluate`]: how good they are.

pub mod arrays;
pub mod classify;
pub mod config;
pub mod ecg;
pub mod evaluate;
pub mod fault;
pub mod files;
pub mod fold_bn;
#[cfg(feature = "gpu")]
mod gpu;
mod graph;
pub mod inputs;
mod model;
mod peak;
mod profile;
mod random;
pub mod weights;

#[cfg(feature = "gpu")]
pub use efficientecg_engine::gpu::{Adapter, Features, GpuError, GpuOptions, adapters};
pub use efficientecg_engine::pool::Pool;
pub use efficientecg_engine::{Layer, Precision, Span};
pub use efficientecg_kernels::op::Cost;
pub use efficientecg_kernels::simd::Level;
pub use efficientecg_kernels::view::Shape;
pub use inputs::{FeatureInput, Inputs};
pub use model::{Backend, LoadError, Model, Options, Outputs, RunError, Tap, available_threads};
pub use peak::Peaks;
pub use profile::Profile;
pub use weights::Weights;
