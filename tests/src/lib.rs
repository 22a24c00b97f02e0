//! Whole-model tests and their harness.
