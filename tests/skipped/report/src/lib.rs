//! The package of `tests/zz_skipped.rs`, which Cargo runs after all others.
