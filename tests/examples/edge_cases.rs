//! Writes the golden networks packed, NAME.ecgw, each with the signal of its first record, NAME.f32: what `tools/capi/sizes` runs small
//! programs on. `expected.txt` has what the reference makes of them in f64, network by network, as the programs print it.
//!
//!     cargo run --release -p efficientecg-tests --no-default-features --example edge_cases -- FOLDER

use efficientecg::{Backend, Inputs, Model, Precision, packed};
use efficientecg_tests::golden::{self, Golden};
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("a folder")?;
    let mut expected = String::new();
    for (weights, reference) in golden::list(&golden::folder()) {
        let golden = Golden::load(&weights, &reference);
        let to = Path::new(&folder).join(&golden.name);
        std::fs::write(to.with_extension("ecgw"), packed::pack(&golden.weights, Precision::F32)?)?;
        let record = golden.inputs.slice(0, 1);
        let bytes: Vec<u8> = record.signal().iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(to.with_extension("f32"), bytes)?;
        // The programs take no features.
        let signal = Inputs::new(record.signal(), [1, record.leads(), record.samples()])?;
        let model = Model::builder().backend(Backend::Reference).from_weights(&golden.weights)?;
        let out = model.run(&signal)?;
        let numbers = out.logits.iter().zip(&out.probabilities);
        for (class, (logit, probability)) in model.config().classes.iter().zip(numbers) {
            writeln!(expected, "{class} {logit} {probability}")?;
        }
    }
    std::fs::write(Path::new(&folder).join("expected.txt"), expected)?;
    Ok(())
}
