//! The operations of EfficientECG: contract, f64 reference and SIMD for each.
