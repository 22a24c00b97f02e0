//! What the EfficientECG network is: its configuration and weights, the graph of operations they make, and the model that
//! runs it.
//!
//! - [`config`], [`weights`], [`inputs`]: what a network is made of and runs on, checked; [`Fault`]: what is wrong with it.
//! - `graph`: the operations that weights become, batch norm folded.
//! - [`Model`]: ready to run, shared by threads. [`Profile`]: where a run's time goes. [`Peaks`]: what the machine can do.
//!
//! Features, of which the first two are on by default:
//!
//! - `npz`: weights and inputs in NumPy's files (`npz`), configurations in JSON.
//! - `ecg`: records, from files to windows (`ecg`), and from a record to classes (`classify`).
//! - `gpu`: GPUs through Vulkan, Metal and DX12.

#[cfg(feature = "ecg")]
pub mod classify;
pub mod config;
mod error;
mod fold_bn;
#[cfg(feature = "gpu")]
mod gpu;
mod graph;
pub mod inputs;
mod model;
#[cfg(feature = "models")]
pub mod models;
mod operands;
mod options;
mod overflow;
mod peak;
mod profile;
pub mod weights;

#[cfg(feature = "ecg")]
#[doc(inline)]
pub use efficientecg_ecg as ecg;
#[cfg(feature = "gpu")]
pub use efficientecg_engine::gpu::{Adapter, Features as GpuFeatures, GpuError, GpuOptions, adapters};
pub use efficientecg_engine::pool::Pool;
pub use efficientecg_engine::{Layer, Precision, Span};
pub use efficientecg_files::{Fault, FileError};
pub use efficientecg_kernels::op::Cost;
pub use efficientecg_kernels::simd::Level;
pub use efficientecg_kernels::view::Shape;
#[cfg(feature = "npz")]
#[doc(inline)]
pub use efficientecg_npz as npz;
pub use error::{LoadError, RunError};
pub use inputs::{FeatureInput, Inputs};
pub use model::{Model, Outputs, Row, Tap};
pub use options::{Backend, Options, available_threads};
pub use peak::Peaks;
pub use profile::Profile;
pub use weights::Weights;
