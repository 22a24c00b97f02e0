//! The subcommands.

pub(crate) mod bench;
pub(crate) mod classify;
pub(crate) mod completions;
#[cfg(feature = "formats")]
pub(crate) mod convert;
pub(crate) mod evaluate;
pub(crate) mod features;
pub(crate) mod holter;
pub(crate) mod info;
pub(crate) mod man;
pub(crate) mod monitor;
pub(crate) mod pack;
pub(crate) mod run;
pub(crate) mod synth;
#[cfg(feature = "gpu")]
pub(crate) mod tune;
pub(crate) mod verify;

use crate::error::Failure;
use crate::out::Progress;
use efficientecg::{Inputs, Model, Outputs};
use std::path::Path;

/// Runs inputs read from `path`, `size` records at a time, and joins the results.
pub(crate) fn run_in_batches(
    model: &Model,
    inputs: &Inputs,
    taps: &[&str],
    size: usize,
    path: &Path,
) -> Result<Outputs, Failure> {
    // A GPU's engine cuts into batches itself, to have two under way.
    let size = if model.on_gpu() { size.saturating_mul(8) } else { size };
    if size >= inputs.batch() {
        return model.run_with_taps(inputs, taps).map_err(|e| Failure::run(path, e));
    }
    let progress = Progress::new("records", inputs.batch());
    let mut all = Outputs::default();
    let mut first = 0;
    while first < inputs.batch() {
        let part = inputs.slice(first, size.min(inputs.batch() - first));
        let out = model.run_with_taps(&part, taps).map_err(|e| Failure::run(path, e.offset(first)))?;
        all.append(out);
        first += part.batch();
        progress.at(first);
    }
    Ok(all)
}
