//! Whole-model tests and their harness.

pub mod mitbih;
