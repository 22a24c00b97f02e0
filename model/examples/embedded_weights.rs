//! A program that carries its network: the weights are part of it, and it needs no file beside it.
//!
//! `cargo run --release --example embedded_weights`

use efficientecg::Model;
use efficientecg::classify::Settings;
use efficientecg::ecg::synth;

/// Any weight file does; this one the library has under a name too.
const WEIGHTS: &[u8] = include_bytes!("../weights/cinc2017-rhythm.npz");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Model::from_bytes(WEIGHTS)?;
    println!("{}, {} parameters, on {}", model.config().name, model.parameters(), model.device());

    // A made-up record of 30 s, and which of its leads stands for the model's only one.
    let (record, _) =
        synth::generate(&synth::SynthOptions { seconds: 30.0, ..synth::SynthOptions::default() })?;
    let findings = model.classify_with(&record, &Settings::new().lead("ECG", "MLII"))?;
    for finding in &findings {
        println!("{}: {finding}", record.name);
    }
    Ok(())
}
