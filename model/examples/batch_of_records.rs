//! Several records of one length as one batch: prepared one by one, run at once.
//!
//! `cargo run --release --example batch_of_records`

use efficientecg::classify::{Prepared, Settings};
use efficientecg::ecg::synth;
use efficientecg::{Inputs, Model};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Model::builtin("cinc2017-rhythm")?;
    let settings = Settings::new().lead("ECG", "MLII");

    // Leads by name, gaps filled, resampled, normalised: what `classify` does before the network.
    let mut parts = Vec::new();
    for seed in 1..=6 {
        // Every other one with premature beats.
        let premature_every = (seed % 2 == 0).then_some(6);
        let options =
            synth::SynthOptions { seed, premature_every, seconds: 20.0, ..synth::SynthOptions::default() };
        let (record, _) = synth::generate(&options)?;
        parts.push(Prepared::new(model.config(), &record, &settings)?.inputs(0, 1));
    }

    let inputs = Inputs::join(parts)?;
    let outputs = model.run(&inputs)?;
    println!("{} records of {} samples", inputs.batch(), inputs.samples());
    for row in outputs.rows() {
        let best = row.best();
        println!("{} {:.3}", model.config().classes[best], row.probabilities[best]);
    }
    Ok(())
}
