//! The EfficientECG network: configuration, weights, graph, ECG records.

pub mod arrays;
pub mod config;
pub mod fault;
pub mod fold_bn;
pub mod inputs;
pub mod network;
pub mod weights;
