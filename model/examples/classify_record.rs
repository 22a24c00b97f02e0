//! Classifies each beat of an ECG record, by a trained model that comes with the library.
//!
//! `cargo run --release --example classify_record -- RECORD`; without a record, that of this repository.

use efficientecg::Model;
use efficientecg::ecg::Record;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/demo/demo").to_owned();
    let record = Record::open(std::env::args().nth(1).unwrap_or(demo))?;

    let model = Model::builtin("mitbih-beats")?;
    let findings = model.classify(&record)?;
    for beat in &findings {
        println!("{beat}");
    }

    let rate = findings.heart_rate.map_or(f64::NAN, |rate| rate.median);
    println!("{}: {} beats, {rate:.0} a minute", record.name, findings.items.len());
    Ok(())
}
