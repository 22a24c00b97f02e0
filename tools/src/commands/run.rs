//! `efficientecg run`: arrays in, arrays out.

use super::run_in_batches;
use crate::args::Run;
use crate::error::Failure;
use crate::out;
use efficientecg::RunError;
use efficientecg::inputs::{Refused, read_inputs, read_sound_inputs};
use efficientecg::npz::{Array, Data, Packing, npz_bytes, write_npz};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;

#[derive(Serialize)]
struct Summary {
    records: usize,
    /// Places of the records that were refused, with `--keep-going`.
    refused: Vec<usize>,
    classes: Vec<String>,
    device: String,
    seconds: f64,
}

pub(crate) fn run(args: &Run) -> Result<(), Failure> {
    let model = args.model.load()?;
    let (mut inputs, refused) = if args.keep_going {
        read_sound_inputs(&args.input, model.config())?
    } else {
        (read_inputs(&args.input, model.config())?, Refused::new())
    };
    let mut lines: BTreeMap<usize, String> =
        refused.into_iter().map(|(record, e)| (record, e.to_string())).collect();
    let started = Instant::now();
    let size = args.model.batch(inputs.batch());
    let mut results = loop {
        match run_in_batches(&model, &inputs, &[], size, &args.input) {
            // Its batch is run again without it.
            Err(Failure::Run { path, error }) if args.keep_going => {
                let RunError::Overflow { ref all, .. } = *error else {
                    return Err(Failure::Run { path, error });
                };
                for record in all {
                    inputs.clear(*record);
                    let alone = RunError::Overflow { record: *record, all: vec![*record] };
                    if lines.insert(*record, Failure::run(&args.input, alone).to_string()).is_some() {
                        // Nothing is left of it that could overflow: the weights are wrong.
                        return Err(Failure::Run { path, error });
                    }
                }
            }
            other => break other?,
        }
    };
    let seconds = started.elapsed().as_secs_f64();

    let classes = model.config().classes.clone();
    for record in lines.keys() {
        for rows in [&mut results.logits, &mut results.probabilities] {
            rows[record * classes.len()..][..classes.len()].fill(f32::NAN);
        }
    }
    let array = |data: Vec<f32>| Array { shape: vec![inputs.batch(), classes.len()], data: Data::F32(data) };
    let (logits, probabilities) = (array(results.logits), array(results.probabilities));
    let arrays = [("logits", &logits), ("probabilities", &probabilities)];
    let refused: Vec<usize> = lines.keys().copied().collect();
    lines.values().for_each(|line| out::complain(line));
    let told = if out::is_standard_output(&args.output) {
        out::bytes(&npz_bytes(&args.output, &arrays, Packing::Stored)?)
    } else {
        write_npz(&args.output, &arrays, Packing::Stored)?;
        let device = model.device();
        if args.json {
            let refused = refused.clone();
            out::json(&Summary { records: inputs.batch(), refused, classes, device, seconds })
        } else {
            let ms = 1e3 * seconds / inputs.batch() as f64;
            out::text(&format!("{} records, {ms:.3} ms each on {device}\n", inputs.batch()))
        }
    };
    if !refused.is_empty() {
        let input = args.input.display();
        let (n, all) = (refused.len(), inputs.batch());
        return Err(Failure::Check(format!("{input}: {n} of {all} records refused, their rows are NaN")));
    }
    Ok(told?)
}
