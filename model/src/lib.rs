//! The EfficientECG network: configuration, weights, graph, ECG records.

pub mod ecg;
