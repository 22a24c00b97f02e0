//! Benchmarks of operations and whole models.
