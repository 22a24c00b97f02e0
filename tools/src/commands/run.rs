//! `efficientecg run`: arrays in, arrays out.

use super::run_in_batches;
use crate::args::Run;
use crate::error::Failure;
use crate::out;
use efficientecg_model::arrays::{Array, Data, Packing, write_npz};
use efficientecg_model::inputs::read_inputs;
use serde::Serialize;
use std::time::Instant;

#[derive(Serialize)]
struct Summary {
    records: usize,
    classes: Vec<String>,
    device: String,
    seconds: f64,
}

pub(crate) fn run(args: &Run) -> Result<(), Failure> {
    let model = args.model.load()?;
    let inputs = read_inputs(&args.input, model.config())?;
    let started = Instant::now();
    let size = args.model.batch(inputs.batch);
    let results = run_in_batches(&model, &inputs, &[], size, &args.input)?;
    let seconds = started.elapsed().as_secs_f64();

    let classes = model.config().classes.clone();
    let array = |data: Vec<f32>| Array { shape: vec![inputs.batch, classes.len()], data: Data::F32(data) };
    let (logits, probabilities) = (array(results.logits), array(results.probabilities));
    write_npz(&args.output, &[("logits", &logits), ("probabilities", &probabilities)], Packing::Stored)?;

    let device = model.device();
    if args.json {
        out::json(&Summary { records: inputs.batch, classes, device, seconds })?;
    } else {
        let ms = 1e3 * seconds / inputs.batch as f64;
        out::text(&format!("{} records, {ms:.3} ms each on {device}\n", inputs.batch))?;
    }
    Ok(())
}
