//! Runs a network on arrays in memory, without preprocessing: two records of the same signal, of two patients.
//!
//! `cargo run --release --example run_arrays`

use efficientecg::{Inputs, Model};

const LEADS: usize = 8;
/// Ten seconds at 500 Hz.
const SAMPLES: usize = 5000;

/// A pulse of 1 mV each 400 samples.
fn lead(_: usize) -> impl Iterator<Item = f32> {
    (0..SAMPLES).map(|i| (-((i % 400) as f32 - 200.0).powi(2) / 50.0).exp())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Model::builtin("ptbxl-8lead")?;
    let record: Vec<f32> = (0..LEADS).flat_map(lead).collect();
    let signal = [record.clone(), record].concat();
    let inputs = Inputs::new(signal, [2, LEADS, SAMPLES])?.age([Some(31.0), None]).sex(["female", "male"]);

    let outputs = model.run(&inputs)?;
    for (number, row) in outputs.rows().enumerate() {
        let classes = model.config().classes.iter().zip(row.probabilities);
        let classes: Vec<String> = classes.map(|(class, p)| format!("{class} {p:.4}")).collect();
        println!("record {number}: {}", classes.join(", "));
    }

    // What does not fit is an error that names the array and the record.
    let error = model.run(&inputs.sex(["female", "unknown"])).map(drop);
    println!("{}", error.map_or_else(|e| e.to_string(), |()| "ran".to_owned()));
    Ok(())
}
