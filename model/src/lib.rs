//! Classifies electrocardiograms with EfficientECG (arXiv [2512.03804](https://arxiv.org/abs/2512.03804)): a one-dimensional
//! EfficientNet whose cross-attention fuses age, sex and beat rhythm with the signal. From a file to the class of each beat:
//!
#![cfg_attr(all(feature = "ecg", feature = "models"), doc = "```")]
#![cfg_attr(not(all(feature = "ecg", feature = "models")), doc = "```ignore")]
//! use efficientecg::{Model, ecg::Record};
//!
//! let model = Model::builtin("mitbih-beats")?;
//! let record = Record::open("../tools/demo/demo")?;
//! for beat in model.classify(&record)? {
//!     println!("{beat}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It prints `1.239 s N 0.984` and so on. Leads are matched by name and never guessed. A lead that a record lacks is an error of one
//! line. [`classify::Settings`] lets other leads stand in, and gives age, sex and beats. The trained [`models`] are not medical
//! devices.
//!
//! A network of your own is a file, or bytes in your program. It runs on arrays too, in batches:
//!
#![cfg_attr(feature = "npz", doc = "```")]
#![cfg_attr(not(feature = "npz"), doc = "```ignore")]
//! use efficientecg::{Inputs, Model};
//!
//! let model = Model::load("weights/ptbxl-8lead.npz")?; // or Model::from_bytes(include_bytes!(…))
//! let signal = vec![0.0; 2 * 8 * 5000];
//! let inputs = Inputs::new(signal, [2, 8, 5000])?.age([63.0, 48.0]).sex(["female", "male"]);
//! for row in model.run(&inputs)?.rows() {
//!     println!("{:?}", row.probabilities);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Options`] choose threads, precision, instruction set and GPU: `Model::builder().threads(2).load("weights.npz")`. Results are
//! the same bits for any number of threads. Any number of threads may call one [`Model`].
//!
//! # Features
//!
//! | feature | default | gives |
//! | --- | --- | --- |
//! | `npz` | yes | weights and inputs in NumPy's files ([`npz`]), configurations in JSON |
//! | `ecg` | yes | records, from files to windows ([`ecg`]), and from a record to classes ([`classify`]) |
//! | `formats` | no | records in all formats beside WFDB: `edf`, `csv`, `aecg`, `philips`, `muse`, `scp`, `dicom`, WFDB's signal files in FLAC, `flac`, and zip archives of records, `zip`; each a feature of its own |
//! | `models` | yes | the trained [`models`] by name; with `npz`. 1.6 MB in a program that names one, nothing in others |
//! | `gpu` | no | GPUs through Vulkan, Metal and DX12: `Options::gpu`, `Backend::Auto` |
//! | `webgpu` | no | the same in a browser, on `wasm32-unknown-unknown`: `Options::from_bytes_async`, `Model::run_async` |
//!
//! `only-avx2`, `only-avx512`, `only-neon` and `only-scalar` leave out the kernels of other instruction sets, for small programs.
//!
//! Without any the library takes [`packed`] weights and [`Weights::from_arrays`], and runs on the CPU, also on `wasm32-unknown-unknown`, where it runs
//! on the calling thread and times are zero. With `webgpu` it has the browser's GPU and clock there.
//!
//! # Map
//!
//! - [`Model`]: a network ready to run; [`Options`]: how it runs, and the methods that load it; [`Pool`]: the threads, which may be your own.
//! - [`Session`]: runs of one shape from the caller's memory into the caller's, without an allocation.
//! - [`Inputs`], [`Outputs`]: what a run takes and gives; [`InputsView`]: signals that lie elsewhere; [`inputs`]: the same in files.
//! - [`ecg`]: [`Record`](ecg::Record), formats, R peaks, P waves, rhythm; [`classify`]: from a record to [`Finding`](classify::Finding)s.
//! - [`config`], [`weights`]: what a network is made of; [`packed`]: the same in one flat file. [`npz`]: NumPy's files.
//! - [`Profile`]: where a run's time goes; [`Peaks`]: what the machine can do.
//! - [`LoadError`], [`RunError`]: one line each, which names the file, the item and the fix ([`ItemError`]).
//!
//! `model/examples` has six short programs. How good the models are is measured by `efficientecg-evaluate`; the program
//! `efficientecg` is the library on a command line.
// Without its features the page's links to them lead nowhere.
#![cfg_attr(not(all(feature = "ecg", feature = "models")), allow(rustdoc::broken_intra_doc_links))]

#[cfg(feature = "ecg")]
pub mod classify;
pub mod config;
mod error;
#[cfg(feature = "gpu")]
mod gpu;
mod graph;
pub mod inputs;
mod layers;
mod load;
mod model;
#[cfg(feature = "models")]
pub mod models;
mod operands;
mod options;
mod overflow;
pub mod packed;
mod peak;
mod profile;
mod rounding;
mod session;
pub mod weights;

#[cfg(feature = "ecg")]
#[doc(inline)]
pub use efficientecg_ecg as ecg;
#[cfg(feature = "gpu")]
pub use efficientecg_engine::gpu::{Adapter, GpuError, GpuFeatures, GpuOptions};
#[cfg(all(feature = "gpu", not(target_family = "wasm")))]
pub use efficientecg_engine::gpu::{TunedNode, Tuning, WholeRun, adapters};
pub use efficientecg_engine::pool::Pool;
pub use efficientecg_engine::{Layer, Precision, Span};
pub use efficientecg_files::{FileError, ItemError};
pub use efficientecg_kernels::op::Cost;
pub use efficientecg_kernels::simd::Level;
pub use efficientecg_kernels::tensor::Shape;
#[cfg(feature = "npz")]
#[doc(inline)]
pub use efficientecg_npz as npz;
pub use error::{LoadError, RunError};
pub use inputs::{FeatureInput, Inputs, InputsView};
pub use model::{Model, OutputRow, Outputs, Tap};
pub use options::{Backend, Options, available_threads};
pub use peak::Peaks;
pub use profile::Profile;
pub use session::{FeatureValues, Session};
pub use weights::Weights;

/// What the README shows is run.
#[cfg(all(doctest, feature = "ecg", feature = "models"))]
#[doc = include_str!("../README.md")]
struct Readme;
